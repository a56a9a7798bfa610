//! Numerics: numeric primitives, as functions on plain Rust numbers.
//!
//! Nothing here knows a store, an instruction or a value's tag. Functions carry the names of the
//! SpecTec definitions (`$iadd_` is [`Int::iadd`], `$fmin_` is [`Float::fmin`], ...), so that each
//! can be read beside its definition.
//!
//! Two choices the specification leaves open are fixed, for the sake of comparison:
//!
//! - NaN: the deterministic profile. Every arithmetic or conversion result that is a NaN is the
//!   positive canonical NaN. Operators defined on bit patterns (`abs`, `neg`, `copysign`, `pmin`,
//!   `pmax`, reinterpretation, loads, constants) keep the bits they are given.
//! - Relaxed operators: every parameter `R_...` is 0, the first alternative (see [`relaxed`]).
//!
//! Reading order: `scalar`, `vector`, `relaxed`.

pub mod relaxed;
pub mod scalar;
pub mod vector;

#[cfg(test)]
mod tests;

pub use scalar::{Float, Int, Undefined};
pub use vector::{Lane, V128};
