//! What planted faults do to a heap. Only the cargo feature `planted` compiles this.
//!
//! [`Faulty`] is a collector that emits wrong code. The seams of other faults are where the engines
//! had them.

use super::emit::{Emit, EmitAllocation, EmitCollector, Holds, Op, Reg, Region, Slot};
use super::{Barrier, Collector, CollectorTraits, Heap, Plan};
use crate::planted::{Planted, PlantedFault, planted};

impl CollectorTraits {
    /// Returns the traits of a collector whose writes count nothing.
    pub(crate) fn without_barrier(self) -> CollectorTraits {
        CollectorTraits {
            barrier: Barrier::None,
            ..self
        }
    }

    /// Returns the traits of a collector that is not asked to collect when the heap is full.
    pub(crate) fn without_reclamation(self) -> CollectorTraits {
        CollectorTraits {
            reclaims: false,
            ..self
        }
    }
}

impl Heap {
    /// Makes the heap treat its collector as one with these traits.
    pub(crate) fn set_traits(&mut self, traits: CollectorTraits) {
        self.traits = traits;
    }
}

/// A collector with faults.
#[derive(Debug)]
struct Faulty {
    right: &'static dyn Plan,
    planted: Planted,
}

/// `right`, with those of the planted faults that are in emitted code. It lives for ever: builds
/// with planted faults are for demonstrations, and make few engines.
pub(super) fn plan(right: &'static dyn Plan, planted: Planted) -> &'static dyn Plan {
    Box::leak(Box::new(Faulty { right, planted }))
}

impl Plan for Faulty {
    fn traits(&self) -> CollectorTraits {
        self.right.traits()
    }

    fn start(&self, limit: u64) -> Box<dyn Collector> {
        self.right.start(limit)
    }
}

impl Faulty {
    /// Makes an i31 look like the object whose reference it would be without its lowest bits.
    fn without_tag(&self, e: &mut dyn Emit, value: Reg) -> Reg {
        if planted!(self.planted, InlineBarrierCountsI31)
            && self.right.traits().barrier == Barrier::Count
        {
            let mask = e.constant(!1);
            e.op(Op::And, value, mask)
        } else {
            value
        }
    }

    /// What a value is taken for that may have lost its tag, and what was written over by one.
    fn taken_for(&self, holds: Holds) -> Holds {
        if planted!(self.planted, InlineBarrierCountsI31) {
            Holds::ANY
        } else {
            holds
        }
    }
}

impl EmitCollector for Faulty {
    fn allocate(&self, e: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg {
        self.right.allocate(e, object)
    }

    fn count(&self, e: &mut dyn Emit, value: Reg, by: i32, holds: Holds) {
        self.right.count(e, value, by, holds);
    }

    fn write(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
        let bare = match slot.region {
            Region::Global => PlantedFault::GlobalSetNoBarrier,
            Region::Table => PlantedFault::TableSetNoBarrier,
            _ => PlantedFault::InlineWriteNoBarrier,
        };
        if self.planted.has(bare) {
            slot.store(e, new);
            return;
        }
        let counted = self.without_tag(e, new);
        let holds = self.taken_for(holds);
        self.right.write(e, slot, counted, holds);
        slot.store(e, new);
    }

    fn init(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
        let counted = self.without_tag(e, new);
        let holds = self.taken_for(holds);
        self.right.init(e, slot, counted, holds);
        slot.store(e, new);
    }
}
