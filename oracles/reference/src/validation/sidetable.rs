//! What validation knows about a body and execution would otherwise have to find out again: where branches go, how much of
//! the operand stack they keep, and which instructions a handler covers.
//!
//! The specification keeps labels and handlers on the stack. Their number and their stack heights are static in valid code,
//! so a body and its [`SideTable`] replace them.
//!
//! Always holds: every reachable branching instruction has its entry. Instructions that no execution can reach may have
//! entries with meaningless heights, or none.

use crate::syntax::Catch;

/// A branch that is taken.
///
/// To execute: set the top `arity` values aside, cut the operand stack down to `height`, put them back, continue at `target`.
/// When a branch is taken, an instruction's own operands have already been popped, except that `br_on_non_null`,
/// `br_on_cast` and `br_on_cast_fail` count the reference among the values kept. The values kept for a catch clause are the
/// ones it pushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jump {
    /// Position in the body of the next instruction to execute. Leaving the function is a jump to its last `End`.
    pub target: u32,
    /// Number of values kept.
    pub arity: u32,
    /// Number of values of this frame below the ones kept.
    pub height: u32,
}

/// One `try_table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Position of the first instruction covered.
    pub start: u32,
    /// Position after the last instruction covered.
    pub end: u32,
    /// Clauses in order of precedence.
    pub catches: Vec<(Catch, Jump)>,
}

/// Branch targets and handlers of one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideTable {
    /// For each position the first of its jumps, or [`SideTable::NONE`].
    pub(crate) first: Vec<u32>,
    pub(crate) jumps: Vec<Jump>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) max_height: u32,
}

impl SideTable {
    pub(crate) const NONE: u32 = u32::MAX;

    /// The jump of the instruction at `at`: of `br`, `br_if`, `br_on_*` and `return`, when taken; of `if`, when the condition
    /// is zero; of `else`, when reached from the first branch.
    ///
    /// # Panics
    /// If there is no such instruction there, or it is unreachable.
    #[must_use]
    pub fn jump(&self, at: usize) -> Jump {
        self.jumps[self.first[at] as usize]
    }

    /// The jump of the `br_table` at `at` for operand `operand`, where `len` is its number of labels without the default.
    ///
    /// # Panics
    /// As [`SideTable::jump`].
    #[must_use]
    pub fn table_jump(&self, at: usize, operand: u32, len: usize) -> Jump {
        self.jumps[self.first[at] as usize + len.min(operand as usize)]
    }

    /// Handlers that cover the instruction at `at`, innermost first.
    pub fn handlers_at(&self, at: usize) -> impl Iterator<Item = &Handler> {
        self.handlers
            .iter()
            .filter(move |h| (h.start as usize..h.end as usize).contains(&at))
    }

    /// Most operands that are on the stack of this frame at any time.
    #[must_use]
    pub fn max_height(&self) -> u32 {
        self.max_height
    }
}
