//! Allocation without reclamation, from the bump region. The region grows at its end.

use crate::heap::emit::EmitAllocation;
use crate::heap::object_memory::ObjectMemory;
use crate::heap::{Emit, Header, Reg, inline};

/// Allocates an object. Returns `None` if the memory is used up.
pub(super) fn allocate(memory: &mut ObjectMemory, header: Header, size: u32) -> Option<u32> {
    let object = match memory.take(size) {
        Some(object) => object,
        None => {
            grow(memory, size)?;
            memory.take(size)?
        }
    };
    memory.write_header(object, header.tag, header.word);
    Some(object)
}

fn grow(memory: &mut ObjectMemory, size: u32) -> Option<()> {
    let (bump, old_end) = (memory.bump(), memory.region_end());
    let needed = u64::from(bump) + u64::from(size);
    // Offsets are 32 bits: the last byte of the address space is never used.
    let limit = memory.space.limit().min(u64::from(u32::MAX)) & !7;
    let end = (needed + u64::from(memory.region_bytes()))
        .min(limit)
        .max(needed);
    if end > limit || memory.space.ensure(end).is_err() {
        return None;
    }
    memory.space.prepare(old_end..end as u32);
    memory.set_region(bump, end as u32);
    Some(())
}

pub(super) fn emit_allocate(emit: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
    inline::allocate(emit, object, &|_, _, _| {})
}
