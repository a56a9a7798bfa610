//! Operations on ranges of array elements, and on ranges of roots (tables and segments). Like every
//! write of a reference they are made of an increment and a decrement.
//!
//! Always:
//! - Bounds are checked before anything is read or written.
//! - A copy between overlapping ranges has the result of a copy through a buffer.
//! - Counts are right when the operation ends. Nothing is freed before that.

use super::fault::{AccessError, HeapFault};
use super::layout::{is_traced, storage_bytes};
use super::object_memory::is_object;
use super::{Barrier, GcRef, Heap, Stored};
use crate::planted::planted;

/// A checked range of an array's elements.
struct Elements {
    /// Offset of its first byte in the heap.
    start: u32,
    /// Bytes of an element.
    bytes: u32,
    /// Whether its elements are traced.
    traced: bool,
}

impl Heap {
    fn range(&mut self, array: GcRef, at: u32, len: u32) -> Result<Elements, AccessError> {
        let (object, layout, elements) = self.guarded(|heap| heap.elements(array))?;
        if u64::from(at) + u64::from(len) > u64::from(elements) {
            return Err(AccessError::OutOfBounds);
        }
        let storage = layout.fields[0].storage;
        let bytes = storage_bytes(storage);
        Ok(Elements {
            // The object ends below 4 GiB, and so does any range in it.
            start: object + layout.size + at * bytes,
            bytes,
            traced: is_traced(storage),
        })
    }

    fn counts(&self) -> bool {
        self.traits().barrier == Barrier::Count
    }

    /// `array.fill`.
    ///
    /// # Errors
    /// The range is not in the array, or the value does not have the type of the elements. Nothing
    /// was changed.
    pub fn array_fill(
        &mut self,
        array: GcRef,
        at: u32,
        value: Stored,
        len: u32,
    ) -> Result<(), AccessError> {
        let storage = self.element_storage(array)?;
        let to = self.range(array, at, len)?;
        let len = if planted!(self.memory.planted, ArrayFillFromStart, if at < len) {
            len.min(at)
        } else {
            len
        };
        if !Heap::fits(value, storage) {
            let object = array.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        match value {
            Stored::I8(v) => self.memory.space.bytes_mut(to.start, len).fill(v),
            Stored::I16(v) => self.fill_with(&to, len, &v.to_ne_bytes()),
            Stored::I32(v) | Stored::Func(v) => self.fill_with(&to, len, &v.to_ne_bytes()),
            Stored::I64(v) => self.fill_with(&to, len, &v.to_ne_bytes()),
            Stored::V128(v) => self.fill_with(&to, len, &v.to_ne_bytes()),
            Stored::Ref(v) if planted!(self.memory.planted, ArrayFillNoBarrier) => {
                self.fill_with(&to, len, &GcRef::to_raw(v).to_ne_bytes());
            }
            Stored::Ref(v) => {
                let new = GcRef::to_raw(v);
                self.increment(new, len)?;
                self.guarded(|heap| {
                    for slot in (to.start..).step_by(4).take(len as usize) {
                        let old = heap.memory.space.word(slot);
                        heap.memory.space.set_word(slot, new);
                        if heap.counts() {
                            heap.collector.decrement(&mut heap.memory, old)?;
                        }
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn fill_with<const N: usize>(&mut self, to: &Elements, len: u32, value: &[u8; N]) {
        let bytes = self.memory.space.bytes_mut(to.start, len * N as u32);
        for element in bytes.chunks_exact_mut(N) {
            element.copy_from_slice(value);
        }
    }

    /// Writes a reference over the one in a slot of the heap.
    #[inline]
    fn exchange_slot(&mut self, slot: u32, new: u32) -> Result<(), HeapFault> {
        let old = self.memory.space.word(slot);
        self.memory.space.set_word(slot, new);
        self.collector.exchange(&mut self.memory, new, old)
    }

    /// Writes a reference over the one in a root. Bulk operations often write a reference that the
    /// root already holds: that changes no count.
    #[inline(always)]
    fn exchange_root(&mut self, slot: &mut u32, new: u32) -> Result<(), HeapFault> {
        let old = std::mem::replace(slot, new);
        if old == new {
            return Ok(());
        }
        self.collector.exchange(&mut self.memory, new, old)
    }

    #[inline]
    fn exchange_copied(&mut self, slot: u32, new: u32) -> Result<(), HeapFault> {
        let old = self.memory.space.word(slot);
        if planted!(self.memory.planted, ArrayCopyReleasesI31, if old & 1 == 1) {
            self.memory.space.set_word(slot, new);
            return self.collector.exchange(&mut self.memory, new, old & !1);
        }
        self.exchange_slot(slot, new)
    }

    /// `array.copy`. The caller has compared the element types.
    ///
    /// # Errors
    /// A range is not in its array. Nothing was changed.
    pub fn array_copy(
        &mut self,
        to: GcRef,
        at: u32,
        from: GcRef,
        start: u32,
        len: u32,
    ) -> Result<(), AccessError> {
        let target = self.range(to, at, len)?;
        let source = self.range(from, start, len)?;
        if target.bytes != source.bytes || target.traced != source.traced {
            let object = to.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        let bytes = len * target.bytes;
        let forward = planted!(self.memory.planted, ArrayCopyForward);
        let bare = planted!(self.memory.planted, ArrayCopyNoBarrier);
        if !target.traced || !self.counts() || bare {
            if forward {
                for offset in 0..bytes {
                    let byte: u8 = self.memory.space.load(source.start + offset);
                    self.memory.space.store(target.start + offset, byte);
                }
            } else {
                self.memory.space.copy(source.start, target.start, bytes);
            }
            return Ok(());
        }
        // The direction is such that no element is written before it is read. An element that is
        // still to be read keeps its referent counted.
        let mut offsets = (0..bytes).step_by(4);
        let upwards = target.start <= source.start || forward;
        let mut next = || {
            if upwards {
                offsets.next()
            } else {
                offsets.next_back()
            }
        };
        Ok(self.guarded(|heap| {
            while let Some(offset) = next() {
                let new = heap.memory.space.word(source.start + offset);
                heap.exchange_copied(target.start + offset, new)?;
            }
            Ok(())
        })?)
    }

    /// `array.init_data`, and the second half of `array.new_data`: writes whole elements from
    /// bytes.
    ///
    /// # Errors
    /// The range is not in the array, its elements are references, or `bytes` is no whole number of
    /// elements. Nothing was changed.
    pub fn array_init_bytes(
        &mut self,
        array: GcRef,
        at: u32,
        bytes: &[u8],
    ) -> Result<(), AccessError> {
        let width = self.range(array, 0, 0)?.bytes as usize;
        if !bytes.len().is_multiple_of(width) {
            let object = array.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        let len = u32::try_from(bytes.len() / width).map_err(|_| AccessError::OutOfBounds)?;
        let to = self.range(array, at, len)?;
        if to.traced {
            let object = array.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        let target = self.memory.space.bytes_mut(to.start, len * to.bytes);
        target.copy_from_slice(bytes);
        Ok(())
    }

    /// `array.init_elem`, and the second half of `array.new_elem`, for references into the heap.
    /// They are given as bits.
    ///
    /// # Errors
    /// The range is not in the array, or its elements are no such references. Nothing was changed.
    pub fn array_init_refs(
        &mut self,
        array: GcRef,
        at: u32,
        refs: &[u32],
    ) -> Result<(), AccessError> {
        let len = u32::try_from(refs.len()).map_err(|_| AccessError::OutOfBounds)?;
        let to = self.range(array, at, len)?;
        if !to.traced {
            let object = array.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        if planted!(self.memory.planted, ArrayInitElemNoBarrier) {
            for (slot, &new) in (to.start..).step_by(4).zip(refs) {
                self.memory.space.set_word(slot, new);
            }
            return Ok(());
        }
        if planted!(self.memory.planted, ArrayInitElemWide) {
            for (slot, &new) in (to.start..).step_by(8).zip(refs) {
                self.memory.space.store(slot, u64::from(new));
            }
            return Ok(());
        }
        Ok(self.guarded(|heap| {
            let mut slots = (to.start..).step_by(4).zip(refs);
            slots.try_for_each(|(slot, &new)| heap.exchange_slot(slot, new))
        })?)
    }

    /// `array.init_elem`, and the second half of `array.new_elem`, for numbers of functions.
    ///
    /// # Errors
    /// The range is not in the array, or its elements are no functions. Nothing was changed.
    pub fn array_init_funcs(
        &mut self,
        array: GcRef,
        at: u32,
        funcs: &[u32],
    ) -> Result<(), AccessError> {
        let len = u32::try_from(funcs.len()).map_err(|_| AccessError::OutOfBounds)?;
        let storage = self.element_storage(array)?;
        let to = self.range(array, at, len)?;
        if !Heap::fits(Stored::Func(0), storage) {
            let object = array.raw();
            return Err(self.fault(HeapFault::WrongField { object, at }).into());
        }
        for (slot, &func) in (to.start..).step_by(4).zip(funcs) {
            self.memory.space.set_word(slot, func);
        }
        Ok(())
    }

    /// `table.fill`: replaces every reference in `slots`.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn fill_roots(&mut self, slots: &mut [u32], new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        let memset = planted!(self.memory.planted, TableFillNullMemset, if new == 0);
        if !self.counts() || memset {
            slots.fill(new);
            return Ok(());
        }
        let same_too = planted!(self.memory.planted, SameReferenceGivenUp);
        let mut changes = 0;
        // Slots that already hold the new reference are left out, so no decrement here takes a
        // count that only the increment below provides.
        self.guarded(|heap| {
            for slot in slots {
                let old = std::mem::replace(slot, new);
                changes += usize::from(old != new);
                if old != new || same_too {
                    heap.collector.decrement(&mut heap.memory, old)?;
                }
            }
            Ok(())
        })?;
        self.increment_many(new, changes)
    }

    /// Growth of a table: writes the first reference of new roots. What they held before is
    /// ignored.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn init_roots(&mut self, slots: &mut [u32], new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        self.increment_many(new, slots.len())?;
        slots.fill(new);
        Ok(())
    }

    /// `table.init`, and `table.copy` between two tables: replaces the references in `to` by those
    /// in `from`.
    ///
    /// # Panics
    /// The lengths differ.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn copy_roots(&mut self, to: &mut [u32], from: &[u32]) -> Result<(), HeapFault> {
        assert_eq!(to.len(), from.len());
        if !self.counts() {
            to.copy_from_slice(from);
            return Ok(());
        }
        self.guarded(|heap| {
            let mut pairs = to.iter_mut().zip(from);
            pairs.try_for_each(|(slot, &new)| heap.exchange_root(slot, new))
        })
    }

    /// `table.copy` within one table: replaces `len` references from `at` on by those from `start`
    /// on.
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
        if !self.counts() {
            slots.copy_within(start..start + len, at);
            return Ok(());
        }
        let distance = at.abs_diff(start);
        if distance >= len {
            let (low, high) = slots.split_at_mut(at.max(start));
            return if at < start {
                self.copy_roots(&mut low[at..at + len], &high[..len])
            } else {
                self.copy_roots(&mut high[..len], &low[start..start + len])
            };
        }
        // References that lie in both ranges are held as often as before.
        let (added, removed) = if at <= start {
            (start + len - distance, at)
        } else {
            (start, at + len - distance)
        };
        self.guarded(|heap| {
            let mut added = slots[added..added + distance].iter();
            added.try_for_each(|&new| heap.collector.increment(&mut heap.memory, new, 1))?;
            let mut removed = slots[removed..removed + distance].iter();
            removed.try_for_each(|&old| heap.collector.decrement(&mut heap.memory, old))
        })?;
        slots.copy_within(start..start + len, at);
        Ok(())
    }

    fn increment_many(&mut self, raw: u32, times: usize) -> Result<(), HeapFault> {
        if !self.counts() || !is_object(raw) {
            return Ok(());
        }
        let count = 0;
        let times =
            u32::try_from(times).map_err(|_| HeapFault::CountRange { object: raw, count })?;
        self.increment(raw, times)
    }
}
