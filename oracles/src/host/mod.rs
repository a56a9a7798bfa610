//! The host modules that every engine offers: `harness` and `spectest`, engine-neutrally.
//!
//! Reading order: `harness`, `spectest`.
//!
//! Always: an adapter supplies only primitives ([`harness::Host`]). The meaning of an import is
//! decided here, once, so that two engines cannot differ in it. Not here: any engine's functions,
//! tables or stores.

use crate::value::HeapTop;

pub mod harness;

pub mod spectest;

/// A value type as far as a host function looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `v128`.
    V128,
    /// A reference type, by hierarchy.
    Ref(RefTy),
}

/// A reference type as far as a host function looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefTy {
    /// Its hierarchy.
    pub top: HeapTop,
    /// What of the hierarchy it covers.
    pub covers: Covers,
}

/// What a reference type covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// The whole hierarchy, null included.
    All,
    /// A structure type by index.
    Struct,
    /// An array type by index.
    Array,
    /// Anything else.
    Some,
}

/// The signature of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sig {
    /// Parameters.
    pub params: Vec<Ty>,
    /// Results.
    pub results: Vec<Ty>,
}
