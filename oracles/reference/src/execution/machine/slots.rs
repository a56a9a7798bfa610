//! A value on the stack, in two registers.

use crate::execution::values::{Ref, Value};
use crate::execution::words::{Kind, Word};

/// A value on the stack: one word and its kind, so that it is moved in two registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// For a vector, its position among the vectors of the stack.
    pub(crate) bits: u64,
    pub(crate) kind: Kind,
}

impl Slot {
    /// Returns the reference in this slot, if it holds one.
    pub(crate) fn as_ref(self) -> Option<Ref> {
        (self.kind == Kind::Ref).then(|| Ref::from_word(self.bits))
    }

    /// Returns what this slot of a stack with these vectors holds.
    #[inline(always)]
    pub(super) fn word(self, vectors: &[u128]) -> Word {
        match self.kind {
            Kind::V128 => Value::from(vector(self.bits, vectors)).into(),
            kind => Word::new(kind, self.bits),
        }
    }
}

/// Returns the vector of a slot with these bits, on a stack with these vectors.
#[inline(always)]
pub(super) fn vector(bits: u64, vectors: &[u128]) -> u128 {
    vectors.get(bits as usize).copied().unwrap_or_default()
}
