//! Structures, arrays and exceptions (the rules `struct.new` to `array.copy`), and numbers of
//! functions in the collected heap.

use super::table::funcref;
use super::{Answer, Call};
use crate::abi::vmctx::VmFuncRef;
use crate::error::Trap;
use crate::execute::raise::Raised;
use crate::heap::layout::storage_bytes;
use crate::heap::{AccessError, GcRef, PointKind, Stored};
use crate::index::{DataIdx, ElemIdx, TagIdx};
use crate::instance::segment::Segment;
use crate::planted::{Planted, planted};
use crate::types::{Composite, StorageKind, TypeId, ValKind};

/// The reference to an object. Compiled code has tested that it is not null.
fn object(raw: u32) -> GcRef {
    GcRef::from_raw(raw).expect("compiled code tests for null first")
}

/// Elements of an array that are taken from a data segment.
#[derive(Clone, Copy)]
struct DataElements {
    data: DataIdx,
    /// Position of the first byte in the segment.
    from: u32,
    /// How many elements.
    len: u32,
    /// Bytes of an element.
    bytes: u32,
}

impl DataElements {
    /// Returns their bytes, if all of them are in `segment`.
    fn of<'a>(&self, segment: &'a [u8], planted: Planted) -> Result<&'a [u8], Raised> {
        let (from, len, bytes) = (self.from, self.len, self.bytes);
        let (from, len, bytes) = (u64::from(from), u64::from(len), u64::from(bytes));
        let mut end = from + len * bytes;
        if planted!(planted, ArrayDataBoundsInElements) && from + len <= segment.len() as u64 {
            let whole = (segment.len() as u64 - from) / bytes * bytes;
            end = end.min(from + whole);
        }
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let found = segment.get(self.from as usize..end);
        found.ok_or(Trap::DataSegmentOutOfBounds.into())
    }
}

/// Checks that `from..from + len` is in an element segment of `items` items.
fn check_elem(items: usize, from: u32, len: u32) -> Result<(), Raised> {
    if u64::from(from) + u64::from(len) > items as u64 {
        return Err(Trap::ElementSegmentOutOfBounds.into());
    }
    Ok(())
}

impl Call<'_> {
    pub(super) fn alloc_struct(&mut self, type_id: u32) -> Answer {
        let made = self.store.alloc_struct(TypeId(type_id))?;
        Ok(made.raw().into())
    }

    pub(super) fn alloc_array(&mut self, type_id: u32, len: u32) -> Answer {
        let made = self.store.alloc_array(TypeId(type_id), len)?;
        Ok(made.raw().into())
    }

    pub(super) fn alloc_exception(&mut self, tag: u32) -> Answer {
        let tag = self.data().tags[TagIdx(tag).as_usize()];
        let made = self.store.alloc_exception(tag)?;
        Ok(made.raw().into())
    }

    pub(super) fn intern_func(&mut self, func: u64) -> u32 {
        self.intern(funcref(func))
    }

    fn intern(&mut self, func: *mut VmFuncRef) -> u32 {
        // SAFETY: compiled code and segments hold null or functions of their own store.
        unsafe { self.store.intern_func(func) }
    }

    /// Returns the bytes of an element of an array type.
    fn element_bytes(&self, ty: TypeId) -> u32 {
        let def = self.data().module.types();
        let def = def.registry().get(ty);
        match def.as_deref().map(|def| &def.composite) {
            Some(Composite::Array(element)) => storage_bytes(element.storage),
            _ => unreachable!("validated: an array type of this module"),
        }
    }

    pub(super) fn array_new_data(
        &mut self,
        type_id: u32,
        data: u32,
        from: u32,
        len: u32,
    ) -> Answer {
        let ty = TypeId(type_id);
        let source = DataElements {
            data: DataIdx(data),
            from,
            len,
            bytes: self.element_bytes(ty),
        };
        source.of(self.data().data(source.data), self.store.planted())?;
        let array = self.store.alloc_array(ty, len)?;
        self.fill_from_data(array, 0, &source)?;
        Ok(array.raw().into())
    }

    pub(super) fn array_init_data(
        &mut self,
        data: u32,
        array: u32,
        at: u32,
        from: u32,
        len: u32,
    ) -> Answer {
        let array = object(array);
        let heap = self.store.heap()?;
        let source = DataElements {
            data: DataIdx(data),
            from,
            len,
            bytes: storage_bytes(heap.element_storage(array)?),
        };
        self.check_array(array, at, len)?;
        self.fill_from_data(array, at, &source)?;
        Ok(0)
    }

    fn fill_from_data(
        &mut self,
        array: GcRef,
        at: u32,
        source: &DataElements,
    ) -> Result<(), Raised> {
        let planted = self.store.planted();
        let (heap, contents) = self.store.heap_and_contents()?;
        let segment = contents.instance(self.instance).data(source.data);
        heap.array_init_bytes(array, at, source.of(segment, planted)?)?;
        Ok(())
    }

    pub(super) fn array_new_elem(
        &mut self,
        type_id: u32,
        elem: u32,
        from: u32,
        len: u32,
    ) -> Answer {
        let elem = ElemIdx(elem);
        let items = self.store.segment(self.instance, elem).len();
        check_elem(items, from, len)?;
        if planted!(self.store.planted(), SegmentEvaluatedAtEachUse) {
            (from..from + len).try_for_each(|item| self.evaluate_again(elem, item))?;
        }
        let array = self.store.alloc_array(TypeId(type_id), len)?;
        self.fill_from_elem(elem, array, 0, from, len)?;
        Ok(array.raw().into())
    }

    /// Replaces an item that is a structure by a copy of it, which is a planted fault.
    fn evaluate_again(&mut self, elem: ElemIdx, item: u32) -> Result<(), Raised> {
        let Some(old) = self.item(elem, item) else {
            return Ok(());
        };
        let Some(ty) = self.store.heap()?.type_of(old)? else {
            return Ok(());
        };
        let Some(Composite::Struct(fields)) =
            (self.store.engine.registry.get(ty)).map(|def| def.composite.clone())
        else {
            return Ok(());
        };
        let new = self.store.alloc_struct(ty)?;
        if let Some(old) = self.item(elem, item) {
            let heap = self.store.heap()?;
            for at in 0..fields.len() as u32 {
                let value = heap.read_field(old, at)?;
                heap.init_field(new, at, value)?;
            }
        }
        self.store
            .init_segment_ref(self.instance, elem, item, new.raw())
    }

    /// Returns an item that is a reference into the heap.
    fn item(&self, elem: ElemIdx, item: u32) -> Option<GcRef> {
        match self.store.segment(self.instance, elem) {
            Segment::Refs(items) => GcRef::from_raw(items[item as usize]),
            Segment::Funcs(_) => None,
        }
    }

    pub(super) fn array_init_elem(
        &mut self,
        elem: u32,
        array: u32,
        at: u32,
        from: u32,
        len: u32,
    ) -> Answer {
        let (elem, array) = (ElemIdx(elem), object(array));
        self.check_array(array, at, len)?;
        let items = self.store.segment(self.instance, elem).len();
        check_elem(items, from, len)?;
        self.fill_from_elem(elem, array, at, from, len)?;
        Ok(0)
    }

    /// Copies items of a segment into an array. The range in the segment was checked.
    fn fill_from_elem(
        &mut self,
        elem: ElemIdx,
        array: GcRef,
        at: u32,
        from: u32,
        len: u32,
    ) -> Result<(), Raised> {
        let range = from as usize..from as usize + len as usize;
        if let Segment::Funcs(items) = self.store.segment(self.instance, elem) {
            let funcs = items[range.clone()].to_vec();
            let numbers: Vec<u32> = funcs.into_iter().map(|func| self.intern(func)).collect();
            self.store.heap()?.array_init_funcs(array, at, &numbers)?;
            return Ok(());
        }
        let (heap, contents) = self.store.heap_and_contents()?;
        if let Segment::Refs(items) = contents.segment(self.instance, elem) {
            heap.array_init_refs(array, at, &items[range])?;
        }
        Ok(())
    }

    /// Checks that a range is in an array. `array.init_*` checks this bound first.
    fn check_array(&mut self, array: GcRef, at: u32, len: u32) -> Result<(), Raised> {
        if len == 0 && planted!(self.store.planted(), ArrayEmptyUnchecked) {
            return Ok(());
        }
        let elements = self.store.heap()?.array_len(array)?;
        if u64::from(at) + u64::from(len) > u64::from(elements) {
            return Err(AccessError::OutOfBounds.into());
        }
        Ok(())
    }

    fn fill(&mut self, array: GcRef, at: u32, value: Stored, len: u32) -> Answer {
        let planted = self.store.planted();
        let len = match planted!(planted, ArrayFillLenFromIndex) {
            true => at,
            false => len,
        };
        if len == 0 && planted!(planted, ArrayEmptyUnchecked) {
            return Ok(0);
        }
        self.store.heap()?.array_fill(array, at, value, len)?;
        Ok(0)
    }

    pub(super) fn array_fill(&mut self, array: u32, at: u32, value: u64, len: u32) -> Answer {
        let array = object(array);
        let value = match self.store.heap()?.element_storage(array)? {
            StorageKind::I8 => Stored::I8(value as u8),
            StorageKind::I16 => Stored::I16(value as u16),
            StorageKind::Val(ValKind::I32 | ValKind::F32) => Stored::I32(value as u32),
            StorageKind::Val(ValKind::I64 | ValKind::F64) => Stored::I64(value),
            StorageKind::Val(ValKind::V128 | ValKind::Ref(_)) => {
                unreachable!("compiled code has other calls for these")
            }
        };
        self.fill(array, at, value, len)
    }

    pub(super) fn array_fill_v128(
        &mut self,
        array: u32,
        at: u32,
        low: u64,
        high: u64,
        len: u32,
    ) -> Answer {
        let value = u128::from(high) << 64 | u128::from(low);
        self.fill(object(array), at, Stored::V128(value), len)
    }

    pub(super) fn array_fill_ref(&mut self, array: u32, at: u32, value: u32, len: u32) -> Answer {
        let value = Stored::Ref(GcRef::from_raw(value));
        self.fill(object(array), at, value, len)
    }

    pub(super) fn array_fill_func(&mut self, array: u32, at: u32, value: u64, len: u32) -> Answer {
        let number = self.intern(funcref(value));
        self.fill(object(array), at, Stored::Func(number), len)
    }

    pub(super) fn array_copy(
        &mut self,
        to: u32,
        at: u32,
        from: u32,
        start: u32,
        len: u32,
    ) -> Answer {
        let (to, from) = (object(to), object(from));
        if planted!(self.store.planted(), ArrayCopyOperandsUnrooted) {
            self.store.point(PointKind::Allocation)?;
        }
        self.store.heap()?.array_copy(to, at, from, start, len)?;
        Ok(0)
    }
}
