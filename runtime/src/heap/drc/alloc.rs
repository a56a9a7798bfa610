//! Allocation from the region, and regions from free blocks or from memory that was never used; and
//! the way back.

use super::barrier::{emit_list, list};
use super::{COUNT, Drc, LINK};
use crate::heap::core::{Core, FIRST, REGION_BYTES, kind_of_tag};
use crate::heap::emit::{EmitAllocation, Region};
use crate::heap::fault::HeapFault;
use crate::heap::free_list::{BLOCK_MIN, Block};
use crate::heap::layout::{Kind, OBJECT_ALIGN};
use crate::heap::{Emit, Header, Reg, inline};
use crate::planted::planted;

/// Free blocks below this size are no regions: too little would be allocated inline for the trip to
/// the host.
const REGION_MIN: u32 = 1 << 10;
/// Unmerged bytes for which merging neighbours is not yet worth a walk over the heap.
const LOOSE_MIN: u64 = 1 << 20;

/// Makes an object, unless there is no memory for it.
pub(super) fn allocate(
    heap: &mut Drc,
    core: &mut Core,
    header: Header,
    size: u32,
) -> Result<Option<u32>, HeapFault> {
    let object = match core.take(size) {
        Some(object) => object,
        None => match refill(heap, core, size)? {
            Some(object) => object,
            None => return Ok(None),
        },
    };
    core.write_header(object, header.tag, header.word);
    core.space.set_word(object + COUNT, 1);
    if planted!(core.planted, NewObjectNotInZeroCountTable) {
        core.space.set_word(object + LINK, 0);
        return Ok(Some(object));
    }
    list(core, object);
    Ok(Some(object))
}

/// Takes `size` bytes, all zero, from a new region, or directly from a free block.
fn refill(heap: &mut Drc, core: &mut Core, size: u32) -> Result<Option<u32>, HeapFault> {
    close_run(heap, core);
    if let Some(block) = heap.free.take_large(core, size.max(REGION_MIN))? {
        use_block(heap, core, block, size);
        return Ok(core.take(size));
    }
    let loose_max = LOOSE_MIN.max(heap.in_use(core));
    if heap.loose >= loose_max {
        merge(heap, core)?;
        if let Some(block) = heap.free.take_large(core, size.max(REGION_MIN))? {
            use_block(heap, core, block, size);
            return Ok(core.take(size));
        }
    }
    if grow(heap, core, size) {
        return Ok(core.take(size));
    }
    if let Some(object) = take_exactly(heap, core, size)? {
        return Ok(Some(object));
    }
    if heap.loose != 0 {
        merge(heap, core)?;
        return take_exactly(heap, core, size);
    }
    Ok(None)
}

/// Makes (the first part of) a free block the region.
fn use_block(heap: &mut Drc, core: &mut Core, block: Block, size: u32) {
    retire_region(heap, core);
    let part = block.size.min(size.max(REGION_BYTES));
    give_rest(heap, core, block, part);
    core.space.prepare(block.at..block.at + part);
    core.set_region(block.at, block.at + part);
}

/// Returns what a block has beyond `part` bytes.
fn give_rest(heap: &mut Drc, core: &mut Core, block: Block, part: u32) {
    let rest = Block {
        at: block.at + part,
        size: block.size - part,
    };
    let lost = planted!(core.planted, FreeRemainderLost) && rest.size < BLOCK_MIN;
    if rest.size != 0 && !lost {
        heap.free.insert(core, rest);
    }
}

/// Takes an object's bytes from the free block that fits best, when there is no block for a region.
fn take_exactly(heap: &mut Drc, core: &mut Core, size: u32) -> Result<Option<u32>, HeapFault> {
    let Some(block) = heap.free.take(core, size)? else {
        return Ok(None);
    };
    give_rest(heap, core, block, size);
    core.space.prepare(block.at..block.at + size);
    Ok(Some(block.at))
}

/// Makes memory at the top the region. Whether there was enough.
fn grow(heap: &mut Drc, core: &mut Core, size: u32) -> bool {
    // A region that ends at the top is extended; any other is given up.
    let at_top = core.region_end() == heap.top;
    let start = if at_top { core.bump() } else { heap.top };
    let limit = core.space.limit().min(u64::from(u32::MAX)) & !u64::from(OBJECT_ALIGN - 1);
    let needed = u64::from(start) + u64::from(size);
    let end = (needed + u64::from(REGION_BYTES)).min(limit);
    if needed > limit || core.space.ensure(end).is_err() {
        return false;
    }
    core.space.prepare(heap.top..end as u32);
    if !at_top {
        retire_region(heap, core);
    }
    heap.top = end as u32;
    core.set_region(start, end as u32);
    true
}

/// Makes what is left of the region a free block.
fn retire_region(heap: &mut Drc, core: &mut Core) {
    let (at, end) = (core.bump(), core.region_end());
    core.set_region(at, at);
    if at < end {
        if core.poison {
            core.space.poison(at..end);
        }
        let size = end - at;
        heap.free.insert(core, Block { at, size });
    }
}

/// Frees the bytes of a dead object.
pub(super) fn free(heap: &mut Drc, core: &mut Core, object: u32, size: u32) {
    core.stats.freed += 1;
    heap.loose += u64::from(size);
    let end = object + size;
    if core.poison {
        core.space.poison(object..end);
    }
    if object == heap.run.end {
        heap.run.end = end;
    } else if end == heap.run.start {
        heap.run.start = object;
    } else {
        close_run(heap, core);
        heap.run = object..end;
    }
}

/// Makes the open run a free block (invariant D4 without the exception).
pub(super) fn close_run(heap: &mut Drc, core: &mut Core) {
    let run = std::mem::replace(&mut heap.run, 0..0);
    if !run.is_empty() {
        let size = run.end - run.start;
        heap.free.insert(
            core,
            Block {
                at: run.start,
                size,
            },
        );
    }
}

/// Walks the heap and merges free blocks that lie side by side.
pub(super) fn merge(heap: &mut Drc, core: &mut Core) -> Result<(), HeapFault> {
    sweep(heap, core, |_, _, _| Ok(false))
}

/// Walks the heap, frees the objects for which `dead` says so, and merges free blocks that lie side
/// by side.
pub(super) fn sweep(
    heap: &mut Drc,
    core: &mut Core,
    mut dead: impl FnMut(&mut Core, u32, u32) -> Result<bool, HeapFault>,
) -> Result<(), HeapFault> {
    close_run(heap, core);
    heap.free.clear();
    heap.loose = 0;
    let end = heap.top;
    let mut at = FIRST;
    // `heap.run` collects neighbours.
    while at < end {
        if at == core.bump() && core.region_end() > at {
            at = core.region_end();
            continue;
        }
        let tag = core.tag(at);
        if kind_of_tag(tag) == Some(Kind::Free) {
            let size = core.space.word(at + 4);
            if tag != 0 || size == 0 || !size.is_multiple_of(OBJECT_ALIGN) || size > end - at {
                return Err(HeapFault::BadTag { object: at, tag });
            }
            if core.poison {
                core.space.poison(at..at + size.min(16));
            }
            join(heap, core, at, size);
            at += size;
            continue;
        }
        let extent = core.extent(at, tag, end)?;
        if dead(core, at, tag)? {
            if core.poison {
                core.space.poison(at..at + extent.size);
            }
            core.stats.freed += 1;
            join(heap, core, at, extent.size);
        }
        at += extent.size;
    }
    close_run(heap, core);
    Ok(())
}

/// Adds free memory behind the open run, or begins a new one.
fn join(heap: &mut Drc, core: &mut Core, at: u32, size: u32) {
    if at != heap.run.end {
        close_run(heap, core);
        heap.run.start = at;
    }
    heap.run.end = at + size;
}

pub(super) fn emit_allocate(emit: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
    inline::allocate(emit, object, &emit_first)
}

/// Counts a new object once and puts it into the stack list, as [`allocate`] does.
fn emit_first(emit: &mut dyn Emit, address: Reg, object: Reg) {
    let one = emit.constant(1);
    emit.store(address, COUNT as i32, one, Region::Header);
    emit_list(emit, address, object);
}
