//! Calls in raw form, in both directions: the host calls a function of the store, and compiled code
//! calls a function of the host.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use super::caller::Caller;
use super::engine::Engine;
use super::error::{Error, Misuse, TrapInfo, into_raised_without_store};
use super::reference::{ExnRef, OwnedRooted, Reference};
use super::store::{AsContextMut, StoreContextMut, StoreInner};
use super::types::FuncType;
use super::val::{Val, lift, lower};
use crate::abi::signature;
use crate::abi::vmctx::{ValRaw, VmFuncRef, VmStore};
use crate::error::Rejected;
use crate::execute::{Ended, Raised};
use crate::heap::GcRef;
use crate::instance::InstanceId;
use crate::instance::callable::Callable;
use crate::instance::host_func::{HostBody, HostFunc};
use crate::instance::store::{StoreOpaque, store_at};
use crate::planted::planted;

/// Values between host and compiled code. A few values need no allocation.
pub(crate) type Buffer = SmallVec<[ValRaw; 8]>;

/// Calls a function of the store. The caller must root references among the results in `buffer`
/// before anything can collect.
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

/// Returns the error for an activation that ended early.
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
            let released = planted!(store.planted(), TakenExceptionKeepsCount,
                wrong: Ok(()),
                sound: store.heap.write_root(&mut pending, None));
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

/// Returns what an error of a host function raises in wasm.
pub(crate) fn into_raised(store: &mut StoreOpaque, error: Error) -> Raised {
    match error {
        Error::Thrown(exception) => match thrown(store, &exception) {
            Ok(raised) => raised,
            Err(error) => Raised::Host(Box::new(error)),
        },
        other => into_raised_without_store(other),
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
        vm: *mut VmStore,
        caller: Option<InstanceId>,
        buffer: &mut [ValRaw],
    ) -> Result<(), Raised> {
        // SAFETY: the caller's promise: the store is alive.
        let store = unsafe { store_at(vm) };
        // SAFETY: as above.
        let outer = unsafe { (*store).outer() }.cast::<StoreInner<T>>();
        let result = {
            // SAFETY: O1: this is the `Store<T>` around it. The types of `Func` and `Linker` ensure
            // that a function is only put into stores with the data for which its body was made.
            // Nothing else uses the store during the call.
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

/// Returns a function of the host whose body works on a buffer.
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

/// Returns a function of the host whose body works on values.
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
