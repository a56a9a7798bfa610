//! Finding faults: seed -> program -> case -> verdict.
//!
//! Reading order: `program` (what is generated), `generate` (seed to program), `mutate` (program to neighbouring program),
//! `target` (program to verdict; the list of targets).

pub mod program;

pub mod generate;
