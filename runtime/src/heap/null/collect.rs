//! A collection that reclaims nothing, and where the objects are.

use std::ops::Range;

use crate::heap::core::{Core, FIRST};

/// Only counts.
pub(super) fn collect(core: &mut Core) {
    core.stats.live_bytes = u64::from(core.bump() - FIRST);
}

/// From the first object to the region.
pub(super) fn occupied(core: &Core) -> Range<u32> {
    FIRST..core.bump()
}
