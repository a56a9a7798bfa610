//! Deferred reference counting (Deutsch and Bobrow 1976). References in frames are not counted. The
//! zero-count table holds the objects to which perhaps only frames refer.
//!
//! ```text
//! 0 tag    4 count    8 link    12 length, number or tag    16 fields
//! ```
//!
//! The count of an object is the number of references to it in objects and in counted roots, plus 1
//! while it is in the table. An object goes into the table when it is new, and when its last
//! counted reference goes. It is not freed then, since a frame may have loaded the reference
//! before.
//!
//! A collection marks the objects to which frames refer, and takes all others out of the table. An
//! object whose count becomes 0 is freed. The objects to which it refers lose a reference, and are
//! treated in the same way. Nothing is freed between collections, and every collection visits all
//! frames. Therefore a load of a reference needs no barrier. With `cycles`, a collection may also
//! mark everything that is reachable from all roots, and free the rest.
//!
//! Invariants:
//! - **D1** The count of an object is the number of references from objects, plus that of counted
//!   roots, plus 1 if it is in the table. This may be wrong only while an operation here runs, and
//!   in compiled code between two operators if nobody can look ([`Emit::defer_count`]).
//! - **D2** An object without references from objects and counted roots is in the table. So an
//!   object to which a frame refers has a count.
//! - **D3** Outside of a collection, the link of an object that is not in the table is 0. The link
//!   of an object in the table is the next object, or 0 at the end, with `IN_TABLE` set. A
//!   collection may add marks.
//! - **D4** From [`FIRST`] to `top`, objects, free blocks and the bump region follow each other
//!   without a gap. The exception is the open run: a free block that has no header yet.
//! - **D5** A count is 0 only during a collection, for objects in the list of the dead. The links
//!   of that list are in the same words as those of the table.
//!
//! Reading order: `barrier`, `alloc`, `mark`, `collect`, `audit`.

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
/// The offset of the count.
const COUNT: u32 = 4;
/// The offset of the link.
const LINK: u32 = 8;
/// In a link: the object is in the zero-count table.
const IN_TABLE: u32 = 1;
/// In a link, during a collection: a frame refers to the object.
const ON_STACK: u32 = 2;
/// In a link, while marking: the object is reachable.
const MARKED: u32 = 4;

/// Returns the smallest length of the zero-count table at which a collection is worth its visit of
/// the stack: usually 4096. It is about the number of objects that fit into one bump region.
const fn table_min(collection_bytes: u32) -> u32 {
    collection_bytes / 256
}

/// Returns the bytes in use at which the first backup trace runs: usually 16 MiB.
const fn backup_min(collection_bytes: u32) -> u64 {
    collection_bytes as u64 * 16
}

/// The half that is emitted.
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

    fn start(&self, _limit: u64, collection_bytes: u32) -> Box<dyn Collector> {
        Box::new(Drc {
            cycles: self.cycles,
            top: FIRST,
            free: FreeList::default(),
            run: 0..0,
            table_max: table_min(collection_bytes),
            backup_at: backup_min(collection_bytes),
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

/// The half that runs.
#[derive(Debug)]
struct Drc {
    cycles: bool,
    /// The end of the part in use.
    top: u32,
    free: FreeList,
    /// The open run: freed memory that is not yet a block. Objects that die together often lie side
    /// by side.
    run: Range<u32>,
    /// The length of the zero-count table at which the next collection runs.
    table_max: u32,
    /// The bytes in use at which the next backup trace runs.
    backup_at: u64,
    /// The bytes that were freed since neighbours were merged last.
    unmerged: u64,
    /// The first object in the list of the dead, which a collection is about to free.
    dead: u32,
}

impl Drc {
    /// Returns the bytes in use. Objects that were allocated inline since the last call of the host
    /// count as well.
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

    fn idle(&self, _memory: &ObjectMemory) -> Range<u32> {
        0..0
    }

    fn audit(&mut self, memory: &mut ObjectMemory, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        audit::audit(self, memory, roots)
    }
}
