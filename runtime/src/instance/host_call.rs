//! Compiled code calls a function of the host. Calls in the other direction are in
//! [`invoke`](super::invoke).

use std::ptr::NonNull;
use std::sync::Arc;

use super::InstanceId;
use super::context::instance_of;
use super::host_func::{HostFunc, HostFuncData};
use super::mapping::NoMemory;
use super::store::{StoreOpaque, store_at};
use crate::abi::vmctx::{ValRaw, VmFuncRef, VmHostFunc, VmStore};
use crate::execute::{Raised, raise};
use crate::heap::PointKind;
use crate::planted::planted;
use crate::types::ValKind;

impl StoreOpaque {
    /// Puts a function of the host into the store, if it is not there yet. Returns its reference.
    ///
    /// # Errors
    /// There is no memory.
    pub fn add_host_func(&mut self, func: Arc<HostFunc>) -> Result<NonNull<VmFuncRef>, NoMemory> {
        let key = Arc::as_ptr(&func).addr();
        if let Some(at) = self.contents.by_host.get(&key) {
            return Ok(self.contents.host_funcs[*at as usize].funcref());
        }
        let data = HostFuncData::new(func, self.vm(), enter_host)?;
        let funcref = data.funcref();
        let at = self.contents.host_funcs.len() as u32;
        self.contents.by_host.insert(key, at);
        let context = data.context().addr();
        self.contents.by_host_context.insert(context, at);
        self.contents.host_funcs.push(data);
        Ok(funcref)
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
    let vm = record.store;
    let slots = func.sig.params.len().max(func.sig.results.len());
    // SAFETY: the caller's promise.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, slots) };
    let caller = NonNull::new(record.caller)
        // SAFETY: V1: the context of an instance of this store.
        .map(|caller| unsafe { instance_of(caller.as_ptr()) });
    // SAFETY: V3: wasm has left for the host, which alone uses the store now.
    let ended = raise::guard(|| unsafe { host_call(vm, func, caller, buffer) });
    match ended {
        Ok(()) => 0,
        Err(why) => {
            // SAFETY: K1: the record of a living store.
            let store = unsafe { store_at(vm) };
            // SAFETY: V3; the body's use of the store has ended.
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
/// `vm` is the record of a living store, and nothing else uses the store.
unsafe fn host_call(
    vm: *mut VmStore,
    func: &HostFunc,
    caller: Option<InstanceId>,
    buffer: &mut [ValRaw],
) -> Result<(), Raised> {
    let params = &func.sig.params;
    // SAFETY: the caller's promise.
    let store = unsafe { store_at(vm) };
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
    let result = raise::guard(|| unsafe { func.body.call(vm, caller, buffer) });
    // SAFETY: as above; the body has returned.
    let store = unsafe { &mut *store };
    if store.usable().is_err() {
        return result;
    }
    if !planted!(store.planted(), HostCallKeepsRoots) {
        store.contents.handles.exit(&mut store.heap, scope)?;
    }
    store.drop_dead_hosts();
    result
}
