//! The stack as rules take it. Pure rules get nothing else: a [`Machine`] is the part of a
//! configuration without the store.

use std::slice::Iter;

use crate::execution::halt::{Halt, OrStuck, Stuck};
use crate::execution::values::{Ref, Value};
use crate::execution::words::{Kind, Word};
use crate::rules::{Recorder, Rule, Stopped};
use crate::syntax::{AddrType, Instr, LocalIdx};

use super::operands::{Number, Operand};
use super::slots::Slot;
use super::stack::{Frame, Stack, Thread};

/// Operands that rules of one instruction push before they pop others, beyond what validation
/// counts.
const BETWEEN_RULES: usize = 1;

/// A [`Stack`] while rules are applied.
///
/// What every rule changes is kept beside the stack: its height, the rule applied last, and the
/// current instruction. The compiler keeps these in registers as long as no function that is called
/// gets a pointer to the machine. So the functions of common rules have to be inlined in the loop,
/// and all others get a machine of their own, by [`Machine::apart`].
pub(crate) struct Machine<'s, 'c> {
    pub(super) stack: &'s mut Stack,
    /// In place of [`Stack::height`].
    height: usize,
    recorder: Recorder<'c>,
    /// The current instruction and those after it, as far as steps have been counted.
    pub(super) stretch: Iter<'c, Instr>,
}

impl Thread {
    /// Returns a machine that works on the stack until [`Machine::stop`].
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
        self.stack.steps.slice += self.ahead() as u64;
        self.recorder.stop()
    }

    /// Lets `f` work on the stack with a machine of its own, out of line, so that this one can stay
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
        let slot = operand.into_slot(self.stack, self.height);
        let place = self.stack.slots.get_mut(self.height);
        *place.or_stuck(Stuck::OperandHeight)? = slot;
        self.height += 1;
        Ok(())
    }

    /// Pushes an operand `n` times.
    pub(crate) fn push_n(&mut self, operand: impl Operand, n: usize) {
        let slot = operand.into_slot(self.stack, self.height);
        self.reserve(n);
        self.stack.slots[self.height..][..n].fill(slot);
        self.height += n;
    }

    /// Pushes operands, the last one on top.
    pub(crate) fn push_all(
        &mut self,
        mut operands: impl ExactSizeIterator<Item = impl Operand>,
    ) -> Result<(), Halt> {
        self.reserve(operands.len());
        operands.try_for_each(|operand| self.push(operand))
    }

    /// Returns the number of locals and operands on the stack.
    #[inline(always)]
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// Returns the local with index `x` of a frame whose locals begin at position `base`.
    #[inline(always)]
    pub(crate) fn local(&self, base: u32, x: LocalIdx) -> Option<Slot> {
        self.stack.slots.get(base as usize + x.index()).copied()
    }

    /// Sets the local with index `x` of a frame whose locals begin at position `base`.
    #[inline(always)]
    pub(crate) fn set_local(&mut self, base: u32, x: LocalIdx, slot: Slot) -> Result<(), Halt> {
        let local = self.stack.slots.get_mut(base as usize + x.index());
        *local.or_stuck(Stuck::Index)? = slot;
        Ok(())
    }

    /// Returns the operand on top.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<Slot> {
        self.stack.slots.get(self.height.wrapping_sub(1)).copied()
    }

    /// Returns the reference on top.
    pub(crate) fn peek_ref(&self) -> Result<Ref, Halt> {
        let top = self.peek().and_then(Slot::as_ref);
        top.or_stuck(Stuck::OperandType)
    }

    /// Returns the operand at a position.
    pub(crate) fn operand(&self, at: usize) -> Result<Word, Halt> {
        let slot = self.stack.slots.get(at).or_stuck(Stuck::OperandMissing)?;
        Ok(slot.word(&self.stack.vectors))
    }

    /// Returns the operands from position `first` on.
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

    /// Returns the operands from position `first` on.
    pub(crate) fn values_from(&self, first: usize) -> Vec<Value> {
        self.operands(first).map(Value::from).collect()
    }

    /// Pops an operand, to push it again or to drop it.
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

    /// Pops an operand, to hold it in a field.
    #[inline(always)]
    pub(crate) fn pop_word(&mut self) -> Result<Word, Halt> {
        Ok(self.pop()?.word(&self.stack.vectors))
    }

    /// Pops an operand of any type.
    #[inline(always)]
    pub(crate) fn pop_value(&mut self) -> Result<Value, Halt> {
        self.pop_word().map(Value::from)
    }

    /// Pops a number or vector.
    #[inline(always)]
    pub(crate) fn pop_num<T: Number>(&mut self) -> Result<T, Halt> {
        match self.pop_slot() {
            Some(Slot { bits, kind }) if kind == T::KIND => Ok(T::from_bits(bits, self.stack)),
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

    /// Pushes an address or a size of the address type, which it fits, or -1 if there is none.
    pub(crate) fn push_addr(&mut self, at: AddrType, size: Option<u64>) -> Result<(), Halt> {
        let size = size.unwrap_or(u64::MAX);
        match at {
            AddrType::I32 => self.push(size as u32),
            AddrType::I64 => self.push(size),
        }
    }

    /// Returns the position of the lowest of the top `n` operands.
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

    /// Returns the frame on top.
    #[inline(always)]
    pub(crate) fn frame(&self) -> Result<Frame, Halt> {
        self.stack.frames.last().copied().or_stuck(Stuck::Position)
    }

    /// Returns the frame on top, to change it.
    #[inline(always)]
    pub(crate) fn frame_mut(&mut self) -> Result<&mut Frame, Halt> {
        self.stack.frames.last_mut().or_stuck(Stuck::Position)
    }

    /// Adds a frame whose operands are at most `most` at any time, by the count of validation.
    #[inline]
    pub(crate) fn push_frame(&mut self, frame: Frame, most: u32) {
        self.reserve(most as usize + BETWEEN_RULES);
        self.stack.frames.push(frame);
        self.stack.frames_most = self.stack.frames_most.max(self.stack.frames.len());
    }

    /// Removes the frame on top.
    #[inline(always)]
    pub(crate) fn pop_frame(&mut self) -> Result<Frame, Halt> {
        self.stack.frames.pop().or_stuck(Stuck::Position)
    }

    /// Returns the number of frames.
    #[inline(always)]
    pub(crate) fn depth(&self) -> usize {
        self.stack.frames.len()
    }

    /// Whether a frame with `values` more values may be added.
    #[inline(always)]
    pub(crate) fn admit(&self, values: u64) -> Result<(), Halt> {
        self.stack.admit(self.height, values)
    }
}
