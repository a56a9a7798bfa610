//! Execution: what a valid module does, as the specification's chapter of this name says.
//!
//! | section | here |
//! |---|---|
//! | values | [`values`] |
//! | configurations: store and instances | [`configurations`] |
//! | types at run time | `types` |
//! | instructions: the reduction rules | `instructions` |
//! | modules: allocation, instantiation, invocation | [`modules`] |
//! | appendix, embedding | [`embedding`] |
//!
//! What the specification leaves to an implementation: how execution can end early ([`halt`]) and
//! what a store may use ([`limits`]), what a run did step by step ([`trace`]), and the
//! `interpreter`, the loop that applies the rules. What makes it fast has files of its own, which
//! no rule has to be read with: values as `words`, the `layout` of objects, the `heap` they are on,
//! the `pages` of memories, and the `machine`, which is the stack.
//!
//! Differences from the letter of the specification, none of which a program can observe:
//!
//! - Labels and handlers are not on the stack. Validation has computed where each branch goes and
//!   what it keeps ([`SideTable`](crate::validation::SideTable)). Rules that only move a label or
//!   handler out of the way have no code ([`ABSORBED`](crate::rules::ABSORBED)).
//! - Frames are on a stack of the interpreter's own, never on the host's, so that no program
//!   exhausts the host's stack.
//! - Bulk instructions reduce in one step, not element by element. They count as many steps as
//!   their length demands.
//!
//! Reading order: `values`, `limits`, `halt`, `trace`, `words`, `layout`, `heap`, `pages`,
//! `machine`, `configurations`, `types`, `instructions`, `interpreter`, `modules`, `embedding`.

pub mod configurations;
pub mod embedding;
pub mod halt;
pub(crate) mod heap;
pub(crate) mod instructions;
pub(crate) mod interpreter;
pub(crate) mod layout;
pub mod limits;
pub(crate) mod machine;
pub mod modules;
pub(crate) mod pages;
pub mod trace;
pub(crate) mod types;
pub mod values;
pub(crate) mod words;

pub use configurations::*;
pub use embedding::*;
pub use halt::*;
pub use limits::*;
pub use modules::*;
pub use values::*;
