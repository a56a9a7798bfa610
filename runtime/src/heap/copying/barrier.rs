//! No barrier: nothing is recorded between collections.

use crate::heap::emit::Region;
use crate::heap::{Emit, Reg};

pub(super) fn emit_write(emit: &mut dyn Emit, address: Reg, region: Region, new: Reg) {
    emit.store(address, 0, new, region);
}

pub(super) fn emit_init(emit: &mut dyn Emit, address: Reg, region: Region, new: Reg) {
    emit.store(address, 0, new, region);
}
