//! Instances.

use super::caller::Caller;
use super::error::{Error, LinkError, Misuse};
use super::handles::{Extern, Func, Global, Instance, Memory, Table, Tag};
use super::module::Module;
use super::raw_call::from_ended;
use super::store::{AsContext, AsContextMut};
use super::typed::{TypedFunc, WasmParams, WasmResults};
use super::val::arity;
use crate::instance::InstanceId;
use crate::instance::instantiate::InstantiateError;
use crate::instance::link::Item;
use crate::instance::store::StoreOpaque;
use crate::module::EntityIdx;

impl Instance {
    /// Makes an instance with these imports, in the order of the module's imports, and runs its
    /// start function.
    ///
    /// # Errors
    /// [`Error::Link`] when an import is missing or does not match. `Misuse` when there are too
    /// many. Otherwise the reason why the initialisation ended early. Then there is no handle of
    /// the instance, but its writes to imports stay.
    ///
    /// # Panics
    /// Resumes the panic of a host function.
    pub fn new(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let wanted = module.decoded().decls().imports.len();
        arity(wanted, imports.len().max(wanted))?;
        let items = imports.iter().map(|import| import.item(opaque));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        Instance::from_items(opaque, module, &items)
    }

    pub(crate) fn from_items(
        store: &mut StoreOpaque,
        module: &Module,
        items: &[Item],
    ) -> Result<Instance, Error> {
        if !std::sync::Arc::ptr_eq(&store.engine, module.engine().data()) {
            return Err(Misuse::WrongEngine.into());
        }
        match store.instantiate(module.compiled(), items) {
            Ok(id) => Ok(Instance::from_id(store, id)),
            Err(InstantiateError::Ended(ended)) => Err(from_ended(store, ended)),
            Err(InstantiateError::Link(at)) => {
                let found = items.get(at).copied();
                Err(Instance::unsatisfied(store, module, at, found))
            }
        }
    }

    /// Returns the error for an import that is missing or does not match.
    pub(crate) fn unsatisfied(
        store: &StoreOpaque,
        module: &Module,
        at: usize,
        found: Option<Item>,
    ) -> Error {
        let Some(import) = module.imports().nth(at) else {
            let expected = module.imports().len();
            return Misuse::Arity {
                expected,
                found: at,
            }
            .into();
        };
        let found = found.and_then(|item| Extern::from_item(store, item));
        Error::Link(Box::new(LinkError {
            import: at,
            module: import.module.into(),
            name: import.name.into(),
            expected: import.ty,
            found: found.and_then(|item| item.ty_in(store).ok()),
        }))
    }

    /// Returns its number in the store, in the order of instantiation.
    #[must_use]
    pub fn number(&self) -> InstanceId {
        self.id
    }

    /// Returns an export. `None` if the name is not exported, or for an instance of another store.
    pub fn get_export(&self, store: impl AsContext, name: &str) -> Option<Extern> {
        let context = store.as_context();
        let opaque = context.opaque();
        let data = &opaque.contents.instances[self.id(opaque).ok()?.at()];
        let exports = &data.module.decls().exports;
        let export = exports.iter().find(|export| &*export.name == name)?;
        Extern::from_item(opaque, item(opaque, self.id, export.entity))
    }

    /// Returns all exports, in the order of the module. Empty for an instance of another store.
    pub fn exports(&self, store: impl AsContext) -> Vec<(Box<str>, Extern)> {
        let context = store.as_context();
        let opaque = context.opaque();
        let Ok(id) = self.id(opaque) else {
            return Vec::new();
        };
        let data = &opaque.contents.instances[id.at()];
        let exports = data.module.decls().exports.iter();
        let found = exports.filter_map(|export| {
            let entity = Extern::from_item(opaque, item(opaque, id, export.entity))?;
            Some((export.name.clone(), entity))
        });
        found.collect()
    }

    /// Returns an exported function.
    pub fn get_func(&self, store: impl AsContext, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// Returns an exported function with parameters and results of Rust types.
    ///
    /// # Errors
    /// `Misuse` when no function has that name, or its type does not match.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Error> {
        let func = self.get_func(&store, name);
        let func = func.ok_or_else(|| Misuse::Name(format!("no exported function {name:?}")))?;
        func.typed(store)
    }

    /// Returns an exported table.
    pub fn get_table(&self, store: impl AsContext, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// Returns an exported memory.
    pub fn get_memory(&self, store: impl AsContext, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// Returns an exported global.
    pub fn get_global(&self, store: impl AsContext, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// Returns an exported tag.
    pub fn get_tag(&self, store: impl AsContext, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }
}

/// Returns an entity of an instance.
pub(crate) fn item(store: &StoreOpaque, id: InstanceId, entity: EntityIdx) -> Item {
    let data = &store.contents.instances[id.at()];
    match entity {
        EntityIdx::Func(at) => Item::Func(data.func(at)),
        EntityIdx::Table(at) => Item::Table(data.tables[at.as_usize()]),
        EntityIdx::Memory(at) => Item::Memory(data.memories[at.as_usize()]),
        EntityIdx::Global(at) => Item::Global(data.globals[at.as_usize()]),
        EntityIdx::Tag(at) => Item::Tag(data.tags[at.as_usize()]),
    }
}

impl<T> Caller<'_, T> {
    /// Returns the instance whose import was called. `None` if the function was called through a
    /// reference or by the host.
    #[must_use]
    pub fn instance(&self) -> Option<Instance> {
        let id = self.instance?;
        Some(Instance::from_id(self.store.as_context().opaque(), id))
    }

    /// Returns an export of that instance.
    #[must_use]
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance()?.get_export(&mut self.store, name)
    }
}
