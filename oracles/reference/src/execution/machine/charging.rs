//! Charging: an instruction that does much work at once counts as more than one step, so that a
//! step budget bounds the time a program takes.
//!
//! Rules say how much they move or make. This file says how many steps that is.

use crate::execution::halt::Halt;

use super::registers::Machine;

/// Bytes that are moved or cleared in the time of about one step.
const BYTES_PER_STEP: u64 = 64;

/// Values that are moved or made in the time of about one step.
const VALUES_PER_STEP: u64 = 8;

/// Most bytes or values that are counted. An instruction that asks for more cannot get them.
const MOST: u64 = 1 << 32;

impl Machine<'_, '_> {
    /// Counts the steps for `n` bytes that are moved or cleared.
    #[inline]
    pub(crate) fn charge_bytes(&mut self, n: u64) -> Result<(), Halt> {
        self.charge(n.min(MOST) / BYTES_PER_STEP)
    }

    /// Counts the steps for `n` values that are moved, made or looked at.
    #[inline]
    pub(crate) fn charge_values(&mut self, n: u64) -> Result<(), Halt> {
        self.charge(n.min(MOST) / VALUES_PER_STEP)
    }

    /// Counts `steps` steps at once, for an instruction that does as much work as that.
    #[inline]
    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), Halt> {
        match self.stack.steps.slice.checked_sub(steps) {
            Some(slice) => {
                self.stack.steps.slice = slice;
                Ok(())
            }
            None => self.charge_beyond(steps),
        }
    }

    /// Counts steps of which some may have been counted ahead.
    #[cold]
    fn charge_beyond(&mut self, steps: u64) -> Result<(), Halt> {
        let ahead = self.ahead();
        self.stack.steps.slice += ahead as u64;
        self.stack.after -= ahead;
        self.stretch = self.stretch.as_slice()[..self.stretch.len() - ahead].iter();
        self.stack.steps.charge(steps)
    }
}
