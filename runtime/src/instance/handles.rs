//! The embedder's roots. Scoped roots are released in reverse order. Owned roots are released after
//! their handle is dropped.
//!
//! A handle holds a position in these vectors and not the reference itself, so objects may move. A
//! handle whose scope has ended is recognised by its generation.
//!
//! Invariant **R1**: every slot of `scoped` and `owned` is a root (`RootKind::HostHandle`) that was
//! written by [`LazyHeap`].

use std::sync::{Arc, Mutex, PoisonError};

use super::lazy_heap::LazyHeap;
use crate::heap::{GcRef, HeapFault};
use crate::planted::planted;

/// The handle of a scoped root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedRoot {
    at: u32,
    generation: u64,
}

#[derive(Debug)]
struct Scoped {
    raw: u32,
    generation: u64,
}

/// Positions of owned roots whose handles were dropped. A handle may be dropped without its store
/// at hand, so it only leaves its position here.
pub type Dropped = Arc<Mutex<Vec<u32>>>;

/// A store's scoped and owned roots.
#[derive(Debug, Default)]
pub struct Handles {
    scoped: Vec<Scoped>,
    generation: u64,
    owned: Vec<u32>,
    free: Vec<u32>,
    pub(super) dropped: Dropped,
}

impl Handles {
    /// Begins a scope. Returns the depth for [`Handles::exit`].
    #[must_use]
    pub fn enter(&self) -> usize {
        self.scoped.len()
    }

    /// Ends the scope that began at `depth` and releases its roots.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn exit(&mut self, heap: &mut LazyHeap, depth: usize) -> Result<(), HeapFault> {
        if self.scoped.len() > depth {
            self.generation += 1;
        }
        while self.scoped.len() > depth {
            let Some(mut last) = self.scoped.pop() else {
                break;
            };
            heap.write_root(&mut last.raw, None)?;
        }
        Ok(())
    }

    /// Makes a scoped root for `reference`.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn root(&mut self, heap: &mut LazyHeap, reference: GcRef) -> Result<ScopedRoot, HeapFault> {
        let mut raw = 0;
        heap.init_root(&mut raw, Some(reference))?;
        let at = self.scoped.len() as u32;
        let generation = self.generation;
        self.scoped.push(Scoped { raw, generation });
        Ok(ScopedRoot { at, generation })
    }

    /// Returns what a scoped root refers to, or `None` if its scope has ended.
    #[must_use]
    pub fn get(&self, root: ScopedRoot) -> Option<GcRef> {
        let slot = self.scoped.get(root.at as usize)?;
        if slot.generation != root.generation {
            return None;
        }
        GcRef::from_raw(slot.raw)
    }

    /// Makes an owned root for `reference`. Returns its position, and where the position is left
    /// when the handle is dropped.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn own(
        &mut self,
        heap: &mut LazyHeap,
        reference: GcRef,
    ) -> Result<(u32, Dropped), HeapFault> {
        self.sweep(heap)?;
        let at = self.free.pop().unwrap_or_else(|| {
            self.owned.push(0);
            (self.owned.len() - 1) as u32
        });
        let slot = &mut self.owned[at as usize];
        heap.init_root(slot, Some(reference))?;
        Ok((at, Arc::clone(&self.dropped)))
    }

    /// Returns what an owned root refers to.
    #[must_use]
    pub fn owned(&self, at: u32) -> Option<GcRef> {
        GcRef::from_raw(*self.owned.get(at as usize)?)
    }

    /// Releases the owned roots whose handles were dropped.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn sweep(&mut self, heap: &mut LazyHeap) -> Result<(), HeapFault> {
        let mut dropped = {
            let mut shared = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.is_empty() {
                return Ok(());
            }
            std::mem::take(&mut *shared)
        };
        // Drops can come from other threads. The order in which positions are reused must not
        // depend on them.
        dropped.sort_unstable();
        for at in dropped {
            let slot = &mut self.owned[at as usize];
            if planted!(heap.planted(), HandleReleaseKeepsCount) {
                *slot = 0;
            } else {
                heap.write_root(slot, None)?;
            }
            self.free.push(at);
        }
        Ok(())
    }

    /// Returns the numbers of scoped and of owned roots.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.scoped.len(), self.owned.len() - self.free.len())
    }

    /// Visits every slot.
    pub(super) fn each_slot(&mut self, visit: &mut dyn FnMut(&mut u32)) {
        for slot in &mut self.scoped {
            visit(&mut slot.raw);
        }
        for slot in &mut self.owned {
            visit(slot);
        }
    }
}
