//! Conformance and regression scripts, and what runs them on any engine session.
//!
//! Reading order: `expect`, `directive`, `lower`, `forms`, `read`, `script`, `runner`,
//! `suite`, `known`, `matrix`.
//!
//! | file | what it says |
//! |---|---|
//! | `expect` | result patterns and the words of traps |
//! | `directive` | what a script consists of |
//! | `lower` | from the syntax tree of crate `wast` to directives |
//! | `forms` | the forms of a script as ranges of its text |
//! | `read` | the text to directives, with forms that crate `wast` does not know |
//! | `script` | a `.wast` file as directives, and as a case |
//! | `runner` | a script on one session: passed, failed, unsupported |
//! | `suite` | the official suite and which part of it we answer for |
//! | `known` | assertions of it that release 3.0 contradicts, each with its authority |
//! | `matrix` | script x engine x schedule: the trials |
//!
//! Nothing here knows an engine's own types, decides which of two engines is right, or writes
//! scripts.

pub mod expect;

pub mod directive;

mod lower;

pub mod forms;

mod read;

pub mod script;

pub mod runner;

pub mod suite;

pub mod known;

pub mod matrix;
