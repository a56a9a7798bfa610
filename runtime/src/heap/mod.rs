//! Objects and collectors. Knows layouts and roots; does not know functions or frames.
//!
//! A collector is a folder with the same four files: `mod` (what the algorithm is, its traits, its invariants), `alloc` (the
//! host's path and the inline path), `collect`, and `barrier` (emitted code and host function in one file, because they are one
//! invariant). What distinguishes collectors is a constant, [`CollectorTraits`]; nobody tests a collector's name.

pub mod emit;
pub mod gc_ref;
pub mod layout;
pub mod roots;

pub use emit::{Emit, EmitCollector, Reg};
pub use gc_ref::GcRef;
pub use roots::{RootKind, Roots};

/// What must happen when a reference is written over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing.
    None,
    /// Count the new referent up and the old one down.
    Count,
}

/// How a collector differs from the others. Oracles and compiler read this, never the collector's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorTraits {
    /// Whether objects change their place.
    pub moves: bool,
    /// Whether anything is ever reclaimed.
    pub reclaims: bool,
    /// Whether unreachable cycles are reclaimed.
    pub reclaims_cycles: bool,
    /// What writes need.
    pub barrier: Barrier,
    /// Whether loading a reference into a wasm frame needs `emit_after_read`.
    pub read_barrier: bool,
    /// Bytes of an object's header: 8 or 16.
    pub header_bytes: u32,
}
