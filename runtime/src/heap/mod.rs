//! Objects and collectors. Knows layouts and roots; does not know functions or frames.
//!
//! ```text
//! store_heap.rs Heap: what a store uses; collection points, allocation, the one write path of roots
//! access.rs     fields and elements         bulk.rs   ranges of elements and of roots
//! object_memory.rs  what every collector works on: space.rs (memory), layouts.rs (layouts by type id),
//!                   headers
//! null/ drc/ copying/                       the collectors
//! verify.rs census.rs                       what can be asked about a heap
//! ops/          random operations against a model
//! ```
//!
//! A collector is a folder with the same four files: `mod` (what the algorithm is, its traits, its
//! invariants), `alloc` (the host's path and the inline path), `collect`, and `barrier` (emitted
//! code and host function in one file, because they are one invariant). What distinguishes
//! collectors is a constant, [`CollectorTraits`]; nobody tests a collector's name.

pub mod access;
pub mod bulk;
pub mod census;
pub mod copying;
pub mod drc;
pub mod emit;
pub mod fault;
#[cfg(feature = "planted")]
mod faulty;
mod free_list;
pub mod gc_ref;
mod inline;
pub mod layout;
pub mod layouts;
pub mod null;
pub mod object_memory;
pub mod ops;
mod recycle;
pub mod roots;
pub mod schedule;
pub mod space;
mod store_heap;
pub mod verify;

use std::ops::Range;

pub use access::Stored;
pub use census::Census;
pub use emit::{Emit, EmitCollector, Reg};
pub use fault::{AccessError, AllocError, HeapFault, Referrer};
pub use gc_ref::GcRef;
pub use layouts::TypeSource;
pub use roots::{RootKind, Roots};
pub use schedule::PointKind;
pub use space::{Space, SpacePool};
pub use store_heap::Heap;

use self::object_memory::ObjectMemory;
use crate::config::{CollectorKind, Config};
#[cfg(feature = "planted")]
use crate::planted::Planted;

/// What must happen when a reference is written over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing.
    None,
    /// Count the new referent up and the old one down.
    Count,
}

/// How a collector differs from the others. Oracles and compiler read this, never the collector's
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorTraits {
    /// Whether objects change their place.
    pub moves: bool,
    /// Whether anything is ever reclaimed.
    pub reclaims: bool,
    /// Whether unreachable cycles are reclaimed.
    pub reclaims_cycles: bool,
    /// What writes need.
    pub barrier: Barrier,
    /// Bytes of an object's header: 8 or 16.
    pub header_bytes: u32,
}

/// How hard a collection tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectionKind {
    /// What keeps the program going.
    Routine,
    /// Everything the collector can reclaim.
    Full,
}

/// Limits that an allocation heeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The amount after which the collector would rather collect.
    Soft,
    /// All there is.
    Hard,
}

/// The running half of a collector: its state in one heap.
///
/// References are given as bits; null and i31 are allowed wherever a reference is and mean that
/// nothing is to be done.
pub trait Collector: Send + std::fmt::Debug {
    /// Makes an object: header written, the rest zero. `None` when it does not fit into `room`.
    fn allocate(
        &mut self,
        memory: &mut ObjectMemory,
        header: Header,
        size: u32,
        room: Room,
    ) -> Result<Option<u32>, HeapFault>;

    /// Whether the collector would like to collect now, whatever is asked for next.
    fn pressure(&self, memory: &ObjectMemory) -> bool;

    /// `times` more counted places refer to `raw`.
    fn increment(
        &mut self,
        memory: &mut ObjectMemory,
        raw: u32,
        times: u32,
    ) -> Result<(), HeapFault>;

    /// One counted place less refers to `raw`.
    fn decrement(&mut self, memory: &mut ObjectMemory, raw: u32) -> Result<(), HeapFault>;

    /// A counted place that held `old` holds `new` now.
    fn exchange(&mut self, memory: &mut ObjectMemory, new: u32, old: u32) -> Result<(), HeapFault> {
        self.increment(memory, new, 1)?;
        self.decrement(memory, old)
    }

    /// Reclaims what is dead; may move what is not.
    fn collect(
        &mut self,
        memory: &mut ObjectMemory,
        roots: &mut dyn Roots,
        collection: CollectionKind,
    ) -> Result<(), HeapFault>;

    /// The part of the heap that is filled with objects and free blocks without a gap, but for the
    /// region. Brings it into that state first.
    fn occupied(&mut self, memory: &mut ObjectMemory) -> Range<u32>;

    /// Memory that was in use and holds nothing now.
    fn idle(&self, memory: &ObjectMemory) -> Range<u32>;

    /// Checks what the collector notes about objects against the references there are.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn audit(&mut self, memory: &mut ObjectMemory, roots: &mut dyn Roots) -> Result<(), HeapFault>;
}

/// The words of a new object's header that do not belong to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Kind and type.
    pub tag: u32,
    /// Length, number of the host object, tag of the exception, or 0.
    pub word: u32,
}

/// A collector: its compiled half, how it differs from others, and how its running half begins.
pub trait Plan: EmitCollector + std::fmt::Debug {
    /// How it differs from others.
    fn traits(&self) -> CollectorTraits;

    /// The running half for a heap whose memory has `limit` bytes.
    fn start(&self, limit: u64) -> Box<dyn Collector>;
}

/// Every collector: the only list of them.
static PLANS: [(CollectorKind, &dyn Plan); 4] = [
    (CollectorKind::Null, &null::NullPlan),
    (CollectorKind::Drc, &drc::DrcPlan { cycles: false }),
    (CollectorKind::DrcCycles, &drc::DrcPlan { cycles: true }),
    (CollectorKind::Copying, &copying::CopyingPlan),
];

/// The collector of that kind.
///
/// # Panics
/// Never: every kind is in the list (tested).
#[must_use]
pub fn plan(kind: CollectorKind) -> &'static dyn Plan {
    let row = PLANS.iter().find(|(k, _)| *k == kind);
    row.expect("every collector is in the list").1
}

/// The collector of a configuration, with the faults that are planted in what it emits.
#[must_use]
pub fn plan_for(config: &Config) -> &'static dyn Plan {
    #[cfg(feature = "planted")]
    if config.planted != Planted::NONE {
        return faulty::plan(plan(config.collector), config.planted);
    }
    plan(config.collector)
}

#[cfg(test)]
mod tests;
