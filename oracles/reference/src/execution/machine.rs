//! 4.0: the stack as rules take it.
//!
//! Pure rules get nothing but a [`Machine`]: it is the part of a configuration without the store.
//!
//! Steps are counted before they are done, a stretch of instructions at a time: from where
//! execution goes on to the end of the body, or as far as the step budget allows. A jump gives back
//! what has not been executed.

use std::slice::Iter;

use crate::rules::{Recorder, Rule, Stopped};
use crate::syntax::{AddrType, Instr};
use crate::trace::Tracer;

use super::instructions::trap::{Halt, OrStuck, Stuck};
use super::stack::{Frame, Slot, Stack, Thread, vector};
use super::values::{Kind, Ref, Value, Word};

/// A [`Stack`] while rules are applied. What every rule changes is kept beside it: a machine that
/// only inlined functions get is in registers. So the functions of common rules are always inlined;
/// others get a machine of their own, by [`Machine::apart`].
pub(crate) struct Machine<'s, 'c> {
    stack: &'s mut Stack,
    /// In place of [`Stack::height`].
    height: usize,
    recorder: Recorder<'c>,
    /// The current instruction and those after it, as far as steps have been counted.
    stretch: Iter<'c, Instr>,
}

/// What can be pushed.
pub(crate) trait Operand: Copy {
    fn into_slot(self, m: &mut Machine) -> Slot;
}

/// A number or vector that can be popped.
pub(crate) trait Number: Operand {
    const KIND: Kind;
    /// The number in a slot of this kind.
    fn from_bits(bits: u64, m: &Machine) -> Self;
}

macro_rules! number {
    ($($type:ty, $kind:ident, $bits:ident => $of:expr, $number:ident => $to:expr;)*) => {$(
        impl Operand for $type {
            #[inline(always)]
            fn into_slot(self, _: &mut Machine) -> Slot {
                let $number = self;
                Slot { bits: $to, kind: Kind::$kind }
            }
        }

        impl Number for $type {
            const KIND: Kind = Kind::$kind;
            #[inline(always)]
            fn from_bits($bits: u64, _: &Machine) -> Self {
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
    fn into_slot(self, m: &mut Machine) -> Slot {
        Slot {
            bits: m.stack.add_vector(self, m.height),
            kind: Kind::V128,
        }
    }
}

impl Number for u128 {
    const KIND: Kind = Kind::V128;
    #[inline(always)]
    fn from_bits(bits: u64, m: &Machine) -> Self {
        vector(bits, &m.stack.vectors)
    }
}

impl Operand for Ref {
    #[inline(always)]
    fn into_slot(self, _: &mut Machine) -> Slot {
        Slot {
            bits: self.to_word(),
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
                bits: self.low,
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

impl Thread {
    /// A machine that works on the stack until [`Machine::stop`].
    #[inline(always)]
    pub(crate) fn start(&mut self) -> Machine<'_, '_> {
        Machine {
            height: self.stack.height,
            recorder: self.coverage.recorder(),
            stretch: [].iter(),
            stack: &mut self.stack,
        }
    }

    /// Has `f` work on the stack.
    #[inline(always)]
    pub(crate) fn operate<T>(&mut self, f: impl FnOnce(&mut Machine) -> T) -> T {
        let mut m = self.start();
        let result = f(&mut m);
        let stopped = m.stop();
        self.coverage.resume(stopped);
        result
    }
}

impl<'c> Machine<'_, 'c> {
    /// Leaves the stack as the rules have changed it.
    #[inline(always)]
    pub(crate) fn stop(self) -> Stopped {
        self.stack.height = self.height;
        self.stack.slice += self.ahead() as u64;
        self.recorder.stop()
    }

    /// Has `f` work on the stack with a machine of its own, out of line, so that this one can stay
    /// in registers.
    #[inline(always)]
    pub(crate) fn apart<T>(&mut self, f: impl FnOnce(&mut Machine<'_, 'c>) -> T) -> T {
        #[inline(never)]
        fn call<'c, T>(m: &mut Machine<'_, 'c>, f: impl FnOnce(&mut Machine<'_, 'c>) -> T) -> T {
            f(m)
        }
        let mut m = Machine {
            stack: self.stack,
            height: self.height,
            recorder: self.recorder,
            stretch: self.stretch.clone(),
        };
        let result = call(&mut m, f);
        (self.height, self.recorder) = (m.height, m.recorder);
        self.stretch = m.stretch;
        result
    }

    /// Records that a rule is applied.
    #[inline(always)]
    pub(crate) fn reach(&mut self, rule: Rule) {
        self.recorder.reach(rule);
    }

    /// Makes room for `n` operands.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, n: usize) {
        self.stack.reserve(self.height, n);
    }

    /// Pushes an operand, where room has been made for it.
    #[inline(always)]
    pub(crate) fn push(&mut self, operand: impl Operand) -> Result<(), Halt> {
        let slot = operand.into_slot(self);
        let place = self.stack.slots.get_mut(self.height);
        *place.or_stuck(Stuck::OperandHeight)? = slot;
        self.height += 1;
        Ok(())
    }

    /// Pushes an operand `n` times.
    pub(crate) fn push_n(&mut self, operand: impl Operand, n: usize) {
        let slot = operand.into_slot(self);
        self.reserve(n);
        self.stack.slots[self.height..][..n].fill(slot);
        self.height += n;
    }

    /// Pushes operands, the last one on top.
    pub(crate) fn push_all(&mut self, values: &[Value]) -> Result<(), Halt> {
        self.reserve(values.len());
        values.iter().try_for_each(|value| self.push(*value))
    }

    /// Number of locals and operands on the stack.
    #[inline(always)]
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// The slot at a position.
    #[inline(always)]
    pub(crate) fn slot(&self, at: usize) -> Option<Slot> {
        self.stack.slots.get(at).copied()
    }

    /// The slot on top.
    #[inline(always)]
    pub(crate) fn top_slot(&self) -> Option<Slot> {
        self.slot(self.height.wrapping_sub(1))
    }

    /// The slot at a position, to change it.
    #[inline(always)]
    pub(crate) fn slot_mut(&mut self, at: usize) -> Option<&mut Slot> {
        self.stack.slots.get_mut(at)
    }

    /// What the slots from position `first` on hold.
    #[inline(always)]
    pub(crate) fn operands(&self, first: usize) -> impl Iterator<Item = Word> {
        let slots = self.stack.slots.get(first..self.height);
        let vectors = self.stack.vectors.as_slice();
        slots.unwrap_or(&[]).iter().map(|slot| slot.word(vectors))
    }

    /// Drops what is on position `height` and above.
    #[inline(always)]
    pub(crate) fn truncate(&mut self, height: usize) {
        self.height = self.height.min(height);
    }

    /// What a slot of this machine holds.
    #[inline(always)]
    pub(crate) fn word(&self, slot: Slot) -> Word {
        slot.word(&self.stack.vectors)
    }

    /// What a slot of this machine holds.
    #[inline(always)]
    pub(crate) fn value(&self, slot: Slot) -> Value {
        self.word(slot).into()
    }

    /// What the slots from position `first` on hold.
    pub(crate) fn values_from(&self, first: usize) -> Vec<Value> {
        self.operands(first).map(Value::from).collect()
    }

    /// Pops an operand.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Result<Slot, Halt> {
        self.pop_slot().or_stuck(Stuck::OperandMissing)
    }

    #[inline(always)]
    fn pop_slot(&mut self) -> Option<Slot> {
        // What is below the first position is none, and a stack with a missing operand is never
        // used again.
        self.height = self.height.wrapping_sub(1);
        self.stack.slots.get(self.height).copied()
    }

    /// Pops a number or vector.
    #[inline(always)]
    pub(crate) fn pop_num<T: Number>(&mut self) -> Result<T, Halt> {
        match self.pop_slot() {
            Some(Slot { bits, kind }) if kind == T::KIND => Ok(T::from_bits(bits, self)),
            _ => Err(Stuck::OperandType.into()),
        }
    }

    /// Pops a reference.
    #[inline(always)]
    pub(crate) fn pop_ref(&mut self) -> Result<Ref, Halt> {
        match self.pop_slot() {
            Some(Slot {
                bits,
                kind: Kind::Ref,
            }) => Ok(Ref::from_word(bits)),
            _ => Err(Stuck::OperandType.into()),
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
    pub(crate) fn push_addr(&mut self, at: AddrType, size: Option<u64>) -> Result<(), Halt> {
        let size = size.unwrap_or(u64::MAX);
        match at {
            AddrType::I32 => self.push(size as u32),
            AddrType::I64 => self.push(size),
        }
    }

    /// Position of the lowest of the top `n` operands.
    #[inline(always)]
    pub(crate) fn top(&self, n: usize) -> Result<usize, Halt> {
        let rest = self.height.checked_sub(n);
        rest.or_stuck(Stuck::OperandMissing)
    }

    /// Moves the top `n` values down to position `to`, dropping those between.
    #[inline(always)]
    pub(crate) fn cut(&mut self, to: usize, n: usize) -> Result<(), Halt> {
        let from = self.height.wrapping_sub(n);
        if from == to {
            return Ok(());
        }
        if from < to || from > self.height || self.height > self.stack.slots.len() {
            return Err(Stuck::OperandHeight.into());
        }
        self.stack.slots.copy_within(from..self.height, to);
        self.height = to + n;
        Ok(())
    }

    /// The frame on top.
    #[inline(always)]
    pub(crate) fn frame(&self) -> Result<Frame, Halt> {
        self.stack.frames.last().copied().or_stuck(Stuck::Position)
    }

    /// The frame on top, to change it.
    #[inline(always)]
    pub(crate) fn frame_mut(&mut self) -> Result<&mut Frame, Halt> {
        self.stack.frames.last_mut().or_stuck(Stuck::Position)
    }

    /// Adds a frame.
    pub(crate) fn push_frame(&mut self, frame: Frame) {
        self.stack.frames.push(frame);
    }

    /// Removes the frame on top.
    #[inline(always)]
    pub(crate) fn pop_frame(&mut self) -> Result<Frame, Halt> {
        self.stack.frames.pop().or_stuck(Stuck::Position)
    }

    /// Number of frames.
    #[inline(always)]
    pub(crate) fn depth(&self) -> usize {
        self.stack.frames.len()
    }

    /// Whom to tell of each step.
    pub(crate) fn tracer(&mut self) -> &mut Option<Tracer> {
        &mut self.stack.tracer
    }

    /// Whether a frame with `values` more values may be added.
    #[inline(always)]
    pub(crate) fn admit(&self, values: u64) -> Result<(), Halt> {
        self.stack.admit(self.height, values)
    }

    /// Counts `steps` steps at once, for an instruction that does as much work as that.
    #[inline]
    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), Halt> {
        match self.stack.slice.checked_sub(steps) {
            Some(slice) => {
                self.stack.slice = slice;
                Ok(())
            }
            None => self.charge_beyond(steps),
        }
    }

    /// Counts steps of which some may have been counted ahead.
    #[cold]
    fn charge_beyond(&mut self, steps: u64) -> Result<(), Halt> {
        let ahead = self.ahead();
        self.stack.slice += ahead as u64;
        self.stack.after -= ahead;
        self.stretch = self.stretch.as_slice()[..self.stretch.len() - ahead].iter();
        self.stack.charge(steps)
    }

    /// Number of instructions counted that follow the current one.
    #[inline(always)]
    fn ahead(&self) -> usize {
        self.stretch.len().saturating_sub(1)
    }

    /// Position in the body of the current instruction.
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.stack.after.wrapping_sub(self.stretch.len())
    }

    /// The current instruction, unless steps must be counted first, and what follows it in the
    /// stretch.
    #[inline(always)]
    pub(crate) fn current(&self) -> Option<(&'c Instr, Iter<'c, Instr>)> {
        let mut rest = self.stretch.clone();
        rest.next().map(|instr| (instr, rest))
    }

    /// The next instruction becomes the current one, after a rule that may have counted steps.
    #[inline(always)]
    pub(crate) fn advance(&mut self) {
        self.stretch.next();
    }

    /// As [`Machine::advance`], after a rule that has not, so that the rest is what
    /// [`Machine::current`] gave.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, rest: Iter<'c, Instr>) {
        debug_assert_eq!(rest.len() + 1, self.stretch.len());
        self.stretch = rest;
    }

    /// The instruction at a position becomes the current one. The stretch is as long as the slice
    /// of steps, which it takes.
    #[inline(always)]
    pub(crate) fn jump(&mut self, body: &'c [Instr], position: usize) -> Result<(), Halt> {
        let slice = self.stack.slice.wrapping_add(self.ahead() as u64);
        let mut rest = body.get(position..).or_stuck(Stuck::Position)?;
        if rest.len() as u64 > slice {
            rest = &rest[..slice as usize];
        }
        self.stack.slice = slice.wrapping_sub(rest.len() as u64);
        self.stack.after = position.wrapping_add(rest.len());
        self.stretch = rest.iter();
        Ok(())
    }

    /// The next slice of steps, after a stretch has ended before the body: goes on with it.
    pub(crate) fn refill(&mut self, body: &'c [Instr]) -> Result<(), Halt> {
        if self.stack.after >= body.len() {
            return Err(Stuck::Position.into());
        }
        self.stack.refill()?;
        self.jump(body, self.stack.after)
    }
}
