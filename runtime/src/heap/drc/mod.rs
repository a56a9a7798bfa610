//! Deferred reference counting (Deutsch and Bobrow 1976): references in frames are not counted, and
//! a list holds every object that may have no others.
//!
//! ```text
//! 0 tag    4 count    8 link    12 length, number or tag    16 fields
//! ```
//!
//! An object's count is the number of references to it in objects and counted roots, plus one while
//! it is in the zero-count table. The list over-approximates what only frames and temporaries refer to:
//! it holds new objects and those whose last counted reference was given up. A collection marks
//! what frames refer to and takes the others out; at zero an object is freed, and what only it
//! referred to, unless it is marked: then it goes into the list. Nothing is freed between
//! collections, and a collection looks at every frame: that is why loading a reference needs no
//! barrier. With `cycles`, a collection may also mark what is reachable from all roots and free the
//! rest.
//!
//! Invariants:
//! - **D1** count == edges from objects + counted roots + membership in the list, outside of the
//!   operations here and of compiled code between two operators where anyone could look
//!   ([`Emit::defer_count`]).
//! - **D2** An object without edges and counted roots is in the list; so what a frame refers to has
//!   a count.
//! - **D3** Outside of a collection, a link is 0 for objects that are not in the list; else it is
//!   the next object (0 at the end) with `IN_TABLE` set. In a collection, marks may be added.
//! - **D4** From [`FIRST`] to `top`, objects, free blocks and the region follow each other without
//!   a gap, but for the open run, which is one free block that has no header yet.
//! - **D5** Counts are zero only during a collection: on the worklist of the dead, whose links are
//!   the same words.

mod alloc;
mod audit;
mod barrier;
mod collect;
mod mark;

use std::ops::Range;

use super::emit::{EmitAllocation, Holds, Slot};
use super::fault::HeapFault;
use super::free_list::FreeList;
use super::object_memory::{FIRST, ObjectMemory};
use super::{
    Barrier, CollectionKind, Collector, CollectorTraits, Emit, EmitCollector, Header, Plan, Reg,
    Room, Roots,
};

const HEADER_BYTES: u32 = 16;
/// Offset of the count.
const COUNT: u32 = 4;
/// Offset of the link.
const LINK: u32 = 8;
/// In a link: the object is in the zero-count table.
const IN_TABLE: u32 = 1;
/// In a link, during a collection: a frame refers to the object.
const ON_STACK: u32 = 2;
/// In a link, while marking: the object is reachable.
const MARKED: u32 = 4;

/// Length of the zero-count table from which on a collection is worth its walk over the stack: about what
/// one region yields.
const TABLE_MIN: u32 = 4096;
/// Bytes of objects before the first backup trace.
const BACKUP_MIN: u64 = 16 << 20;

/// The compiled half.
#[derive(Debug)]
pub struct DrcPlan {
    /// Whether there is a backup trace.
    pub cycles: bool,
}

impl Plan for DrcPlan {
    fn traits(&self) -> CollectorTraits {
        CollectorTraits {
            moves: false,
            reclaims: true,
            reclaims_cycles: self.cycles,
            barrier: Barrier::Count,
            header_bytes: HEADER_BYTES,
        }
    }

    fn start(&self, _limit: u64) -> Box<dyn Collector> {
        Box::new(Drc {
            cycles: self.cycles,
            top: FIRST,
            free: FreeList::default(),
            run: 0..0,
            table_max: TABLE_MIN,
            backup_at: BACKUP_MIN,
            unmerged: 0,
            dead: 0,
        })
    }
}

impl EmitCollector for DrcPlan {
    fn allocate(&self, e: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
        alloc::emit_allocate(e, object)
    }

    fn count(&self, e: &mut dyn Emit, value: Reg, by: i32, holds: Holds) {
        barrier::emit_count(e, value, by, holds);
    }

    fn write(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
        barrier::emit_write(e, slot, new, holds);
    }

    fn init(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
        barrier::emit_init(e, slot, new, holds);
    }
}

/// The running half.
#[derive(Debug)]
struct Drc {
    cycles: bool,
    /// Where the part in use ends.
    top: u32,
    free: FreeList,
    /// Freed memory that is not yet a block: objects that die together often lie together.
    run: Range<u32>,
    /// Length of the zero-count table at which to collect next.
    table_max: u32,
    /// Bytes in use at which to trace next.
    backup_at: u64,
    /// Bytes freed since neighbours were last merged.
    unmerged: u64,
    /// First of the objects that a collection is about to free.
    dead: u32,
}

impl Drc {
    /// Bytes of objects, as far as is known: inline allocation may have used up more of the region.
    fn in_use(&self, memory: &ObjectMemory) -> u64 {
        let region = memory.region_end() - memory.bump();
        let run = self.run.end - self.run.start;
        u64::from(self.top - FIRST) - self.free.bytes() - u64::from(region) - u64::from(run)
    }
}

impl Collector for Drc {
    fn allocate(
        &mut self,
        memory: &mut ObjectMemory,
        header: Header,
        size: u32,
        _room: Room,
    ) -> Result<Option<u32>, HeapFault> {
        alloc::allocate(self, memory, header, size)
    }

    fn pressure(&self, memory: &ObjectMemory) -> bool {
        memory.zero_count_table().1 >= self.table_max
            || (self.cycles && self.in_use(memory) >= self.backup_at)
    }

    fn increment(
        &mut self,
        memory: &mut ObjectMemory,
        raw: u32,
        times: u32,
    ) -> Result<(), HeapFault> {
        barrier::increment(self, memory, raw, times)
    }

    fn decrement(&mut self, memory: &mut ObjectMemory, raw: u32) -> Result<(), HeapFault> {
        barrier::decrement(self, memory, raw)
    }

    fn exchange(&mut self, memory: &mut ObjectMemory, new: u32, old: u32) -> Result<(), HeapFault> {
        barrier::increment(self, memory, new, 1)?;
        barrier::decrement(self, memory, old)
    }

    fn collect(
        &mut self,
        memory: &mut ObjectMemory,
        roots: &mut dyn Roots,
        collection: CollectionKind,
    ) -> Result<(), HeapFault> {
        collect::collect(self, memory, roots, collection)
    }

    fn occupied(&mut self, memory: &mut ObjectMemory) -> Range<u32> {
        alloc::close_run(self, memory);
        FIRST..self.top
    }

    fn idle(&self, _core: &ObjectMemory) -> Range<u32> {
        0..0
    }

    fn audit(&mut self, memory: &mut ObjectMemory, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        audit::audit(self, memory, roots)
    }
}
