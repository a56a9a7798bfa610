//! Semi-space copying (Cheney 1970). Objects are allocated in one half. A collection moves the
//! reachable ones to the other half. It follows references breadth-first, and the copies are the
//! queue.
//!
//! Invariants:
//! - **C1** The halves are disjoint, begin at multiples of 8, and have the same size.
//! - **C2** Outside of a collection, all objects are in the current half. They follow each other
//!   without a gap from its start to the bump region.
//! - **C3** The idle half holds no object. If the configuration asks for poison, the part of it
//!   that was ever written to is poisoned.
//!
//! The soft limit is how much of a half is used before the next collection. It grows with the
//! number of bytes that the last collection found alive. So the cost of copying stays a fixed share
//! of the cost of allocating, and small programs stay in the cache.
//!
//! Reading order: `alloc`, `barrier`, `collect`.

mod alloc;
mod barrier;
mod collect;

use std::ops::Range;

use super::emit::{EmitAllocation, Holds, Slot};
use super::fault::HeapFault;
use super::object_memory::{FIRST, ObjectMemory};
use super::{
    Barrier, CollectionKind, Collector, CollectorTraits, Emit, EmitCollector, Header, Plan, Reg,
    Room, Roots,
};

const TRAITS: CollectorTraits = CollectorTraits {
    moves: true,
    reclaims: true,
    reclaims_cycles: true,
    barrier: Barrier::None,
    header_bytes: 8,
};

/// The half that is emitted.
#[derive(Debug)]
pub struct CopyingPlan;

impl Plan for CopyingPlan {
    fn traits(&self) -> CollectorTraits {
        TRAITS
    }

    fn start(&self, limit: u64, collection_bytes: u32) -> Box<dyn Collector> {
        Box::new(Copying::new(limit, collection_bytes))
    }
}

impl EmitCollector for CopyingPlan {
    fn allocate(&self, e: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
        alloc::emit_allocate(e, object)
    }

    fn write(&self, e: &mut dyn Emit, slot: Slot, new: Reg, _holds: Holds) {
        barrier::emit_write(e, slot, new);
    }

    fn init(&self, e: &mut dyn Emit, slot: Slot, new: Reg, _holds: Holds) {
        barrier::emit_init(e, slot, new);
    }
}

/// The half that runs.
#[derive(Debug)]
struct Copying {
    /// The start of the half in which objects are allocated.
    current: u32,
    /// The start of the other half.
    other: u32,
    /// The size of a half in bytes.
    half: u32,
    /// The soft limit: the bytes of the current half that are used before the next collection. It
    /// is at least `StoreConfig::collection_bytes`, so a program with few live objects collects
    /// rarely.
    soft: u32,
    /// The references of the host, in the order of their allocation.
    externs: Vec<u32>,
}

impl Copying {
    fn new(limit: u64, collection_bytes: u32) -> Copying {
        // The last bytes below 4 GiB stay unused, so that every end is a 32-bit offset.
        let usable = limit
            .min(u64::from(u32::MAX))
            .saturating_sub(u64::from(FIRST));
        let half = (usable / 2) as u32 & !15;
        Copying {
            current: FIRST,
            other: FIRST + half,
            half,
            soft: collection_bytes.min(half),
            externs: Vec::new(),
        }
    }
}

impl Collector for Copying {
    fn allocate(
        &mut self,
        memory: &mut ObjectMemory,
        header: Header,
        size: u32,
        room: Room,
    ) -> Result<Option<u32>, HeapFault> {
        Ok(alloc::allocate(self, memory, header, size, room))
    }

    fn pressure(&self, _memory: &ObjectMemory) -> bool {
        false
    }

    fn increment(
        &mut self,
        _memory: &mut ObjectMemory,
        _raw: u32,
        _times: u32,
    ) -> Result<(), HeapFault> {
        Ok(())
    }

    fn decrement(&mut self, _memory: &mut ObjectMemory, _raw: u32) -> Result<(), HeapFault> {
        Ok(())
    }

    fn collect(
        &mut self,
        memory: &mut ObjectMemory,
        roots: &mut dyn Roots,
        _collection: CollectionKind,
    ) -> Result<(), HeapFault> {
        collect::collect(self, memory, roots)
    }

    fn occupied(&mut self, memory: &mut ObjectMemory) -> Range<u32> {
        self.current..memory.bump()
    }

    fn idle(&self, memory: &ObjectMemory) -> Range<u32> {
        collect::idle(self, memory)
    }

    fn audit(
        &mut self,
        _memory: &mut ObjectMemory,
        _roots: &mut dyn Roots,
    ) -> Result<(), HeapFault> {
        Ok(())
    }
}
