//! Linkers.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::caller::Caller;
use super::engine::Engine;
use super::error::{Error, Misuse};
use super::extern_types::ExternType;
use super::handles::{Extern, Func, Instance};
use super::module::Module;
use super::raw_call::host_func;
use super::store::{AsContext, AsContextMut};
use super::typed::IntoFunc;
use super::types::FuncType;
use super::val::Val;
use crate::instance::host_func::HostFunc;
use crate::instance::link::Item;

/// What a name means.
#[derive(Clone, Debug)]
enum Definition {
    /// An entity of one store.
    Extern(Extern),
    /// A function of the host, for any store with the right data.
    Host(Arc<HostFunc>),
}

/// The entities that a module can import, by module and name. `T` is the data of the stores for
/// which it is used.
///
/// [`Linker::define`] takes no store: an entity names its store, and an instantiation in another
/// store refuses it with [`Misuse::WrongStore`].
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn wat(text: &str) -> Vec<u8> {
/// #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
/// #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
/// # }
/// # fn main() -> Result<(), Error> {
/// let engine = Engine::new(&Config::optimised())?;
/// let mut linker: Linker<u32> = Linker::new(&engine);
/// linker.func_wrap("host", "next", |mut caller: Caller<'_, u32>| {
///     *caller.data_mut() += 1;
///     *caller.data()
/// })?;
/// let module = Module::new(&engine, wat(r#"(module
///     (import "host" "next" (func $next (result i32)))
///     (import "host" "gone" (func $gone))
///     (func (export "twice") (result i32) (drop (call $next)) (call $next))
///     (func (export "fail") (call $gone)))"#))?;
/// let mut store = Store::new(&engine, 0);
/// assert!(matches!(linker.instantiate(&mut store, &module), Err(Error::Link(error)) if error.import == 1));
/// linker.define_unknown_imports_as_traps(&module)?;
/// let instance = linker.instantiate(&mut store, &module)?;
/// let twice = instance.get_typed_func::<(), u32>(&store, "twice")?;
/// assert_eq!(twice.call(&mut store, ())?, 2);
/// let fail = instance.get_typed_func::<(), ()>(&store, "fail")?;
/// assert_eq!(fail.call(&mut store, ()).unwrap_err().to_string(), r#"unknown import "host" "gone""#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Linker<T> {
    engine: Engine,
    names: BTreeMap<Box<str>, BTreeMap<Box<str>, Definition>>,
    shadowing: bool,
    data: PhantomData<fn(T)>,
}

impl<T: 'static> Linker<T> {
    /// Makes an empty linker.
    #[must_use]
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            names: BTreeMap::new(),
            shadowing: false,
            data: PhantomData,
        }
    }

    /// Sets whether a name may be defined again.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Linker<T> {
        self.shadowing = allow;
        self
    }

    fn insert(&mut self, module: &str, name: &str, item: Definition) -> Result<&mut Self, Error> {
        let names = self.names.entry(module.into()).or_default();
        if !self.shadowing && names.contains_key(name) {
            let text = format!("import {module:?} {name:?} is defined already");
            return Err(Misuse::Name(text).into());
        }
        names.insert(name.into(), item);
        Ok(self)
    }

    /// Defines a name as an entity of a store. Only instances in that store can import it.
    ///
    /// # Errors
    /// `Misuse` when it is defined already.
    pub fn define(
        &mut self,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Linker<T>, Error> {
        self.insert(module, name, Definition::Extern(item.into()))
    }

    /// Defines a name as a function of the host with that type.
    ///
    /// # Errors
    /// `Misuse` when it is defined already. [`Error::Rejected`] when the engine has no memory for
    /// code.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: &FuncType,
        body: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<&mut Linker<T>, Error> {
        let func = host_func(&self.engine, ty, body)?;
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines a name as a function of the host from a closure.
    ///
    /// # Errors
    /// As [`Linker::func_new`].
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        body: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Linker<T>, Error> {
        let func = body.into_func(&self.engine)?;
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines all exports of an instance, under the module name `module`.
    ///
    /// # Errors
    /// `Misuse` when one is defined already.
    pub fn instance(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Linker<T>, Error> {
        for (name, item) in instance.exports(store) {
            self.insert(module, &name, Definition::Extern(item))?;
        }
        Ok(self)
    }

    /// Defines every function that `module` imports and that is not defined yet. Such a function
    /// fails with an error that names it.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the engine has no memory for code.
    pub fn define_unknown_imports_as_traps(
        &mut self,
        module: &Module,
    ) -> Result<&mut Linker<T>, Error> {
        for import in module.imports() {
            let names = self.names.get(import.module);
            let known = names.is_some_and(|names| names.contains_key(import.name));
            if let (false, ExternType::Func(ty)) = (known, &import.ty) {
                let text = format!("unknown import {:?} {:?}", import.module, import.name);
                self.func_new(import.module, import.name, ty, move |_, _, _| {
                    Err(Error::host(text.clone()))
                })?;
            }
        }
        Ok(self)
    }

    /// Returns the entity with that name, in that store.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Option<Extern> {
        let opaque = store.as_context_mut().opaque_mut();
        match self.names.get(module)?.get(name)? {
            Definition::Extern(item) => Some(*item),
            Definition::Host(func) => Func::insert(opaque, Arc::clone(func))
                .ok()
                .map(Extern::Func),
        }
    }

    /// Makes an instance with the imports that its module names, and runs its start function.
    ///
    /// # Errors
    /// [`Error::Link`] when a name is not defined or does not match. Otherwise the reason why the
    /// initialisation ended early.
    ///
    /// # Panics
    /// Resumes the panic of a host function.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let mut items = Vec::new();
        for (at, import) in module.decoded().decls().imports.iter().enumerate() {
            let names = self.names.get(&*import.module);
            let item = match names.and_then(|names| names.get(&*import.name)) {
                Some(Definition::Extern(item)) => item.item(opaque)?,
                Some(Definition::Host(func)) => Item::Func(opaque.add_host_func(Arc::clone(func))?),
                None => return Err(Instance::unsatisfied(opaque, module, at, None)),
            };
            items.push(item);
        }
        Instance::from_items(opaque, module, &items)
    }
}
