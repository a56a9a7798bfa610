//! What each operator can do, and therefore which facts and deferred counts survive it.
//!
//! ```text
//! struct.get $t 0 (local.get $x)                  $x is not null; its field 0 holds v
//! struct.set $t 0 (local.get $x) (local.get $y)   $y has one reference more, v one less
//! struct.set $t 1 (local.get $x) (v)              v has one more: its changes cancel out
//! i32.div_s                                       may trap: emits the changes that remain
//! ```
//!
//! Nobody can look at reference counts between two operators that may call, trap or branch. So a
//! collector that counts hands its changes to `Emit::defer_count`. They are added up for each
//! value, and the sums that are not 0 are emitted before the next operator that may call, trap or
//! branch. Code that moves references from slot to slot, such as a swap, emits few counts or none.
//!
//! All facts are forgotten after calls and wherever control can come from elsewhere. Not here: how
//! a count is emitted (the collectors).

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use wasmparser::Operator;

use super::emit::{reg, slot};
use super::env::is_function;
use super::facts::SlotName;
use super::translator::Translator;
use crate::error::Trap;
use crate::heap::emit::{Holds, Region};
use crate::index::{TableIdx, TypeIdx};
use crate::planted::planted;

/// What an operator can do besides pushing its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only accesses memory.
    None,
    /// It may trap.
    Trap,
    /// It may call or branch. Every operator without a line in [`Translator::effect`] has this
    /// effect.
    Any,
}

impl Translator<'_> {
    /// Traps if `index` is not below `len`. Emits nothing if the element is known to be in bounds.
    pub fn check_index(
        &mut self,
        element: SlotName,
        index: Value,
        len: impl FnOnce(&mut Self) -> Value,
        trap: Trap,
    ) {
        if self.facts.is_in_bounds(element) {
            return;
        }
        let len = len(self);
        let not_below = IntCC::UnsignedGreaterThanOrEqual;
        let outside = self.b.ins().icmp(not_below, index, len);
        self.trap_if(outside, trap);
        // Arrays keep their length, and tables do not shrink.
        self.facts.learn_in_bounds(element);
    }

    /// Replaces the reference in a slot, which is at an offset from an address.
    pub fn overwrite(
        &mut self,
        name: SlotName,
        (address, offset): (Value, u32),
        region: Region,
        new: Value,
        holds: Holds,
    ) {
        let slot = slot(address, offset, region, self.facts.content(name));
        self.collector(|collector, e| collector.write(e, slot, reg(new), holds));
        let apart = planted!(self.config().planted(), SlotsToldApart);
        let may_be = |other: SlotName| !apart && other.may_be(name);
        self.facts.learn_written(name, new, may_be);
    }

    /// Emits the deferred counts, increments first. Two values can be the same object, and a
    /// decrement before its increment would take away the zero-count table's own count (D1 of
    /// `heap::drc`).
    pub fn emit_deferred_counts(&mut self) {
        for count in self.facts.take_deferred() {
            self.collector(|collector, e| {
                collector.count(e, reg(count.value), count.by, count.holds);
            });
        }
    }

    /// Before an operator is translated.
    pub fn before(&mut self, effect: Effect) {
        let late = planted!(self.config().planted(), DeferredCountsLate);
        let stay_deferred = match effect {
            Effect::None => self.facts.can_defer(),
            Effect::Trap => late,
            Effect::Any => false,
        };
        if !stay_deferred {
            self.emit_deferred_counts();
        }
        if effect == Effect::Any {
            self.facts.forget();
        }
    }

    /// After an operator was translated.
    pub fn after(&mut self, effect: Effect) {
        if effect == Effect::Any {
            self.emit_deferred_counts();
            self.facts.forget();
        }
    }

    /// Returns what an operator can do at the current position.
    pub fn effect(&self, op: &Operator<'_>) -> Effect {
        let field = |ty: u32, field: u32, above: usize| {
            let (fields, _) = self.env.ty(TypeIdx(ty)).structure();
            let function = is_function(fields[field as usize].storage);
            let known = self.facts.is_not_null(self.operand(above));
            effect(known, function)
        };
        let element = |ty: u32, above: usize| {
            let (element, _) = self.env.ty(TypeIdx(ty)).array();
            let (array, index) = (self.operand(above + 1), self.operand(above));
            let known = self.facts.is_in_bounds(SlotName::Element(array, index));
            effect(known, is_function(element.storage))
        };
        let entry = |table: u32, above: usize| {
            let table = TableIdx(table);
            let known = SlotName::Entry(table, self.operand(above));
            let calls = self.config().collection_points || !self.is_collected(table);
            effect(self.facts.is_in_bounds(known), calls)
        };
        match *op {
            Operator::StructGet {
                struct_type_index: ty,
                field_index,
            }
            | Operator::StructGetS {
                struct_type_index: ty,
                field_index,
            }
            | Operator::StructGetU {
                struct_type_index: ty,
                field_index,
            } => field(ty, field_index, 0),
            Operator::StructSet {
                struct_type_index: ty,
                field_index,
            } => field(ty, field_index, 1),
            Operator::ArrayGet {
                array_type_index: ty,
            }
            | Operator::ArrayGetS {
                array_type_index: ty,
            }
            | Operator::ArrayGetU {
                array_type_index: ty,
            } => element(ty, 0),
            Operator::ArraySet {
                array_type_index: ty,
            } => element(ty, 1),
            Operator::ArrayLen => effect(self.facts.is_not_null(self.operand(0)), false),
            Operator::TableGet { table } => entry(table, 0),
            Operator::TableSet { table } => entry(table, 1),
            _ if is_pure(op) => Effect::None,
            _ => Effect::Any,
        }
    }
}

/// The effect of an access. `known` means that it cannot trap, `calls` that it may call.
fn effect(known: bool, calls: bool) -> Effect {
    match (known, calls) {
        (_, true) => Effect::Any,
        (true, false) => Effect::None,
        (false, false) => Effect::Trap,
    }
}

/// Whether an operator only pops operands and pushes results, or accesses a local or global.
fn is_pure(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        op,
        O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::GlobalGet { .. }
            | O::GlobalSet { .. }
            | O::Drop
            | O::Nop
            | O::RefNull { .. }
            | O::RefIsNull
            | O::RefEq
            | O::RefI31
            | O::I32Const { .. }
            | O::I64Const { .. }
            | O::I32Eqz
            | O::I32Eq
            | O::I32Ne
            | O::I32LtS
            | O::I32LtU
            | O::I32GtS
            | O::I32GtU
            | O::I32LeS
            | O::I32LeU
            | O::I32GeS
            | O::I32GeU
            | O::I32Add
            | O::I32Sub
            | O::I32Mul
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::I64Add
            | O::I64Sub
            | O::I64Mul
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
    )
}
