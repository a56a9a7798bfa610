//! A collection that reclaims nothing, and the part of the heap that holds objects.

use std::ops::Range;

use crate::heap::object_memory::{FIRST, ObjectMemory};

/// Updates the counters.
pub(super) fn collect(memory: &mut ObjectMemory) {
    memory.stats.live_bytes = u64::from(memory.bump() - FIRST);
}

/// Returns the range from the first object to the bump region.
pub(super) fn occupied(memory: &ObjectMemory) -> Range<u32> {
    FIRST..memory.bump()
}
