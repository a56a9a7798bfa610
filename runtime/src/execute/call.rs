//! Entering wasm code: one activation, from the call to the landing.

use std::ffi::c_void;
use std::panic::resume_unwind;

use super::backtrace::{Backtrace, Recorded};
use super::code_map::CodeMap;
use super::raise::{Ended, Raised};
use super::unwind::Activation;
use super::{signals, stack};
use crate::abi::vmctx::{ValRaw, VmStore};
use crate::config::{StoreConfig, TrapMode};
use crate::error::Exhausted;

/// A store's state of running code.
#[derive(Debug)]
pub struct Execution {
    /// The modules whose code may run.
    pub code: CodeMap,
    /// The activations below the newest.
    pub saved: Vec<Activation>,
    /// Why the newest activation ends. Set between the raise and the landing.
    pub raised: Option<Raised>,
    /// The frames when it was raised.
    pub recorded: Recorded,
    /// Fuel that does not fit into `VmStore::fuel`.
    pub fuel_reserve: u64,
    /// Bytes of stack that the outermost activation with the fewest had. 0 before the first.
    pub stack_least: usize,
    stack_size: usize,
    host_nesting: u32,
    signals: bool,
}

impl Execution {
    /// For a new store. In [`TrapMode::Signals`], installs the signal handlers if they are not
    /// there yet.
    #[must_use]
    pub fn new(trap_mode: TrapMode, config: &StoreConfig) -> Execution {
        let signals = trap_mode == TrapMode::Signals;
        if signals {
            signals::install();
        }
        Execution {
            code: CodeMap::default(),
            saved: Vec::new(),
            raised: None,
            recorded: Recorded::NONE,
            fuel_reserve: 0,
            stack_least: 0,
            stack_size: config.stack_size,
            host_nesting: config.host_nesting,
            signals,
        }
    }
}

/// What to call.
#[derive(Clone, Copy, Debug)]
pub struct Callee {
    /// The entry trampoline for the callee's signature (`compile::trampoline`).
    pub trampoline: *const u8,
    /// First argument of `code`.
    pub vmctx: *mut c_void,
    /// The callee, as in [`VmFuncRef::code`](crate::abi::vmctx::VmFuncRef).
    pub code: *const u8,
}

type EntryFn = unsafe extern "C" fn(*mut c_void, *mut VmStore, *const u8, *mut ValRaw) -> u32;

/// Calls a function. `buffer` holds the arguments before the call and the results after it.
///
/// # Errors
///
/// [`Ended`] when the function did not return. The contents of `buffer` mean nothing then. For
/// [`Raised::Exception`] the caller becomes responsible for `VmStore::pending_exception`.
///
/// # Panics
///
/// When a host function panicked during the call, with the payload of that panic.
///
/// # Safety
///
/// - `vm` and `execution` belong to one store, which owns the callee. Until this function returns,
///   only the code that is called uses them (V3, E1).
/// - `callee` names a trampoline for the signature of the code, and `buffer` has the slots that
///   signature needs.
/// - Nothing collects before the callee has loaded the references in `buffer`.
pub unsafe fn enter(
    vm: *mut VmStore,
    execution: *mut Execution,
    callee: &Callee,
    buffer: *mut ValRaw,
) -> Result<(), Ended> {
    let sp = stack_pointer();
    let outer = signals::current();
    let limit = if outer.is_null() {
        // SAFETY: the caller's promise.
        let size = unsafe { (*execution).stack_size };
        sp.saturating_sub(size).max(stack::floor(sp))
    } else {
        // SAFETY: E6: the store of an activation that is still running.
        unsafe { (*outer).stack_limit }
    };
    let saved = {
        // SAFETY: the caller's promise; the borrow ends before wasm runs.
        let vm = unsafe { &mut *vm };
        // SAFETY: as above.
        let execution = unsafe { &mut *execution };
        begin(vm, execution, sp, limit)?
    };
    // SAFETY: the caller's promise; only the address is taken.
    let code = unsafe { &raw const (*execution).code };
    let previous = signals::enter(vm, code);
    // SAFETY: the caller's promise: an entry trampoline, kept by the caller (I4).
    let trampoline = unsafe { std::mem::transmute::<*const u8, EntryFn>(callee.trampoline) };
    // SAFETY: the caller's promise about callee and buffer; E2 to E6 hold from here on.
    let status = unsafe { trampoline(callee.vmctx, vm, callee.code, buffer) };
    signals::leave(previous);
    // SAFETY: as above; wasm has returned.
    let vm = unsafe { &mut *vm };
    // SAFETY: as above.
    let execution = unsafe { &mut *execution };
    execution.saved.pop();
    saved.restore(vm);
    if status == 0 {
        return Ok(());
    }
    if let Some(fault) = signals::take_fault() {
        execution.recorded = fault.recorded;
        execution.raised = Some(fault.why());
    }
    Err(end(execution))
}

fn begin(
    vm: &mut VmStore,
    execution: &mut Execution,
    sp: usize,
    limit: usize,
) -> Result<Activation, Ended> {
    if sp < limit {
        return Err(Raised::Exhausted(Exhausted::CallStack).into());
    }
    if execution.saved.len() >= execution.host_nesting as usize {
        return Err(Raised::Exhausted(Exhausted::CallDepth).into());
    }
    if execution.saved.is_empty() {
        let bytes = sp - limit;
        execution.stack_least = match execution.stack_least {
            0 => bytes,
            least => least.min(bytes),
        };
    }
    if execution.signals {
        signals::prepare_thread();
    }
    let saved = Activation::of(vm);
    execution.saved.push(saved);
    vm.stack_limit = limit;
    Ok(saved)
}

#[cold]
fn end(execution: &mut Execution) -> Ended {
    let why = execution.raised.take();
    let backtrace = Backtrace::new(&execution.recorded, &execution.code);
    execution.recorded = Recorded::NONE;
    match why.expect("an activation ends early only for a reason") {
        Raised::Panic(payload) => resume_unwind(payload),
        why => Ended { why, backtrace },
    }
}

/// Returns the real stack pointer. The address of a local would not do, because it may be on a
/// sanitizer's own stack.
#[inline(always)]
fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    sp
}
