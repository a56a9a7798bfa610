//! Allocation in the current half, from the bump region. The region grows up to the soft limit.

use super::Copying;
use crate::heap::emit::EmitAllocation;
use crate::heap::layout::Kind;
use crate::heap::object_memory::{ObjectMemory, kind_of_tag};
use crate::heap::{Emit, Header, Reg, Room, inline};

/// Allocates an object. Returns `None` if it does not fit into `room`.
pub(super) fn allocate(
    copying: &mut Copying,
    memory: &mut ObjectMemory,
    header: Header,
    size: u32,
    room: Room,
) -> Option<u32> {
    let object = match memory.take(size) {
        Some(object) => object,
        None => {
            grow(copying, memory, size, room)?;
            memory.take(size)?
        }
    };
    memory.write_header(object, header.tag, header.word);
    if kind_of_tag(header.tag) == Some(Kind::Extern) {
        copying.externs.push(object);
    }
    Some(object)
}

fn grow(copying: &mut Copying, memory: &mut ObjectMemory, size: u32, room: Room) -> Option<()> {
    let used = memory.bump() - copying.current;
    let most = match room {
        Room::Soft => copying.soft,
        Room::Hard => copying.half,
    };
    let needed = u64::from(used) + u64::from(size);
    if needed > u64::from(most) {
        return None;
    }
    if needed > u64::from(copying.soft) {
        // Otherwise an object larger than the soft limit would make every later allocation collect.
        copying.soft =
            (needed + u64::from(memory.collection_bytes)).min(u64::from(copying.half)) as u32;
    }
    let used_end = needed
        .saturating_add(u64::from(memory.region_bytes()))
        .min(u64::from(most));
    let end = copying.current + used_end as u32;
    memory.space.ensure(u64::from(end)).ok()?;
    memory.space.prepare(memory.region_end()..end);
    memory.set_region(memory.bump(), end);
    Some(())
}

pub(super) fn emit_allocate(emit: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
    inline::allocate(emit, object, &|_, _, _| {})
}
