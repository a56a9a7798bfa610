//! Validated module plus layouts to machine code. Never touches a live heap.

pub mod arena;
pub mod emitted;
pub mod image;
pub mod isa;
pub mod stack_map;
pub mod stubs;
pub mod trampoline;
pub mod trap_table;
