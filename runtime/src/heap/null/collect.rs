//! A collection that reclaims nothing, and where the objects are.

use std::ops::Range;

use crate::heap::object_memory::{FIRST, ObjectMemory};

/// Only counts.
pub(super) fn collect(memory: &mut ObjectMemory) {
    memory.stats.live_bytes = u64::from(memory.bump() - FIRST);
}

/// From the first object to the region.
pub(super) fn occupied(memory: &ObjectMemory) -> Range<u32> {
    FIRST..memory.bump()
}
