//! The host calls a function of a store. The other direction is in [`host`](super::host).
//!
//! Invariant **V4**: references in a buffer are in no stack map and no root. From the moment a reference is in a buffer until the callee
//! has loaded it or the host has rooted it, nothing collects.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::store::StoreOpaque;
use crate::abi::signature::lower;
use crate::abi::vmctx::{ValRaw, VmFuncRef};
use crate::error::Exhausted;
use crate::execute::call::{Entry, enter};
use crate::execute::raise::Broken;
use crate::execute::{Backtrace, Ended, Raised};
use crate::heap::HeapFault;
use crate::types::{FuncSig, TypeId};

impl StoreOpaque {
    /// Calls a function. `buffer` holds the arguments, whose references were exposed, and then the results, whose references
    /// the caller roots at once.
    ///
    /// # Errors
    /// Why it did not return. For [`Raised::Exception`] the exception is in `VmStore::pending_exception`.
    ///
    /// # Panics
    /// With the payload of a panic in a host function inside.
    ///
    /// # Safety
    /// `func` is a function of this store with that signature, and arguments are values of the parameters' types.
    pub unsafe fn invoke(
        &mut self,
        func: NonNull<VmFuncRef>,
        sig: &FuncSig,
        buffer: &mut [ValRaw],
    ) -> Result<(), Ended> {
        // SAFETY: V1: a function of this store.
        let VmFuncRef { code, vmctx, .. } = unsafe { func.read() };
        // SAFETY: the caller's promise.
        unsafe { self.enter(code, vmctx, sig, buffer) }
    }

    /// Calls code of the store's own that takes and returns nothing: a piece of an initialiser, or a start function.
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
        // SAFETY: instances call this with code of their module and their context, or with what they import.
        unsafe { self.enter(code, vmctx, &sig, &mut []) }
    }

    /// # Safety
    /// `code` is a function of this store with that signature, `vmctx` its first argument, and arguments are values of the parameters'
    /// types.
    unsafe fn enter(
        &mut self,
        code: *const u8,
        vmctx: *mut c_void,
        sig: &FuncSig,
        buffer: &mut [ValRaw],
    ) -> Result<(), Ended> {
        assert!(buffer.len() >= sig.params.len().max(sig.results.len()));
        let refuse = |why: Raised| Ended {
            why,
            backtrace: Backtrace::default(),
        };
        if let Some(broken) = self.broken() {
            return Err(refuse(Raised::Fault(broken.clone())));
        }
        // Kept in a local variable: the cache may drop it while the function runs.
        let trampoline = self
            .engine
            .trampoline(&lower(sig))
            .map_err(|_| refuse(Raised::Exhausted(Exhausted::Memory)))?;
        let entry = Entry {
            trampoline: trampoline.entry(),
            vmctx,
            code,
        };
        let vm = self.vm().as_ptr();
        let execution = &raw mut self.contents.execution;
        // SAFETY: V3: `self` is not used until `enter` returns, except by the code that is called, which finds it by `VmStore::host`;
        // the trampoline is that of the signature; V4.
        let result = unsafe { enter(vm, execution, &entry, buffer.as_mut_ptr()) };
        if let Err(Ended {
            why: Raised::Fault(broken),
            ..
        }) = &result
        {
            self.poison(broken.clone());
        }
        self.settle();
        result
    }

    /// Parameters and results of a function type of this store.
    ///
    /// # Errors
    /// `Fault` when there is no such type: every type of a function of the store is alive.
    pub fn sig(&self, ty: TypeId) -> Result<FuncSig, Raised> {
        let gone = HeapFault::BadType {
            object: 0,
            type_id: ty.0,
        };
        let sig = self.engine.registry.func(ty);
        sig.ok_or(Raised::Fault(Broken::Heap(gone)))
    }
}
