//! Walks over the wasm frames of a store: for roots, for exception handlers, for backtraces.
//!
//! Frames are found by frame pointers alone (E4). The newest activation is described by words of
//! the `VmStore`. `call::enter` saves those words for the activations below it.

use super::backtrace::Recorded;
use super::code_map::CodeMap;
use crate::abi::vmctx::{VmContext, VmStore};
use crate::compile::image::Image;
use crate::compile::stack_map::StackMap;
use crate::planted::{Planted, planted};

/// The words of a `VmStore` that describe its newest activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Activation {
    pub exit_fp: usize,
    pub exit_pc: usize,
    pub landing_pc: usize,
    pub landing_sp: usize,
    pub landing_fp: usize,
    pub stack_limit: usize,
    pub calls_left: u32,
}

impl Activation {
    /// Reads them.
    #[must_use]
    pub fn of(vm: &VmStore) -> Activation {
        Activation {
            exit_fp: vm.exit_fp,
            exit_pc: vm.exit_pc,
            landing_pc: vm.landing_pc,
            landing_sp: vm.landing_sp,
            landing_fp: vm.landing_fp,
            stack_limit: vm.stack_limit,
            calls_left: vm.calls_left,
        }
    }

    /// Writes them back.
    pub fn restore(self, vm: &mut VmStore) {
        vm.exit_fp = self.exit_fp;
        vm.exit_pc = self.exit_pc;
        vm.landing_pc = self.landing_pc;
        vm.landing_sp = self.landing_sp;
        vm.landing_fp = self.landing_fp;
        vm.stack_limit = self.stack_limit;
        vm.calls_left = self.calls_left;
    }
}

/// A wasm frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFrame {
    /// The address to which its callee returns.
    pub pc: usize,
    /// Its frame pointer.
    pub fp: usize,
}

/// The wasm frames of one activation, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    next: NativeFrame,
    end: usize,
}

impl Frames {
    /// Iterates over the frames from `exit_fp` to the entry trampoline's frame.
    ///
    /// # Safety
    ///
    /// E3 and E4 hold for the three values for as long as this value is used.
    #[must_use]
    pub unsafe fn new(exit_pc: usize, exit_fp: usize, landing_fp: usize) -> Frames {
        Frames {
            next: NativeFrame {
                pc: exit_pc,
                fp: exit_fp,
            },
            end: landing_fp,
        }
    }

    /// Iterates over the frames of the newest activation.
    ///
    /// # Safety
    ///
    /// As for [`Frames::new`].
    unsafe fn newest(vm: &VmStore) -> Frames {
        // SAFETY: the caller's promise.
        unsafe { Frames::new(vm.exit_pc, vm.exit_fp, vm.landing_fp) }
    }
}

impl Iterator for Frames {
    type Item = NativeFrame;

    fn next(&mut self) -> Option<NativeFrame> {
        if self.next.fp == self.end || self.end == 0 {
            return None;
        }
        let frame = self.next;
        debug_assert!(frame.fp < self.end, "frames grow towards the landing");
        let link = std::ptr::with_exposed_provenance::<usize>(frame.fp);
        // SAFETY: E4: the caller's frame pointer is at a frame pointer.
        let fp = unsafe { link.read() };
        // SAFETY: E4: the return address is behind it.
        let pc = unsafe { link.wrapping_add(1).read() };
        self.next = NativeFrame { pc, fp };
        Some(frame)
    }
}

/// Calls `visit` for the wasm frames of all activations, newest first, until it returns `false`.
///
/// # Safety
///
/// E3 and E4 hold for `vm` and all of `saved`.
unsafe fn each_frame(
    vm: &VmStore,
    saved: &[Activation],
    mut visit: impl FnMut(NativeFrame) -> bool,
) {
    // SAFETY: the caller's promise.
    let mut frames = unsafe { Frames::newest(vm) };
    if !frames.all(&mut visit) {
        return;
    }
    for below in saved.iter().rev() {
        // SAFETY: the caller's promise.
        let mut frames = unsafe { Frames::new(below.exit_pc, below.exit_fp, below.landing_fp) };
        if !frames.all(&mut visit) {
            return;
        }
    }
}

/// Records the newest frames for a backtrace.
///
/// # Safety
///
/// E3 and E4 hold for `vm` and all of `saved`.
pub unsafe fn record(vm: &VmStore, saved: &[Activation], recorded: &mut Recorded) {
    *recorded = Recorded::NONE;
    // A return address can be the first of the next function, the instruction before it is in the
    // right one. SAFETY: the caller's promise.
    unsafe { each_frame(vm, saved, |frame| recorded.push(frame.pc - 1)) };
}

/// Records the frames of the newest activation from the instruction at `pc` of the frame at `fp`.
///
/// # Safety
///
/// E4 holds from `fp`.
pub unsafe fn record_from(pc: usize, fp: usize, landing_fp: usize, recorded: &mut Recorded) {
    *recorded = Recorded::NONE;
    // SAFETY: the caller's promise.
    let mut frames = unsafe { Frames::new(pc + 1, fp, landing_fp) };
    frames.all(|frame| recorded.push(frame.pc - 1));
}

/// Calls `visit` for each slot of a wasm frame that holds a reference, in all activations.
///
/// # Safety
///
/// E3, E4 and E5 hold for `vm`, all of `saved`, and `code`. The slots may be written.
///
/// # Panics
///
/// When a return address is not in the code map, which violates E4.
pub unsafe fn each_slot(
    vm: &VmStore,
    saved: &[Activation],
    code: &CodeMap,
    planted: Planted,
    visit: &mut dyn FnMut(&mut u32),
) {
    let visit_frame = |frame: NativeFrame| {
        let entry = code.get(frame.pc);
        let image = entry.expect("E4: a wasm frame of unknown code").image();
        let Some(map) = map_of(image, frame.pc, planted) else {
            return true;
        };
        let sp = frame.fp - map.span as usize;
        for &slot in map.slots {
            let slot = std::ptr::with_exposed_provenance_mut::<u32>(sp + slot as usize);
            // SAFETY: E5: a slot of this frame, four bytes, aligned; wasm does not run meanwhile
            // and the host keeps no reference to it.
            visit(unsafe { &mut *slot });
        }
        true
    };
    // SAFETY: the caller's promise.
    unsafe { each_frame(vm, saved, visit_frame) };
}

/// Returns the stack map of the call that returns to `pc`, or another one if a fault is planted.
fn map_of(image: &Image, pc: usize, planted: Planted) -> Option<StackMap<'_>> {
    if planted!(planted, StackMapTryLost, if image.try_call(pc).is_some()) {
        return None;
    }
    image.stack_map(pc).or_else(|| match () {
        () if planted!(planted, StackMapNearest) => image.stack_map_before(pc, true),
        () if planted!(planted, StackMapOther) => image.stack_map_before(pc, false),
        () => None,
    })
}

/// A handler of wasm code in a frame that is on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundHandler {
    /// Its address.
    pub pc: usize,
    /// The frame's stack pointer.
    pub sp: usize,
    /// The frame's frame pointer.
    pub fp: usize,
    /// How many frames are above it.
    pub depth: u32,
}

/// Returns the newest handler in the newest activation for an exception whose tag has the identity
/// `tag`.
///
/// # Safety
///
/// E3 and E4 hold for `vm`, and `code` has every module on the stack.
#[must_use]
pub unsafe fn find_handler(vm: &VmStore, code: &CodeMap, tag: u32) -> Option<FoundHandler> {
    // SAFETY: the caller's promise.
    let frames = unsafe { Frames::newest(vm) };
    for (depth, frame) in frames.enumerate() {
        let entry = code.get(frame.pc)?;
        let Some(call) = entry.image().try_call(frame.pc) else {
            continue;
        };
        let sp = frame.fp - call.frame_bytes as usize;
        let matches = |handler: &&crate::compile::emitted::Handler| {
            let Some((index, context)) = handler.tag else {
                return true;
            };
            let at = std::ptr::with_exposed_provenance::<*const VmContext>(sp + context as usize);
            // SAFETY: the handler's context is in this frame at that offset (`compile::exception`
            // declares it so).
            let context = unsafe { at.read() };
            let tags = entry.module().offsets().tags + index.0 * 4;
            let id = context.wrapping_byte_add(tags as usize).cast::<u32>();
            // SAFETY: V1; the index is one of the module's tags, validated.
            tag == unsafe { id.read() }
        };
        if let Some(handler) = call.handlers.iter().find(matches) {
            return Some(FoundHandler {
                pc: entry.image().at(handler.offset).addr(),
                sp,
                fp: frame.fp,
                depth: depth as u32,
            });
        }
    }
    None
}
