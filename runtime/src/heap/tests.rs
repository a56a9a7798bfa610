//! Single heaps: sizes, limits, long structures, corruption.

use std::ptr::NonNull;
use std::sync::Arc;

use super::*;
use crate::abi::vmctx::VmStore;
use crate::config::{CollectorKind, Config, Schedule, StoreConfig};
use crate::types::{
    Composite, FieldKind, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

const NODE: TypeId = TypeId(1);
const REFS: TypeId = TypeId(2);
const BYTES: TypeId = TypeId(3);

/// Three types: a node `{next, i32}`, arrays of any references, and arrays of bytes. A node begins
/// with `extra` more fields of i64.
struct Source(Vec<TypeDef>);

impl Source {
    fn new(extra: usize) -> Source {
        let reference = |heap| {
            StorageKind::Val(ValKind::Ref(RefKind {
                nullable: true,
                heap,
            }))
        };
        let field = |storage| FieldKind {
            storage,
            mutable: true,
        };
        let def = |composite| TypeDef {
            is_final: true,
            supertype: None,
            composite,
            depth: 0,
        };
        let mut node = vec![field(StorageKind::Val(ValKind::I64)); extra];
        node.push(field(reference(HeapKind::Defined(NODE, Shape::Struct))));
        node.push(field(StorageKind::Val(ValKind::I32)));
        Source(vec![
            def(Composite::Struct(node.into())),
            def(Composite::Array(field(reference(HeapKind::Any)))),
            def(Composite::Array(field(StorageKind::I8))),
        ])
    }
}

impl TypeSource for Source {
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        let def = self.0.get((id.0 as usize).checked_sub(1)?)?;
        Some(Arc::new(def.clone()))
    }
}

/// Roots: one global and one stack slot.
#[derive(Default)]
struct Two {
    global: u32,
    frame: u32,
}

impl Roots for Two {
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        visit(RootKind::Global, &mut self.global);
        visit(RootKind::StackSlot, &mut self.frame);
    }
}

struct Fixture {
    heap: Heap,
    roots: Two,
    record: NonNull<VmStore>,
}

impl Fixture {
    fn new(collector: CollectorKind, config: &StoreConfig) -> Fixture {
        Fixture::over(collector, config, SpacePool::new(), 0)
    }

    fn over(
        collector: CollectorKind,
        config: &StoreConfig,
        pool: Arc<SpacePool>,
        extra: usize,
    ) -> Fixture {
        let engine = Config::fuzzing(collector);
        // SAFETY: every field is a number or a raw pointer, for which zero is a value.
        let record: Box<VmStore> = unsafe { Box::new_zeroed().assume_init() };
        let record = NonNull::from(Box::leak(record));
        let space = Heap::reserve(config.heap_limit, &pool).unwrap();
        // SAFETY: the record lives as long as the fixture, which drops it with the heap; nobody
        // else has its address.
        let heap =
            unsafe { Heap::new(&engine, config, Arc::new(Source::new(extra)), space, record) };
        Fixture {
            heap,
            roots: Two::default(),
            record,
        }
    }

    fn node(&mut self) -> GcRef {
        self.heap.alloc_struct(NODE, &mut self.roots).unwrap()
    }

    /// Makes a chain of nodes. Each refers to the one before, and the global to the last.
    fn chain(&mut self, len: u32) {
        for _ in 0..len {
            let node = self.node();
            let before = Stored::Ref(GcRef::from_raw(self.roots.global));
            self.heap.init_field(node, 0, before).unwrap();
            self.heap
                .write_root(&mut self.roots.global, Some(node))
                .unwrap();
        }
    }

    fn set_global(&mut self, new: Option<GcRef>) {
        self.heap.write_root(&mut self.roots.global, new).unwrap();
    }

    fn live(&mut self) -> u64 {
        self.heap.collect(&mut self.roots).unwrap();
        self.heap.verify(&mut self.roots).unwrap();
        self.heap.audit(&mut self.roots).unwrap();
        self.heap.census().unwrap().total()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.heap.fault(HeapFault::WildAccess { offset: 0 });
        // SAFETY: leaked in `over`; a poisoned heap does not use it any more.
        drop(unsafe { Box::from_raw(self.record.as_ptr()) });
    }
}

fn config(heap_limit: u64) -> StoreConfig {
    StoreConfig {
        heap_limit,
        checks: false,
        ..StoreConfig::fuzzing()
    }
}

/// The collectors that reclaim.
fn reclaiming() -> impl Iterator<Item = CollectorKind> {
    let kinds = CollectorKind::ALL.into_iter();
    kinds.filter(|&kind| kind.traits().reclaims)
}

/// Wasmtime #9701, #12958: neither long chains nor wide arrays need stack or memory to be freed.
#[test]
fn long_chains_and_wide_arrays_die_at_once() {
    let len = if cfg!(miri) { 300 } else { 300_000 };
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(256 << 20));
        fixture.chain(len);
        assert_eq!(fixture.live(), u64::from(len), "{kind:?}");
        fixture.set_global(None);
        assert_eq!(fixture.live(), 0, "{kind:?}");

        let array = fixture.heap.alloc_array(REFS, len, &mut fixture.roots);
        let array = array.unwrap();
        fixture.set_global(Some(array));
        for at in 0..len {
            let node = fixture.node();
            let array = GcRef::from_raw(fixture.roots.global).unwrap();
            let value = Stored::Ref(Some(node));
            fixture.heap.init_element(array, at, value).unwrap();
        }
        assert_eq!(fixture.live(), u64::from(len) + 1, "{kind:?}");
        fixture.set_global(None);
        assert_eq!(fixture.live(), 0, "{kind:?}");
    }
}

#[test]
fn cycles_stay_exactly_where_the_traits_say_so() {
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        let node = fixture.node();
        let value = Stored::Ref(Some(node));
        fixture.heap.write_field(node, 0, value).unwrap();
        let expected = u64::from(!fixture.heap.traits().reclaims_cycles);
        assert_eq!(fixture.live(), expected, "{kind:?}");
    }
}

#[test]
fn frames_keep_what_they_refer_to() {
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        fixture.roots.frame = fixture.node().raw();
        assert_eq!(fixture.live(), 1, "{kind:?}");
        fixture.roots.frame = 0;
        assert_eq!(fixture.live(), 0, "{kind:?}");
    }
}

/// Wasmtime #13034, #10464, big-array-overflow.wast: sizes near the ends of 32 bits.
#[test]
fn impossible_sizes_are_refused_and_nothing_is_left_behind() {
    for kind in CollectorKind::ALL {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        for ty in [REFS, BYTES] {
            for len in [u32::MAX, u32::MAX - 21, 1 << 31, (1 << 31) - 1] {
                let made = fixture.heap.alloc_array(ty, len, &mut fixture.roots);
                assert_eq!(made, Err(AllocError::TooLarge), "{kind:?} {len}");
            }
            for len in [(1 << 31) - 200, 600_000, 2 << 20] {
                if ty == REFS && len > 1 << 29 {
                    continue;
                }
                let made = fixture.heap.alloc_array(ty, len, &mut fixture.roots);
                let expected = if u64::from(len) < (1 << 20)
                    && ty == BYTES
                    && kind != CollectorKind::Copying
                {
                    assert!(made.is_ok(), "{kind:?} {len}");
                    continue;
                } else {
                    Err(AllocError::Exhausted)
                };
                assert_eq!(made, expected, "{kind:?} {len}");
            }
            fixture.heap.verify(&mut fixture.roots).unwrap();
            fixture.heap.audit(&mut fixture.roots).unwrap();
        }
    }
}

/// Wasmtime #13774 and the like: the largest heap there is, and objects that nearly fill it.
#[cfg(not(miri))]
#[test]
fn the_largest_heap_holds_the_largest_objects() {
    for kind in CollectorKind::ALL {
        let largest = StoreConfig {
            poison: false,
            ..config(4 << 30)
        };
        let mut fixture = Fixture::new(kind, &largest);
        let len = (1 << 31) - 10_000;
        let made = fixture.heap.alloc_array(BYTES, len, &mut fixture.roots);
        let first = made.unwrap();
        let last = Stored::I8(7);
        fixture.heap.write_element(first, len - 1, last).unwrap();
        fixture.set_global(Some(first));
        if fixture.heap.traits().moves {
            // A second one would make the first move: two gigabytes of memory that a test should
            // not need.
            continue;
        }
        let second = fixture
            .heap
            .alloc_array(BYTES, len - 100_000, &mut fixture.roots);
        assert!(second.is_ok(), "{kind:?}");
        let first = GcRef::from_raw(fixture.roots.global).unwrap();
        assert_eq!(fixture.heap.read_element(first, len - 1), Ok(last));
    }
}

/// Memory is found again: a heap that can hold two arrays lasts for thousands, one after the other.
#[test]
fn what_dies_is_used_again() {
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(256 << 10));
        let rounds = if cfg!(miri) { 20 } else { 2000 };
        for round in 0..rounds {
            let len = 1000 + round % 40_000;
            let array = fixture.heap.alloc_array(BYTES, len, &mut fixture.roots);
            fixture.set_global(Some(array.unwrap()));
        }
        assert_eq!(fixture.live(), 1, "{kind:?}");
    }
}

/// Each visit of the heap would otherwise take time for every object that ever died.
#[test]
fn full_collections_leave_few_free_blocks() {
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        for _ in 0..if cfg!(miri) { 400 } else { 4000 } {
            fixture.node();
            fixture.heap.collect(&mut fixture.roots).unwrap();
        }
        let heap = &mut fixture.heap;
        let occupied = heap.collector.occupied(&mut heap.memory);
        let (mut next, mut blocks) = (occupied.start, 0);
        while let Some(resident) = heap.memory.resident(next, occupied.end).unwrap() {
            next = resident.end();
            blocks += 1;
        }
        assert!(blocks < 200, "{kind:?}: {blocks}");
    }
}

/// A full heap refuses, stays in order, and works again when something dies.
#[test]
fn a_full_heap_refuses_and_recovers() {
    let bytes = if cfg!(miri) { 16 << 10 } else { 128 << 10 };
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(bytes));
        let mut len = 0;
        let error = loop {
            match fixture.heap.alloc_struct(NODE, &mut fixture.roots) {
                Ok(node) => {
                    let before = Stored::Ref(GcRef::from_raw(fixture.roots.global));
                    fixture.heap.init_field(node, 0, before).unwrap();
                    fixture.set_global(Some(node));
                    len += 1;
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error, AllocError::Exhausted, "{kind:?}");
        assert!(len > bytes / 128, "{kind:?}: {len}");
        assert_eq!(fixture.live(), len, "{kind:?}");
        fixture.set_global(None);
        fixture.chain(100);
        assert_eq!(fixture.live(), 100, "{kind:?}");
    }
}

/// Wasmtime #13263: a schedule that collects at every point never livelocks.
#[test]
fn collecting_at_every_point_of_a_full_heap_ends() {
    for kind in CollectorKind::ALL {
        let zealous = StoreConfig {
            schedule: Schedule::Every,
            checks: true,
            ..config(64 << 10)
        };
        let mut fixture = Fixture::new(kind, &zealous);
        let made = fixture.heap.alloc_array(BYTES, 1 << 20, &mut fixture.roots);
        assert_eq!(made, Err(AllocError::Exhausted), "{kind:?}");
        assert_eq!(fixture.heap.points_passed(), 1, "{kind:?}");
        fixture.chain(10);
        assert_eq!(fixture.heap.points_passed(), 11, "{kind:?}");
    }
}

#[test]
fn points_are_counted_by_kind() {
    for kind in CollectorKind::ALL {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        fixture.chain(3);
        fixture
            .heap
            .point(PointKind::Table, &mut fixture.roots)
            .unwrap();
        let points = [PointKind::Allocation, PointKind::Table, PointKind::Growth];
        let passed = points.map(|point| fixture.heap.points_of(point));
        assert_eq!(passed, [3, 1, 0], "{kind:?}");
    }
}

/// Wasmtime #13417: ids of types are used again, by other types, in recycled heaps.
#[test]
fn layouts_do_not_outlive_their_heap() {
    for kind in reclaiming() {
        let pool = SpacePool::new();
        for extra in [30, 0, 7] {
            let mut fixture = Fixture::over(kind, &config(1 << 20), Arc::clone(&pool), extra);
            let before = Stored::Ref(None);
            for _ in 0..100 {
                let node = fixture.node();
                fixture.heap.init_field(node, extra as u32, before).unwrap();
                fixture.set_global(Some(node));
            }
            assert_eq!(fixture.live(), 1, "{kind:?}");
        }
    }
}

/// Wasmtime #13320: corruption is an error, not a panic, and ends the use of the heap.
#[test]
fn corruption_is_reported() {
    for kind in reclaiming() {
        for garbage in [0x10, 0x1004, 0x7fff_fff8, 0xffff_fff8, 0x1ff0] {
            let mut fixture = Fixture::new(kind, &config(1 << 20));
            fixture.chain(20);
            let node = GcRef::from_raw(fixture.roots.global).unwrap();
            let slot = node.raw() + fixture.heap.memory.header_bytes;
            fixture.heap.memory.space.set_word(slot, garbage);
            let verified = fixture.heap.verify(&mut fixture.roots);
            assert!(verified.is_err(), "{kind:?} {garbage:#x}");
            let again = fixture.heap.collect(&mut fixture.roots);
            assert_eq!(again.err(), verified.err(), "{kind:?} {garbage:#x}");
        }
        for tag in [
            0,
            0x0f00_0001,
            0x0100_0063,
            0x0200_0001,
            0x0500_0000,
            u32::MAX,
        ] {
            let mut fixture = Fixture::new(kind, &config(1 << 20));
            fixture.chain(20);
            let node = fixture.roots.global;
            fixture.heap.memory.space.set_word(node, tag);
            let collected = fixture.heap.collect(&mut fixture.roots);
            let verified = fixture.heap.verify(&mut fixture.roots);
            assert!(collected.is_err() || verified.is_err(), "{kind:?} {tag:#x}");
        }
    }
}

#[test]
fn writes_to_freed_memory_are_found() {
    for kind in reclaiming() {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        fixture.chain(20);
        fixture.heap.collect(&mut fixture.roots).unwrap();
        let stale = fixture.roots.global;
        fixture.set_global(None);
        assert_eq!(fixture.live(), 0);
        // The middle of what was freed: behind what an allocator may have written at its start.
        fixture.heap.memory.space.set_word(stale + 4, 0x1234);
        let verified = fixture.heap.verify(&mut fixture.roots);
        assert!(
            matches!(verified, Err(HeapFault::PoisonGone { .. })),
            "{kind:?}: {verified:?}"
        );
    }
}

#[test]
fn wrong_kinds_and_fields_are_faults() {
    for kind in CollectorKind::ALL {
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        let node = fixture.node();
        assert!(fixture.heap.array_len(node).is_err(), "{kind:?}");
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        let node = fixture.node();
        let wrong = fixture.heap.write_field(node, 1, Stored::I8(1));
        assert!(matches!(wrong, Err(HeapFault::WrongField { at: 1, .. })));
        let mut fixture = Fixture::new(kind, &config(1 << 20));
        let made = fixture.heap.alloc_struct(REFS, &mut fixture.roots);
        assert!(matches!(
            made,
            Err(AllocError::Fault(HeapFault::BadType { .. }))
        ));
    }
}

#[test]
fn every_kind_has_a_plan() {
    for kind in CollectorKind::ALL {
        let traits = kind.traits();
        assert!(traits.reclaims || !traits.reclaims_cycles, "{kind:?}");
        assert!(matches!(traits.header_bytes, 8 | 16), "{kind:?}");
    }
}
