//! Semi-space copying (Cheney 1970): objects are made in one half; a collection moves what is
//! reachable to the other half, following references breadth-first with the copies themselves as
//! the queue.
//!
//! Invariants:
//! - **C1** The halves are disjoint, begin at multiples of 8 and have the same size; each can hold
//!   all that the other holds.
//! - **C2** Outside of a collection, all objects are in the current half, from its start to the
//!   region without a gap.
//! - **C3** The idle half holds nothing; what was written of it is poisoned if the configuration
//!   asks for it.
//!
//! How much of a half is used before the next collection (the soft limit) grows with what the last
//! one found alive, so that the cost of copying stays a fixed share of the cost of allocating, and
//! small programs stay in the cache.

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

/// The compiled half.
#[derive(Debug)]
pub struct CopyingPlan;

impl Plan for CopyingPlan {
    fn traits(&self) -> CollectorTraits {
        TRAITS
    }

    fn start(&self, limit: u64) -> Box<dyn Collector> {
        Box::new(Copying::new(limit))
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

/// The running half.
#[derive(Debug)]
struct Copying {
    /// Start of the half that objects are made in.
    current: u32,
    /// Start of the other one.
    other: u32,
    /// Bytes of a half.
    half: u32,
    /// Bytes of the current half that are used before the next collection.
    soft: u32,
    /// References of the host, in the order in which they were made.
    externs: Vec<u32>,
}

impl Copying {
    fn new(limit: u64) -> Copying {
        // The last bytes below 4 GiB stay unused, so that ends are 32-bit offsets too.
        let usable = limit
            .min(u64::from(u32::MAX))
            .saturating_sub(u64::from(FIRST));
        let half = (usable / 2) as u32 & !15;
        Copying {
            current: FIRST,
            other: FIRST + half,
            half,
            soft: alloc::SOFT_MIN.min(half),
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

    fn pressure(&self, _core: &ObjectMemory) -> bool {
        false
    }

    fn increment(
        &mut self,
        _core: &mut ObjectMemory,
        _raw: u32,
        _times: u32,
    ) -> Result<(), HeapFault> {
        Ok(())
    }

    fn decrement(&mut self, _core: &mut ObjectMemory, _raw: u32) -> Result<(), HeapFault> {
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

    fn audit(&mut self, _core: &mut ObjectMemory, _roots: &mut dyn Roots) -> Result<(), HeapFault> {
        Ok(())
    }
}
