//! Validation (specification sections 2.0 to 2.4).

pub mod sidetable;

pub use sidetable::*;
