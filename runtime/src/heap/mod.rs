//! Objects and collectors. Knows layouts and roots. Does not know functions or frames.
//!
//! Reading order: `emit`, `gc_ref`, `layout`, `roots`, `schedule`, `fault`, `inline`, `space`,
//! `layouts`, `object_memory`, `access`, `free_list`, `collector`, `verify`, `null`, `copying`,
//! `drc`, `faulty`, `plans`, `allocate`, `bulk`, `census`, `points`, `write`, `ops`.
//!
//! ```text
//! this file         Heap: the collected heap of one store
//! allocate.rs       allocation by the host
//! points.rs         collection points (schedule.rs: which of them collect), collections, checks
//! write.rs          the one write path of roots; access.rs: fields and elements; bulk.rs: ranges
//! roots.rs          where references outside of the heap can be
//! object_memory.rs  what every collector works on; space.rs: its memory; free_list.rs
//! layouts.rs        the layouts of types; layout.rs: where things are in an object
//! collector.rs      what a collector is; plans.rs: the list of them
//! null/ drc/ copying/   the collectors
//! emit.rs           the instructions that collectors emit; inline.rs: inline allocation
//! verify.rs census.rs   questions about a whole heap
//! fault.rs          what can be wrong
//! ops/              random operations against a model (feature `heap-ops`)
//! faulty.rs         what planted faults do to a heap (feature `planted`)
//! ```
//!
//! A collector is a folder with the same four files: `mod` (what the algorithm is, its traits, its
//! invariants), `alloc` (the host's path and the inline path), `collect`, and `barrier` (emitted
//! code and host function in one file, because they are one invariant). A constant,
//! [`CollectorTraits`], says how a collector differs from the others. Nobody tests a collector's
//! name.

pub(crate) mod access;
mod allocate;
mod bulk;
mod census;
mod collector;
mod copying;
mod drc;
pub(crate) mod emit;
pub(crate) mod fault;
#[cfg(feature = "planted")]
mod faulty;
mod free_list;
mod gc_ref;
mod inline;
pub(crate) mod layout;
mod layouts;
mod null;
mod object_memory;
#[cfg(feature = "heap-ops")]
pub mod ops;
mod plans;
mod points;
mod roots;
mod schedule;
mod space;
#[cfg(test)]
mod tests;
mod verify;
mod write;

use std::ptr::NonNull;
use std::sync::Arc;

pub(crate) use self::access::Stored;
pub use self::collector::{Barrier, CollectorTraits};
pub(crate) use self::collector::{CollectionKind, Collector, Header, Plan, Room};
pub(crate) use self::emit::{Emit, EmitCollector, Reg};
pub(crate) use self::fault::{AccessError, AllocError};
pub use self::fault::{CountFault, HeapFault, Referrer};
pub(crate) use self::gc_ref::GcRef;
use self::layouts::Layouts;
pub(crate) use self::layouts::TypeSource;
use self::object_memory::{ObjectMemory, Stats};
pub(crate) use self::plans::plan_for;
pub use self::roots::RootKind;
pub(crate) use self::roots::Roots;
pub(crate) use self::schedule::PointKind;
use self::schedule::Scheduler;
pub(crate) use self::space::{Space, SpacePool};
use crate::abi::vmctx::VmStore;
use crate::config::{Config, StoreConfig};
use crate::planted::{Planted, planted};

/// The collected heap of a store.
///
/// A reference that it returns is good until the next collection point, unless it is in a root.
/// After a [`HeapFault`] the heap answers every call with that fault, and its memory is not
/// recycled.
#[derive(Debug)]
pub struct Heap {
    memory: ObjectMemory,
    collector: Box<dyn Collector>,
    traits: CollectorTraits,
    scheduler: Scheduler,
    points: [u64; PointKind::COUNT],
    /// Allocations asked for since `full_at` was chosen, without inline ones.
    asked: u64,
    /// The number of the allocation that finds the heap full.
    full_at: Option<u64>,
    checks: bool,
    /// Bytes that may still be checked after collections that nobody asked for: see
    /// [`Heap::check_is_due`].
    check_credit: u64,
    /// The first fault.
    faulted: Option<HeapFault>,
}

impl Heap {
    /// Reserves address space for a heap of at most `limit` bytes.
    ///
    /// # Errors
    /// [`AllocError::Exhausted`] when the system has none left.
    pub fn reserve(limit: u64, pool: &Arc<SpacePool>) -> Result<Space, AllocError> {
        Space::new(Arc::clone(pool), limit).map_err(|_| AllocError::Exhausted)
    }

    /// Makes an empty heap, and sets the words for allocation in `vm`. Whoever reserved the space
    /// sets `heap_base`.
    ///
    /// # Safety
    /// `vm` stays valid for reads and writes for as long as the heap lives, moves between threads
    /// only together with it, and nobody else accesses it while one of the heap's methods runs.
    pub unsafe fn new(
        engine: &Config,
        store: &StoreConfig,
        types: Arc<dyn TypeSource>,
        space: Space,
        vm: NonNull<VmStore>,
    ) -> Heap {
        let plan = plan_for(engine);
        let traits = plan.traits();
        let collector = plan.start(space.limit(), store.collection_bytes);
        let layouts = Layouts::new(types, traits.header_bytes, engine.planted());
        // SAFETY: the contract of this function.
        let mut memory =
            unsafe { ObjectMemory::new(space, layouts, traits.header_bytes, engine, store, vm) };
        memory.set_zero_count_table(0, 0);
        planted!(engine.planted(), LayoutsOutliveHeap => memory.take_kept_layouts(););
        let mut heap = Heap {
            memory,
            collector,
            traits,
            scheduler: Scheduler::new(store.schedule.clone()),
            points: [0; PointKind::COUNT],
            asked: 0,
            full_at: None,
            checks: store.checks,
            check_credit: points::CHECK_CREDIT_AT_FIRST,
            faulted: None,
        };
        heap.set_inline();
        heap
    }

    /// Returns how its collector differs from others.
    #[must_use]
    pub fn traits(&self) -> CollectorTraits {
        self.traits
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.memory.stats
    }

    /// Returns the faults planted on purpose.
    #[must_use]
    pub fn planted(&self) -> Planted {
        self.memory.planted
    }

    /// Returns the first fault that was found.
    #[must_use]
    pub fn first_fault(&self) -> Option<HeapFault> {
        self.faulted
    }

    /// Makes the heap unusable because of `fault`, which was found here or elsewhere (a wild access
    /// of compiled code). Returns the first fault there was.
    pub fn fault(&mut self, fault: HeapFault) -> HeapFault {
        let first = *self.faulted.get_or_insert(fault);
        self.memory.space.discard();
        self.memory.set_inline(false);
        first
    }

    /// Runs `act`, unless the heap is unusable. Makes it unusable if `act` finds a fault.
    fn guarded<R>(
        &mut self,
        act: impl FnOnce(&mut Heap) -> Result<R, HeapFault>,
    ) -> Result<R, HeapFault> {
        if let Some(fault) = self.faulted {
            return Err(fault);
        }
        act(self).map_err(|fault| self.fault(fault))
    }

    /// Returns the numbers of host objects whose last reference died, in the order of their deaths,
    /// and forgets them. The caller drops their data now, while no collection is running.
    pub fn take_dead_hosts(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.memory.dead_hosts)
    }

    /// Returns true if [`Heap::take_dead_hosts`] would return any.
    #[must_use]
    pub fn has_dead_hosts(&self) -> bool {
        !self.memory.dead_hosts.is_empty()
    }
}
