//! What instructions and the host do with a store's entities, by chapter. Each file adds operations
//! to [`StoreOpaque`](super::store::StoreOpaque).
//!
//! Reading order: `points`, `objects`, `global`, `memory`, `segment`, `table`.
//!
//! An operation on references that can collect passes its collection point first. References that
//! it holds meanwhile are roots.

mod global;
mod memory;
mod objects;
mod points;
mod segment;
mod table;
