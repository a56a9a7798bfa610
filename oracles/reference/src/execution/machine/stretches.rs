//! Counting by stretches: steps are counted before they are taken, many at a time.
//!
//! A stretch begins where execution goes on. It ends with the body, or earlier if the slice of the
//! step budget is shorter. So the loop counts nothing between two jumps: it only looks whether the
//! stretch has a next instruction. A jump gives back the steps that have not been taken.

use std::slice::Iter;

use crate::execution::halt::{Halt, OrStuck, Stuck};
use crate::execution::trace::Tracer;
use crate::syntax::Instr;

use super::registers::Machine;

impl<'c> Machine<'_, 'c> {
    /// Returns the number of instructions counted that follow the current one.
    #[inline(always)]
    pub(super) fn ahead(&self) -> usize {
        self.stretch.len().saturating_sub(1)
    }

    /// Returns the position in the body of the current instruction.
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.stack.after.wrapping_sub(self.stretch.len())
    }

    /// Returns the current instruction, unless steps must be counted first, and what follows it in
    /// the stretch.
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
        let slice = self.stack.steps.slice.wrapping_add(self.ahead() as u64);
        let mut rest = body.get(position..).or_stuck(Stuck::Position)?;
        if rest.len() as u64 > slice {
            rest = &rest[..slice as usize];
        }
        self.stack.steps.slice = slice.wrapping_sub(rest.len() as u64);
        self.stack.after = position.wrapping_add(rest.len());
        self.stretch = rest.iter();
        Ok(())
    }

    /// The next slice of steps, after a stretch has ended before the body: goes on with it.
    pub(crate) fn refill(&mut self, body: &'c [Instr]) -> Result<(), Halt> {
        if self.stack.after >= body.len() {
            return Err(Stuck::Position.into());
        }
        self.stack.steps.refill()?;
        self.jump(body, self.stack.after)
    }

    /// Returns the tracer, which gets each step.
    pub(crate) fn tracer(&mut self) -> &mut Option<Tracer> {
        &mut self.stack.steps.tracer
    }
}
