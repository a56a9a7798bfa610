//! Finding faults: seed -> program -> case -> verdict.
//!
//! | module | what it does |
//! |---|---|
//! | `tree` | text in parentheses as a tree |
//! | `program` | programs as data: what is generated, encoded and edited |
//! | `generate` | makes a program from choices |
//! | `input` | reads choices and edits from bytes |
//! | `mutate` | makes a neighbouring program from a program |
//! | `targets` | makes a verdict from an input; has the list of targets |
//! | `corpus` | keeps inputs on disk, and chooses few that exercise much |
//! | `survey` | counts what is generated and executed, and what must be |
//! | `reduce` | makes a small program from one that shows a fault |
//! | `repro` | makes files for an engine's maintainers from a small program |
//! | `cli` | is the program `gcrucible` |
//!
//! Users begin with the [`guide`].
//!
//! A build for libFuzzer (`cfg(fuzzing)`) ends with `targets`: what only `gcrucible` needs would
//! double the number of packages that the first `cargo fuzz run` compiles.
//!
//! Not here: running and comparing a case (`oracles`), and engines.
//!
//! Reading order: `tree`, `program`, `generate`, `input`, `mutate`, `targets`, `corpus`, `survey`,
//! `reduce`, `repro`, `cli`, `guide`.

/// A third of a worker's time is spent in the allocator. The system's becomes slower as its memory
/// is split up. Sanitizers bring one of their own.
#[cfg(not(sanitized))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod tree;

pub mod program;

pub mod generate;

pub mod input;

pub mod mutate;

pub mod targets;

#[cfg(not(fuzzing))]
pub mod corpus;

#[cfg(not(fuzzing))]
pub mod survey;

#[cfg(not(fuzzing))]
pub mod reduce;

#[cfg(not(fuzzing))]
pub mod repro;

#[cfg(not(fuzzing))]
pub mod cli;

#[cfg(not(fuzzing))]
pub mod guide;
