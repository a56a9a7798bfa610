//! The state of the function that is being written: locals, labels, budget.

use crate::program::{LabelId, LocalId, Ty};

/// An enclosing block that may be branched to.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// Its name.
    pub id: LabelId,
    /// What a branch to it carries.
    pub tys: Vec<Ty>,
}

/// The state of the function being written.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Result types of the function.
    pub results: Vec<Ty>,
    /// Types of parameters and locals.
    pub locals: Vec<Ty>,
    /// Locals any expression may read and set.
    pub pool: Vec<LocalId>,
    /// Locals of patterns, free for the next pattern.
    pub free: Vec<LocalId>,
    /// Enclosing blocks, innermost last.
    pub labels: Vec<Label>,
    /// The label made last.
    pub next_label: u32,
    /// Nesting of the expression being drawn.
    pub depth: u32,
    /// Nodes that may still be drawn.
    pub budget: i32,
    /// Nesting of loops.
    pub loops: u32,
}
