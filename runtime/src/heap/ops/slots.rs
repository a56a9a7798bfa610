//! The roots of a run: one array, with a part for each kind of root.

use crate::heap::{RootKind, Roots};

pub(super) const GLOBALS: usize = 16;
pub(super) const TABLE: usize = 64;
pub(super) const SEGMENT: usize = 8;
pub(super) const TABLE_AT: usize = GLOBALS;
pub(super) const SEGMENT_AT: usize = TABLE_AT + TABLE;
pub(super) const HANDLES_AT: usize = SEGMENT_AT + SEGMENT;
pub(super) const PENDING: usize = HANDLES_AT + 16;
/// The first root that is not counted.
pub(super) const FRAME_AT: usize = PENDING + 1;
pub(super) const FRAME: usize = 32;
pub(super) const TEMPORARIES_AT: usize = FRAME_AT + FRAME;
pub(super) const SLOTS: usize = TEMPORARIES_AT + 4;

/// All roots of a run.
#[derive(Debug)]
pub(super) struct Slots(pub [u32; SLOTS]);

fn kind_of(slot: usize) -> RootKind {
    match slot {
        ..TABLE_AT => RootKind::Global,
        TABLE_AT..SEGMENT_AT => RootKind::TableElement,
        SEGMENT_AT..HANDLES_AT => RootKind::Segment,
        HANDLES_AT..PENDING => RootKind::HostHandle,
        PENDING => RootKind::PendingException,
        FRAME_AT..TEMPORARIES_AT => RootKind::StackSlot,
        _ => RootKind::Temporary,
    }
}

impl Roots for Slots {
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        for (at, slot) in self.0.iter_mut().enumerate() {
            visit(kind_of(at), slot);
        }
    }

    fn each_uncounted_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        for (at, slot) in self.0.iter_mut().enumerate().skip(FRAME_AT) {
            visit(kind_of(at), slot);
        }
    }
}
