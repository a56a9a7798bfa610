//! Allocation in the current half: from the region, which grows at its end up to the soft limit.

use super::Copying;
use crate::heap::core::{Core, REGION_BYTES, kind_of_tag};
use crate::heap::emit::EmitAllocation;
use crate::heap::layout::Kind;
use crate::heap::{Emit, Header, Reg, Room, inline};

/// The least that is used of a half before a collection, so that programs with few live objects
/// collect rarely and yet find the half in the cache.
pub(super) const SOFT_MIN: u32 = 1 << 20;

/// Makes an object, unless the half (or the soft limit) is used up.
pub(super) fn allocate(
    heap: &mut Copying,
    core: &mut Core,
    header: Header,
    size: u32,
    room: Room,
) -> Option<u32> {
    let object = match core.take(size) {
        Some(object) => object,
        None => {
            grow(heap, core, size, room)?;
            core.take(size)?
        }
    };
    core.write_header(object, header.tag, header.word);
    if kind_of_tag(header.tag) == Some(Kind::Extern) {
        heap.externs.push(object);
    }
    Some(object)
}

fn grow(heap: &mut Copying, core: &mut Core, size: u32, room: Room) -> Option<()> {
    let used = core.bump() - heap.current;
    let most = match room {
        Room::Soft => heap.soft,
        Room::Hard => heap.half,
    };
    let needed = u64::from(used) + u64::from(size);
    if needed > u64::from(most) {
        return None;
    }
    if needed > u64::from(heap.soft) {
        // An object larger than the soft limit must not make every further allocation collect.
        heap.soft = (needed + u64::from(SOFT_MIN)).min(u64::from(heap.half)) as u32;
    }
    let used_end = needed
        .saturating_add(u64::from(REGION_BYTES))
        .min(u64::from(most));
    let end = heap.current + used_end as u32;
    core.space.ensure(u64::from(end)).ok()?;
    core.space.prepare(core.region_end()..end);
    core.set_region(core.bump(), end);
    Some(())
}

pub(super) fn emit_allocate(emit: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
    inline::allocate(emit, object, &|_, _, _| {})
}
