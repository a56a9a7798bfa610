//! Functions of the host.
//!
//! A [`HostFunc`] belongs to an engine, and stores share it. When it is put into a store, the
//! records are made through which compiled code calls it. An instance that imports it gets a record
//! of its own, so that the host knows who calls.
//!
//! Invariant **K1**: the `data` of a `VmHostFunc` made here points at a [`HostFunc`] that the store
//! keeps until it is dropped.

use std::ffi::c_void;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::InstanceId;
use super::mapping::{NoMemory, Record};
use super::store::StoreOpaque;
use crate::abi::signature::Lowered;
use crate::abi::vmctx::{ValRaw, VmContext, VmFuncRef, VmHostFunc, VmStore};
use crate::compile::trampoline::Trampoline;
use crate::execute::{Raised, raise};
use crate::heap::PointKind;
use crate::planted::planted;
use crate::types::registry::Registered;
use crate::types::{FuncSig, TypeId, ValKind};

/// The body of a function of the host.
pub trait HostBody: Send + Sync {
    /// Runs the body inside of a scope of handles. `caller` is the importing instance, if that is
    /// known. `buffer` holds the parameters, which the body overwrites with the results.
    ///
    /// # Errors
    /// What the body ends with.
    ///
    /// # Safety
    /// The store is alive and nothing else uses it during the call. The buffer has values of the
    /// parameters' types.
    unsafe fn call(
        &self,
        store: *mut StoreOpaque,
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

/// The record through which compiled code calls `func`.
fn record(
    func: &Arc<HostFunc>,
    store: NonNull<VmStore>,
    caller: *mut VmContext,
) -> Result<Record, NoMemory> {
    let data: *const HostFunc = &raw const **func;
    Record::holding(VmHostFunc {
        store: store.as_ptr(),
        call: enter_host,
        data: data.cast_mut().cast(),
        caller,
    })
}

impl HostFuncData {
    /// Puts a function into a store.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(func: Arc<HostFunc>, store: NonNull<VmStore>) -> Result<HostFuncData, NoMemory> {
        let context = record(&func, store, ptr::null_mut())?;
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

    /// The function.
    #[must_use]
    pub fn func(&self) -> &Arc<HostFunc> {
        &self.func
    }

    /// Its reference.
    #[must_use]
    pub fn funcref(&self) -> NonNull<VmFuncRef> {
        self.funcref.start().cast()
    }

    /// The first argument of its code when the caller is not known.
    #[must_use]
    pub fn context(&self) -> *mut c_void {
        self.context.start().as_ptr().cast()
    }

    /// A record for calls by the instance with that context.
    ///
    /// # Errors
    /// There is no memory.
    pub fn for_caller(
        &self,
        store: NonNull<VmStore>,
        caller: NonNull<VmContext>,
    ) -> Result<Record, NoMemory> {
        record(&self.func, store, caller.as_ptr())
    }
}

/// What compiled code calls, in the System V convention. Returns 0 if the function returned.
/// Otherwise `resume_*` says where to go on.
///
/// # Safety
/// `context` is a `VmHostFunc` made here, in a store that runs wasm on this thread. `buffer` has
/// the slots of the function's signature. Nothing else uses the store meanwhile (V3).
unsafe extern "C" fn enter_host(context: *mut VmHostFunc, buffer: *mut ValRaw) -> u64 {
    // SAFETY: the caller's promise.
    let record = unsafe { context.read() };
    // SAFETY: K1; the store keeps the function, not this frame.
    let func = unsafe { &*record.data.cast::<HostFunc>() };
    // SAFETY: V1.
    let store = unsafe { (*record.store).host }.cast::<StoreOpaque>();
    let slots = func.sig.params.len().max(func.sig.results.len());
    // SAFETY: the caller's promise.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, slots) };
    let caller = NonNull::new(record.caller)
        // SAFETY: V1: the context of an instance of this store.
        .map(|caller| unsafe { super::context::instance_of(caller.as_ptr()) });
    // SAFETY: V3: wasm has left for the host, which alone uses the store now.
    let ended = raise::guard(|| unsafe { host_call(store, func, caller, buffer) });
    match ended {
        Ok(()) => 0,
        Err(why) => {
            // SAFETY: as above; the body's use of the store has ended.
            let store = unsafe { &mut *store };
            // SAFETY: called inside of an activation of this store.
            unsafe { store.raise(why) };
            1
        }
    }
}

/// Returns the references among values of those types.
fn references(kinds: &[ValKind], buffer: &[ValRaw]) -> Vec<u32> {
    (kinds.iter().zip(buffer))
        .filter(|(kind, _)| kind.is_collected())
        .map(|(_, slot)| slot.low_u32())
        .collect()
}

/// Passes a collection point, then runs the function's body inside of a scope of handles.
///
/// # Safety
/// `store` points at a store, and nothing else uses it.
unsafe fn host_call(
    store: *mut StoreOpaque,
    func: &HostFunc,
    caller: Option<InstanceId>,
    buffer: &mut [ValRaw],
) -> Result<(), Raised> {
    let params = &func.sig.params;
    let scope = {
        // SAFETY: the caller's promise; the borrow ends before the body runs.
        let store = unsafe { &mut *store };
        let mut held = references(params, buffer);
        if planted!(store.planted(), HostArgumentsUnrooted) {
            store.point(PointKind::HostCall)?;
        } else {
            store.with_temporaries(&mut held, |store| store.point(PointKind::HostCall))?;
        }
        let slots = (params.iter().zip(&mut *buffer)).filter(|(kind, _)| kind.is_collected());
        for ((_, slot), raw) in slots.zip(held) {
            *slot = ValRaw::from_u64(raw.into());
        }
        store.contents.handles.enter()
    };
    // A panic ends the scope like any other error. SAFETY: the caller's promise.
    let result = raise::guard(|| unsafe { func.body.call(store, caller, buffer) });
    // SAFETY: as above; the body has returned.
    let store = unsafe { &mut *store };
    if store.usable().is_err() {
        return result;
    }
    store.contents.handles.exit(&mut store.heap, scope)?;
    store.drop_dead_hosts();
    result
}
