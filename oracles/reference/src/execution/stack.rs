//! 4.0: frames, locals and operands.
//!
//! All locals and operands of all frames stand in one vector; a call's arguments become the callee's first locals where
//! they are. Labels and handlers are not here (see the module above).
//!
//! Always holds: `frames[k].base <= frames[k].operands <=` base of the next frame `<=` number of values.
//!
//! Pure rules get nothing but a [`Machine`]: it is the part of a configuration without the store.

use crate::rules::Coverage;
use crate::syntax::AddrType;
use crate::trace::Tracer;

use super::configurations::StoreLimits;
use super::instructions::trap::{Exhausted, Halt, OrStuck, Stuck};
use super::values::{InstanceAddr, Kind, Ref, Value, Word};

/// A value on the stack: one word and its kind, so that it is moved in two registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// For a vector, its position among the [`Machine`]'s vectors.
    pub(crate) word: u64,
    pub(crate) kind: Kind,
}

impl Slot {
    /// The reference in this slot, if it holds one.
    pub(crate) fn as_ref(self) -> Option<Ref> {
        (self.kind == Kind::Ref).then(|| Ref::from_word(self.word))
    }
}

/// `FRAME_`, of a function. Constant expressions have no locals and run without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// `MODULE`.
    pub(crate) instance: InstanceAddr,
    /// The function, counted without imports.
    pub(crate) code: u32,
    /// Position of the next instruction; of the call, while a callee runs.
    pub(crate) position: u32,
    /// Where locals begin.
    pub(crate) base: u32,
    /// Where operands begin.
    pub(crate) operands: u32,
    /// Number of results.
    pub(crate) arity: u32,
}

/// What can be pushed.
pub(crate) trait Operand: Copy {
    fn into_slot(self, m: &mut Machine) -> Slot;
}

/// A number or vector that can be popped.
pub(crate) trait Number: Operand {
    const KIND: Kind;
    /// The number in a slot of this kind.
    fn from_word(word: u64, m: &Machine) -> Self;
}

macro_rules! number {
    ($($type:ty, $kind:ident, $word:ident => $of:expr, $number:ident => $bits:expr;)*) => {$(
        impl Operand for $type {
            #[inline(always)]
            fn into_slot(self, _: &mut Machine) -> Slot {
                let $number = self;
                Slot { word: $bits, kind: Kind::$kind }
            }
        }

        impl Number for $type {
            const KIND: Kind = Kind::$kind;
            #[inline(always)]
            fn from_word($word: u64, _: &Machine) -> Self {
                $of
            }
        }
    )*};
}

number! {
    u32, I32, word => word as u32, i => u64::from(i);
    u64, I64, word => word, i => i;
    f32, F32, word => f32::from_bits(word as u32), f => u64::from(f.to_bits());
    f64, F64, word => f64::from_bits(word), f => f.to_bits();
}

impl Operand for u128 {
    #[inline]
    fn into_slot(self, m: &mut Machine) -> Slot {
        if m.vectors.len() >= m.vectors_max {
            m.forget_unused_vectors();
        }
        m.vectors.push(self);
        Slot {
            word: m.vectors.len() as u64 - 1,
            kind: Kind::V128,
        }
    }
}

impl Number for u128 {
    const KIND: Kind = Kind::V128;
    #[inline]
    fn from_word(word: u64, m: &Machine) -> Self {
        m.vectors.get(word as usize).copied().unwrap_or_default()
    }
}

impl Operand for Ref {
    #[inline(always)]
    fn into_slot(self, _: &mut Machine) -> Slot {
        Slot {
            word: self.to_word(),
            kind: Kind::Ref,
        }
    }
}

impl Operand for Slot {
    #[inline(always)]
    fn into_slot(self, _: &mut Machine) -> Slot {
        self
    }
}

impl Operand for Word {
    #[inline(always)]
    fn into_slot(self, m: &mut Machine) -> Slot {
        match self.kind {
            Kind::V128 => (u128::from(self.low) | u128::from(self.high) << 64).into_slot(m),
            kind => Slot {
                word: self.low,
                kind,
            },
        }
    }
}

impl Operand for Value {
    #[inline(always)]
    fn into_slot(self, m: &mut Machine) -> Slot {
        Word::from(self).into_slot(m)
    }
}

/// Never happens, and must not cost anything where it does not.
#[cold]
#[inline(never)]
fn stuck(what: Stuck) -> Halt {
    what.into()
}

/// Fewest vectors at which unused ones are forgotten.
const VECTORS_MIN: usize = 1024;

/// Stack, step budget, and what is recorded of a run.
pub(crate) struct Machine {
    pub(crate) values: Vec<Slot>,
    /// Vectors that slots refer to, and some that none refers to any more.
    vectors: Vec<u128>,
    /// Number of vectors at which unused ones are forgotten.
    vectors_max: usize,
    pub(crate) frames: Vec<Frame>,
    /// Entries from the host that have not returned.
    pub(crate) nesting: u32,
    /// Steps left before [`Machine::refill`] is asked.
    pub(crate) slice: u64,
    /// Steps left after those.
    pub(crate) reserve: u64,
    pub(crate) coverage: Coverage,
    pub(crate) tracer: Option<Tracer>,
    depth_max: u32,
    values_max: u32,
    nesting_max: u32,
}

impl Machine {
    pub(crate) fn new(limits: &StoreLimits) -> Machine {
        Machine {
            values: Vec::new(),
            vectors: Vec::new(),
            vectors_max: VECTORS_MIN,
            frames: Vec::new(),
            nesting: 0,
            slice: 0,
            reserve: limits.steps,
            coverage: Coverage::new(),
            tracer: None,
            depth_max: limits.call_depth,
            values_max: limits.stack_values,
            nesting_max: limits.host_nesting,
        }
    }

    /// Pushes an operand.
    #[inline(always)]
    pub(crate) fn push(&mut self, operand: impl Operand) {
        let slot = operand.into_slot(self);
        self.values.push(slot);
    }

    /// Pushes operands, the last one on top.
    pub(crate) fn push_all(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.push(*value));
    }

    /// What a slot of this machine holds.
    #[inline(always)]
    pub(crate) fn word(&self, slot: Slot) -> Word {
        match slot.kind {
            Kind::V128 => Value::from(u128::from_word(slot.word, self)).into(),
            kind => Word::new(kind, slot.word),
        }
    }

    /// What a slot of this machine holds.
    #[inline(always)]
    pub(crate) fn value(&self, slot: Slot) -> Value {
        self.word(slot).into()
    }

    /// What the slots from position `first` on hold.
    pub(crate) fn values_from(&self, first: usize) -> Vec<Value> {
        let slots = self.values.get(first..).unwrap_or(&[]);
        slots.iter().map(|slot| self.value(*slot)).collect()
    }

    /// Keeps only vectors that a slot refers to. No rule holds a vector's slot while it pushes a vector.
    #[cold]
    fn forget_unused_vectors(&mut self) {
        let all = std::mem::take(&mut self.vectors);
        for slot in &mut self.values {
            if slot.kind == Kind::V128 {
                self.vectors.push(all[slot.word as usize]);
                slot.word = self.vectors.len() as u64 - 1;
            }
        }
        self.vectors_max = VECTORS_MIN.max(2 * self.vectors.len());
    }

    /// Pops an operand.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Result<Slot, Halt> {
        match self.values.pop() {
            Some(slot) => Ok(slot),
            None => Err(stuck(Stuck::OperandMissing)),
        }
    }

    /// Pops a number or vector.
    #[inline(always)]
    pub(crate) fn pop_num<T: Number>(&mut self) -> Result<T, Halt> {
        match self.values.pop() {
            Some(Slot { word, kind }) if kind == T::KIND => Ok(T::from_word(word, self)),
            _ => Err(stuck(Stuck::OperandType)),
        }
    }

    /// Pops a reference.
    #[inline(always)]
    pub(crate) fn pop_ref(&mut self) -> Result<Ref, Halt> {
        match self.values.pop() {
            Some(Slot {
                word,
                kind: Kind::Ref,
            }) => Ok(Ref::from_word(word)),
            _ => Err(stuck(Stuck::OperandType)),
        }
    }

    /// Pops an address or a size of the address type.
    #[inline(always)]
    pub(crate) fn pop_addr(&mut self, at: AddrType) -> Result<u64, Halt> {
        match at {
            AddrType::I32 => Ok(u64::from(self.pop_num::<u32>()?)),
            AddrType::I64 => self.pop_num::<u64>(),
        }
    }

    /// Pushes an address or a size of the address type, which it fits; -1 if there is none.
    pub(crate) fn push_addr(&mut self, at: AddrType, size: Option<u64>) {
        let size = size.unwrap_or(u64::MAX);
        match at {
            AddrType::I32 => self.push(size as u32),
            AddrType::I64 => self.push(size),
        }
    }

    /// Position of the lowest of the top `n` operands.
    #[inline(always)]
    pub(crate) fn top(&self, n: usize) -> Result<usize, Halt> {
        let rest = self.values.len().checked_sub(n);
        rest.or_stuck(Stuck::OperandMissing)
    }

    /// Moves the top `n` values down to position `to`, dropping those between.
    #[inline(always)]
    pub(crate) fn cut(&mut self, to: usize, n: usize) -> Result<(), Halt> {
        let from = self.values.len().wrapping_sub(n);
        if from == to {
            return Ok(());
        }
        if from < to || from > self.values.len() {
            return Err(Stuck::OperandHeight.into());
        }
        self.values.copy_within(from.., to);
        self.values.truncate(to + n);
        Ok(())
    }

    /// Whether a frame with `values` more values may be added.
    #[inline(always)]
    pub(crate) fn admit(&self, values: u64) -> Result<(), Halt> {
        if self.frames.len() >= self.depth_max as usize
            || self.values.len() as u64 + values > u64::from(self.values_max)
        {
            return Err(Exhausted::CallStack.into());
        }
        Ok(())
    }

    /// The frame on top.
    #[inline(always)]
    pub(crate) fn frame(&self) -> Result<Frame, Halt> {
        self.frames.last().copied().or_stuck(Stuck::Position)
    }

    /// An entry from the host begins.
    pub(crate) fn enter_from_host(&mut self) -> Result<(), Halt> {
        if self.nesting >= self.nesting_max {
            return Err(Exhausted::CallStack.into());
        }
        self.nesting += 1;
        self.coverage.restart();
        Ok(())
    }

    /// An entry from the host ends: everything above `height` and `depth` is gone.
    pub(crate) fn leave_to_host(&mut self, height: usize, depth: usize) {
        self.values.truncate(height);
        self.frames.truncate(depth);
        self.nesting -= 1;
    }

    /// Counts `steps` steps at once, for an instruction that does as much work as that.
    #[inline]
    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), Halt> {
        if self.slice > steps {
            self.slice -= steps;
            return Ok(());
        }
        let left = self.slice.saturating_add(self.reserve);
        self.slice = 0;
        self.reserve = left.saturating_sub(steps);
        if left < steps {
            return Err(Exhausted::Steps.into());
        }
        Ok(())
    }

    /// Gets the next slice of the step budget: one step if each is traced, all otherwise.
    pub(crate) fn refill(&mut self) -> Result<(), Halt> {
        if self.reserve == 0 {
            return Err(Exhausted::Steps.into());
        }
        self.slice = match self.tracer {
            Some(_) => 1,
            None => self.reserve,
        };
        self.reserve -= self.slice;
        Ok(())
    }
}
