//! Tests and casts: `ref.test`, `ref.cast`, `br_on_cast`, `br_on_cast_fail`.
//!
//! All of them use [`Translator::type_test`], which branches to one of two blocks. A defined type
//! is looked up in the supertype display of the object's type. That takes two loads and a
//! comparison, however deep the hierarchy is.
//!
//! A value of the `any` hierarchy can be an internalised reference of the host. So tests for `eq`,
//! `struct` and `array` must check the object's kind.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};

use super::translator::Translator;
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

    /// Branches to `yes` if the reference has the type, else to `no`. Neither block has parameters.
    fn type_test(&mut self, reference: Value, target: RefKind, yes: Block, no: Block) {
        let null = if target.nullable { yes } else { no };
        // The block for an i31, which does not have the type. The planted fault treats it as null.
        let i31 = if planted!(self.config().planted(), NullOrI31InOneMask) {
            null
        } else {
            no
        };
        match target.heap {
            HeapKind::Exn if planted!(self.config().planted(), NullPassesForException) => {
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
                if planted!(self.config().planted(), HostObjectHasAType) {
                    self.accept(actual, 0, yes);
                }
                if planted!(self.config().planted(), GroupTakenForType) {
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
        if !nullable && !planted!(self.config().planted(), NullPassesForI31) {
            self.b.ins().brif(bit, yes, &[], no, &[]);
            return;
        }
        let mut null_bits = reference;
        if planted!(self.config().planted(), NullTestOfLowBits) {
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

    /// Branches to `yes` with null if null has the type. Otherwise [`Self::skip_non_objects`]
    /// handles null.
    fn skip_null(&mut self, reference: Value, nullable: bool, yes: Block) {
        if nullable {
            self.skip_null_to(reference, yes);
        }
    }

    /// Branches to `null` with null and to `i31` with an i31. Continues with an object, and returns
    /// its address.
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
        let flags = self.flags(Region::Header);
        self.b
            .ins()
            .load(types::I32, flags, object, TAG_OFFSET as i32)
    }

    /// Branches to `yes` also if the type's identity is `other`: planted faults.
    fn accept(&mut self, actual: Value, other: u32, yes: Block) {
        let next = self.b.create_block();
        self.go_if(IntCC::Equal, actual, i64::from(other), yes, next);
        self.enter(next);
    }

    /// Branches to `yes` if the type with identity `actual` is the given one or one of its
    /// subtypes.
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
