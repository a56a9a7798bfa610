//! Ending an activation while the host runs in it.
//!
//! The host points `resume_*` of the `VmStore` at the landing of the newest activation or at a
//! handler of wasm code, and returns to the stub that called it. The stub then resumes there. Rust
//! frames return in the ordinary way (E7).

use super::call::Execution;
use super::raise::Raised;
use super::unwind::{self, FoundHandler};
use crate::abi::vmctx::VmStore;
use crate::planted::{Planted, planted};

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

/// Points `resume_*` at a handler of wasm code, with the exception as its payload, and gives the
/// calls of the frames above it back. The stub that the caller returns to must be told to resume.
pub fn to_handler(vm: &mut VmStore, handler: &FoundHandler, exception: u32, planted: Planted) {
    vm.resume_pc = handler.pc;
    vm.resume_sp = handler.sp;
    vm.resume_fp = handler.fp;
    vm.resume_payload = u64::from(exception);
    if !planted!(planted, LeftFramesKeepTheirPlaces) {
        vm.calls_left = vm.calls_left.wrapping_add(handler.depth);
    }
}
