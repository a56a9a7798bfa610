//! Functions.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use super::caller::Caller;
use super::engine::Engine;
use super::error::{Error, Misuse, TrapInfo};
use super::instance::Instance;
use super::object::ExnRef;
use super::rooted::{OwnedRooted, Reference};
use super::store::{AsContext, AsContextMut, StoreContextMut, StoreInner};
use super::typed::{IntoFunc, TypedFunc, WasmParams, WasmResults};
use super::types::{FuncType, func_type};
use super::val::{Val, arity, lift, lower};
use crate::abi::signature;
use crate::abi::vmctx::{ValRaw, VmFuncRef};
use crate::error::Rejected;
use crate::execute::{Ended, Raised};
use crate::heap::GcRef;
use crate::index::FuncIdx;
use crate::instance::InstanceId;
use crate::instance::contents::Definition;
use crate::instance::host::{HostBody, HostFunc};
use crate::instance::invoke::Callable;
use crate::instance::store::{StoreId, StoreOpaque};

/// Values on their way between host and compiled code: a few need no allocation.
pub(crate) type Buffer = SmallVec<[ValRaw; 8]>;

/// A function of a store.
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn main() -> Result<(), Error> {
/// let engine = Engine::new(&Config::optimised())?;
/// let mut store = Store::new(&engine, ());
/// // Of a closure, whose types say what its type is,
/// let add = Func::wrap(&mut store, |a: i32, b: i32| a.wrapping_add(b))?;
/// // or of any type, with values.
/// let ty = FuncType::new(&engine, [ValType::I32, ValType::I32], [ValType::I32])?;
/// let also = Func::new(&mut store, &ty, move |mut caller, params, results| {
///     add.call(&mut caller, params, results)
/// })?;
/// let mut sum = [Val::I32(0)];
/// also.call(&mut store, &[Val::I32(1), Val::I32(2)], &mut sum)?;
/// assert_eq!(sum[0].i32(), Some(3));
/// assert!(also.ty(&store)? == add.ty(&store)?);
/// assert!(matches!(also.call(&mut store, &[], &mut sum), Err(Error::Misuse(Misuse::Arity { .. }))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func {
    store: StoreId,
    func: NonNull<VmFuncRef>,
}

// SAFETY: the pointer is used only together with the store that it belongs to (`Func::get`).
unsafe impl Send for Func {}
// SAFETY: as above.
unsafe impl Sync for Func {}

/// Who defines a function: equal exactly for the same function of the same instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuncOrigin {
    /// A function of a module.
    Wasm {
        /// The instance.
        instance: Instance,
        /// Its index in the module.
        index: FuncIdx,
    },
    /// A function of the host, with its number in the store.
    Host(u32),
}

impl Func {
    /// The function behind a pointer of that store; `None` for null.
    pub(crate) fn from_ptr(store: StoreId, func: *mut VmFuncRef) -> Option<Func> {
        let func = NonNull::new(func)?;
        Some(Func { store, func })
    }

    /// Its reference in compiled code.
    pub(crate) fn get(&self, store: &StoreOpaque) -> Result<NonNull<VmFuncRef>, Error> {
        if self.store == store.id() {
            Ok(self.func)
        } else {
            Err(Misuse::WrongStore.into())
        }
    }

    /// A function of the host with that type: its body gets the caller, the arguments, and where to
    /// put the results (which are zero or null before).
    ///
    /// # Errors
    /// `Misuse` for a type of another engine; [`Error::Rejected`] when the engine has no memory for
    /// code.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: &FuncType,
        body: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Func, Error> {
        let mut context = store.as_context_mut();
        let func = host_func(&context.engine(), ty, body)?;
        Func::insert(context.as_context_mut().opaque_mut(), func)
    }

    /// A function of the host made of a closure: `|a: i32, b: Rooted<AnyRef>| -> Result<i64,
    /// Error>`, with a [`Caller`] first if wanted.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the engine has no memory for code.
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        body: impl IntoFunc<T, Params, Results>,
    ) -> Result<Func, Error> {
        let mut context = store.as_context_mut();
        let func = body.into_func(&context.engine())?;
        Func::insert(context.as_context_mut().opaque_mut(), func)
    }

    pub(crate) fn insert(store: &mut StoreOpaque, func: Arc<HostFunc>) -> Result<Func, Error> {
        let func = store.add_host_func(func)?;
        Ok(Func {
            store: store.id(),
            func,
        })
    }

    /// Its type.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    pub(crate) fn ty_in(&self, opaque: &StoreOpaque) -> Result<FuncType, Error> {
        let id = opaque.func_type(self.get(opaque)?);
        Ok(func_type(&Engine::from_data(&opaque.engine), id))
    }

    /// Whether it is a value of that type.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> Result<bool, Error> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// Who defines it.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn origin(&self, store: impl AsContext) -> Result<FuncOrigin, Error> {
        self.origin_in(store.as_context().opaque())
    }

    pub(crate) fn origin_in(&self, opaque: &StoreOpaque) -> Result<FuncOrigin, Error> {
        let definition = opaque.contents.definition(self.get(opaque)?);
        Ok(match definition.ok_or(Misuse::Stale)? {
            Definition::Wasm(instance, index) => FuncOrigin::Wasm {
                instance: Instance::from_id(opaque, instance),
                index,
            },
            Definition::Host(at) => FuncOrigin::Host(at),
        })
    }

    /// Calls it. `results` must have as many values as it has results; what they are before does
    /// not matter.
    ///
    /// # Errors
    /// `Misuse` when the arguments do not fit; else how it ended.
    ///
    /// # Panics
    /// With the payload of a panic in a host function inside.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let func = self.get(opaque)?;
        let callable = opaque.callable(opaque.func_type(func))?;
        let sig = &callable.sig;
        arity(sig.params.len(), params.len())?;
        arity(sig.results.len(), results.len())?;
        let mut buffer = Buffer::from_elem(ValRaw::ZERO, params.len().max(results.len()));
        for ((slot, val), kind) in buffer.iter_mut().zip(params).zip(&sig.params) {
            *slot = lower(opaque, val, *kind)?;
        }
        call_raw(opaque, func, &callable, &mut buffer)?;
        for ((result, slot), kind) in results.iter_mut().zip(&buffer).zip(&sig.results) {
            *result = lift(opaque, slot, *kind)?;
        }
        Ok(())
    }

    /// The same with parameters and results of types known to Rust.
    ///
    /// # Errors
    /// `Misuse` when its type does not match.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<P, R>, Error> {
        let context = store.as_context();
        let ty = self.ty(context)?;
        TypedFunc::new(*self, &ty, &context.engine())
    }
}

/// Calls a function of the store; references among the results in `buffer` are to be rooted at
/// once.
pub(crate) fn call_raw(
    store: &mut StoreOpaque,
    func: NonNull<VmFuncRef>,
    callable: &Callable,
    buffer: &mut [ValRaw],
) -> Result<(), Error> {
    // SAFETY: a function of this store with what its type needs; `lower` has checked the arguments.
    let result = unsafe { store.invoke(func, callable, buffer) };
    result.map_err(|ended| from_ended(store, ended))
}

/// The error for an activation that ended early.
pub(crate) fn from_ended(store: &mut StoreOpaque, ended: Ended) -> Error {
    match ended.why {
        Raised::Trap(trap) => Error::Trap(TrapInfo {
            trap,
            backtrace: ended.backtrace,
        }),
        Raised::Exception(..) => {
            let mut pending = store.vm_mut().pending_exception;
            let thrown = GcRef::from_raw(pending)
                .ok_or(Error::Misuse(Misuse::Stale))
                .and_then(|exception| OwnedRooted::new(store, exception));
            // The handle counts it now.
            let released = store.heap.write_root(&mut pending, None);
            store.vm_mut().pending_exception = 0;
            match (thrown, released) {
                (Ok(thrown), Ok(())) => Error::Thrown(thrown),
                (Err(error), _) => error,
                (_, Err(raised)) => raised.into(),
            }
        }
        other => other.into(),
    }
}

/// How an error of a host function goes on through wasm.
pub(crate) fn into_raised(store: &mut StoreOpaque, error: Error) -> Raised {
    match error {
        Error::Thrown(exception) => match thrown(store, &exception) {
            Ok(raised) => raised,
            Err(error) => Raised::Host(Box::new(error)),
        },
        other => into_raised_without_store(other),
    }
}

/// The same where the store cannot be looked at: an exception is a failure of the host like others.
pub(crate) fn into_raised_without_store(error: Error) -> Raised {
    match error {
        Error::Trap(info) => Raised::Trap(info.trap),
        Error::Exhausted(which) => Raised::Exhausted(which),
        Error::Fault(fault) => Raised::Fault(fault),
        Error::Host(error) => Raised::Host(error),
        other => Raised::Host(Box::new(other)),
    }
}

fn thrown(store: &mut StoreOpaque, exception: &OwnedRooted<ExnRef>) -> Result<Raised, Error> {
    let reference = exception.root().get(store)?;
    let tag = store.heap()?.exception_tag(reference)?;
    Ok(Raised::Exception(reference, tag))
}

/// A body that knows the type of the store's data.
pub(crate) struct Body<T, F> {
    body: F,
    data: PhantomData<fn(T)>,
}

impl<T, F> HostBody for Body<T, F>
where
    T: 'static,
    F: Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<(), Error> + Send + Sync,
{
    unsafe fn call(
        &self,
        store: *mut StoreOpaque,
        caller: Option<InstanceId>,
        buffer: &mut [ValRaw],
    ) -> Result<(), Raised> {
        // SAFETY: the caller's promise: the store is alive.
        let outer = unsafe { (*store).outer() }.cast::<StoreInner<T>>();
        let result = {
            // SAFETY: O1: the `Store<T>` around it: a function is only ever put into stores with
            // the data its body was made for (the types of `Func` and `Linker` see to
            // it). Nothing else uses it during the call.
            let inner = unsafe { &mut *outer };
            let caller = Caller {
                store: StoreContextMut(inner),
                instance: caller,
            };
            (self.body)(caller, buffer)
        };
        result.map_err(|error| {
            // SAFETY: as above.
            into_raised(unsafe { &mut *store }, error)
        })
    }
}

/// A function of the host whose body works on a buffer.
pub(crate) fn raw_host_func<T: 'static>(
    engine: &Engine,
    ty: &FuncType,
    body: impl Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Arc<HostFunc>, Error> {
    if !Engine::same(engine, ty.engine()) {
        return Err(Misuse::WrongEngine.into());
    }
    let sig = ty.sig().clone();
    let lowered = signature::lower(&sig);
    let trampoline = engine.data().trampolines.host_call(&lowered).map_err(|_| {
        Error::Rejected(Rejected::Limit("the engine's memory for code".to_string()))
    })?;
    Ok(Arc::new(HostFunc {
        body: Box::new(Body {
            body,
            data: PhantomData,
        }),
        ty: ty.id(),
        sig,
        lowered,
        trampoline,
        types: ty.keep().clone(),
    }))
}

/// A function of the host whose body works on values.
pub(crate) fn host_func<T: 'static>(
    engine: &Engine,
    ty: &FuncType,
    body: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Arc<HostFunc>, Error> {
    let sig = ty.sig().clone();
    raw_host_func(engine, ty, move |mut caller: Caller<'_, T>, buffer| {
        let opaque = caller.as_context_mut().opaque_mut();
        let mut params = Vec::with_capacity(sig.params.len());
        for (slot, kind) in buffer.iter().zip(&sig.params) {
            params.push(lift(opaque, slot, *kind)?);
        }
        let mut results = vec![Val::I32(0); sig.results.len()];
        for (result, kind) in results.iter_mut().zip(&sig.results) {
            *result = lift(opaque, &ValRaw::ZERO, *kind)?;
        }
        let lent = Caller {
            store: caller.store.as_context_mut(),
            instance: caller.instance,
        };
        body(lent, &params, &mut results)?;
        let opaque = caller.as_context_mut().opaque_mut();
        for ((slot, result), kind) in buffer.iter_mut().zip(&results).zip(&sig.results) {
            *slot = lower(opaque, result, *kind)?;
        }
        Ok(())
    })
}
