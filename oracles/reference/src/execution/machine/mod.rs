//! What makes the reference fast enough, apart from its rules.
//!
//! Rules are given a [`Machine`]: the stack, and the record of which rules were applied. Nothing in
//! this directory is a rule of the specification, and the files of `instructions` could be read
//! with a plain vector of values in place of it. Three ideas are at work:
//!
//! - **Registers** (`registers`): what every rule changes is in a value that the compiler keeps in
//!   registers of the processor.
//! - **Counting by stretches** (`stretches`): the step budget is looked at once for each jump, not
//!   once for each instruction.
//! - **Charging** (`charging`): work in bulk is one instruction, but counts as many steps.
//!
//! Reading order: `slots`, `steps`, `stack`, `operands`, `registers`, `stretches`, `charging`.

mod charging;
mod operands;
mod registers;
mod slots;
mod stack;
mod steps;
mod stretches;

pub(crate) use operands::Number;
pub(crate) use registers::Machine;
pub(crate) use slots::Slot;
pub(crate) use stack::{Frame, Stack, Thread};
