//! What can end an activation early, and how it is recorded on the way to where it ends.
//!
//! The host's half of a libcall, and a host function, run inside of [`guard`]: an error or a panic
//! is kept in the [`Execution`], `resume_*` is pointed at the landing (or, for an exception that
//! wasm catches, at its handler), and the stub is told to resume. Rust frames return in the
//! ordinary way.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::backtrace::Backtrace;
use super::call::Execution;
use super::unwind;
use crate::abi::vmctx::VmStore;
use crate::error::{Exhausted, Trap};
use crate::heap::{AccessError, AllocError, GcRef, HeapFault};
use crate::instance::store::{StoreOpaque, init_root};
use crate::planted::Fault;

/// What ends an activation, other than returning.
pub enum Raised {
    /// A trap.
    Trap(Trap),
    /// A resource ran out.
    Exhausted(Exhausted),
    /// An exception, with the identity of its tag. While it is outside of wasm frames,
    /// `VmStore::pending_exception` is its root.
    Exception(GcRef, u32),
    /// A host function failed.
    Host(Box<dyn Error + Send + Sync>),
    /// A host function panicked.
    Panic(Box<dyn Any + Send>),
    /// The runtime found its own state broken. The store is of no use after that.
    Fault(HeapFault),
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raised::Trap(trap) => write!(f, "Trap({trap:?})"),
            Raised::Exhausted(which) => write!(f, "Exhausted({which:?})"),
            Raised::Exception(object, tag) => write!(f, "Exception({object:?}, tag {tag})"),
            Raised::Host(error) => write!(f, "Host({error:?})"),
            Raised::Panic(_) => f.write_str("Panic"),
            Raised::Fault(fault) => write!(f, "Fault({fault:?})"),
        }
    }
}

impl From<Trap> for Raised {
    fn from(trap: Trap) -> Raised {
        Raised::Trap(trap)
    }
}

impl From<Exhausted> for Raised {
    fn from(which: Exhausted) -> Raised {
        Raised::Exhausted(which)
    }
}

impl From<HeapFault> for Raised {
    fn from(fault: HeapFault) -> Raised {
        Raised::Fault(fault)
    }
}

impl From<AllocError> for Raised {
    fn from(error: AllocError) -> Raised {
        match error {
            AllocError::Exhausted => Exhausted::GcHeap.into(),
            AllocError::TooLarge => Trap::AllocationTooLarge.into(),
            AllocError::Fault(fault) => fault.into(),
        }
    }
}

impl From<AccessError> for Raised {
    fn from(error: AccessError) -> Raised {
        match error {
            AccessError::OutOfBounds => Trap::ArrayOutOfBounds.into(),
            AccessError::Fault(fault) => fault.into(),
        }
    }
}

/// An activation that ended early.
#[derive(Debug)]
pub struct Ended {
    /// Why. Never [`Raised::Panic`]: panics go on above the landing.
    pub why: Raised,
    /// The wasm frames at that moment; empty for host errors.
    pub backtrace: Backtrace,
}

/// Runs `body`; a panic in it becomes an error.
///
/// # Errors
///
/// What `body` returns, or [`Raised::Panic`].
pub fn guard<T>(body: impl FnOnce() -> Result<T, Raised>) -> Result<T, Raised> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => Err(Raised::Panic(payload)),
    }
}

/// Ends what runs in the newest activation of `store`: points `resume_*` at the handler of wasm
/// code that catches an exception, or else records `why` and points it at the landing. The stub
/// that the caller returns to must be told to resume.
///
/// An exception becomes `VmStore::pending_exception` when it leaves wasm.
///
/// # Safety
///
/// Called inside of an activation of `store` (E1 to E4), for the host that wasm has left for.
pub unsafe fn raise(store: &mut StoreOpaque, why: Raised) {
    let planted = store.planted();
    let vm = store.vm().as_ptr();
    let mut why = why;
    let caught = match why {
        Raised::Exception(object, tag) => Some((GcRef::to_raw(Some(object)), tag)),
        Raised::Trap(Trap::AllocationTooLarge) if planted.has(Fault::LargeAllocationCaught) => {
            Some((0, u32::MAX))
        }
        _ => None,
    };
    if let Some((object, tag)) = caught {
        // SAFETY: V1, V3.
        let vm = unsafe { &mut *vm };
        // SAFETY: the caller's promise; every module that runs is in the code map.
        let handler = unsafe { unwind::find_handler(vm, &store.contents.execution.code, tag) };
        if let Some(handler) = handler {
            return to_handler(vm, &handler, object);
        }
    }
    if let Raised::Exception(object, _) = why {
        // SAFETY: V1, V3.
        let slot = unsafe { &mut (*vm).pending_exception };
        if planted.has(Fault::PendingExceptionUncounted) {
            *slot = object.raw();
        } else if let Err(fault) = init_root(&mut store.heap, slot, Some(object)) {
            why = fault;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { to_landing(vm, &raw mut store.contents.execution, why) };
}

/// Records `why` and points `resume_*` at the newest activation's landing. The stub that the caller
/// returns to must be told to resume.
///
/// # Safety
///
/// Called inside of an activation of `vm` and `execution` (E1 to E4), which nobody else uses
/// meanwhile.
pub unsafe fn to_landing(vm: *mut VmStore, execution: *mut Execution, why: Raised) {
    // SAFETY: the caller's promise.
    let vm_now = unsafe { &mut *vm };
    // SAFETY: the caller's promise.
    let execution = unsafe { &mut *execution };
    if matches!(
        why,
        Raised::Trap(_) | Raised::Exhausted(_) | Raised::Fault(_)
    ) {
        // SAFETY: E3 and E4 hold inside of an activation.
        unsafe { unwind::record(vm_now, &execution.saved, &mut execution.recorded) };
    }
    vm_now.resume_pc = vm_now.landing_pc;
    vm_now.resume_sp = vm_now.landing_sp;
    vm_now.resume_fp = vm_now.landing_fp;
    vm_now.resume_payload = 0;
    execution.raised = Some(why);
}

/// Points `resume_*` at a handler of wasm code, with the exception as its payload.
fn to_handler(vm: &mut VmStore, handler: &unwind::Target, exception: u32) {
    vm.resume_pc = handler.pc;
    vm.resume_sp = handler.sp;
    vm.resume_fp = handler.fp;
    vm.resume_payload = u64::from(exception);
}
