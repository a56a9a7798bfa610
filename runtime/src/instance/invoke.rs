//! The host calls a function of a store. Calls in the other direction are in
//! [`host_call`](super::host_call).
//!
//! Invariant **V4**: nothing collects while a reference is in a buffer of arguments or results. It
//! is in no stack map and in no root there, until the callee loads it or the host roots it.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use super::callable::Callable;
use super::store::StoreOpaque;
use crate::abi::signature::lower;
use crate::abi::vmctx::{ValRaw, VmFuncRef};
use crate::error::Exhausted;
use crate::execute::call::{Callee, enter};
use crate::execute::{Ended, Raised};
use crate::heap::HeapFault;
use crate::types::{FuncSig, TypeId};

impl StoreOpaque {
    /// Returns what calls of functions of that type need. The type is that of a function of this
    /// store, so it lives as long as the store.
    ///
    /// # Errors
    /// There is no memory for code. Or there is no such type, which is a fault.
    pub fn callable(&mut self, ty: TypeId) -> Result<Arc<Callable>, Raised> {
        if let Some(known) = self.callables.get(&ty) {
            return Ok(Arc::clone(known));
        }
        let sig = self.sig(ty)?;
        let callable = Arc::new(self.prepare(sig)?);
        self.callables.insert(ty, Arc::clone(&callable));
        Ok(callable)
    }

    fn prepare(&self, sig: FuncSig) -> Result<Callable, Raised> {
        let trampoline = self.engine.trampolines.entry(&lower(&sig));
        let trampoline = trampoline.map_err(|_| Raised::Exhausted(Exhausted::Memory))?;
        Ok(Callable { sig, trampoline })
    }

    /// Calls a function. `buffer` holds the arguments before the call and the results after it. The
    /// caller roots references among the results at once.
    ///
    /// # Errors
    /// Why the function did not return. For [`Raised::Exception`] the exception is in
    /// `VmStore::pending_exception`.
    ///
    /// # Panics
    /// With the payload of a panic in a host function inside.
    ///
    /// # Safety
    /// `func` is a function of this store, `callable` for its type, and arguments are values of the
    /// parameters' types.
    pub unsafe fn invoke(
        &mut self,
        func: NonNull<VmFuncRef>,
        callable: &Callable,
        buffer: &mut [ValRaw],
    ) -> Result<(), Ended> {
        // SAFETY: V1: a function of this store.
        let VmFuncRef { code, vmctx, .. } = unsafe { func.read() };
        // SAFETY: the caller's promise.
        unsafe { self.enter(code, vmctx, callable, buffer) }
    }

    /// Calls code of this store that takes and returns nothing: a piece of an initialiser, or a
    /// start function.
    ///
    /// # Errors
    /// As [`StoreOpaque::invoke`].
    pub(super) fn invoke_nullary(
        &mut self,
        code: *const u8,
        vmctx: *mut c_void,
    ) -> Result<(), Ended> {
        let sig = FuncSig {
            params: [].into(),
            results: [].into(),
        };
        let callable = self.prepare(sig)?;
        // SAFETY: instances call this with code of their module and their context, or with what
        // they import.
        unsafe { self.enter(code, vmctx, &callable, &mut []) }
    }

    /// # Safety
    /// `code` is a function of this store, `vmctx` its first argument, `callable` for its type, and
    /// arguments are values of the parameters' types.
    unsafe fn enter(
        &mut self,
        code: *const u8,
        vmctx: *mut c_void,
        callable: &Callable,
        buffer: &mut [ValRaw],
    ) -> Result<(), Ended> {
        let sig = &callable.sig;
        assert!(buffer.len() >= sig.params.len().max(sig.results.len()));
        self.usable()?;
        let callee = Callee {
            trampoline: callable.trampoline.code(),
            vmctx,
            code,
        };
        let vm = self.vm().as_ptr();
        let execution = &raw mut self.contents.execution;
        // SAFETY: V3: `self` is not used until `enter` returns, except by the code that is called,
        // which finds it by `VmStore::host`; the trampoline is that of the signature; V4.
        let result = unsafe { enter(vm, execution, &callee, buffer.as_mut_ptr()) };
        if let Err(Ended {
            why: Raised::Fault(fault),
            ..
        }) = &result
        {
            self.poison(*fault);
        }
        self.drop_dead_hosts();
        result
    }

    /// Returns parameters and results of a function type of this store.
    ///
    /// # Errors
    /// `Fault` when there is no such type, because every type of a function of the store is alive.
    pub fn sig(&self, ty: TypeId) -> Result<FuncSig, Raised> {
        let gone = HeapFault::BadType {
            object: 0,
            type_id: ty.0,
        };
        let sig = self.engine.registry.func(ty);
        sig.ok_or(Raised::Fault(gone))
    }
}
