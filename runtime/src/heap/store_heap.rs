//! [`Heap`]: what a store uses. Collection points, allocation by the host, and the one write path of roots.
//!
//! Invariants:
//! - Every write of a reference to a place outside of compiled code goes through
//!   [`Heap::write_root`], [`Heap::write_field`] and their `init` forms, or the bulk operations
//!   made of the same two halves (`increment`, `decrement`). There is no second path.
//! - At a collection point: collect first, then do what was asked for.
//! - After a [`HeapFault`] the heap refuses everything with that fault, and its memory is not
//!   recycled.
//!
//! Not here: fields and elements (`access`), ranges (`bulk`).

use std::ptr::NonNull;
use std::sync::Arc;

use super::fault::{AllocError, HeapFault};
use super::layout::{Kind, tag};
use super::layouts::TypeSource;
use super::object_memory::{ObjectMemory, Stats, is_object};
use super::schedule::{PointKind, Scheduler};
use super::space::{Space, SpacePool};
use super::{
    Barrier, Census, CollectionKind, Collector, CollectorTraits, GcRef, Header, Room, RootKind,
    Roots, census, plan_for, recycle, verify,
};
use crate::abi::vmctx::VmStore;
use crate::config::{Config, StoreConfig};
use crate::limits::OBJECT_BYTES_MAX;
use crate::planted::{Planted, planted};
use crate::types::TypeId;

/// Bytes of occupied heap that are checked without thinning: a few hundred collections of a heap of
/// ordinary test programs.
const CHECK_CREDIT_AT_FIRST: u64 = 1 << 20;

/// Bytes of occupied heap that each further collection pays for.
const CHECK_CREDIT_EACH: u64 = 2 << 10;

/// A store's collected heap.
///
/// References it returns are good until the next collection point unless they are in a root.
#[derive(Debug)]
pub struct Heap {
    pub(super) memory: ObjectMemory,
    pub(super) collector: Box<dyn Collector>,
    pub(super) traits: CollectorTraits,
    scheduler: Scheduler,
    points: [u64; PointKind::COUNT],
    /// Allocations asked for since `full_at` was chosen, but for inline ones.
    asked: u64,
    /// The number of the allocation that finds the heap full.
    full_at: Option<u64>,
    checks: bool,
    /// Bytes that collections nobody asked for may still have checked: see [`Heap::check_is_due`].
    check_credit: u64,
    /// The first fault, which every later use is told again.
    faulted: Option<HeapFault>,
}

impl Heap {
    /// Address space for a heap of at most `limit` bytes.
    ///
    /// # Errors
    /// [`AllocError::Exhausted`] when the system has none left.
    pub fn reserve(limit: u64, pool: &Arc<SpacePool>) -> Result<Space, AllocError> {
        Space::new(Arc::clone(pool), limit).map_err(|_| AllocError::Exhausted)
    }

    /// An empty heap. Sets the words for allocation in `vm`; `heap_base` is for who has reserved
    /// the space to set.
    ///
    /// # Safety
    /// `vm` stays valid for reads and writes for as long as the heap lives, moves between threads
    /// only together with it, and nobody else accesses it while one of the heap's methods runs.
    pub unsafe fn new(
        engine: &Config,
        store: &StoreConfig,
        types: Arc<dyn TypeSource>,
        space: Space,
        vm: NonNull<VmStore>,
    ) -> Heap {
        let plan = plan_for(engine);
        let traits = plan.traits();
        let collector = plan.start(space.limit());
        let layouts = recycle::layouts(engine, types, traits.header_bytes);
        // SAFETY: the contract of this function.
        let mut memory =
            unsafe { ObjectMemory::new(space, layouts, traits.header_bytes, engine, store, vm) };
        memory.set_zero_count_table(0, 0);
        let mut heap = Heap {
            memory,
            collector,
            traits,
            scheduler: Scheduler::new(store.schedule.clone()),
            points: [0; PointKind::COUNT],
            asked: 0,
            full_at: None,
            checks: store.checks,
            check_credit: CHECK_CREDIT_AT_FIRST,
            faulted: None,
        };
        heap.set_inline();
        heap
    }

    /// How its collector differs from others.
    #[must_use]
    pub fn traits(&self) -> CollectorTraits {
        self.traits
    }

    /// The allocation with this number finds the heap full, whatever room there is: it collects
    /// everything, as any does that finds none, and fails. Allocations are numbered from 0,
    /// now; while a number is set none happens inline, so that all are numbered.
    pub fn set_full_at(&mut self, number: Option<u64>) {
        self.asked = 0;
        self.full_at = number;
        self.set_inline();
    }

    /// Allocations asked for since the last [`Heap::set_full_at`], failed ones included. All of
    /// them under a schedule other than [`Schedule::OnPressure`](crate::config::Schedule) and while a number is set;
    /// otherwise those that were not inline.
    #[must_use]
    pub fn allocations(&self) -> u64 {
        self.asked
    }

    fn set_inline(&mut self) {
        let inline = self.scheduler.on_pressure() && self.full_at.is_none();
        self.memory.set_inline(inline);
    }

    /// Collection points passed under the current schedule; 0 for [`Schedule::OnPressure`](crate::config::Schedule).
    #[must_use]
    pub fn points_passed(&self) -> u64 {
        self.scheduler.passed()
    }

    /// Collection points passed since the heap was made, of one kind (inline allocations do not
    /// count).
    #[must_use]
    pub fn points_of(&self, kind: PointKind) -> u64 {
        self.points[kind as usize]
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.memory.stats
    }

    /// The first fault that was found, if any: nothing is done with the heap any more.
    #[must_use]
    pub fn first_fault(&self) -> Option<HeapFault> {
        self.faulted
    }

    /// Makes it unusable because of `fault`, found here or elsewhere (a wild access of compiled
    /// code). Gives the first fault there was.
    pub fn fault(&mut self, fault: HeapFault) -> HeapFault {
        let first = *self.faulted.get_or_insert(fault);
        self.memory.space.discard();
        self.memory.set_inline(false);
        first
    }

    /// Runs `act` unless the heap is unusable, and makes it so when `act` finds a fault.
    pub(super) fn guarded<R>(
        &mut self,
        act: impl FnOnce(&mut Heap) -> Result<R, HeapFault>,
    ) -> Result<R, HeapFault> {
        if let Some(fault) = self.faulted {
            return Err(fault);
        }
        act(self).map_err(|fault| self.fault(fault))
    }

    /// A collection point. Collects when the schedule says so; with [`Schedule::OnPressure`](crate::config::Schedule), when
    /// the collector wants to. Whether it did.
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

    /// Whether a collection point would pass without a collection. Then it has passed; otherwise
    /// call [`Heap::point`].
    #[inline]
    pub fn passes_point(&mut self, kind: PointKind) -> bool {
        let passes = self.scheduler.on_pressure() && !self.collector.pressure(&self.memory);
        self.points[kind as usize] += u64::from(passes);
        passes
    }

    /// Faults planted on purpose.
    #[must_use]
    pub fn planted(&self) -> Planted {
        self.memory.planted
    }

    /// Collects everything the collector can reclaim. An explicit request is also a collection
    /// point: see [`PointKind::Request`].
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
        collection: CollectionKind,
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| {
            heap.memory.stats.collections += 1;
            let mut roots = WithoutPlanted(roots, heap.memory.planted);
            heap.collector
                .collect(&mut heap.memory, &mut roots, collection)
        })
    }

    /// A collection that nobody asked for.
    fn collect_and_perhaps_check(
        &mut self,
        roots: &mut dyn Roots,
        collection: CollectionKind,
    ) -> Result<(), HeapFault> {
        self.run_collection(roots, collection)?;
        if self.check_is_due() {
            self.check(roots)?;
        }
        Ok(())
    }

    /// Whether to check after a collection that the schedule made: a check looks at the whole heap,
    /// and a program that collects at each of thousands of allocations would spend all its time
    /// being checked. Each collection adds a little to what may be spent, so a small heap is
    /// always checked and a large one as often as it has been paid for. A function of the program
    /// alone.
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

    /// Numbers of host objects whose last reference died, in the order of their deaths. The caller
    /// drops their data now, when no collection is running.
    pub fn take_dead_hosts(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.memory.dead_hosts)
    }

    /// Whether [`Heap::take_dead_hosts`] would return any.
    #[must_use]
    pub fn has_dead_hosts(&self) -> bool {
        !self.memory.dead_hosts.is_empty()
    }

    /// A structure; all fields are zero. The caller initialises them before the next collection
    /// point.
    ///
    /// # Errors
    /// See [`AllocError`]; a type that is no structure is a [`HeapFault::BadType`].
    pub fn alloc_struct(&mut self, ty: TypeId, roots: &mut dyn Roots) -> Result<GcRef, AllocError> {
        let size = self.fixed_size(Kind::Struct, ty)?;
        self.allocate(Kind::Struct, ty.0, 0, size, roots)
    }

    /// An array; all elements are zero. The caller initialises them before the next collection
    /// point.
    ///
    /// # Errors
    /// See [`AllocError`]; a type that is no array is a [`HeapFault::BadType`].
    pub fn alloc_array(
        &mut self,
        ty: TypeId,
        len: u32,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        let scan = self.guarded(|heap| {
            let scan = heap.memory.layouts.scan_layout(0, ty.0)?;
            if scan.kind == Kind::Array {
                Ok(scan)
            } else {
                Err(wrong_type(ty))
            }
        })?;
        let mut size = u64::from(scan.size) + u64::from(len) * u64::from(scan.element_bytes);
        if planted!(self.memory.planted, ArraySizeWraps) {
            size = u64::from(size as u32).max(u64::from(scan.size));
        }
        self.allocate(Kind::Array, ty.0, len, size.next_multiple_of(8), roots)
    }

    /// A reference to the host object with that number.
    ///
    /// # Errors
    /// See [`AllocError`].
    pub fn alloc_extern(&mut self, host: u32, roots: &mut dyn Roots) -> Result<GcRef, AllocError> {
        let size = u64::from(self.memory.header_bytes);
        self.allocate(Kind::Extern, 0, host, size, roots)
    }

    /// An exception: `ty` is the function type of its tag, `identity` the tag's identity in the
    /// store; the payload is zero.
    ///
    /// # Errors
    /// See [`AllocError`]; a type that is no function is a [`HeapFault::BadType`].
    pub fn alloc_exception(
        &mut self,
        ty: TypeId,
        identity: u32,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        let size = self.fixed_size(Kind::Exception, ty)?;
        self.allocate(Kind::Exception, ty.0, identity, size, roots)
    }

    fn fixed_size(&mut self, kind: Kind, ty: TypeId) -> Result<u64, HeapFault> {
        self.guarded(|heap| {
            let scan = heap.memory.layouts.scan_layout(0, ty.0)?;
            if scan.kind == kind {
                Ok(u64::from(scan.size))
            } else {
                Err(wrong_type(ty))
            }
        })
    }

    fn allocate(
        &mut self,
        kind: Kind,
        type_id: u32,
        word: u32,
        size: u64,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        self.point(PointKind::Allocation, roots)?;
        let number = self.asked;
        self.asked += 1;
        if self.full_at == Some(number) {
            if self.traits.reclaims {
                self.collect(roots)?;
            }
            return Err(AllocError::Exhausted);
        }
        if size > OBJECT_BYTES_MAX {
            return Err(AllocError::TooLarge);
        }
        let header = Header {
            tag: tag(kind, type_id),
            word,
        };
        let room = if self.scheduler.on_pressure() {
            Room::Soft
        } else {
            Room::Hard
        };
        let mut made = self.try_allocate(header, size as u32, room)?;
        for collection in [CollectionKind::Routine, CollectionKind::Full] {
            if made.is_none() && self.traits.reclaims {
                self.collect_and_perhaps_check(roots, collection)?;
                made = self.try_allocate(header, size as u32, Room::Hard)?;
            }
        }
        if made.is_none() && !self.traits.reclaims {
            made = self.try_allocate(header, size as u32, Room::Hard)?;
        }
        self.memory.stats.slow_allocations += 1;
        made.and_then(GcRef::from_raw).ok_or(AllocError::Exhausted)
    }

    fn try_allocate(
        &mut self,
        header: Header,
        size: u32,
        room: Room,
    ) -> Result<Option<u32>, HeapFault> {
        self.guarded(|heap| {
            heap.collector
                .allocate(&mut heap.memory, header, size, room)
        })
    }

    /// Replaces the reference in a root: the only way to do so.
    ///
    /// # Errors
    /// The old or the new reference is no object.
    pub fn write_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        self.increment(new, 1)?;
        let old = std::mem::replace(slot, new);
        self.decrement(old)
    }

    /// Gives a new root its first reference; what the slot holds is ignored.
    ///
    /// # Errors
    /// The reference is no object.
    pub fn init_root(&mut self, slot: &mut u32, new: Option<GcRef>) -> Result<(), HeapFault> {
        let new = GcRef::to_raw(new);
        self.increment(new, 1)?;
        *slot = new;
        Ok(())
    }

    /// Takes a root's reference away: it holds null then.
    ///
    /// # Errors
    /// The reference is no object.
    pub fn clear_root(&mut self, slot: &mut u32) -> Result<(), HeapFault> {
        self.write_root(slot, None)
    }

    /// `times` more places hold `raw`.
    #[inline]
    pub(super) fn increment(&mut self, raw: u32, times: u32) -> Result<(), HeapFault> {
        if self.traits.barrier == Barrier::None || !is_object(raw) || times == 0 {
            return Ok(());
        }
        self.guarded(|heap| heap.collector.increment(&mut heap.memory, raw, times))
    }

    /// One place less holds `raw`.
    #[inline]
    pub(super) fn decrement(&mut self, raw: u32) -> Result<(), HeapFault> {
        if self.traits.barrier == Barrier::None || !is_object(raw) {
            return Ok(());
        }
        self.guarded(|heap| heap.collector.decrement(&mut heap.memory, raw))
    }

    /// The objects there are, by kind and type, whether reachable or not: collect first.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn census(&mut self) -> Result<Census, HeapFault> {
        self.guarded(|heap| census::take(&mut heap.memory, &mut *heap.collector))
    }

    /// Visits every object there is: offset, kind, type id, last word of the header.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn each_object(
        &mut self,
        visit: &mut dyn FnMut(u32, Kind, u32, u32),
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| census::each_object(&mut heap.memory, &mut *heap.collector, visit))
    }

    /// Checks the whole heap and all roots: see [`verify`].
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.guarded(|heap| verify::verify(&mut heap.memory, &mut *heap.collector, roots))
    }

    /// Checks reference counts, for collectors that have them, against the references there are.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn audit(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.guarded(|heap| heap.collector.audit(&mut heap.memory, roots))
    }
}

#[cfg(feature = "planted")]
impl Drop for Heap {
    fn drop(&mut self) {
        if planted!(self.memory.planted, LayoutsOutliveHeap) {
            let header_bytes = self.memory.header_bytes;
            let layouts = self.memory.layouts.take();
            recycle::keep(header_bytes, layouts);
        }
    }
}

/// Roots as collectors see them: without those that planted faults hide. In an ordinary build,
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

fn wrong_type(ty: TypeId) -> HeapFault {
    HeapFault::BadType {
        object: 0,
        type_id: ty.0,
    }
}
