//! Faults of compiled code, caught as signals and turned into landings.
//!
//! The handlers are installed once for the process. A signal is ours if an instruction raised it
//! that may fault, in compiled code of the store that runs on this thread. All other signals are
//! passed on. The handler takes no lock and allocates nothing.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use super::backtrace::Recorded;
use super::code_map::CodeMap;
use super::raise::Raised;
use super::unwind;
use crate::abi::vmctx::VmStore;
use crate::compile::emitted::Cause;
use crate::error::Exhausted;
use crate::heap::HeapFault;
use crate::limits::{GUARD_BYTES, HEAP_RESERVATION_BYTES};

/// The signals that report faults of compiled code.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Bytes of a signal stack. Our handler needs a few hundred. The handlers to which it passes
/// signals on may need more.
const SIGNAL_STACK_BYTES: usize = 64 << 10;

/// The store whose activation is the thread's newest (E6), its code map, and the fault that ended
/// the activation.
struct Thread {
    vm: Cell<*mut VmStore>,
    code: Cell<*const CodeMap>,
    fault: Cell<Option<CodeFault>>,
}

// Which store runs on a thread is state of the thread. The initial value is constant and there is
// no destructor, so that reading it in a signal handler is an ordinary load.
thread_local! {
    static THREAD: Thread = const {
        Thread {
            vm: Cell::new(ptr::null_mut()),
            code: Cell::new(ptr::null()),
            fault: Cell::new(None),
        }
    };
}

/// A fault of compiled code.
#[derive(Clone, Copy, Debug)]
pub struct CodeFault {
    kind: CodeFaultKind,
    /// The frames at that moment.
    pub recorded: Recorded,
}

#[derive(Clone, Copy, Debug)]
enum CodeFaultKind {
    Expected(Cause),
    Heap(u64),
}

impl CodeFault {
    /// Why it ends the activation.
    #[must_use]
    pub fn why(&self) -> Raised {
        match self.kind {
            CodeFaultKind::Expected(Cause::Trap(trap)) => Raised::Trap(trap),
            CodeFaultKind::Expected(Cause::StackOverflow) => {
                Raised::Exhausted(Exhausted::CallStack)
            }
            CodeFaultKind::Heap(offset) => Raised::Fault(HeapFault::WildAccess { offset }),
        }
    }
}

/// Returns the store of the thread's newest activation, or null.
#[must_use]
pub fn current() -> *mut VmStore {
    THREAD.with(|t| t.vm.get())
}

/// The contents of the thread's record before an activation began.
#[derive(Clone, Copy, Debug)]
pub struct Previous(*mut VmStore, *const CodeMap);

/// Writes to the thread's record that an activation of a store begins. Returns the old contents.
pub fn enter(vm: *mut VmStore, code: *const CodeMap) -> Previous {
    THREAD.with(|t| Previous(t.vm.replace(vm), t.code.replace(code)))
}

/// Restores the thread's record when the activation has ended.
pub fn leave(previous: Previous) {
    THREAD.with(|t| {
        t.vm.set(previous.0);
        t.code.set(previous.1);
    });
}

/// Returns the fault that ended the thread's last activation, if a fault did.
#[must_use]
pub fn take_fault() -> Option<CodeFault> {
    THREAD.with(|t| t.fault.take())
}

/// Gives this thread a signal stack that is large enough, if it has none.
pub fn prepare_thread() {
    thread_local! {
        static STACK: SignalStack = SignalStack::new();
    }
    // A thread that is being torn down has given its stack back. It then uses the one that it began
    // with.
    let _ = STACK.try_with(|_| ());
}

/// The signal stack of this thread.
struct SignalStack {
    mapping: Option<(*mut c_void, usize)>,
}

impl SignalStack {
    fn new() -> SignalStack {
        let mut old = MaybeUninit::<libc::stack_t>::zeroed();
        // SAFETY: asks for the thread's signal stack, into memory for it.
        let asked = unsafe { libc::sigaltstack(ptr::null(), old.as_mut_ptr()) };
        // SAFETY: all bytes zero is a value of this plain record, and the call may have filled it
        // in.
        let old = unsafe { old.assume_init() };
        let usable =
            asked == 0 && old.ss_flags & libc::SS_DISABLE == 0 && old.ss_size >= SIGNAL_STACK_BYTES;
        SignalStack {
            mapping: if usable { None } else { Self::replace() },
        }
    }

    fn replace() -> Option<(*mut c_void, usize)> {
        use rustix::mm::{MapFlags, ProtFlags};
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new anonymous mapping at an address the system chooses.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                SIGNAL_STACK_BYTES,
                protection,
                MapFlags::PRIVATE,
            )
        }
        .ok()?;
        let stack = libc::stack_t {
            ss_sp: base,
            ss_flags: 0,
            ss_size: SIGNAL_STACK_BYTES,
        };
        // SAFETY: the mapping is new, and stays until `drop` has told the system to forget it.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
        Some((base, SIGNAL_STACK_BYTES))
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let Some((base, bytes)) = self.mapping else {
            return;
        };
        let off = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: 0,
        };
        // SAFETY: turns the thread's signal stack off; no handler is running on it, since this code
        // is not one.
        let done = unsafe { libc::sigaltstack(&raw const off, ptr::null_mut()) };
        if done == 0 {
            // SAFETY: the mapping was made in `replace`, and the system has forgotten it.
            let _ = unsafe { rustix::mm::munmap(base, bytes) };
        }
    }
}

/// The handlers that were installed before, in the order of [`SIGNALS`].
struct HandlersBefore(UnsafeCell<[MaybeUninit<libc::sigaction>; SIGNALS.len()]>);

// SAFETY: written only inside of the `Once` in `install`, and read only by handlers, which exist
// after that.
unsafe impl Sync for HandlersBefore {}

/// Signal handlers belong to the process, so this does, too. It is written once, and read only to
/// pass signals on that are not ours.
static BEFORE: HandlersBefore = HandlersBefore(UnsafeCell::new(
    [const { MaybeUninit::uninit() }; SIGNALS.len()],
));

/// Installs the handlers, once for the process.
///
/// # Panics
///
/// When the system refuses, which it never does for these signals.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (at, &signal) in SIGNALS.iter().enumerate() {
            let before = BEFORE.0.get().cast::<libc::sigaction>().wrapping_add(at);
            // SAFETY: all bytes zero is a value of this plain record.
            let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
            action.sa_sigaction = handle as extern "C" fn(_, _, _) as *const () as usize;
            // Our handler returns to the landing, and returning unblocks the signal. Other
            // handlers, to which we pass signals on, may leave by jumping. Without SA_NODEFER the
            // signal would stay blocked then.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            // SAFETY: `handle` is a handler of that form; `before` has room for what was there.
            let done = unsafe { libc::sigaction(signal, &raw const action, before) };
            assert_eq!(done, 0, "installing a signal handler");
        }
    });
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !land(signal, info, context.cast::<libc::ucontext_t>()) {
        pass_on(signal, info, context);
    }
}

/// If the signal is a fault of compiled code that runs on this thread, points the interrupted
/// context at the landing and returns true.
fn land(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::ucontext_t) -> bool {
    THREAD.with(|thread| {
        let (vm, code) = (thread.vm.get(), thread.code.get());
        if vm.is_null() || context.is_null() {
            return false;
        }
        // SAFETY: the system gives a handler a valid context, and nobody else uses it.
        let registers = unsafe { &mut (*context).uc_mcontext.gregs };
        let pc = registers[libc::REG_RIP as usize] as usize;
        let fp = registers[libc::REG_RBP as usize] as usize;
        // SAFETY: E6 and E1: valid while its activation runs. If `pc` is in compiled code the host
        // is not changing the map; if it is not, the map may be half changed only when the
        // fault is in the host's own change of it, which is a crash anyhow.
        let code = unsafe { &*code };
        let Some(entry) = code.get(pc) else {
            return false;
        };
        // SAFETY: V1, and by V3 the host holds no reference to it while compiled code runs.
        let vm = unsafe { &*vm };
        let kind = match entry.image().trap(pc) {
            Some(cause) => CodeFaultKind::Expected(cause),
            None => match heap_offset(signal, info, vm) {
                Some(offset) => CodeFaultKind::Heap(offset),
                None => return false,
            },
        };
        let mut recorded = Recorded::NONE;
        // SAFETY: E4: a compiled function has set up its frame pointer before any instruction that
        // faults.
        unsafe { unwind::record_from(pc, fp, vm.landing_fp, &mut recorded) };
        thread.fault.set(Some(CodeFault { kind, recorded }));
        registers[libc::REG_RIP as usize] = vm.landing_pc as i64;
        registers[libc::REG_RSP as usize] = vm.landing_sp as i64;
        registers[libc::REG_RBP as usize] = vm.landing_fp as i64;
        true
    })
}

/// Returns the offset of the access in the collected heap's reservation, if it was there.
fn heap_offset(signal: c_int, info: *mut libc::siginfo_t, vm: &VmStore) -> Option<u64> {
    if vm.heap_base.is_null() || !matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
        return None;
    }
    // SAFETY: the system gives a handler a valid record.
    let info = unsafe { &*info };
    // SAFETY: for these two signals it has an address.
    let address = unsafe { info.si_addr() };
    let offset = (address.addr() as u64).checked_sub(vm.heap_base.addr() as u64)?;
    (offset < HEAP_RESERVATION_BYTES + GUARD_BYTES).then_some(offset)
}

/// Does what the process would do without our handler.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(at) = SIGNALS.iter().position(|&s| s == signal) else {
        return;
    };
    let before = BEFORE
        .0
        .get()
        .cast::<libc::sigaction>()
        .wrapping_add(at)
        .cast_const();
    // SAFETY: written in `install`, before this handler could be called.
    let action = unsafe { before.read() };
    match action.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The instruction faults again after the return, and then ends the process.
            // SAFETY: installs the system's default action.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        function if action.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: SA_SIGINFO says that it is a handler of this form.
            let function = unsafe { std::mem::transmute::<usize, Handler>(function) };
            function(signal, info, context);
        }
        function => {
            // SAFETY: without SA_SIGINFO it is a handler of this form.
            let function = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(function) };
            function(signal);
        }
    }
}
