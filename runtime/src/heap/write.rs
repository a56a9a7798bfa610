//! The one write path of references outside of compiled code: increment, write, decrement.
//!
//! Invariant: every write of a reference that compiled code does not do itself is made of
//! [`Heap::increment`] and [`Heap::decrement`], here, in `access` (fields and elements) or in
//! `bulk` (ranges). There is no second path.

use super::object_memory::is_object;
use super::{Barrier, GcRef, Heap, HeapFault};

impl Heap {
    /// Replaces the reference in a root.
    ///
    /// # Errors
    /// The old or the new reference is no object.
    pub fn write_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        self.increment(new, 1)?;
        let old = std::mem::replace(slot, new);
        self.decrement(old)
    }

    /// Writes the first reference of a new root. What the slot held before is ignored.
    ///
    /// # Errors
    /// The reference is no object.
    pub fn init_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        self.increment(new, 1)?;
        *slot = new;
        Ok(())
    }

    /// Replaces the reference in a root by null.
    ///
    /// # Errors
    /// The reference is no object.
    pub fn clear_root(&mut self, slot: &mut u32) -> Result<(), HeapFault> {
        self.write_root(slot, None)
    }

    /// Counts `times` more places that hold `raw`.
    #[inline]
    pub(super) fn increment(&mut self, raw: u32, times: u32) -> Result<(), HeapFault> {
        if self.traits.barrier == Barrier::None || !is_object(raw) || times == 0 {
            return Ok(());
        }
        self.guarded(|heap| heap.collector.increment(&mut heap.memory, raw, times))
    }

    /// Counts one place less that holds `raw`.
    #[inline]
    pub(super) fn decrement(&mut self, raw: u32) -> Result<(), HeapFault> {
        if self.traits.barrier == Barrier::None || !is_object(raw) {
            return Ok(());
        }
        self.guarded(|heap| heap.collector.decrement(&mut heap.memory, raw))
    }
}
