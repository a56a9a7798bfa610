//! A complete WebAssembly 3.0 runtime on Cranelift, with several garbage collectors.
//!
//! ```text
//! bytes -> validated module -> compiled code -> instance -> outcome
//!          module              compile          instance    execute
//!                     \________ heap ________/      (layout, barriers, roots)
//!                      \________ abi ________/      (records and tables shared with compiled code)
//! ```
//!
//! The rooms stand below in reading order; a file may use only rooms that stand earlier. Where a later room
//! must serve an earlier one, the earlier defines a trait and the later implements it.
//!
//! What this package offers to the outside: run a module, choose a collector and a schedule of collections, and list
//! live objects. It knows nothing about fuzzing.

pub mod abi;
pub mod compile;
pub mod config;
pub mod embed;
pub mod error;
pub mod execute;
pub mod heap;
pub mod index;
pub mod instance;
pub mod limits;
pub mod module;
pub mod planted;
pub mod types;
