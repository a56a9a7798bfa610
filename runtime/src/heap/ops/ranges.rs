//! Operations on ranges of array elements and of the table.

use super::driver::{Driver, expect_out_of_bounds};
use super::model::{MismatchKind, is_ref, storage};
use super::slots::{SEGMENT, SEGMENT_AT, TABLE, TABLE_AT};
use super::types::{BYTES, LONGS, NODES, REFS, VECTORS};
use crate::heap::GcRef;
use crate::heap::layout::Kind;

impl Driver {
    pub(super) fn fill(
        &mut self,
        slot: usize,
        at: usize,
        len: usize,
        from: usize,
        number: u32,
    ) -> Result<(), MismatchKind> {
        let Some((slot, array, ty, count)) = self.array(slot) else {
            return Ok(());
        };
        let Some((value, expected)) = self.value(storage(ty, 0), from, number) else {
            return Ok(());
        };
        let (at, len) = clamp(at, len, count, number);
        let done = self.heap.array_fill(array, at as u32, value, len as u32);
        if at + len > count {
            return expect_out_of_bounds(done);
        }
        done?;
        if let Some(object) = self.model.get_mut(self.refs[slot]) {
            object.values[at..at + len].fill(expected);
        }
        Ok(())
    }

    pub(super) fn copy(
        &mut self,
        to: usize,
        from: usize,
        [at, start, len]: [usize; 3],
    ) -> Result<(), MismatchKind> {
        let Some((to, target, to_ty, to_len)) = self.array(to) else {
            return Ok(());
        };
        // Either the types are the same, or nodes are copied to an array of any references.
        let alike = |ty: u32| ty == to_ty || (ty == NODES && to_ty == REFS);
        let source = self.nearest(from, |kind, ty, _| kind == Kind::Array && alike(ty));
        let Some((from, source, _, from_len)) = source.and_then(|slot| self.array(slot)) else {
            return Ok(());
        };
        let (at, mut len) = clamp(at, len, to_len, start as u32);
        let start = start % (from_len + 1);
        if len % 8 != 7 {
            len = len.min(from_len - start);
        }
        let done = self
            .heap
            .array_copy(target, at as u32, source, start as u32, len as u32);
        if at + len > to_len || start + len > from_len {
            return expect_out_of_bounds(done);
        }
        done?;
        let object = self.model.get(self.refs[from]);
        let values = object.map(|o| o.values[start..start + len].to_vec());
        if let (Some(object), Some(values)) = (self.model.get_mut(self.refs[to]), values) {
            object.values[at..at + len].copy_from_slice(&values);
        }
        Ok(())
    }

    pub(super) fn init_bytes(
        &mut self,
        slot: usize,
        at: usize,
        number: u32,
    ) -> Result<(), MismatchKind> {
        let Some((slot, array, ty, count)) = self.array(slot) else {
            return Ok(());
        };
        let (width, len) = match ty {
            BYTES => (1, 5),
            LONGS => (8, 2),
            VECTORS => (16, 1),
            _ => return Ok(()),
        };
        let bytes: Vec<u8> = (0..width * len)
            .map(|i| (number >> (i % 4 * 8)) as u8 ^ i as u8)
            .collect();
        let done = self.heap.array_init_bytes(array, at as u32, &bytes);
        if at + len > count {
            return expect_out_of_bounds(done);
        }
        done?;
        if let Some(object) = self.model.get_mut(self.refs[slot]) {
            for (value, bytes) in object.values[at..].iter_mut().zip(bytes.chunks(width)) {
                *value = bytes.iter().rev().fold(0, |v, &b| v << 8 | u128::from(b));
            }
        }
        Ok(())
    }

    pub(super) fn init_refs(
        &mut self,
        slot: usize,
        at: usize,
        first: usize,
        len: usize,
    ) -> Result<(), MismatchKind> {
        let Some((slot, array, ty, count)) = self.array(slot) else {
            return Ok(());
        };
        let element = storage(ty, 0);
        let (first, len) = (TABLE_AT + first % TABLE, len % 16);
        let len = len.min(SEGMENT_AT - first);
        let range = first..first + len;
        if !is_ref(element)
            || !self.refs[range.clone()]
                .iter()
                .all(|&r| self.model.fits(r, element))
        {
            return Ok(());
        }
        let refs = self.slots.0[range.clone()].to_vec();
        let done = self.heap.array_init_refs(array, at as u32, &refs);
        if at + len > count {
            return expect_out_of_bounds(done);
        }
        done?;
        if let Some(object) = self.model.get_mut(self.refs[slot]) {
            for (value, &reference) in object.values[at..].iter_mut().zip(&self.refs[range]) {
                *value = u128::from(reference);
            }
        }
        Ok(())
    }

    pub(super) fn table_fill(
        &mut self,
        at: usize,
        len: usize,
        from: usize,
    ) -> Result<(), MismatchKind> {
        let range = table_range(at, len);
        let new = GcRef::from_raw(self.slots.0[from]);
        self.heap
            .fill_roots(&mut self.slots.0[range.clone()], new)?;
        let reference = self.refs[from];
        self.refs[range].fill(reference);
        Ok(())
    }

    pub(super) fn table_copy(
        &mut self,
        at: usize,
        start: usize,
        len: usize,
    ) -> Result<(), MismatchKind> {
        let (at, start) = (at % TABLE, start % TABLE);
        let len = len % (TABLE - at.max(start) + 1);
        let slots = &mut self.slots.0[TABLE_AT..SEGMENT_AT];
        self.heap.copy_roots_within(slots, at, start, len)?;
        let refs = &mut self.refs[TABLE_AT..SEGMENT_AT];
        refs.copy_within(start..start + len, at);
        Ok(())
    }

    pub(super) fn table_init(
        &mut self,
        at: usize,
        start: usize,
        len: usize,
    ) -> Result<(), MismatchKind> {
        let start = start % SEGMENT;
        let len = len % (SEGMENT - start + 1);
        let at = TABLE_AT + at % (TABLE - len + 1);
        let from = SEGMENT_AT + start;
        let segment = self.slots.0[from..from + len].to_vec();
        let to = &mut self.slots.0[at..at + len];
        self.heap.copy_roots(to, &segment)?;
        self.refs.copy_within(from..from + len, at);
        Ok(())
    }
}

/// Returns a start and a length. The range is within `count` elements, or, for some values of
/// `number`, one element too long.
fn clamp(at: usize, len: usize, count: usize, number: u32) -> (usize, usize) {
    let at = at % (count + 1);
    if number.is_multiple_of(16) {
        (at, count - at + 1)
    } else {
        (at, len % (count - at + 1))
    }
}

fn table_range(at: usize, len: usize) -> std::ops::Range<usize> {
    let at = at % TABLE;
    let len = len % (TABLE - at + 1);
    TABLE_AT + at..TABLE_AT + at + len
}
