//! 4.0: frames, locals and operands.
//!
//! All locals and operands of all frames stand in one vector; a call's arguments become the
//! callee's first locals where they are. Labels and handlers are not here (see the module above).
//!
//! Always holds: `frames[k].base <= frames[k].operands <=` base of the next frame `<= height <=`
//! number of slots.
//!
//! Not here: what rules do with it (`machine`).

use crate::rules::Coverage;
use crate::trace::Tracer;

use super::configurations::StoreLimits;
use super::instructions::trap::{Exhausted, Halt};
use super::values::{InstanceAddr, Kind, Ref, Value, Word};

/// A value on the stack: one word and its kind, so that it is moved in two registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// For a vector, its position in [`Stack::vectors`].
    pub(crate) bits: u64,
    pub(crate) kind: Kind,
}

impl Slot {
    /// The reference in this slot, if it holds one.
    pub(crate) fn as_ref(self) -> Option<Ref> {
        (self.kind == Kind::Ref).then(|| Ref::from_word(self.bits))
    }

    /// What this slot of a stack with these vectors holds.
    #[inline(always)]
    pub(super) fn word(self, vectors: &[u128]) -> Word {
        match self.kind {
            Kind::V128 => Value::from(vector(self.bits, vectors)).into(),
            kind => Word::new(kind, self.bits),
        }
    }
}

/// The vector of a slot with these bits, on a stack with these vectors.
#[inline(always)]
pub(super) fn vector(bits: u64, vectors: &[u128]) -> u128 {
    vectors.get(bits as usize).copied().unwrap_or_default()
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

/// What was on the stack when the host entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Number of locals and operands.
    pub(crate) height: usize,
    /// Number of frames.
    pub(crate) depth: usize,
}

/// Fewest vectors at which unused ones are forgotten.
const VECTORS_MIN: usize = 1024;

/// Stack and step budget, as they are while no rule is applied.
pub(crate) struct Stack {
    /// Those from `height` on mean nothing.
    pub(super) slots: Vec<Slot>,
    /// Number of locals and operands.
    pub(super) height: usize,
    /// Vectors that slots refer to, and some that none refers to any more.
    pub(super) vectors: Vec<u128>,
    /// Number of vectors at which unused ones are forgotten.
    vectors_max: usize,
    pub(crate) frames: Vec<Frame>,
    /// Entries from the host that have not returned.
    nesting: u32,
    /// Position in the body of what follows the machine's stretch.
    pub(super) after: usize,
    /// Steps left before [`Stack::refill`] is asked.
    pub(super) slice: u64,
    /// Steps left after those.
    reserve: u64,
    pub(crate) tracer: Option<Tracer>,
    depth_max: u32,
    values_max: u32,
    nesting_max: u32,
}

/// What code is executed with.
pub(crate) struct Thread {
    pub(crate) stack: Stack,
    pub(crate) coverage: Coverage,
}

impl Thread {
    pub(crate) fn new(limits: &StoreLimits) -> Thread {
        Thread {
            stack: Stack::new(limits),
            coverage: Coverage::new(),
        }
    }

    /// An entry from the host begins.
    pub(crate) fn enter_from_host(&mut self) -> Result<Entry, Halt> {
        let entry = self.stack.enter_from_host()?;
        self.coverage.restart();
        Ok(entry)
    }
}

impl Stack {
    fn new(limits: &StoreLimits) -> Stack {
        Stack {
            slots: Vec::new(),
            height: 0,
            vectors: Vec::new(),
            vectors_max: VECTORS_MIN,
            frames: Vec::new(),
            nesting: 0,
            after: 0,
            slice: 0,
            reserve: limits.steps,
            tracer: None,
            depth_max: limits.call_depth,
            values_max: limits.stack_values,
            nesting_max: limits.host_nesting,
        }
    }

    /// Locals and operands of all frames, the lowest first.
    pub(crate) fn live(&self) -> &[Slot] {
        &self.slots[..self.height]
    }

    /// Makes slots for `n` more values than `height`.
    #[inline(always)]
    pub(super) fn reserve(&mut self, height: usize, n: usize) {
        if self.slots.len() < height + n {
            self.grow(height + n);
        }
    }

    #[cold]
    fn grow(&mut self, least: usize) {
        let len = least.max(2 * self.slots.len());
        let none = Slot {
            bits: 0,
            kind: Kind::I32,
        };
        self.slots.resize(len, none);
    }

    /// A word for a vector that is going to be on the stack of this height.
    #[inline(always)]
    pub(super) fn add_vector(&mut self, vector: u128, height: usize) -> u64 {
        if self.vectors.len() >= self.vectors_max {
            self.forget_unused_vectors(height);
        }
        self.vectors.push(vector);
        self.vectors.len() as u64 - 1
    }

    /// Keeps only vectors that a slot refers to. No rule holds a vector's slot while it pushes a
    /// vector.
    #[cold]
    fn forget_unused_vectors(&mut self, height: usize) {
        let all = std::mem::take(&mut self.vectors);
        for slot in &mut self.slots[..height] {
            if slot.kind == Kind::V128 {
                self.vectors.push(all[slot.bits as usize]);
                slot.bits = self.vectors.len() as u64 - 1;
            }
        }
        self.vectors_max = VECTORS_MIN.max(2 * self.vectors.len());
    }

    /// Whether a frame may be added to `height` values that are there, with `more` values.
    #[inline(always)]
    pub(super) fn admit(&self, height: usize, more: u64) -> Result<(), Halt> {
        if self.frames.len() >= self.depth_max as usize
            || height as u64 + more > u64::from(self.values_max)
        {
            return Err(Exhausted::CallStack.into());
        }
        Ok(())
    }

    fn enter_from_host(&mut self) -> Result<Entry, Halt> {
        if self.nesting >= self.nesting_max {
            return Err(Exhausted::CallStack.into());
        }
        self.nesting += 1;
        Ok(Entry {
            height: self.height,
            depth: self.frames.len(),
        })
    }

    /// An entry from the host ends: everything that was added since is gone.
    pub(crate) fn leave_to_host(&mut self, entry: Entry) {
        self.height = entry.height;
        self.frames.truncate(entry.depth);
        self.nesting -= 1;
    }

    /// Steps left.
    pub(crate) fn steps(&self) -> u64 {
        self.slice.saturating_add(self.reserve)
    }

    /// Sets the number of steps left.
    pub(crate) fn set_steps(&mut self, steps: u64) {
        self.slice = 0;
        self.reserve = steps;
    }

    /// Counts steps for which the slice may not do.
    #[cold]
    pub(super) fn charge(&mut self, steps: u64) -> Result<(), Halt> {
        let left = self.steps();
        self.set_steps(left.saturating_sub(steps));
        if left < steps {
            return Err(Exhausted::Steps.into());
        }
        Ok(())
    }

    /// Gets the next slice of the step budget: one step if each is traced, all otherwise.
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
