//! Bytes -> program.
//!
//! Comes in: a [`Source`](source::Source) of choices. Goes out: a
//! [`Program`](crate::program::Program). What always holds:
//!
//! - **valid**: every module validates as WebAssembly 3.0 (a test asks `wasmparser` about hundreds
//!   of programs);
//! - **terminating**: each call and each turn of a loop decrements a counter. Only functions that
//!   the embedder calls set it. When it is empty, functions return at once;
//! - **deterministic**: nothing depends on time, addresses, or on what an engine may choose;
//! - **mostly without traps**: indices are checked and nulls replaced, except on purpose
//!   (`Feature::Traps`);
//! - **visible**: most state is in exported globals and tables, so that comparisons see it.
//!
//! | to add | touch |
//! |---|---|
//! | a numeric instruction | a row of `program::numeric::NUMERIC` |
//! | another instruction | `program::ops`, `program::encode`; a row in its chapter's file here |
//! | a feature to switch | a line of `swarm::FEATURES` |
//! | a shape of types | `types` |
//! | a harness import | a row of `host`, or of `misuse` if it may fail |
//!
//! Reading order: `source`, `swarm`, `values`, `types`, `classes`, `drawer`, `function`,
//! `generator`, `row`, `calc`, `body`, `items`, `consts`, `variables`, `scalars`, `objects`,
//! `arrays`, `refs`, `tables`, `memory`, `control`, `exceptions`, `calls`, `host`, `misuse`,
//! `shape`, `kept`, `misfits`, `expr`, `steps`, `whole`, `smith`.

mod arrays;
mod body;
mod calc;
mod calls;
mod classes;
mod consts;
mod control;
mod drawer;
mod exceptions;
mod expr;
mod function;
mod generator;
mod host;
mod items;
mod kept;
mod memory;
mod misfits;
mod misuse;
mod objects;
mod refs;
mod row;
mod scalars;
mod shape;
pub mod smith;
pub mod source;
mod steps;
pub mod swarm;
mod tables;
mod types;
mod values;
mod variables;
mod whole;

pub use swarm::{Focus, Without};
pub use values::int32 as interesting;
pub use whole::{SEED_BYTES, from_seed, generate};
