//! Aggregate instructions on arrays.
//!
//! An index is compared with the length before the element's address is computed. The address is
//! computed in 32 bits and widened last, so that it stays within the heap's reservation even if the
//! heap is corrupt.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};

use super::env::{TypeInfo, is_function};
use super::facts::SlotName;
use super::translator::Translator;
use crate::abi::libcalls::LibCall;
use crate::abi::signature::AbiTy;
use crate::error::Trap;
use crate::heap::emit::Region;
use crate::heap::layout::{ArrayLayout, Kind, tag};
use crate::index::TypeIdx;
use crate::limits::OBJECT_BYTES_MAX;
use crate::planted::{PlantedFault, goes_wrong, planted};
use crate::types::{StorageKind, TypeId};

/// An array whose length is not known at compile time is allocated inline if its elements take at
/// most this many bytes.
const INLINE_BYTES: u32 = 64 << 10;

const fn shift(layout: ArrayLayout) -> i64 {
    layout.element_bytes.trailing_zeros() as i64
}

/// Making arrays.
impl Translator<'_> {
    /// An array of `len` elements, all of them zero.
    fn allocate_array(&mut self, id: TypeId, layout: ArrayLayout, len: Value) -> Value {
        let type_id = self.i32_const(id.0 as i32);
        if !self.allocates_inline {
            return self.libcall_object(LibCall::alloc_array, &[type_id, len]);
        }
        let limit = i64::from(INLINE_BYTES / layout.element_bytes);
        let bytes = self.b.ins().ishl_imm_u(len, shift(layout));
        let bytes = self.b.ins().iadd_imm_u(bytes, i64::from(layout.base) + 7);
        let bytes = self.b.ins().band_imm_u(bytes, 0xffff_fff8);
        // A size that never fits inline takes the slow path.
        let huge = self.i32_const(OBJECT_BYTES_MAX as i32);
        let long = self
            .b
            .ins()
            .icmp_imm_u(IntCC::UnsignedGreaterThan, len, limit);
        let bytes = self.b.ins().select(long, huge, bytes);
        let tag = tag(Kind::Array, id.0);
        let args = [type_id, len];
        let reference = self.allocate(tag, bytes, LibCall::alloc_array, &args);
        self.store_len(layout, reference, len);
        reference
    }

    fn store_len(&mut self, layout: ArrayLayout, reference: Value, len: Value) {
        let object = self.object_address(reference);
        let flags = self.flags(Region::ArrayLen);
        let offset = layout.len_offset as i32;
        self.b.ins().store(flags, len, object, offset);
    }

    /// Native addresses of the first element and of the end of the last one.
    fn element_range(
        &mut self,
        layout: ArrayLayout,
        reference: Value,
        len: Value,
    ) -> (Value, Value) {
        let object = self.object_address(reference);
        let start = self.b.ins().iadd_imm_u(object, i64::from(layout.base));
        let bytes = self.b.ins().uextend(types::I64, len);
        let bytes = self.b.ins().ishl_imm_u(bytes, shift(layout));
        let end = self.b.ins().iadd(start, bytes);
        (start, end)
    }

    /// Emits a loop over addresses from `start` to `end`, which lie a multiple of `step` bytes
    /// apart. `body` must not call.
    fn each_address(
        &mut self,
        start: Value,
        end: Value,
        step: u32,
        body: impl FnOnce(&mut Self, Value),
    ) {
        let head = self.b.create_block();
        let address = self.block_param(head, types::I64);
        let inside = self.b.create_block();
        let after = self.b.create_block();
        self.b.ins().jump(head, &[start.into()]);
        self.b.switch_to_block(head);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, address, end);
        self.b.ins().brif(more, inside, &[], after, &[]);
        self.enter(inside);
        body(self, address);
        let next = self.b.ins().iadd_imm_u(address, i64::from(step));
        self.b.ins().jump(head, &[next.into()]);
        self.b.seal_block(head);
        self.enter(after);
    }

    pub(super) fn array_new(&mut self, info: &TypeInfo) {
        let (element, layout) = info.array();
        let (mut init, len) = self.pop2();
        if is_function(element.storage) {
            init = self.number_of_function(init);
        }
        let reference = self.allocate_array(info.id, layout, len);
        self.push(reference);
        if self.is_zero(init) {
            return; // New objects are zero.
        }
        let (start, end) = self.element_range(layout, reference, len);
        self.each_address(start, end, layout.element_bytes, |t, address| {
            t.init_field(address, 0, element.storage, init);
        });
    }

    pub(super) fn array_new_default(&mut self, info: &TypeInfo) {
        let (_, layout) = info.array();
        let len = self.pop();
        let reference = self.allocate_array(info.id, layout, len);
        self.push(reference);
    }

    pub(super) fn array_new_fixed(&mut self, info: &TypeInfo, len: u32) {
        let (element, layout) = info.array();
        let Some(bytes) = Some(layout.size(len)).filter(|&bytes| bytes <= OBJECT_BYTES_MAX) else {
            return self.trap_now(Trap::AllocationTooLarge);
        };
        let mut values = self.pop_many(len as usize);
        self.intern_functions(&mut values, std::iter::repeat(element.storage));
        let type_id = self.i32_const(info.id.0 as i32);
        let length = self.i32_const(len as i32);
        let args = [type_id, length];
        let reference = if !self.allocates_inline {
            self.libcall_object(LibCall::alloc_array, &args)
        } else {
            let size = self.i32_const(bytes as i32);
            let tag = tag(Kind::Array, info.id.0);
            let reference = self.allocate(tag, size, LibCall::alloc_array, &args);
            self.store_len(layout, reference, length);
            reference
        };
        let object = self.object_address(reference);
        for (at, &value) in values.iter().enumerate() {
            let offset = layout.base + at as u32 * layout.element_bytes;
            self.init_field(object, offset, element.storage, value);
        }
        self.push(reference);
    }

    /// Stores the first value of an element of a new array. The index is in bounds.
    pub(super) fn array_init_element(
        &mut self,
        info: &TypeInfo,
        array: Value,
        at: u32,
        value: Value,
    ) {
        let (element, layout) = info.array();
        let object = self.object_address(array);
        let offset = layout.base + at * layout.element_bytes;
        self.init_field(object, offset, element.storage, value);
    }

    pub(super) fn array_new_data(&mut self, info: &TypeInfo, data: u32) {
        let planted = PlantedFault::ArrayNewDataUndeclared;
        self.array_new_segment(LibCall::array_new_data, info, data, planted);
    }

    pub(super) fn array_new_elem(&mut self, info: &TypeInfo, elem: u32) {
        let planted = PlantedFault::ArrayNewElemUndeclared;
        self.array_new_segment(LibCall::array_new_elem, info, elem, planted);
    }

    fn array_new_segment(
        &mut self,
        call: LibCall,
        info: &TypeInfo,
        segment: u32,
        planted: PlantedFault,
    ) {
        let (from, len) = self.pop2();
        let type_id = self.i32_const(info.id.0 as i32);
        let segment = self.i32_const(segment as i32);
        let args = [type_id, segment, from, len];
        let reference = if self.config().planted().has(planted) && goes_wrong(planted) {
            self.libcall_i32(call, &args)
        } else {
            self.libcall_object(call, &args)
        };
        self.push(reference);
    }
}

/// Reading and writing arrays.
impl Translator<'_> {
    /// The length of an array that may be null.
    fn load_len(&mut self, reference: Value) -> Value {
        let offset = self.env.compiler.traits().header_bytes - 4;
        let flags: MemFlagsData =
            match self.null_guard(reference, offset + 4, Trap::NullArrayReference) {
                Some(trap) => self.trapping_flags(Region::ArrayLen, trap),
                None => self.flags(Region::ArrayLen),
            };
        let object = self.object_address(reference);
        self.b.ins().load(types::I32, flags, object, offset as i32)
    }

    /// Checks the index. The element is [`ArrayLayout::base`] bytes after the returned address.
    fn element(&mut self, layout: ArrayLayout, reference: Value, index: Value) -> Value {
        let name = SlotName::Element(reference, index);
        let trap = Trap::ArrayOutOfBounds;
        self.check_index(name, index, |t| t.load_len(reference), trap);
        let offset = self.b.ins().ishl_imm_u(index, shift(layout));
        let offset = self.b.ins().iadd(reference, offset);
        self.object_address(offset)
    }

    pub(super) fn array_len(&mut self) {
        let reference = self.pop();
        let len = self.load_len(reference);
        self.push(len);
    }

    pub(super) fn array_get(&mut self, ty: TypeIdx, signed: bool) {
        let (element, layout) = self.env.ty(ty).array();
        let (reference, index) = self.pop2();
        let object = self.element(layout, reference, index);
        let name = SlotName::Element(reference, index);
        let place = (object, layout.base);
        let value = self.read_field(place, element.storage, name, signed, None);
        self.push(value);
    }

    pub(super) fn array_set(&mut self, ty: TypeIdx) {
        let (element, layout) = self.env.ty(ty).array();
        let (reference, index, mut new) = self.pop3();
        if is_function(element.storage) {
            new = self.number_of_function(new);
        }
        let object = self.element(layout, reference, index);
        let collected = matches!(element.storage, StorageKind::Val(kind) if kind.is_collected());
        if planted!(self.config().planted(), ArraySetWrongRegion, if !collected) {
            let flags = self.flags(Region::Table);
            return self.store_scalar(flags, object, layout.base, element.storage, new);
        }
        let name = SlotName::Element(reference, index);
        self.write_field((object, layout.base), element.storage, name, new, None);
    }

    pub(super) fn array_fill(&mut self, ty: TypeIdx) {
        let (element, _) = self.env.ty(ty).array();
        let len = self.pop();
        let (array, at, value) = self.pop3();
        self.trap_unless(array, Trap::NullArrayReference);
        let kind = match element.storage {
            StorageKind::I8 | StorageKind::I16 => AbiTy::I32,
            StorageKind::Val(kind) => AbiTy::of(kind),
        };
        let plain = MemFlagsData::new();
        let bits = match kind {
            AbiTy::Ref => {
                self.libcall(LibCall::array_fill_ref, &[array, at, value, len]);
                return;
            }
            AbiTy::Func => {
                self.libcall(LibCall::array_fill_func, &[array, at, value, len]);
                return;
            }
            AbiTy::V128 => {
                let halves = self.as_vector(value, types::I64X2);
                let low = self.b.ins().extractlane(halves, 0);
                let high = self.b.ins().extractlane(halves, 1);
                self.libcall(LibCall::array_fill_v128, &[array, at, low, high, len]);
                return;
            }
            AbiTy::I64 => value,
            AbiTy::F64 => self.b.ins().bitcast(types::I64, plain, value),
            AbiTy::I32 => self.b.ins().uextend(types::I64, value),
            AbiTy::F32 => {
                let bits = self.b.ins().bitcast(types::I32, plain, value);
                self.b.ins().uextend(types::I64, bits)
            }
        };
        self.libcall(LibCall::array_fill, &[array, at, bits, len]);
    }

    pub(super) fn array_copy(&mut self) {
        let (from, start, len) = self.pop3();
        let (to, at) = self.pop2();
        self.trap_unless(to, Trap::NullArrayReference);
        self.trap_unless(from, Trap::NullArrayReference);
        self.libcall(LibCall::array_copy, &[to, at, from, start, len]);
    }

    /// `array.init_data` and `array.init_elem`.
    pub(super) fn array_init(&mut self, call: LibCall, segment: u32) {
        let (at, from, len) = self.pop3();
        let array = self.pop();
        self.trap_unless(array, Trap::NullArrayReference);
        let segment = self.i32_const(segment as i32);
        self.libcall(call, &[segment, array, at, from, len]);
    }
}
