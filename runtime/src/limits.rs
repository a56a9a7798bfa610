//! Limits of this implementation. Every number has a name and a reason.

/// Deepest chain of declared supertypes (JS API, implementation limits: 63).
pub const SUBTYPE_DEPTH_MAX: u32 = 63;

/// Entries of one row of the supertype displays: a type and all its supertypes.
pub const DISPLAY_ENTRIES: u32 = 64;

/// Bytes of one row of the supertype displays.
pub const DISPLAY_ROW_BYTES: u32 = DISPLAY_ENTRIES * 4;

/// Address space of a collected heap: what a 32-bit reference can reach.
pub const HEAP_RESERVATION_BYTES: u64 = 4 << 30;

/// Unmapped bytes behind heaps and memories. A small constant offset then needs no check.
pub const GUARD_BYTES: u64 = 64 << 20;

/// Bytes of one page of linear memory.
pub const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Largest linear memory. A large machine can still back it.
pub const MEMORY_BYTES_MAX: u64 = 64 << 30;

/// Largest table, in elements (JS API, implementation limits).
pub const TABLE_ELEMENTS_MAX: u64 = 10_000_000;

/// Largest object, header included. Sizes and offsets stay positive as i32.
pub const OBJECT_BYTES_MAX: u64 = (1 << 31) - 64;

// Of a module. They are those of `wasmparser`, which agreed on most of them with the browsers (JS
// API, implementation limits). `module::counts` decides by them.

/// Most types.
pub const TYPES_MAX: u64 = 1_000_000;
/// Most functions, imported ones included.
pub const FUNCTIONS_MAX: u64 = 1_000_000;
/// Most imports.
pub const IMPORTS_MAX: u64 = 1_000_000;
/// Most exports.
pub const EXPORTS_MAX: u64 = 1_000_000;
/// Most globals, imported ones included.
pub const GLOBALS_MAX: u64 = 1_000_000;
/// Most tags, imported ones included.
pub const TAGS_MAX: u64 = 1_000_000;
/// Most tables, imported ones included.
pub const TABLES_MAX: u64 = 100_000;
/// Most memories, imported ones included.
pub const MEMORIES_MAX: u64 = 100;
/// Most element segments.
pub const ELEMENT_SEGMENTS_MAX: u64 = 100_000;
/// Most items of one element segment: as many as a table has.
pub const ELEMENT_ITEMS_MAX: u64 = TABLE_ELEMENTS_MAX;
/// Most data segments.
pub const DATA_SEGMENTS_MAX: u64 = 100_000;
/// Most bytes of a name of an import or an export.
pub const NAME_BYTES_MAX: u64 = 100_000;
/// Most bytes of one function.
pub const FUNCTION_BYTES_MAX: u64 = 7_654_321;
/// Most locals of one function, parameters included.
pub const LOCALS_MAX: u64 = 50_000;
/// Most parameters of a function type.
pub const PARAMS_MAX: u64 = 1_000;
/// Most results of a function type.
pub const RESULTS_MAX: u64 = 1_000;
/// Most fields of a structure type.
pub const FIELDS_MAX: u64 = 10_000;
/// Most catch clauses of one instruction.
pub const CATCHES_MAX: u64 = 10_000;
/// Most types in the types of all imports and exports, each time that one is named. It bounds what
/// comparing them costs.
pub const EXTERN_TYPE_SIZE_MAX: u64 = 999_998;

/// Most results of one register class that `CallConv::Tail` returns in registers. If there are
/// more, all results go through a return area.
pub const RESULT_REGISTERS: usize = 8;

/// Address space for an engine's machine code. A 32-bit displacement reaches all of it.
pub const CODE_ARENA_BYTES: u32 = 1 << 30;

/// Most bytes of one function's frame. It is half of the default stack, so such a function can be
/// called.
pub const FRAME_BYTES_MAX: u32 = 256 << 10;

/// Most entries in the stack maps of one function. A reference has an entry for each call that it
/// is live across, so the number is quadratic in the function's length at worst.
pub const STACK_MAP_ENTRIES_MAX: usize = 4 << 20;

/// Most pairs of a reference and a basic block in which it is live, in one function. Their number
/// is quadratic at worst, too.
pub const LIVE_RANGES_MAX: usize = 64 << 20;

const _: () = {
    assert!(DISPLAY_ENTRIES == SUBTYPE_DEPTH_MAX + 1);
    assert!(OBJECT_BYTES_MAX < HEAP_RESERVATION_BYTES);
};
