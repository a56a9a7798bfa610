//! Validated module plus layouts to machine code. Never touches a live heap.

pub mod emitted;
pub mod isa;
