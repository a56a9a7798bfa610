//! What a collector is: how collectors differ, and the half that runs. The half that is emitted
//! into compiled code is [`EmitCollector`]. The list of collectors is in `plans`.

use std::ops::Range;

use super::{EmitCollector, HeapFault, ObjectMemory, Roots};

/// What must happen when a reference is written over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing.
    None,
    /// Increment the count of the new referent and decrement that of the old one.
    Count,
}

/// How a collector differs from the others. Oracles and the compiler read this, never the
/// collector's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorTraits {
    /// Whether a collection moves objects.
    pub moves: bool,
    /// Whether it ever reclaims memory.
    pub reclaims: bool,
    /// Whether it reclaims unreachable cycles.
    pub reclaims_cycles: bool,
    /// What a write of a reference needs.
    pub barrier: Barrier,
    /// Bytes of an object's header: 8 or 16.
    pub header_bytes: u32,
}

/// How much a collection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectionKind {
    /// As much as keeps the program going.
    Routine,
    /// Reclaim everything that the collector can reclaim.
    Full,
}

/// How much of the heap an allocation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Up to the point at which the collector prefers to collect.
    Soft,
    /// All of it.
    Hard,
}

/// The half of a collector that runs in the host: its state in one heap.
///
/// References are given as bits. Wherever a reference is expected, null and i31 are allowed and
/// change nothing.
pub trait Collector: Send + std::fmt::Debug {
    /// Allocates an object: the header is written, and the rest is zero. Returns `None` if the
    /// object does not fit into `room`.
    fn allocate(
        &mut self,
        memory: &mut ObjectMemory,
        header: Header,
        size: u32,
        room: Room,
    ) -> Result<Option<u32>, HeapFault>;

    /// Returns true if the collector prefers to collect before the next allocation of any size.
    fn pressure(&self, memory: &ObjectMemory) -> bool;

    /// Adds `times` to the count of an object.
    fn increment(
        &mut self,
        memory: &mut ObjectMemory,
        raw: u32,
        times: u32,
    ) -> Result<(), HeapFault>;

    /// Subtracts 1 from the count of an object.
    fn decrement(&mut self, memory: &mut ObjectMemory, raw: u32) -> Result<(), HeapFault>;

    /// Counts that `new` was written over `old`.
    fn exchange(&mut self, memory: &mut ObjectMemory, new: u32, old: u32) -> Result<(), HeapFault> {
        self.increment(memory, new, 1)?;
        self.decrement(memory, old)
    }

    /// Reclaims dead objects. May move live ones, and then updates all roots.
    fn collect(
        &mut self,
        memory: &mut ObjectMemory,
        roots: &mut dyn Roots,
        kind: CollectionKind,
    ) -> Result<(), HeapFault>;

    /// Returns the part of the heap that can be parsed: there, objects and free blocks follow each
    /// other without a gap, except for the bump region. Makes it parsable first.
    fn occupied(&mut self, memory: &mut ObjectMemory) -> Range<u32>;

    /// Returns the memory that was in use and holds no object now.
    fn idle(&self, memory: &ObjectMemory) -> Range<u32>;

    /// Compares what the collector records about objects with the references that exist.
    ///
    /// # Errors
    /// The first difference.
    fn audit(&mut self, memory: &mut ObjectMemory, roots: &mut dyn Roots) -> Result<(), HeapFault>;
}

/// The words of a new object's header that do not belong to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Kind and type.
    pub tag: u32,
    /// Length, number of the host object, identity of the exception's tag, or 0.
    pub word: u32,
}

/// A collector: the half that is emitted, how it differs from others, and how to make the half that
/// runs.
pub trait Plan: EmitCollector + std::fmt::Debug {
    /// Returns how it differs from others.
    fn traits(&self) -> CollectorTraits;

    /// Makes the half that runs, for an empty heap of at most `limit` bytes. For
    /// `collection_bytes` see [`StoreConfig`](crate::config::StoreConfig).
    fn start(&self, limit: u64, collection_bytes: u32) -> Box<dyn Collector>;
}
