//! The collector that never collects. Objects follow each other until the memory is used up.
//!
//! Invariant: the occupied part begins at [`FIRST`](super::object_memory::FIRST) and ends at the
//! bump region.
//!
//! Reading order: `alloc`, `barrier`, `collect`.

mod alloc;
mod barrier;
mod collect;

use std::ops::Range;

use super::emit::{EmitAllocation, Holds, Slot};
use super::fault::HeapFault;
use super::object_memory::ObjectMemory;
use super::{
    Barrier, CollectionKind, Collector, CollectorTraits, Emit, EmitCollector, Header, Plan, Reg,
    Room, Roots,
};

const TRAITS: CollectorTraits = CollectorTraits {
    moves: false,
    reclaims: false,
    reclaims_cycles: false,
    barrier: Barrier::None,
    header_bytes: 8,
};

/// The half that is emitted.
#[derive(Debug)]
pub struct NullPlan;

impl Plan for NullPlan {
    fn traits(&self) -> CollectorTraits {
        TRAITS
    }

    fn start(&self, _limit: u64, _collection_bytes: u32) -> Box<dyn Collector> {
        Box::new(Null)
    }
}

impl EmitCollector for NullPlan {
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
struct Null;

impl Collector for Null {
    fn allocate(
        &mut self,
        memory: &mut ObjectMemory,
        header: Header,
        size: u32,
        _room: Room,
    ) -> Result<Option<u32>, HeapFault> {
        Ok(alloc::allocate(memory, header, size))
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
        _roots: &mut dyn Roots,
        _collection: CollectionKind,
    ) -> Result<(), HeapFault> {
        collect::collect(memory);
        Ok(())
    }

    fn occupied(&mut self, memory: &mut ObjectMemory) -> Range<u32> {
        collect::occupied(memory)
    }

    fn idle(&self, _memory: &ObjectMemory) -> Range<u32> {
        0..0
    }

    fn audit(
        &mut self,
        _memory: &mut ObjectMemory,
        _roots: &mut dyn Roots,
    ) -> Result<(), HeapFault> {
        Ok(())
    }
}
