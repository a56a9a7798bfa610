//! Limits of this implementation. Every number has a name and a reason.

/// Deepest chain of declared supertypes (JS API, implementation limits: 63).
pub const SUBTYPE_DEPTH_MAX: u32 = 63;

/// Entries of one row of the supertype displays: a type and all its supertypes.
pub const DISPLAY_ENTRIES: u32 = 64;

/// Bytes of one row of the supertype displays.
pub const DISPLAY_ROW_BYTES: u32 = DISPLAY_ENTRIES * 4;

/// Address space of a collected heap: what a 32-bit reference can reach.
pub const HEAP_RESERVATION_BYTES: u64 = 4 << 30;

/// Unmapped bytes behind heaps and memories, so that a small constant offset never needs a check.
pub const GUARD_BYTES: u64 = 64 << 20;

/// Bytes of one page of linear memory.
pub const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Largest linear memory: what a machine could still back.
pub const MEMORY_BYTES_MAX: u64 = 64 << 30;

/// Largest table, in elements (JS API, implementation limits).
pub const TABLE_ELEMENTS_MAX: u64 = 10_000_000;

/// Largest object, header included: sizes and offsets stay positive as i32.
pub const OBJECT_BYTES_MAX: u64 = (1 << 31) - 64;

/// Results of one register class that `CallConv::Tail` returns in registers; with more, all go through a return area.
pub const RESULT_REGISTERS: usize = 8;

/// Address space for an engine's machine code: a 32-bit displacement reaches all of it.
pub const CODE_ARENA_BYTES: u32 = 1 << 30;

/// Operands on the stack, summed over the calls of one function: each may need an entry in the stack map of each call, which is all that
/// is quadratic in a function's length.
pub const HELD_OPERANDS_MAX: u64 = 4 << 20;

const _: () = {
    assert!(DISPLAY_ENTRIES == SUBTYPE_DEPTH_MAX + 1);
    assert!(OBJECT_BYTES_MAX < HEAP_RESERVATION_BYTES);
};
