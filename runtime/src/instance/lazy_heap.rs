//! A store's collected heap, which is made when the first object is.
//!
//! This file alone asks whether there is a heap yet. Without one there are no objects: every
//! reference is null or an i31, nothing is counted, and collection points are not numbered.
//!
//! Always: a reference is written to a root outside of compiled code by [`LazyHeap::write_root`],
//! [`LazyHeap::init_root`] or one of their forms for ranges, whoever asks for it. There is no
//! second way.

use std::ptr::NonNull;
use std::sync::Arc;

use super::engine::EngineData;
use crate::abi::vmctx::VmStore;
use crate::config::StoreConfig;
use crate::error::Exhausted;
use crate::execute::Raised;
use crate::heap::{GcRef, Heap, HeapFault, PointKind, Roots, Space, TypeSource};
use crate::planted::Planted;

/// A store's heap, or none yet.
#[derive(Debug, Default)]
pub struct LazyHeap {
    heap: Option<Heap>,
    /// The heap's address space, as long as it is reserved and there is no heap.
    reserved: Option<Space>,
    /// See [`Heap::set_full_at`].
    full_at: Option<u64>,
}

impl LazyHeap {
    /// Reserves address space for the heap. Returns its start if that is new.
    ///
    /// # Errors
    /// `Exhausted(GcHeap)` when there is no address space.
    pub fn reserve(
        &mut self,
        engine: &EngineData,
        config: &StoreConfig,
    ) -> Result<Option<NonNull<u8>>, Raised> {
        if self.heap.is_some() || self.reserved.is_some() {
            return Ok(None);
        }
        let space = Heap::reserve(config.heap_limit, &engine.spaces)?;
        let base = space.base();
        self.reserved = Some(space);
        Ok(Some(base))
    }

    /// Returns the heap. Makes it if there is none and its address space is reserved.
    ///
    /// # Errors
    /// `Exhausted(GcHeap)` when there is neither a heap nor address space.
    ///
    /// # Safety
    /// `vm` lives longer than this value, and is used only through the store that owns both.
    pub unsafe fn make(
        &mut self,
        engine: &EngineData,
        config: &StoreConfig,
        vm: NonNull<VmStore>,
    ) -> Result<&mut Heap, Raised> {
        if let Some(space) = self.reserved.take() {
            let types: Arc<dyn TypeSource> = Arc::clone(&engine.registry) as _;
            // SAFETY: the caller's promise.
            let mut heap = unsafe { Heap::new(&engine.config, config, types, space, vm) };
            heap.set_full_at(self.full_at);
            self.heap = Some(heap);
        }
        let heap = self.heap.as_mut();
        heap.ok_or(Raised::Exhausted(Exhausted::GcHeap))
    }

    /// Returns the heap, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&Heap> {
        self.heap.as_ref()
    }

    /// Returns the heap, if there is one.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut Heap> {
        self.heap.as_mut()
    }

    /// Returns the faults that are planted in the heap.
    #[must_use]
    pub fn planted(&self) -> Planted {
        self.heap.as_ref().map_or(Planted::NONE, Heap::planted)
    }

    /// Lets the allocation with this number find the heap full: see [`Heap::set_full_at`].
    pub fn set_full_at(&mut self, number: Option<u64>) {
        self.full_at = number;
        if let Some(heap) = &mut self.heap {
            heap.set_full_at(number);
        }
    }

    /// Returns the first fault that the heap found in itself.
    #[must_use]
    pub fn first_fault(&self) -> Option<HeapFault> {
        self.heap.as_ref().and_then(Heap::first_fault)
    }

    /// Notes a fault. The heap refuses everything from now on.
    pub fn fault(&mut self, fault: HeapFault) {
        if let Some(heap) = &mut self.heap {
            heap.fault(fault);
        }
    }
}

/// Collections and checks.
impl LazyHeap {
    /// Passes a collection point. Returns true if there was a collection.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn point(&mut self, kind: PointKind, roots: &mut dyn Roots) -> Result<bool, HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.point(kind, roots),
            None => Ok(false),
        }
    }

    /// Passes a collection point if there is no collection at it. Returns true if so.
    pub fn passes_point(&mut self, kind: PointKind) -> bool {
        let heap = self.heap.as_mut();
        heap.is_none_or(|heap| heap.passes_point(kind))
    }

    /// Collects everything that the collector can reclaim.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn collect(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.collect(roots),
            None => Ok(()),
        }
    }

    /// Returns the numbers of host objects whose references died since the last call.
    pub fn take_dead_hosts(&mut self) -> Vec<u32> {
        match &mut self.heap {
            Some(heap) if heap.has_dead_hosts() => heap.take_dead_hosts(),
            _ => Vec::new(),
        }
    }

    /// Checks the heap and all roots.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.verify(roots),
            None => Ok(()),
        }
    }

    /// Checks reference counts against the references there are, if the collector counts.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn audit(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.audit(roots),
            None => Ok(()),
        }
    }
}

/// Writing references to roots.
impl LazyHeap {
    /// Replaces the reference in a root.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn write_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.write_root(slot, new),
            None => {
                *slot = GcRef::to_raw(new);
                Ok(())
            }
        }
    }

    /// Gives a new root its first reference. What the slot holds is ignored.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn init_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.init_root(slot, new),
            None => {
                *slot = GcRef::to_raw(new);
                Ok(())
            }
        }
    }

    /// Replaces every reference in `slots` by the same one.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn fill_roots(&mut self, slots: &mut [u32], new: Option<GcRef>) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.fill_roots(slots, new),
            None => {
                slots.fill(GcRef::to_raw(new));
                Ok(())
            }
        }
    }

    /// Gives new roots their first reference. What the slots hold is ignored.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn init_roots(&mut self, slots: &mut [u32], new: Option<GcRef>) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.init_roots(slots, new),
            None => {
                slots.fill(GcRef::to_raw(new));
                Ok(())
            }
        }
    }

    /// Replaces the references in `to` by those in `from`.
    ///
    /// # Panics
    /// The lengths differ.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn copy_roots(&mut self, to: &mut [u32], from: &[u32]) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.copy_roots(to, from),
            None => {
                to.copy_from_slice(from);
                Ok(())
            }
        }
    }

    /// Replaces `len` references from `at` on by those from `start` on. The ranges may overlap.
    ///
    /// # Panics
    /// A range is not in `slots`.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn copy_roots_within(
        &mut self,
        slots: &mut [u32],
        at: usize,
        start: usize,
        len: usize,
    ) -> Result<(), HeapFault> {
        match &mut self.heap {
            Some(heap) => heap.copy_roots_within(slots, at, start, len),
            None => {
                slots.copy_within(start..start + len, at);
                Ok(())
            }
        }
    }
}
