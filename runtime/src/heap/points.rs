//! Collection points and collections.
//!
//! At a point, a collection comes first, and then what the program asked for. After a collection
//! the heap may verify and audit itself (`StoreConfig::checks`).

use super::schedule::PointKind;
use super::{CollectionKind, Heap, HeapFault, RootKind, Roots};
use crate::planted::{Planted, planted};

/// Bytes of occupied heap that are checked before checks are thinned out: enough for a few hundred
/// collections of an ordinary test program.
pub(super) const CHECK_CREDIT_AT_FIRST: u64 = 1 << 20;

/// Bytes of occupied heap by which each further collection raises the credit.
const CHECK_CREDIT_EACH: u64 = 2 << 10;

impl Heap {
    /// Returns how many collection points were passed under the current schedule. It is 0 for
    /// [`Schedule::OnPressure`](crate::config::Schedule).
    #[must_use]
    pub fn points_passed(&self) -> u64 {
        self.scheduler.passed()
    }

    /// Returns how many collection points of one kind were passed since the heap was made. Inline
    /// allocations are not counted.
    #[must_use]
    pub fn points_of(&self, kind: PointKind) -> u64 {
        self.points[kind as usize]
    }

    /// Passes a collection point. Collects if the schedule says so, or, without a schedule, if the
    /// collector prefers to. Returns true if it collected.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn point(&mut self, kind: PointKind, roots: &mut dyn Roots) -> Result<bool, HeapFault> {
        self.points[kind as usize] += 1;
        let collection = if self.scheduler.on_pressure() {
            if !self.collector.pressure(&self.memory) {
                return Ok(false);
            }
            CollectionKind::Routine
        } else if self.scheduler.pass() {
            CollectionKind::Full
        } else {
            return Ok(false);
        };
        self.collect_and_perhaps_check(roots, collection)?;
        Ok(true)
    }

    /// Passes a collection point and returns true, unless the point needs [`Heap::point`].
    #[inline]
    pub fn passes_point(&mut self, kind: PointKind) -> bool {
        let passes = self.scheduler.on_pressure() && !self.collector.pressure(&self.memory);
        self.points[kind as usize] += u64::from(passes);
        passes
    }

    /// Collects everything that the collector can reclaim. A request of the program is also a
    /// collection point: see [`PointKind::Request`].
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn collect(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.run_collection(roots, CollectionKind::Full)?;
        if self.checks {
            self.check(roots)?;
        }
        Ok(())
    }

    fn run_collection(
        &mut self,
        roots: &mut dyn Roots,
        kind: CollectionKind,
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| {
            heap.memory.stats.collections += 1;
            let mut roots = WithoutPlanted(roots, heap.memory.planted);
            heap.collector.collect(&mut heap.memory, &mut roots, kind)
        })
    }

    /// Runs a collection that nobody asked for.
    pub(super) fn collect_and_perhaps_check(
        &mut self,
        roots: &mut dyn Roots,
        kind: CollectionKind,
    ) -> Result<(), HeapFault> {
        self.run_collection(roots, kind)?;
        if self.check_is_due() {
            self.check(roots)?;
        }
        Ok(())
    }

    /// Returns true if a collection that nobody asked for is to be checked.
    ///
    /// A check visits the whole heap. A program that collects at each of thousands of allocations
    /// would spend all its time in checks. Therefore each collection adds a fixed number of bytes
    /// to a credit, and a check takes the size of the heap from it: a small heap is always checked,
    /// a large one only now and then. The answer depends on the program alone.
    fn check_is_due(&mut self) -> bool {
        let occupied = self.collector.occupied(&mut self.memory);
        let cost = u64::from(occupied.end.saturating_sub(occupied.start));
        self.check_credit = self.check_credit.saturating_add(CHECK_CREDIT_EACH);
        let due = self.checks && self.check_credit >= cost;
        if due {
            self.check_credit -= cost;
        }
        due
    }

    fn check(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.verify(roots)?;
        self.audit(roots)
    }
}

/// Roots as collectors see them: without those that planted faults hide. An ordinary build hides
/// none.
struct WithoutPlanted<'a>(&'a mut dyn Roots, Planted);

impl WithoutPlanted<'_> {
    fn hides(planted: Planted, kind: RootKind) -> bool {
        match kind {
            RootKind::Global => planted!(planted, GlobalsAreNoRoots),
            RootKind::Segment => planted!(planted, SegmentsAreNoRoots),
            RootKind::PendingException => planted!(planted, PendingExceptionIsNoRoot),
            RootKind::TableElement => planted!(planted, TablesAreNoRoots),
            RootKind::HostHandle => planted!(planted, HandlesAreNoRoots),
            RootKind::StackSlot | RootKind::Temporary => false,
        }
    }
}

impl Roots for WithoutPlanted<'_> {
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        let planted = self.1;
        if planted == Planted::NONE {
            return self.0.each_root(visit);
        }
        self.0.each_root(&mut |kind, slot| {
            if !WithoutPlanted::hides(planted, kind) {
                visit(kind, slot);
            }
        });
    }

    fn each_uncounted_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        self.0.each_uncounted_root(visit);
    }
}
