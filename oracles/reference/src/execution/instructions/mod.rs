//! The reduction rules, one file for each section of the specification's chapter on instructions.
//!
//! Each function is an instruction, and each `rule!` in it is one rule, by the name it has in the
//! specification. The parameters of a function show what its rules may touch: `Step_pure` rules get
//! the stack, `Step_read` rules also `&Store`, and `Step` rules `&mut Store`.
//!
//! `#[inline(always)]` marks the functions of the most common instructions, which the loop calls
//! directly (see [`Machine`](super::machine::Machine)). Without it `fib(25)` takes a fifth longer.
//!
//! Not here: the loop that applies the rules (`interpreter`).
//!
//! Reading order: `parametric`, `branch`, `exception`, `block`, `local`, `global`, `table`,
//! `memory`, `reference`, `i31`, `structure`, `array`, `external`, `function`, `numeric`, `vector`.

pub(crate) mod array;
pub(crate) mod block;
pub(crate) mod branch;
pub(crate) mod exception;
pub(crate) mod external;
pub(crate) mod function;
pub(crate) mod global;
pub(crate) mod i31;
pub(crate) mod local;
pub(crate) mod memory;
pub(crate) mod numeric;
pub(crate) mod parametric;
pub(crate) mod reference;
pub(crate) mod structure;
pub(crate) mod table;
pub(crate) mod vector;
