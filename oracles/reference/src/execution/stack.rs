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
use super::instructions::trap::{Exhausted, Halt, Stuck};
use super::values::{InstanceAddr, Number, Ref, Value};

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

/// Stack, step budget, and what is recorded of a run.
pub(crate) struct Machine {
    pub(crate) values: Vec<Value>,
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

    /// What stands in for a machine that has been lent to the store; nothing runs on it.
    pub(crate) fn absent() -> Machine {
        Machine {
            values: Vec::new(),
            frames: Vec::new(),
            nesting: 0,
            slice: 0,
            reserve: 0,
            coverage: Coverage::absent(),
            tracer: None,
            depth_max: 0,
            values_max: 0,
            nesting_max: 0,
        }
    }

    /// Pushes an operand.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    /// Pops an operand.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Result<Value, Halt> {
        self.values.pop().ok_or(Halt::Stuck(Stuck::OperandMissing))
    }

    /// Pops a number or vector.
    #[inline(always)]
    pub(crate) fn pop_num<T: Number>(&mut self) -> Result<T, Halt> {
        T::of(self.pop()?).ok_or(Halt::Stuck(Stuck::OperandType))
    }

    /// Pops a reference.
    #[inline(always)]
    pub(crate) fn pop_ref(&mut self) -> Result<Ref, Halt> {
        match self.pop()? {
            Value::Ref(r) => Ok(r),
            _ => Err(Halt::Stuck(Stuck::OperandType)),
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

    /// The top `n` operands.
    #[inline(always)]
    pub(crate) fn top(&self, n: usize) -> Result<&[Value], Halt> {
        let rest = self.values.len().checked_sub(n);
        let start = rest.ok_or(Halt::Stuck(Stuck::OperandMissing))?;
        Ok(&self.values[start..])
    }

    /// Drops the top `n` operands, which are there.
    #[inline(always)]
    pub(crate) fn drop_top(&mut self, n: usize) {
        self.values.truncate(self.values.len().saturating_sub(n));
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
        self.frames
            .last()
            .copied()
            .ok_or(Halt::Stuck(Stuck::Position))
    }

    /// An entry from the host begins.
    pub(crate) fn enter_from_host(&mut self) -> Result<(), Halt> {
        if self.nesting >= self.nesting_max {
            return Err(Exhausted::CallStack.into());
        }
        self.nesting += 1;
        Ok(())
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
