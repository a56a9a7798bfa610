//! Collectors whose emitted half has a planted fault. The faults of the host's half sit where the
//! real ones sat.

use super::emit::{Emit, EmitAllocation, EmitCollector, Holds, Op, Reg, Region, Slot};
use super::{Barrier, Collector, CollectorTraits, Plan};
use crate::planted::{Fault, Planted};

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
        if self.planted.has(Fault::InlineBarrierCountsI31)
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
        if self.planted.has(Fault::InlineBarrierCountsI31) {
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
            Region::Global => Fault::GlobalSetNoBarrier,
            Region::Table => Fault::TableSetNoBarrier,
            _ => Fault::InlineWriteNoBarrier,
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
