//! The `spectest` module that official scripts import from, as data (source:
//! `interpreter/host/spectest.ml` of the specification).
//!
//! Its print functions print nothing: what a script prints is not compared. `shared_memory` belongs
//! to the threads proposal and is not offered.

use super::Ty;
use crate::value::Value;

/// The module name.
pub const MODULE: &str = "spectest";

/// Immutable globals.
pub const GLOBALS: [(&str, Value); 4] = [
    ("global_i32", Value::I32(666)),
    ("global_i64", Value::I64(666)),
    ("global_f32", Value::F32(666.6_f32.to_bits())),
    ("global_f64", Value::F64(666.6_f64.to_bits())),
];

/// A table of null functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpectestTable {
    /// Its name.
    pub name: &'static str,
    /// Whether it is indexed by `i64`.
    pub wide: bool,
    /// Its initial size.
    pub least: u64,
    /// Its maximal size.
    pub most: u64,
}

/// The tables.
pub const TABLES: [SpectestTable; 2] = [
    SpectestTable {
        name: "table",
        wide: false,
        least: 10,
        most: 20,
    },
    SpectestTable {
        name: "table64",
        wide: true,
        least: 10,
        most: 20,
    },
];

/// The memory: name, initial and maximal pages.
pub const MEMORY: (&str, u64, u64) = ("memory", 1, 2);

/// The functions, which return nothing: name and parameters.
pub const FUNCS: [(&str, &[Ty]); 7] = [
    ("print", &[]),
    ("print_i32", &[Ty::I32]),
    ("print_i64", &[Ty::I64]),
    ("print_f32", &[Ty::F32]),
    ("print_f64", &[Ty::F64]),
    ("print_i32_f32", &[Ty::I32, Ty::F32]),
    ("print_f64_f64", &[Ty::F64, Ty::F64]),
];
