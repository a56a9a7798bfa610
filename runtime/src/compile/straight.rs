//! What is known in straight-line code, and counts that wait.
//!
//! ```text
//! struct.get $t 0 (local.get $x)                  $x is no null; its field 0 holds v
//! struct.set $t 0 (local.get $x) (local.get $y)   the field held v: one reference more to $y, one less to v
//! struct.set $t 1 (local.get $x) (v)              one more to v: both changes cancel out
//! i32.div_s                                       may trap: what is left is counted
//! ```
//!
//! Between two operators that may call, trap or branch nobody can look at counts. A collector that
//! counts hands its changes to [`Translator::defer_count`]; they are added up by value, and what is left
//! of them is counted before the next operator of that kind. Moving references from slot to slot,
//! as a swap does, so counts little or nothing.
//!
//! Everything is forgotten where control may come from elsewhere, and after calls. Not here: how
//! something is counted (the collectors).

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use smallvec::SmallVec;
use wasmparser::Operator;

use super::emit::{reg, slot};
use super::object::is_function;
use super::translator::Translator;
use crate::error::Trap;
use crate::heap::emit::{Holds, Region};
use crate::index::{FieldIdx, GlobalIdx, TableIdx, TypeIdx};
use crate::planted::planted;

/// Of each kind of knowledge so many pieces are kept: more would make the search for one slow, and
/// are rare.
const KNOWN_MAX: usize = 16;

/// A slot for a reference, by the operands of an access to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotName {
    /// A field of the object that a reference refers to.
    Field(Value, FieldIdx),
    /// An element of an array, at an index.
    Element(Value, Value),
    /// An element of a table, at an index.
    Entry(TableIdx, Value),
    Global(GlobalIdx),
}

impl SlotName {
    /// Whether both can be one slot. Values that differ may be equal when the program runs; types
    /// share the layout of the fields that they inherit; and one table or global may be
    /// imported twice.
    fn may_be(self, other: SlotName) -> bool {
        match (self, other) {
            (SlotName::Field(_, a), SlotName::Field(_, b)) => a == b,
            (SlotName::Element(..), SlotName::Element(..))
            | (SlotName::Entry(..), SlotName::Entry(..))
            | (SlotName::Global(_), SlotName::Global(_)) => true,
            _ => false,
        }
    }
}

/// What an operator can do besides giving its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing but accesses to memory.
    None,
    /// It may trap.
    Trap,
    /// Anything: calls, branches, and whatever has no line in [`Translator::effect`].
    Any,
}

/// A count that waits.
#[derive(Clone, Copy, Debug)]
struct Change {
    value: Value,
    by: i32,
    holds: Holds,
}

/// What is known at the current position.
#[derive(Debug, Default)]
pub(super) struct Straight {
    /// References that are not null.
    not_null: SmallVec<[Value; KNOWN_MAX]>,
    /// Elements whose index was checked.
    inside: SmallVec<[SlotName; KNOWN_MAX]>,
    /// What slots hold.
    contents: SmallVec<[(SlotName, Value); KNOWN_MAX]>,
    changes: SmallVec<[Change; KNOWN_MAX]>,
}

/// Adds a piece of knowledge, in the place of older ones when there are too many.
fn learn<T: PartialEq>(known: &mut SmallVec<[T; KNOWN_MAX]>, piece: T) {
    if known.contains(&piece) {
        return;
    }
    if known.len() == KNOWN_MAX {
        known.clear();
    }
    known.push(piece);
}

impl Straight {
    /// Whether a reference is known to be an object.
    pub fn is_not_null(&self, reference: Value) -> bool {
        self.not_null.contains(&reference)
    }

    /// From here on, a reference is no null: an access through it did not trap.
    pub fn is_object(&mut self, reference: Value) {
        learn(&mut self.not_null, reference);
    }

    /// What a slot holds, if that is known.
    pub fn content(&self, slot: SlotName) -> Option<Value> {
        let found = self.contents.iter().find(|(name, _)| *name == slot);
        found.map(|(_, value)| *value)
    }

    /// A slot was read.
    pub fn was_read(&mut self, slot: SlotName, value: Value) {
        debug_assert!(self.content(slot).is_none(), "read again");
        learn(&mut self.contents, (slot, value));
    }

    fn change(&mut self, value: Value, by: i32, holds: Holds) {
        match self.changes.iter_mut().find(|c| c.value == value) {
            Some(change) => change.by += by,
            None => self.changes.push(Change { value, by, holds }),
        }
    }

    fn forget(&mut self) {
        self.not_null.clear();
        self.inside.clear();
        self.contents.clear();
    }
}

impl Translator<'_> {
    /// Counts `by` references more to `value`, or fewer, before anyone can look.
    pub fn defer_count(&mut self, value: Value, by: i32, holds: Holds) {
        self.straight.change(value, by, holds);
    }

    /// Traps where `index` is not below `len`, unless that is known of the element already.
    pub fn check_index(
        &mut self,
        element: SlotName,
        index: Value,
        len: impl FnOnce(&mut Self) -> Value,
        trap: Trap,
    ) {
        if self.straight.inside.contains(&element) {
            return;
        }
        let len = len(self);
        let not_below = IntCC::UnsignedGreaterThanOrEqual;
        let outside = self.b.ins().icmp(not_below, index, len);
        self.trap_if(outside, trap);
        // Arrays keep their length, and tables do not shrink.
        learn(&mut self.straight.inside, element);
    }

    /// Writes a reference over the one in a slot, which is at an offset from an address.
    pub fn overwrite(
        &mut self,
        name: SlotName,
        (address, offset): (Value, u32),
        region: Region,
        new: Value,
        holds: Holds,
    ) {
        let slot = slot(address, offset, region, self.straight.content(name));
        self.collector(|collector, e| collector.write(e, slot, reg(new), holds));
        self.was_written(name, new);
    }

    /// A slot holds a value from here on.
    fn was_written(&mut self, slot: SlotName, value: Value) {
        let apart = planted!(self.config().planted, SlotsToldApart);
        let contents = &mut self.straight.contents;
        contents.retain(|(name, _)| *name != slot && (apart || !name.may_be(slot)));
        learn(contents, (slot, value));
    }

    /// Emits what waits: first what is counted up. Two values can be one object, and giving up a
    /// reference that was not counted yet would take the list's count (D1 of `heap::drc`).
    pub fn settle(&mut self) {
        let mut changes = std::mem::take(&mut self.straight.changes);
        changes.retain(|change| change.by != 0);
        changes.sort_by_key(|change| change.by < 0);
        for Change { value, by, holds } in changes {
            self.collector(|collector, e| collector.count(e, reg(value), by, holds));
        }
    }

    /// Before an operator is translated.
    pub fn before(&mut self, effect: Effect) {
        let late = planted!(self.config().planted, DeferredCountsLate);
        let waits = match effect {
            Effect::None => self.straight.changes.len() < KNOWN_MAX,
            Effect::Trap => late,
            Effect::Any => false,
        };
        if !waits {
            self.settle();
        }
        if effect == Effect::Any {
            self.straight.forget();
        }
    }

    /// After an operator was translated.
    pub fn after(&mut self, effect: Effect) {
        if effect == Effect::Any {
            self.settle();
            self.straight.forget();
        }
    }

    /// What an operator can do at the current position.
    pub fn effect(&self, op: &Operator<'_>) -> Effect {
        let field = |ty: u32, field: u32, below: usize| {
            let (fields, _) = self.env.ty(TypeIdx(ty)).structure();
            let function = is_function(fields[field as usize].storage);
            let known = self.straight.is_not_null(self.operand(below));
            effect(known, function)
        };
        let element = |ty: u32, below: usize| {
            let (element, _) = self.env.ty(TypeIdx(ty)).array();
            let (array, index) = (self.operand(below + 1), self.operand(below));
            let known = self
                .straight
                .inside
                .contains(&SlotName::Element(array, index));
            effect(known, is_function(element.storage))
        };
        let entry = |table: u32, below: usize| {
            let table = TableIdx(table);
            let known = SlotName::Entry(table, self.operand(below));
            let calls = self.config().collection_points || !self.is_collected(table);
            effect(self.straight.inside.contains(&known), calls)
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
            Operator::ArrayLen => effect(self.straight.is_not_null(self.operand(0)), false),
            Operator::TableGet { table } => entry(table, 0),
            Operator::TableSet { table } => entry(table, 1),
            _ if is_pure(op) => Effect::None,
            _ => Effect::Any,
        }
    }
}

/// The effect of an access. `known` says that it cannot trap, `calls` that it may call.
fn effect(known: bool, calls: bool) -> Effect {
    match (known, calls) {
        (_, true) => Effect::Any,
        (true, false) => Effect::None,
        (false, false) => Effect::Trap,
    }
}

/// Operators that only take operands and give results, and accesses to locals and globals.
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
