//! What planted faults do to a heap. Only the cargo feature `planted` compiles this.
//!
//! [`Faulty`] is a collector that emits wrong code. The seams of other faults are where the engines
//! had them.

use std::cell::RefCell;

use super::emit::{Emit, EmitAllocation, EmitCollector, Holds, Op, Reg, Region, Slot};
use super::layouts::Layouts;
use super::object_memory::ObjectMemory;
use super::{Barrier, Collector, CollectorTraits, Heap, Plan};
use crate::planted::{Planted, PlantedFault, goes_wrong, planted};

thread_local! {
    /// Layouts of heaps that this thread has dropped, by header size.
    static KEPT_LAYOUTS: RefCell<Vec<(u32, Layouts)>> = const { RefCell::new(Vec::new()) };
}

impl Drop for Heap {
    fn drop(&mut self) {
        if planted!(self.memory.planted, LayoutsOutliveHeap) {
            let header_bytes = self.memory.header_bytes;
            let layouts = self.memory.layouts.take();
            KEPT_LAYOUTS.with_borrow_mut(|kept| kept.push((header_bytes, layouts)));
        }
    }
}

impl ObjectMemory {
    /// Uses the layouts of a heap that was dropped, if there is one with the same header size.
    pub(super) fn take_kept_layouts(&mut self) {
        KEPT_LAYOUTS.with_borrow_mut(|kept| {
            let fits = |(bytes, _): &(u32, Layouts)| *bytes == self.header_bytes;
            if let Some(at) = kept.iter().position(fits) {
                self.layouts = kept.swap_remove(at).1;
            }
        });
    }
}

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

/// A collector that emits wrong code.
#[derive(Debug)]
struct Faulty {
    right: &'static dyn Plan,
    planted: Planted,
}

/// Returns `right` with the planted faults that are in emitted code. The collector is never freed:
/// builds with planted faults make few engines.
pub(super) fn plan(right: &'static dyn Plan, planted: Planted) -> &'static dyn Plan {
    Box::leak(Box::new(Faulty { right, planted }))
}

impl Plan for Faulty {
    fn traits(&self) -> CollectorTraits {
        self.right.traits()
    }

    fn start(&self, limit: u64, collection_bytes: u32) -> Box<dyn Collector> {
        self.right.start(limit, collection_bytes)
    }
}

impl Faulty {
    /// Makes an i31 look like a reference to an object, by clearing its lowest bit.
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

    /// Returns what a value may be once [`Faulty::without_tag`] has changed it. The value that it
    /// overwrites may have been changed as well.
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
        if self.planted.has(bare) && goes_wrong(bare) {
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
