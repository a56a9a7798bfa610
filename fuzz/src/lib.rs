//! Finding faults: seed -> program -> case -> verdict.
//!
//! Reading order: `program` (what is generated), `generate` (choices to program), `input` (bytes to
//! choices and edits), `mutate` (program to neighbouring program), `targets` (input to verdict; the
//! list of targets), `reduce` (failing program to a small one), `cli` (the program).
//!
//! Not here: how a case is run or compared (`oracles`), and engines.

pub mod program;

pub mod generate;

pub mod input;

pub mod mutate;

pub mod targets;

pub mod reduce;

pub mod cli;
