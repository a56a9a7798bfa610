//! Functions of the host.
//!
//! A [`HostFunc`] belongs to an engine, and stores share it. When it is put into a store, the
//! records are made through which compiled code calls it. An instance that imports it gets a record
//! of its own, so that the host knows who calls.
//!
//! A body gets the record of the store, not the store, because a store owns functions of the host.
//!
//! Invariant **K1**: a `VmHostFunc` made here names the record of a living store, and its `data`
//! points at a [`HostFunc`] that the store keeps until it is dropped.

use std::ffi::c_void;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::InstanceId;
use super::mapping::{NoMemory, Record};
use crate::abi::signature::Lowered;
use crate::abi::vmctx::{ValRaw, VmContext, VmFuncRef, VmHostFunc, VmStore};
use crate::compile::trampoline::Trampoline;
use crate::execute::Raised;
use crate::types::registry::Registered;
use crate::types::{FuncSig, TypeId};

/// How compiled code enters the host, in the System V convention. Returns 0 if the function
/// returned. Otherwise `resume_*` of the store's record says where to go on.
pub type Enter = unsafe extern "C" fn(*mut VmHostFunc, *mut ValRaw) -> u64;

/// The body of a function of the host.
pub trait HostBody: Send + Sync {
    /// Runs the body inside of a scope of handles. `vm` is the record of the store. `caller` is the
    /// importing instance, if that is known. `buffer` holds the parameters, which the body
    /// overwrites with the results.
    ///
    /// # Errors
    /// What the body ends with.
    ///
    /// # Safety
    /// The store is alive and nothing else uses it during the call. The buffer has values of the
    /// parameters' types.
    unsafe fn call(
        &self,
        vm: *mut VmStore,
        caller: Option<InstanceId>,
        buffer: &mut [ValRaw],
    ) -> Result<(), Raised>;
}

/// A function of the host, not yet in any store.
pub struct HostFunc {
    /// Its body.
    pub body: Box<dyn HostBody>,
    /// Its type.
    pub ty: TypeId,
    /// Its type in full.
    pub sig: FuncSig,
    /// Its machine signature.
    pub lowered: Lowered,
    /// Code of the `Tail` convention for it.
    pub trampoline: Arc<Trampoline>,
    /// Keeps the types in `sig` alive.
    pub types: Registered,
}

impl fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFunc")
            .field("ty", &self.ty)
            .finish_non_exhaustive()
    }
}

/// A function of the host in a store.
#[derive(Debug)]
pub struct HostFuncData {
    func: Arc<HostFunc>,
    context: Record,
    funcref: Record,
}

impl HostFuncData {
    /// Puts a function into a store, whose compiled code calls it through `enter`.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(
        func: Arc<HostFunc>,
        store: NonNull<VmStore>,
        enter: Enter,
    ) -> Result<HostFuncData, NoMemory> {
        let data: *const HostFunc = &raw const *func;
        let context = Record::holding(VmHostFunc {
            store: store.as_ptr(),
            call: enter,
            data: data.cast_mut().cast(),
            caller: ptr::null_mut(),
        })?;
        let funcref = Record::holding(VmFuncRef {
            code: func.trampoline.code(),
            vmctx: context.start().as_ptr().cast(),
            type_id: func.ty.0,
            heap_id: 0,
        })?;
        Ok(HostFuncData {
            func,
            context,
            funcref,
        })
    }

    /// Returns the function.
    #[must_use]
    pub fn func(&self) -> &Arc<HostFunc> {
        &self.func
    }

    /// Returns its reference.
    #[must_use]
    pub fn funcref(&self) -> NonNull<VmFuncRef> {
        self.funcref.start().cast()
    }

    /// Returns the first argument of its code when the caller is not known.
    #[must_use]
    pub fn context(&self) -> *mut c_void {
        self.context.start().as_ptr().cast()
    }

    /// Returns a record for calls by the instance with that context.
    ///
    /// # Errors
    /// There is no memory.
    pub fn for_caller(&self, caller: NonNull<VmContext>) -> Result<Record, NoMemory> {
        // SAFETY: K1; nothing writes the record after it was made.
        let context = unsafe { self.context.start().cast::<VmHostFunc>().read() };
        Record::holding(VmHostFunc {
            caller: caller.as_ptr(),
            ..context
        })
    }
}
