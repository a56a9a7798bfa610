//! Values that cross the boundary: arguments of calls. Results never cross it, because a probe
//! module reads them inside of the engine.

use serde::{Deserialize, Serialize};

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Value {
    /// A 32-bit integer, signed.
    I32(i32),
    /// A 64-bit integer, signed, in decimal. A string, because JSON numbers of many languages do
    /// not hold 64 bits.
    I64(String),
    /// The bits of a single-precision float, as a number.
    F32(u32),
    /// The bits of a double-precision float, in decimal, as a string.
    F64(String),
    /// A vector: 32 hexadecimal digits, the most significant first.
    V128(String),
    /// The null reference of a hierarchy.
    Null(Top),
    /// An unboxed scalar of 31 bits, sign-extended.
    I31(i32),
    /// A new host object with this number. It counts as created.
    Host(u32),
}

/// The hierarchy of a reference type, by its top type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Top {
    /// `any`.
    Any,
    /// `extern`.
    Extern,
    /// `func`.
    Func,
    /// `exn`.
    Exn,
}
