//! No barrier: the collector records nothing between collections.

use crate::heap::emit::Slot;
use crate::heap::{Emit, Reg};

pub(super) fn emit_write(emit: &mut dyn Emit, slot: Slot, new: Reg) {
    slot.store(emit, new);
}

pub(super) fn emit_init(emit: &mut dyn Emit, slot: Slot, new: Reg) {
    slot.store(emit, new);
}
