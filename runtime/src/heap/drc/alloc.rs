//! Allocation from the bump region, and freeing. A new bump region is a free block, or memory that
//! was never used.

use super::barrier::{add_to_table, emit_add_to_table};
use super::{COUNT, Drc, LINK};
use crate::heap::emit::{EmitAllocation, Region};
use crate::heap::fault::HeapFault;
use crate::heap::free_list::{BLOCK_MIN, Block};
use crate::heap::layout::OBJECT_ALIGN;
use crate::heap::object_memory::{FIRST, ObjectMemory, Resident};
use crate::heap::{Emit, Header, Reg, inline};
use crate::planted::planted;

/// A free block below this size does not become a bump region: it holds too few objects to be worth
/// a call of the host.
const REGION_MIN: u32 = 1 << 10;
/// With fewer unmerged bytes, merging neighbours is not worth a visit of the whole heap.
const UNMERGED_MIN: u64 = 1 << 20;

/// Allocates an object. Returns `None` if there is no memory for it.
pub(super) fn allocate(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    header: Header,
    size: u32,
) -> Result<Option<u32>, HeapFault> {
    let object = match memory.take(size) {
        Some(object) => object,
        None => match refill(drc, memory, size)? {
            Some(object) => object,
            None => return Ok(None),
        },
    };
    memory.write_header(object, header.tag, header.word);
    memory.space.set_word(object + COUNT, 1);
    if planted!(memory.planted, NewObjectNotInZeroCountTable) {
        memory.space.set_word(object + LINK, 0);
        return Ok(Some(object));
    }
    add_to_table(memory, object);
    Ok(Some(object))
}

/// Takes `size` bytes from a new bump region, or directly from a free block. They are zero.
fn refill(drc: &mut Drc, memory: &mut ObjectMemory, size: u32) -> Result<Option<u32>, HeapFault> {
    close_run(drc, memory);
    let large = size.max(REGION_MIN.min(memory.region_bytes()));
    if let Some(block) = drc.free.take_large(memory, large)? {
        use_block(drc, memory, block, size);
        return Ok(memory.take(size));
    }
    let unmerged_max = UNMERGED_MIN.max(drc.in_use(memory));
    if drc.unmerged >= unmerged_max {
        merge(drc, memory)?;
        if let Some(block) = drc.free.take_large(memory, large)? {
            use_block(drc, memory, block, size);
            return Ok(memory.take(size));
        }
    }
    if grow(drc, memory, size) {
        return Ok(memory.take(size));
    }
    if let Some(object) = take_exactly(drc, memory, size)? {
        return Ok(Some(object));
    }
    if drc.unmerged != 0 {
        merge(drc, memory)?;
        return take_exactly(drc, memory, size);
    }
    Ok(None)
}

/// Makes a free block, or the first part of one, the bump region.
fn use_block(drc: &mut Drc, memory: &mut ObjectMemory, block: Block, size: u32) {
    retire_region(drc, memory);
    let part = block.size.min(size.max(memory.region_bytes()));
    give_rest(drc, memory, block, part);
    memory.space.prepare(block.at..block.at + part);
    memory.set_region(block.at, block.at + part);
}

/// Frees the bytes of a block behind the first `part` bytes.
fn give_rest(drc: &mut Drc, memory: &mut ObjectMemory, block: Block, part: u32) {
    let rest = Block {
        at: block.at + part,
        size: block.size - part,
    };
    let lost = planted!(memory.planted, FreeRemainderLost, if (1..BLOCK_MIN).contains(&rest.size));
    if rest.size != 0 && !lost {
        drc.free.insert(memory, rest);
    }
}

/// Takes the bytes of an object from the free block that fits best. This is for when no block is
/// large enough for a bump region.
fn take_exactly(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    size: u32,
) -> Result<Option<u32>, HeapFault> {
    let Some(block) = drc.free.take(memory, size)? else {
        return Ok(None);
    };
    give_rest(drc, memory, block, size);
    memory.space.prepare(block.at..block.at + size);
    Ok(Some(block.at))
}

/// Makes memory at the top the bump region. Returns false if there is not enough.
fn grow(drc: &mut Drc, memory: &mut ObjectMemory, size: u32) -> bool {
    // A bump region that ends at the top is extended. Any other becomes a free block.
    let at_top = memory.region_end() == drc.top;
    let start = if at_top { memory.bump() } else { drc.top };
    let limit = memory.space.limit().min(u64::from(u32::MAX)) & !u64::from(OBJECT_ALIGN - 1);
    let needed = u64::from(start) + u64::from(size);
    let end = (needed + u64::from(memory.region_bytes())).min(limit);
    if needed > limit || memory.space.ensure(end).is_err() {
        return false;
    }
    memory.space.prepare(drc.top..end as u32);
    if !at_top {
        retire_region(drc, memory);
    }
    drc.top = end as u32;
    memory.set_region(start, end as u32);
    true
}

/// Makes the rest of the bump region a free block.
fn retire_region(drc: &mut Drc, memory: &mut ObjectMemory) {
    let (at, end) = (memory.bump(), memory.region_end());
    memory.set_region(at, at);
    if at < end {
        if memory.poison {
            memory.space.poison(at..end);
        }
        let size = end - at;
        drc.free.insert(memory, Block { at, size });
    }
}

/// Frees the bytes of a dead object.
pub(super) fn free(drc: &mut Drc, memory: &mut ObjectMemory, object: u32, size: u32) {
    memory.stats.freed += 1;
    drc.unmerged += u64::from(size);
    let end = object + size;
    if memory.poison {
        memory.space.poison(object..end);
    }
    if object == drc.run.end {
        drc.run.end = end;
    } else if end == drc.run.start {
        drc.run.start = object;
    } else {
        close_run(drc, memory);
        drc.run = object..end;
    }
}

/// Makes the open run a free block. Then D4 holds without the exception.
pub(super) fn close_run(drc: &mut Drc, memory: &mut ObjectMemory) {
    let run = std::mem::replace(&mut drc.run, 0..0);
    if !run.is_empty() {
        let size = run.end - run.start;
        drc.free.insert(
            memory,
            Block {
                at: run.start,
                size,
            },
        );
    }
}

/// Merges free blocks that lie side by side.
pub(super) fn merge(drc: &mut Drc, memory: &mut ObjectMemory) -> Result<(), HeapFault> {
    sweep(drc, memory, |_, _, _| Ok(false))
}

/// Visits the whole heap, frees the objects for which `dead` returns true, and merges free blocks
/// that lie side by side.
pub(super) fn sweep(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    mut dead: impl FnMut(&mut ObjectMemory, u32, u32) -> Result<bool, HeapFault>,
) -> Result<(), HeapFault> {
    close_run(drc, memory);
    drc.free.clear();
    drc.unmerged = 0;
    let mut next = FIRST;
    // `drc.run` collects neighbours.
    while let Some(resident) = memory.resident(next, drc.top)? {
        next = resident.end();
        match resident {
            Resident::Free { at, size } => {
                if memory.poison {
                    memory.space.poison(at..at + size.min(16));
                }
                join(drc, memory, at, size);
            }
            Resident::Object { at, tag, extent } if dead(memory, at, tag)? => {
                if memory.poison {
                    memory.space.poison(at..at + extent.size);
                }
                memory.stats.freed += 1;
                join(drc, memory, at, extent.size);
            }
            Resident::Object { .. } => {}
        }
    }
    close_run(drc, memory);
    Ok(())
}

/// Adds free memory to the end of the open run, or begins a new run.
fn join(drc: &mut Drc, memory: &mut ObjectMemory, at: u32, size: u32) {
    if at != drc.run.end {
        close_run(drc, memory);
        drc.run.start = at;
    }
    drc.run.end = at + size;
}

pub(super) fn emit_allocate(emit: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
    inline::allocate(emit, object, &emit_first)
}

/// Emits what [`allocate`] does to a new object: its count is 1, and it is in the zero-count table.
fn emit_first(emit: &mut dyn Emit, address: Reg, object: Reg) {
    let one = emit.constant(1);
    emit.store(address, COUNT as i32, one, Region::Header);
    emit_add_to_table(emit, address, object);
}
