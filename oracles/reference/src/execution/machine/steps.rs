//! The step budget of a store.
//!
//! Steps are handed out in slices. Without a tracer the first slice is the whole budget. With a
//! tracer a slice is one step, so that the interpreter comes back before each instruction.

use crate::execution::halt::Halt;
use crate::execution::limits::Exhausted;
use crate::execution::trace::Tracer;

/// The steps that are left.
pub(crate) struct Steps {
    /// Steps left before [`Steps::refill`] is asked.
    pub(super) slice: u64,
    /// Steps left after those.
    reserve: u64,
    /// Gets each step.
    pub(super) tracer: Option<Tracer>,
}

impl Steps {
    pub(super) fn new(steps: u64) -> Steps {
        Steps {
            slice: 0,
            reserve: steps,
            tracer: None,
        }
    }

    /// Steps left.
    pub(crate) fn left(&self) -> u64 {
        self.slice.saturating_add(self.reserve)
    }

    /// Sets the number of steps left.
    pub(crate) fn set_left(&mut self, steps: u64) {
        self.slice = 0;
        self.reserve = steps;
    }

    /// Reports every step to `tracer` from now on. With `None`, no step is reported any more.
    pub(crate) fn set_tracer(&mut self, tracer: Option<Tracer>) {
        // The slice in use was made without regard to this tracer.
        self.set_left(self.left());
        self.tracer = tracer;
    }

    /// Takes steps of which the slice may have too few.
    #[cold]
    pub(super) fn charge(&mut self, steps: u64) -> Result<(), Halt> {
        let left = self.left();
        self.set_left(left.saturating_sub(steps));
        if left < steps {
            return Err(Exhausted::Steps.into());
        }
        Ok(())
    }

    /// Gets the next slice: one step if each is traced, all otherwise.
    pub(super) fn refill(&mut self) -> Result<(), Halt> {
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
