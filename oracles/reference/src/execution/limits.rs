//! What a store may use, and which of these limits has been reached.

use std::fmt;

/// What a store may use. At a limit, execution ends with [`Exhausted`]. Where the specification
/// allows refusal (`memory.grow`, `table.grow`), the result is -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Most frames on the stack, over all nested entries.
    pub call_depth: u32,
    /// Most locals and operands on the stack.
    pub stack_values: u32,
    /// Most entries from the host within each other. Each uses the host's stack.
    pub host_nesting: u32,
    /// Steps over the life of the store: one for each instruction, and one for about 64 bytes
    /// moved in bulk.
    pub steps: u64,
    /// Most bytes of all memories.
    pub memory_bytes: u64,
    /// Most elements of all tables.
    pub table_elements: u64,
    /// Most words of 8 bytes for objects, two for each object included.
    pub heap_words: u64,
    /// Number of the object for which there is no room, even if `heap_words` allows it. Objects are
    /// counted from 0 when they are asked for.
    pub full_at: Option<u64>,
}

impl Default for StoreLimits {
    /// Enough for the official test suite, and not enough to trouble the machine.
    fn default() -> StoreLimits {
        StoreLimits {
            call_depth: 10_000,
            stack_values: 4 << 20,
            host_nesting: 64,
            steps: u64::MAX,
            memory_bytes: 1 << 30,
            table_elements: 64 << 20,
            heap_words: 64 << 20,
            full_at: None,
        }
    }
}

/// Which limit of [`StoreLimits`] was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exhausted {
    /// Too many frames, or nested entries from the host.
    CallDepth,
    /// Too many values on the stack.
    CallStack,
    /// Too many steps.
    Steps,
    /// A memory cannot be allocated.
    Memory,
    /// A table cannot be allocated.
    Table,
    /// An object cannot be allocated.
    Heap,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exhausted::CallDepth => "call stack exhausted: too many nested calls",
            Exhausted::CallStack => "call stack exhausted: too many values",
            Exhausted::Steps => "step budget exhausted",
            Exhausted::Memory => "linear memory exhausted",
            Exhausted::Table => "table space exhausted",
            Exhausted::Heap => "heap exhausted",
        })
    }
}
