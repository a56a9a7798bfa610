//! What is known at the current position of the code that is translated, and reference counts that
//! are not emitted yet. Plain data: `effects` says what an operator does to it.

use cranelift_codegen::ir::Value;
use smallvec::SmallVec;

use crate::heap::emit::Holds;
use crate::index::{FieldIdx, GlobalIdx, TableIdx};

/// At most this many facts of each kind are kept. Searching more would be slow, and more are rare.
pub(super) const FACTS_MAX: usize = 16;

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
    /// Returns true if both names can mean the same slot. Values that differ may be equal when the
    /// program runs. A subtype has the fields of its supertype at the same offsets. One table or
    /// global can be imported twice.
    pub fn may_be(self, other: SlotName) -> bool {
        match (self, other) {
            (SlotName::Field(_, a), SlotName::Field(_, b)) => a == b,
            (SlotName::Element(..), SlotName::Element(..))
            | (SlotName::Entry(..), SlotName::Entry(..))
            | (SlotName::Global(_), SlotName::Global(_)) => true,
            _ => false,
        }
    }
}

/// A change of a reference count that is not emitted yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeferredCount {
    /// The reference whose object is counted.
    pub value: Value,
    /// How many references there are more, or fewer.
    pub by: i32,
    /// What the reference can be.
    pub holds: Holds,
}

/// What is known at the current position.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// References that are not null.
    not_null: SmallVec<[Value; FACTS_MAX]>,
    /// Elements whose index was checked.
    in_bounds: SmallVec<[SlotName; FACTS_MAX]>,
    /// What slots hold.
    contents: SmallVec<[(SlotName, Value); FACTS_MAX]>,
    /// Counts that are not emitted yet, at most one for each reference.
    deferred: SmallVec<[DeferredCount; FACTS_MAX]>,
}

/// Adds a fact. Forgets all older ones of its kind when there are too many.
fn learn<T: PartialEq>(known: &mut SmallVec<[T; FACTS_MAX]>, fact: T) {
    if known.contains(&fact) {
        return;
    }
    if known.len() == FACTS_MAX {
        known.clear();
    }
    known.push(fact);
}

impl Facts {
    /// Returns true if a reference is known to be not null.
    pub fn is_not_null(&self, reference: Value) -> bool {
        self.not_null.contains(&reference)
    }

    /// From here on, a reference is known to be not null: an access through it did not trap.
    pub fn learn_not_null(&mut self, reference: Value) {
        learn(&mut self.not_null, reference);
    }

    /// Returns true if the index of an element is known to be in bounds.
    pub fn is_in_bounds(&self, element: SlotName) -> bool {
        self.in_bounds.contains(&element)
    }

    /// The index of an element was checked.
    pub fn learn_in_bounds(&mut self, element: SlotName) {
        learn(&mut self.in_bounds, element);
    }

    /// Returns what a slot holds, if that is known.
    pub fn content(&self, slot: SlotName) -> Option<Value> {
        let found = self.contents.iter().find(|(name, _)| *name == slot);
        found.map(|(_, value)| *value)
    }

    /// A slot was read.
    pub fn learn_read(&mut self, slot: SlotName, value: Value) {
        debug_assert!(self.content(slot).is_none(), "read again");
        learn(&mut self.contents, (slot, value));
    }

    /// A slot was written. Forgets the slots that may be the same one, which `may_be` tells.
    pub fn learn_written(
        &mut self,
        slot: SlotName,
        value: Value,
        may_be: impl Fn(SlotName) -> bool,
    ) {
        self.contents
            .retain(|(name, _)| *name != slot && !may_be(*name));
        learn(&mut self.contents, (slot, value));
    }

    /// Adds `by` to the deferred count of `value`.
    pub fn defer_count(&mut self, value: Value, by: i32, holds: Holds) {
        match self.deferred.iter_mut().find(|c| c.value == value) {
            Some(count) => count.by += by,
            None => self.deferred.push(DeferredCount { value, by, holds }),
        }
    }

    /// Returns true if another count can be deferred.
    pub fn can_defer(&self) -> bool {
        self.deferred.len() < FACTS_MAX
    }

    /// Takes the deferred counts that are not 0, increments first.
    pub fn take_deferred(&mut self) -> SmallVec<[DeferredCount; FACTS_MAX]> {
        let mut counts = std::mem::take(&mut self.deferred);
        counts.retain(|count| count.by != 0);
        counts.sort_by_key(|count| count.by < 0);
        counts
    }

    /// Forgets everything but the deferred counts.
    pub fn forget(&mut self) {
        self.not_null.clear();
        self.in_bounds.clear();
        self.contents.clear();
    }
}
