//! What rules push and pop, and the slot that holds it.

use crate::execution::values::{Ref, Value};
use crate::execution::words::{Kind, Word};

use super::slots::{Slot, vector};
use super::stack::Stack;

/// What can be pushed.
pub(crate) trait Operand: Copy {
    /// Returns the slot that holds it, on a stack of this height.
    fn into_slot(self, stack: &mut Stack, height: usize) -> Slot;
}

/// A number or vector that can be popped.
pub(crate) trait Number: Operand {
    const KIND: Kind;
    /// Returns the number in a slot of this kind.
    fn from_bits(bits: u64, stack: &Stack) -> Self;
}

macro_rules! number {
    ($($type:ty, $kind:ident, $bits:ident => $of:expr, $number:ident => $to:expr;)*) => {$(
        impl Operand for $type {
            #[inline(always)]
            fn into_slot(self, _: &mut Stack, _: usize) -> Slot {
                let $number = self;
                Slot { bits: $to, kind: Kind::$kind }
            }
        }

        impl Number for $type {
            const KIND: Kind = Kind::$kind;
            #[inline(always)]
            fn from_bits($bits: u64, _: &Stack) -> Self {
                $of
            }
        }
    )*};
}

number! {
    u32, I32, bits => bits as u32, i => u64::from(i);
    u64, I64, bits => bits, i => i;
    f32, F32, bits => f32::from_bits(bits as u32), f => u64::from(f.to_bits());
    f64, F64, bits => f64::from_bits(bits), f => f.to_bits();
}

impl Operand for u128 {
    #[inline(always)]
    fn into_slot(self, stack: &mut Stack, height: usize) -> Slot {
        Slot {
            bits: stack.add_vector(self, height),
            kind: Kind::V128,
        }
    }
}

impl Number for u128 {
    const KIND: Kind = Kind::V128;
    #[inline(always)]
    fn from_bits(bits: u64, stack: &Stack) -> Self {
        vector(bits, &stack.vectors)
    }
}

impl Operand for Ref {
    #[inline(always)]
    fn into_slot(self, _: &mut Stack, _: usize) -> Slot {
        Slot {
            bits: self.to_word(),
            kind: Kind::Ref,
        }
    }
}

impl Operand for Slot {
    #[inline(always)]
    fn into_slot(self, _: &mut Stack, _: usize) -> Slot {
        self
    }
}

impl Operand for Word {
    #[inline(always)]
    fn into_slot(self, stack: &mut Stack, height: usize) -> Slot {
        match self.kind {
            Kind::V128 => {
                (u128::from(self.low) | u128::from(self.high) << 64).into_slot(stack, height)
            }
            kind => Slot {
                bits: self.low,
                kind,
            },
        }
    }
}

impl Operand for Value {
    #[inline(always)]
    fn into_slot(self, stack: &mut Stack, height: usize) -> Slot {
        Word::from(self).into_slot(stack, height)
    }
}
