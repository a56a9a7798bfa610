//! Collection points, collections, and checks of the heap.

use crate::execute::Raised;
use crate::heap::{HeapFault, PointKind};
use crate::instance::store::StoreOpaque;

impl StoreOpaque {
    /// Passes a collection point. References that only the caller holds must be in `temporaries`.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn point(&mut self, kind: PointKind) -> Result<(), Raised> {
        if self.heap.point(kind, &mut self.contents)? {
            self.drop_dead_hosts();
        }
        Ok(())
    }

    /// Passes a collection point at which the caller holds references. Returns them as they are
    /// afterwards.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn point_with<const N: usize>(
        &mut self,
        kind: PointKind,
        mut references: [u32; N],
    ) -> Result<[u32; N], Raised> {
        if self.heap.passes_point(kind) {
            return Ok(references);
        }
        self.with_temporaries(&mut references, |store| store.point(kind))?;
        Ok(references)
    }

    /// Runs `act`, which may collect, while the caller holds references. Updates them.
    ///
    /// # Errors
    /// Those of `act`, or the heap is corrupt.
    pub fn with_temporaries<R>(
        &mut self,
        references: &mut [u32],
        act: impl FnOnce(&mut StoreOpaque) -> Result<R, Raised>,
    ) -> Result<R, Raised> {
        let start = self.contents.temporaries.len();
        self.contents.temporaries.extend_from_slice(references);
        let result = act(self);
        let held = self.contents.temporaries.drain(start..);
        for (raw, held) in references.iter_mut().zip(held) {
            *raw = held;
        }
        result
    }

    /// Collects everything that the collector can reclaim.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn gc(&mut self) -> Result<(), Raised> {
        self.contents.handles.sweep(&mut self.heap)?;
        self.heap.collect(&mut self.contents)?;
        self.drop_dead_hosts();
        Ok(())
    }

    /// Drops the data of host objects whose references died.
    pub fn drop_dead_hosts(&mut self) {
        let dead = self.heap.take_dead_hosts();
        // Every allocation comes here, and usually nothing died.
        if dead.is_empty() {
            return;
        }
        let dead: Vec<_> = (dead.into_iter())
            .filter_map(|at| self.hosts.take(at))
            .collect();
        drop(dead);
    }

    /// Checks the heap and all roots.
    ///
    /// # Errors
    /// The first thing that is wrong. The store must not be used any more.
    pub fn verify_heap(&mut self) -> Result<(), HeapFault> {
        self.heap.verify(&mut self.contents)
    }

    /// Checks reference counts against the references there are, if the collector counts.
    ///
    /// # Errors
    /// The first thing that is wrong. The store must not be used any more.
    pub fn audit(&mut self) -> Result<(), HeapFault> {
        self.heap.audit(&mut self.contents)
    }
}
