//! Frames, locals and operands, while no rule is applied.
//!
//! All locals and operands of all frames stand in one vector. The arguments of a call become the
//! first locals of the callee where they are. There are no labels and handlers on the stack: the
//! side table of a body replaces them.
//!
//! Always holds: `frames[k].base <= frames[k].operands <=` base of the next frame `<= height <=`
//! number of slots.

use crate::execution::halt::Halt;
use crate::execution::limits::{Exhausted, StoreLimits};
use crate::execution::values::InstanceAddr;
use crate::execution::words::Kind;
use crate::rules::Coverage;

use super::slots::Slot;
use super::steps::Steps;

/// `FRAME_`, of a function. Constant expressions have no locals and run without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// `MODULE`.
    pub(crate) instance: InstanceAddr,
    /// The function, counted without imports.
    pub(crate) code: u32,
    /// Position of the next instruction or, while a callee runs, of the call.
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

/// Stack and step budget, while no rule is applied.
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
    /// The most frames that there ever were.
    pub(crate) frames_most: usize,
    /// Entries from the host that have not returned.
    nesting: u32,
    /// Position in the body of what follows the machine's stretch.
    pub(super) after: usize,
    pub(crate) steps: Steps,
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

    /// Returns an entry from the host begins.
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
            frames_most: 0,
            nesting: 0,
            after: 0,
            steps: Steps::new(limits.steps),
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

    /// Makes a word for a vector that is going to be on the stack of this height.
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
        if self.frames.len() >= self.depth_max as usize {
            return Err(Exhausted::CallDepth.into());
        }
        if height as u64 + more > u64::from(self.values_max) {
            return Err(Exhausted::CallStack.into());
        }
        Ok(())
    }

    fn enter_from_host(&mut self) -> Result<Entry, Halt> {
        if self.nesting >= self.nesting_max {
            return Err(Exhausted::CallDepth.into());
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
}
