//! Tests and casts (4.6.6 of the specification): `ref.test`, `ref.cast`, `br_on_cast`,
//! `br_on_cast_fail`.
//!
//! All of them are one question, [`Translator::type_test`], which branches to one of two blocks.
//! Defined types are looked up in the supertype display of the object's type: two loads and a
//! comparison, however deep the hierarchy.
//!
//! Values of the `any` hierarchy can be references of the host that were internalised, so that
//! `eq`, `struct` and `array` must look at the object's kind.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};

use super::translator::{Place, Translator};
use crate::abi::vmctx::VmFuncRef;
use crate::error::Trap;
use crate::heap::emit::Region;
use crate::heap::layout::{KIND_MASK, KIND_SHIFT, Kind, TAG_OFFSET, TYPE_MASK};
use crate::planted::planted;
use crate::types::{HeapKind, RefKind, Shape, TypeId};

/// Bits of an object's kind, in place.
const fn kind_bits(kind: Kind) -> i64 {
    ((kind as u32) << KIND_SHIFT) as i64
}

impl Translator<'_> {
    pub(super) fn ref_test(&mut self, target: RefKind) {
        let reference = self.pop();
        let yes = self.b.create_block();
        let no = self.b.create_block();
        let join = self.b.create_block();
        let answer = self.block_param(join, types::I32);
        self.type_test(reference, target, yes, no);
        for (block, truth) in [(yes, 1), (no, 0)] {
            self.enter(block);
            let truth = self.i32_const(truth);
            self.b.ins().jump(join, &[truth.into()]);
        }
        self.enter(join);
        self.push(answer);
    }

    pub(super) fn ref_cast(&mut self, target: RefKind) {
        let reference = self.stack[self.stack.len() - 1];
        let yes = self.b.create_block();
        let no = self.trap_block(Trap::CastFailure);
        self.type_test(reference, target, yes, no);
        self.enter(yes);
    }

    pub(super) fn br_on_cast(&mut self, depth: u32, target: RefKind) {
        let reference = self.stack[self.stack.len() - 1];
        let yes = self.b.create_block();
        let no = self.b.create_block();
        self.type_test(reference, target, yes, no);
        self.enter(yes);
        self.jump_to_label(depth);
        self.enter(no);
    }

    pub(super) fn br_on_cast_fail(&mut self, depth: u32, target: RefKind) {
        let reference = self.stack[self.stack.len() - 1];
        let yes = self.b.create_block();
        let no = self.b.create_block();
        self.type_test(reference, target, yes, no);
        self.enter(no);
        self.jump_to_label(depth);
        self.enter(yes);
    }

    /// Goes to `yes` if the reference has the type, else to `no`. Neither takes parameters.
    fn type_test(&mut self, reference: Value, target: RefKind, yes: Block, no: Block) {
        let null = if target.nullable { yes } else { no };
        // Where an i31 does not have the type; the planted fault lets it pass together with null.
        let i31 = if planted!(self.config().planted, NullOrI31InOneMask) {
            null
        } else {
            no
        };
        match target.heap {
            HeapKind::Exn if planted!(self.config().planted, NullPassesForException) => {
                self.b.ins().jump(yes, &[]);
            }
            HeapKind::Any | HeapKind::Extern | HeapKind::Exn | HeapKind::Func => {
                self.b.ins().brif(reference, yes, &[], null, &[]);
            }
            HeapKind::None | HeapKind::NoExtern | HeapKind::NoExn | HeapKind::NoFunc => {
                self.b.ins().brif(reference, no, &[], null, &[]);
            }
            HeapKind::I31 => self.i31_test(reference, target.nullable, yes, no),
            HeapKind::Eq => {
                self.skip_null(reference, target.nullable, yes);
                let object = self.skip_non_objects(reference, no, yes);
                let tag = self.load_tag(object);
                let kind = self.b.ins().band_imm_u(tag, i64::from(KIND_MASK));
                self.go_if(IntCC::NotEqual, kind, kind_bits(Kind::Extern), yes, no);
            }
            HeapKind::Struct | HeapKind::Array => {
                let kind = match target.heap {
                    HeapKind::Struct => Kind::Struct,
                    _ => Kind::Array,
                };
                self.skip_null(reference, target.nullable, yes);
                let object = self.skip_non_objects(reference, no, i31);
                let tag = self.load_tag(object);
                let actual = self.b.ins().band_imm_u(tag, i64::from(KIND_MASK));
                self.go_if(IntCC::Equal, actual, kind_bits(kind), yes, no);
            }
            HeapKind::Defined(id, Shape::Func) => {
                self.skip_null_to(reference, null);
                let offset = std::mem::offset_of!(VmFuncRef, type_id) as u32;
                let actual = self.load_context(types::I32, reference, offset);
                self.defined_test(actual, id, yes, no);
            }
            HeapKind::Defined(id, Shape::Struct | Shape::Array) => {
                self.skip_null(reference, target.nullable, yes);
                let object = self.skip_non_objects(reference, no, i31);
                let tag = self.load_tag(object);
                let actual = self.b.ins().band_imm_u(tag, i64::from(TYPE_MASK));
                if planted!(self.config().planted, HostObjectHasAType) {
                    self.accept(actual, 0, yes);
                }
                if planted!(self.config().planted, GroupTakenForType) {
                    let group = self.env.module.types().registry().group_of(id);
                    for member in group.iter().flat_map(|(members, _)| members.iter()) {
                        self.accept(actual, member.0, yes);
                    }
                }
                self.defined_test(actual, id, yes, no);
            }
        }
    }

    fn go_if(&mut self, cond: IntCC, value: Value, expected: i64, yes: Block, no: Block) {
        let truth = self.b.ins().icmp_imm_u(cond, value, expected);
        self.b.ins().brif(truth, yes, &[], no, &[]);
    }

    fn i31_test(&mut self, reference: Value, nullable: bool, yes: Block, no: Block) {
        let bit = self.b.ins().band_imm_u(reference, 1);
        if !nullable && !planted!(self.config().planted, NullPassesForI31) {
            self.b.ins().brif(bit, yes, &[], no, &[]);
            return;
        }
        let mut null_bits = reference;
        if planted!(self.config().planted, NullTestOfLowBits) {
            null_bits = self.b.ins().band_imm_u(reference, 0xffff);
        }
        self.skip_null_to(null_bits, yes);
        self.b.ins().brif(bit, yes, &[], no, &[]);
    }

    /// Continues only if the reference is not null.
    fn skip_null_to(&mut self, reference: Value, null: Block) {
        let next = self.b.create_block();
        self.b.ins().brif(reference, next, &[], null, &[]);
        self.enter(next);
    }

    /// Where null has the type, goes there with it; otherwise [`Self::skip_non_objects`] deals with
    /// it.
    fn skip_null(&mut self, reference: Value, nullable: bool, yes: Block) {
        if nullable {
            self.skip_null_to(reference, yes);
        }
    }

    /// Whether a reference is an object, by one comparison: rotated right by one, an i31 is at
    /// least 2^31 and null is 0.
    pub(super) fn object_bit(&mut self, reference: Value) -> Value {
        let rotated = self.b.ins().rotr_imm_u(reference, 1);
        let rotated = self.b.ins().iadd_imm_s(rotated, -1);
        self.b
            .ins()
            .icmp_imm_u(IntCC::UnsignedLessThan, rotated, 0x7fff_ffff)
    }

    /// Continues only with an object, whose address it gives: goes to `null` with null and to `i31`
    /// with an i31.
    fn skip_non_objects(&mut self, reference: Value, null: Block, i31: Block) -> Value {
        let next = self.b.create_block();
        if null == i31 {
            let object = self.object_bit(reference);
            self.b.ins().brif(object, next, &[], null, &[]);
        } else {
            self.skip_null_to(reference, null);
            let bit = self.b.ins().band_imm_u(reference, 1);
            self.b.ins().brif(bit, i31, &[], next, &[]);
        }
        self.enter(next);
        self.object_address(reference)
    }

    fn load_tag(&mut self, object: Value) -> Value {
        let flags = self.flags(Place::Of(Region::Header));
        self.b
            .ins()
            .load(types::I32, flags, object, TAG_OFFSET as i32)
    }

    /// Goes to `yes` as well if the type's identity is `other`: planted faults.
    fn accept(&mut self, actual: Value, other: u32, yes: Block) {
        let next = self.b.create_block();
        self.go_if(IntCC::Equal, actual, i64::from(other), yes, next);
        self.enter(next);
    }

    /// Whether the type with identity `actual` is the given one or below it.
    fn defined_test(&mut self, actual: Value, id: TypeId, yes: Block, no: Block) {
        let def = &self.env.ty_by_id(id).def;
        let actual = if def.is_final {
            actual
        } else {
            self.ancestor(actual, def.depth)
        };
        self.go_if(IntCC::Equal, actual, i64::from(id.0), yes, no);
    }
}
