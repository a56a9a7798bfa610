//! Chapter 4 of the specification: execution.
//!
//! [`configurations`] is what a program runs in (store and instances; `heap` has the objects,
//! `stack` the frames, locals and operands), [`values`] what it computes with, `types` how run-time
//! types are laid out and closed, [`instructions`] the reduction rules, `machine` what those rules
//! are given of the stack, [`modules`] allocation, instantiation and invocation, and [`embedding`]
//! what the host may do to a store (the appendix "Embedding").
//!
//! Differences from the letter of the specification, none of which a program can observe:
//!
//! - Labels and handlers are not on the stack; validation has computed where each branch goes and
//!   what it keeps ([`SideTable`](crate::validation::SideTable)). Rules that only move a label or
//!   handler out of the way have no code ([`ABSORBED`](crate::rules::ABSORBED)).
//! - Frames are on a stack of the interpreter's own, never on the host's, so that no program
//!   exhausts the host's.
//! - Bulk instructions reduce in one step, not element by element; they count as many steps as they
//!   are long.

pub mod configurations;
pub mod embedding;
pub(crate) mod heap;
pub mod instructions;
pub(crate) mod machine;
pub mod modules;
pub(crate) mod stack;
pub(crate) mod types;
pub mod values;

pub use configurations::*;
pub use embedding::*;
pub use instructions::trap::*;
pub use modules::*;
pub use values::*;
