//! Layouts of a new heap: always an empty cache, because ids of types are recycled while heaps are.
//!
//! With the fault planted that kept them (Wasmtime #13417), the cache of the last heap on this
//! thread with the same header.

use std::sync::Arc;

use super::layouts::{Layouts, TypeSource};
use crate::config::Config;

/// The cache to begin with.
#[cfg(not(feature = "planted"))]
pub(super) fn layouts(config: &Config, source: Arc<dyn TypeSource>, header_bytes: u32) -> Layouts {
    Layouts::new(source, header_bytes, config.planted)
}

#[cfg(feature = "planted")]
mod kept {
    use std::cell::RefCell;

    use super::Layouts;

    thread_local! {
        static KEPT: RefCell<Vec<(u32, Layouts)>> = const { RefCell::new(Vec::new()) };
    }

    /// Takes the cache for that header.
    pub(in super::super) fn take(header_bytes: u32) -> Option<Layouts> {
        KEPT.with_borrow_mut(|kept| {
            let at = kept.iter().position(|(bytes, _)| *bytes == header_bytes)?;
            Some(kept.swap_remove(at).1)
        })
    }

    /// Keeps a cache.
    pub(in super::super) fn keep(header_bytes: u32, layouts: Layouts) {
        KEPT.with_borrow_mut(|kept| kept.push((header_bytes, layouts)));
    }
}

#[cfg(feature = "planted")]
pub(super) use kept::keep;

/// The cache to begin with.
#[cfg(feature = "planted")]
pub(super) fn layouts(config: &Config, source: Arc<dyn TypeSource>, header_bytes: u32) -> Layouts {
    use crate::planted::planted;
    let keeps = planted!(config.planted, LayoutsOutliveHeap);
    if keeps && let Some(kept) = kept::take(header_bytes) {
        return kept;
    }
    Layouts::new(source, header_bytes, config.planted)
}
