//! Failures of every kind, at every moment. Afterwards the heap verifies, the counts are right,
//! exactly the reachable objects live, and the store still works.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gcrucible_runtime::embed::*;

use crate::{call, each_store, instantiate, module, under, wat};

/// A host object. The counter holds the number of host objects that exist.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Fails unless the heap is in order and `live` objects live.
#[track_caller]
fn check<T>(store: &mut Store<T>, live: u64) {
    store.verify_heap().unwrap();
    store.audit().unwrap();
    let census = store.census().unwrap();
    if store.engine().collector_traits().reclaims {
        assert_eq!(census.total(), live, "{census:?}");
    }
    store.verify_heap().unwrap();
    store.audit().unwrap();
    let stats = store.stats();
    assert_eq!((stats.scoped_roots, stats.owned_roots), (0, 0));
}

/// Allocates by constant expressions, by wasm, by exceptions and by the host.
const ALLOCATING: &str = r#"(module
    (type $s (struct (field (mut anyref))))
    (type $a (array (mut anyref)))
    (import "" "host" (func $host (param anyref) (result externref)))
    (tag $t (param anyref))
    (global $g (mut anyref) (array.new_fixed $a 2 (struct.new $s (ref.null any)) (struct.new $s (ref.null any))))
    (table $table (export "table") 2 10 anyref (struct.new $s (ref.i31 (i32.const 5))))
    (elem (table $table) (i32.const 1) anyref (item (struct.new $s (ref.null any))))
    (elem $passive anyref (item (struct.new $s (ref.null any))) (item (ref.i31 (i32.const 1))))
    (func (export "run") (local $kept anyref)
      (local.set $kept (struct.new $s (array.new $a (struct.new_default $s) (i32.const 3))))
      (table.set $table (i32.const 0) (array.new_elem $a $passive (i32.const 0) (i32.const 2)))
      (drop (table.grow $table (struct.new $s (local.get $kept)) (i32.const 2)))
      (block $h (result anyref)
        (try_table (catch $t $h) (throw $t (struct.new $s (local.get $kept))))
        (unreachable))
      (global.set $g)
      (drop (call $host (struct.new $s (local.get $kept))))
      (table.init $table $passive (i32.const 0) (i32.const 0) (i32.const 1)))
    (func (export "clear")
      (global.set $g (ref.null any))
      (elem.drop $passive)
      (table.fill $table (i32.const 0) (ref.null any) (table.size $table))))"#;

/// Makes every kind of allocation once, in a store in which the `failing`-th allocation fails.
fn allocate_everywhere(mut store: Store<()>, module: &Module, failing: u64) -> Result<(), Error> {
    let count = Arc::new(AtomicUsize::new(0));
    let attempt = |store: &mut Store<()>| {
        let mut scope = RootScope::new(store);
        let counted = Arc::clone(&count);
        let host = Func::wrap(
            &mut scope,
            move |mut caller: Caller<'_, ()>, held: Option<Rooted<AnyRef>>| {
                let ty = ArrayType::new(
                    &caller.engine(),
                    FieldType::new(Mutability::Var, StorageType::ValType(ValType::ANYREF)),
                )?;
                let array = ArrayRef::new(&mut caller, &ty, &held.into(), 2)?;
                let host = ExternRef::new(&mut caller, Counted::new(&counted))?;
                assert_eq!(array.len(&mut caller)?, 2);
                Ok::<_, Error>(Some(host))
            },
        )?;
        let instance = Instance::new(&mut scope, module, &[host.into()])?;
        let run = instance.get_typed_func::<(), ()>(&scope, "run")?;
        let clear = instance.get_typed_func::<(), ()>(&scope, "clear")?;
        let ran = run.call(&mut scope, ());
        clear.call(&mut scope, ())?;
        ran?;
        let table = instance.get_table(&scope, "table").expect("a table");
        let grown = ExternRef::new(&mut scope, Counted::new(&count))?;
        let grown = AnyRef::convert_extern(&mut scope, &grown)?;
        table.grow(&mut scope, 1, grown)?;
        clear.call(&mut scope, ())
    };
    store.set_full_at(Some(failing));
    let first = attempt(&mut store);
    check(&mut store, 0);
    if store.engine().collector_traits().reclaims {
        assert_eq!(count.load(Ordering::Relaxed), 0, "host objects");
    }
    // The store is as good as new.
    store.set_full_at(None);
    attempt(&mut store).expect("the second attempt");
    check(&mut store, 0);
    drop(store);
    assert_eq!(count.load(Ordering::Relaxed), 0);
    first
}

#[test]
fn out_of_memory_at_each_allocation_in_turn() {
    for collector in CollectorKind::ALL {
        for schedule in [Schedule::OnPressure, Schedule::EveryNth(2), Schedule::Every] {
            let engine = Engine::new(&Config::fuzzing(collector)).unwrap();
            let module = Module::new(&engine, wat(ALLOCATING)).unwrap();
            let mut failing = 0;
            let store = || under(&engine, schedule.clone(), ());
            while let Err(error) = allocate_everywhere(store(), &module, failing) {
                let exhausted = matches!(error, Error::Exhausted(Exhausted::GcHeap));
                assert!(exhausted, "{collector:?}, allocation {failing}: {error}");
                failing += 1;
            }
            // 6 of constant expressions, 3 + 1 + 1 + 2 + 1 of the function, 2 of the host function,
            // 1 of the host.
            assert_eq!(failing, 17, "{collector:?}");
        }
    }
}

/// With allocation compiled inline, a store that is told to fail allocates out of line: every
/// allocation has its number there too.
#[test]
fn inline_allocations_are_counted_when_one_has_to_fail() {
    for collector in CollectorKind::ALL {
        let mut config = Config::optimised();
        config.collector = collector;
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat(ALLOCATING)).unwrap();
        for failing in 0..17 {
            let error = allocate_everywhere(Store::new(&engine, ()), &module, failing).unwrap_err();
            assert!(matches!(error, Error::Exhausted(Exhausted::GcHeap)));
        }
        allocate_everywhere(Store::new(&engine, ()), &module, 17).unwrap();
    }
}

/// Refuses one question.
#[derive(Default)]
struct Refuser {
    refused: u64,
    asked: u64,
}

impl Refuser {
    fn ask(&mut self) -> bool {
        self.asked += 1;
        self.asked - 1 != self.refused
    }
}

impl ResourceLimiter for Refuser {
    fn memory_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> bool {
        self.ask()
    }

    fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> bool {
        self.ask()
    }
}

#[test]
fn growth_refused_at_each_question_in_turn() {
    for collector in CollectorKind::ALL {
        let engine = Engine::new(&Config::fuzzing(collector)).unwrap();
        let text = r#"(module
            (type $s (struct (field i32)))
            (memory 1)
            (table $t (export "t") 1 anyref (struct.new $s (i32.const 0)))
            (func (export "grow") (param i32) (result i32)
              (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const -2))))
              (table.grow $t (struct.new $s (local.get 0)) (i32.const 2))))"#;
        let module = Module::new(&engine, wat(text)).unwrap();
        let asked = (0..100).find(|&refused| {
            let refuser = Refuser { refused, asked: 0 };
            let mut store = under(&engine, Schedule::EveryNth(2), refuser);
            store.limiter(|refuser| refuser);
            let instance = match Instance::new(&mut store, &module, &[]) {
                Ok(instance) => instance,
                Err(error) => {
                    assert!(matches!(
                        error,
                        Error::Exhausted(Exhausted::Table | Exhausted::Memory)
                    ));
                    check(&mut store, 0);
                    return false;
                }
            };
            let mut live = 1;
            for n in 0..3 {
                let grown = call(&mut store, instance, "grow", &[Val::I32(n)]).unwrap();
                live += u64::from(grown[0].i32() >= Some(0));
                check(&mut store, live);
            }
            let table = instance.get_table(&store, "t").unwrap();
            for _ in 0..2 {
                let mut scope = RootScope::new(&mut store);
                let host = ExternRef::new(&mut scope, 5u32).unwrap();
                let host = AnyRef::convert_extern(&mut scope, &host).unwrap();
                match table.grow(&mut scope, 3, host) {
                    Ok(_) => live += 1,
                    Err(error) => assert!(matches!(error, Error::Exhausted(Exhausted::Table))),
                }
                drop(scope);
                check(&mut store, live);
            }
            store.data().asked <= refused
        });
        // Two when the instance is made, two for each call, one for each growth by the host.
        assert_eq!(asked, Some(10), "{collector:?}");
    }
}

/// Host functions return, fail, throw and panic while the caller holds references in locals, on the
/// operand stack and in arguments.
#[test]
fn host_functions_that_fail_with_references_in_flight() {
    each_store(|store| {
        let engine = store.engine();
        let count = Arc::new(AtomicUsize::new(0));
        let ty = FuncType::new(&engine, [ValType::ANYREF], []).unwrap();
        let tag = Tag::new(&mut *store, &ty).unwrap();
        let counted = Arc::clone(&count);
        let fail = Func::wrap(
            &mut *store,
            move |mut caller: Caller<'_, ()>,
                  how: i32,
                  held: Option<Rooted<AnyRef>>|
                  -> Result<(), Error> {
                let host = ExternRef::new(&mut caller, Counted::new(&counted))?;
                let host = AnyRef::convert_extern(&mut caller, &host)?;
                caller.as_context_mut().gc()?;
                match how {
                    0 => Err(Error::host("mine")),
                    1 => Err(Trap::Unreachable.into()),
                    2 => {
                        let exception = ExnRef::new(&mut caller, &tag, &[held.into()])?;
                        Err(Error::Thrown(exception.to_owned_rooted(&mut caller)?))
                    }
                    3 => {
                        let exception = ExnRef::new(&mut caller, &tag, &[host.into()])?;
                        Err(Error::Thrown(exception.to_owned_rooted(&mut caller)?))
                    }
                    4 => Err(Error::Exhausted(Exhausted::GcHeap)),
                    _ => panic!("as asked"),
                }
            },
        )
        .unwrap();
        let module = module(
            store,
            r#"(module
                 (type $s (struct (field (mut anyref))))
                 (import "" "fail" (func $fail (param i32 anyref)))
                 (import "" "tag" (tag $tag (param anyref)))
                 (func $inner (param $how i32) (param $l anyref) (result anyref)
                   (struct.new $s (local.get $l))
                   (call $fail (local.get $how) (struct.new $s (local.get $l)))
                   (drop) (local.get $l))
                 (func (export "run") (param $how i32)
                   (drop (call $inner (local.get $how) (struct.new $s (ref.null any)))))
                 (func (export "caught") (param $how i32)
                   (block $h (result exnref)
                     (try_table (catch_all_ref $h)
                       (drop (call $inner (local.get $how) (struct.new $s (ref.null any)))))
                     (return))
                   (drop (call $inner (local.get $how) (ref.null any)))
                   (throw_ref)))"#,
        );
        let instance = Instance::new(&mut *store, &module, &[fail.into(), tag.into()]).unwrap();
        for name in ["run", "caught"] {
            for how in 0..6 {
                let ran = catch_unwind(AssertUnwindSafe(|| {
                    call(store, instance, name, &[Val::I32(how)])
                }));
                match (how, ran) {
                    (0, Ok(Err(Error::Host(_)))) | (2 | 3, Ok(Err(Error::Thrown(_)))) => {}
                    (1, Ok(Err(error))) => assert_eq!(error.trap(), Some(Trap::Unreachable)),
                    (4, Ok(Err(Error::Exhausted(Exhausted::GcHeap)))) | (5, Err(_)) => {}
                    (_, Ok(other)) => panic!("{name} {how}: {other:?}"),
                    (_, Err(_)) => panic!("{name} {how}: a panic"),
                }
                check(store, 0);
                if store.engine().collector_traits().reclaims {
                    assert_eq!(count.load(Ordering::Relaxed), 0, "{name} {how}");
                }
            }
        }
    });
}

/// A bulk operation checks its bounds before it writes. One that traps has written nothing and
/// keeps nothing alive.
#[test]
fn bulk_operations_that_trap_have_written_nothing() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module
                 (type $s (struct (field i32)))
                 (type $a (array (mut anyref)))
                 (table $t 4 anyref) (table $u 4 anyref)
                 (global $g (mut (ref null $a)) (ref.null $a))
                 (elem $e anyref (item (struct.new $s (i32.const 1))) (item (struct.new $s (i32.const 2))))
                 (func (export "set up")
                   (table.fill $t (i32.const 0) (struct.new $s (i32.const 3)) (i32.const 2))
                   (table.fill $t (i32.const 2) (struct.new $s (i32.const 4)) (i32.const 2))
                   (table.set $u (i32.const 0) (struct.new $s (i32.const 5)))
                   (global.set $g (array.new $a (struct.new $s (i32.const 6)) (i32.const 4))))
                 (func $new (result anyref) (struct.new $s (i32.const 9)))
                 (func (export "table.fill") (table.fill $t (i32.const 2) (call $new) (i32.const 3)))
                 (func (export "table.set") (table.set $t (i32.const 4) (call $new)))
                 (func (export "table.copy") (table.copy $u $t (i32.const 2) (i32.const 0) (i32.const 3)))
                 (func (export "table.copy within") (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 4)))
                 (func (export "table.init") (table.init $t $e (i32.const 3) (i32.const 0) (i32.const 2)))
                 (func (export "table.init items") (table.init $t $e (i32.const 0) (i32.const 1) (i32.const 2)))
                 (func (export "array.fill") (array.fill $a (global.get $g) (i32.const 3) (call $new) (i32.const 2)))
                 (func (export "array.set") (array.set $a (global.get $g) (i32.const 4) (call $new)))
                 (func (export "array.copy")
                   (array.copy $a $a (array.new $a (call $new) (i32.const 2)) (i32.const 0) (global.get $g) (i32.const 0) (i32.const 3)))
                 (func (export "array.init_elem")
                   (array.init_elem $a $e (global.get $g) (i32.const 3) (i32.const 0) (i32.const 2)))
                 (func (export "array.new_elem") (drop (array.new_elem $a $e (i32.const 1) (i32.const 2)))))"#,
        );
        call(store, instance, "set up", &[]).unwrap();
        let live = 7;
        check(store, live);
        for name in [
            "table.fill",
            "table.set",
            "table.copy",
            "table.copy within",
            "table.init",
            "table.init items",
            "array.fill",
            "array.set",
            "array.copy",
            "array.init_elem",
            "array.new_elem",
        ] {
            let error = call(store, instance, name, &[]).unwrap_err();
            assert!(error.trap().is_some(), "{name}: {error}");
            check(store, live);
        }
    });
}

/// Before the start function fails, it writes to imports, to its own table and to its own global.
/// At the failure it also holds objects in locals.
#[test]
fn start_functions_that_trap_after_half_of_the_set_up() {
    each_store(|store| {
        let owner = instantiate(
            store,
            r#"(module (table (export "t") 4 anyref) (global (export "g") (mut anyref) (ref.null any))
                 (func (export "clear")
                   (table.fill (i32.const 0) (ref.null any) (i32.const 4)) (global.set 0 (ref.null any))))"#,
        );
        let imports = [
            Extern::from(owner.get_table(&*store, "t").unwrap()),
            owner.get_global(&*store, "g").unwrap().into(),
        ];
        let failing = |how: &str| {
            format!(
                r#"(module
                     (type $s (struct (field i32) (field anyref)))
                     (import "" "t" (table $t 4 anyref))
                     (import "" "g" (global $g (mut anyref)))
                     (tag $x (param anyref))
                     (global $own (mut anyref) (struct.new $s (i32.const 1) (ref.null any)))
                     (elem (table $t) (i32.const 0) anyref (item (struct.new $s (i32.const 2) (ref.null any))))
                     (elem $passive anyref (item (struct.new $s (i32.const 3) (ref.null any))))
                     (func $new (result anyref) (struct.new $s (i32.const 4) (ref.null any)))
                     (func $start (local $l anyref)
                       (local.set $l (call $new))
                       (table.set $t (i32.const 1) (struct.new $s (i32.const 5) (call $new)))
                       (global.set $g (call $new))
                       (global.set $own (call $new))
                       (elem.drop $passive)
                       {how}
                       (table.set $t (i32.const 2) (local.get $l)))
                     (start $start))"#
            )
        };
        // `own`: the object in the instance's own global. `shared`: in the owner, one item, a pair,
        // and the object in its global.
        let (mut own, shared) = (0, 4);
        for how in [
            "(unreachable)",
            "(throw $x (call $new))",
            "(table.set $t (i32.const 9) (call $new))",
            "(drop (ref.cast (ref array) (call $new)))",
        ] {
            let module = module(store, &failing(how));
            let error = Instance::new(&mut *store, &module, &imports).unwrap_err();
            assert!(
                error.trap().is_some() || matches!(error, Error::Thrown(_)),
                "{how}: {error}"
            );
            drop(error);
            own += 1;
            check(store, own + shared);
            call(store, owner, "clear", &[]).unwrap();
            check(store, own);
        }
    });
}

/// Handles of exceptions outlive the store, and its host objects do not. A host function may throw
/// an error or panic while an exception is being handled.
#[test]
fn stores_dropped_with_exceptions_held_or_on_their_way() {
    let count = Arc::new(AtomicUsize::new(0));
    let held = RefCell::new(Vec::new());
    each_store(|store| {
        let counted = Arc::clone(&count);
        let host = Func::wrap(&mut *store, move |mut caller: Caller<'_, ()>| {
            ExternRef::new(&mut caller, Counted::new(&counted)).map(Some)
        })
        .unwrap();
        let end = Func::wrap(&mut *store, |_: Caller<'_, ()>, how: i32| match how {
            0 => Ok(()),
            1 => Err(Error::host("mine")),
            _ => panic!("as asked"),
        })
        .unwrap();
        let module = module(
            store,
            r#"(module
                 (import "" "host" (func $host (result externref)))
                 (import "" "end" (func $end (param i32)))
                 (tag $t (param externref))
                 (func (export "run") (param i32)
                   (block $h (result exnref)
                     (try_table (catch_all_ref $h) (throw $t (call $host)))
                     (unreachable))
                   (call $end (local.get 0))
                   (throw_ref)))"#,
        );
        let instance = Instance::new(&mut *store, &module, &[host.into(), end.into()]).unwrap();
        for how in 0..3 {
            let ran = catch_unwind(AssertUnwindSafe(|| {
                call(store, instance, "run", &[Val::I32(how)])
            }));
            match ran {
                Ok(Err(Error::Thrown(exception))) => held.borrow_mut().push(exception),
                Ok(Err(Error::Host(_))) | Err(_) => assert!(how > 0),
                Ok(other) => panic!("{other:?}"),
            }
        }
        store.verify_heap().unwrap();
        store.audit().unwrap();
        if store.engine().collector_traits().reclaims {
            // The exception that is held, and the host object that it carries.
            assert_eq!(store.census().unwrap().total(), 2);
        }
    });
    assert_eq!(
        count.load(Ordering::Relaxed),
        0,
        "host objects outlive their store"
    );
    assert_eq!(held.borrow().len(), 16, "one for each store");
}

/// An object whose second field is a stale handle is not made, and the first field's object is
/// released.
#[test]
fn objects_that_cannot_be_made_release_what_they_were_given() {
    each_store(|store| {
        let engine = store.engine();
        let count = Arc::new(AtomicUsize::new(0));
        let field = || FieldType::new(Mutability::Var, StorageType::ValType(ValType::EXTERNREF));
        let ty = StructType::new(&engine, [field(), field()]).unwrap();
        let row = ArrayType::new(&engine, field()).unwrap();
        let table = TableType::new(RefType::new(true, HeapType::Extern), 1, None);
        let table = Table::new(&mut *store, &table, Val::null(HeapTopType::Extern)).unwrap();
        let stale = {
            let mut scope = RootScope::new(&mut *store);
            ExternRef::new(&mut scope, Counted::new(&count)).unwrap()
        };
        {
            let mut scope = RootScope::new(&mut *store);
            let good = ExternRef::new(&mut scope, Counted::new(&count)).unwrap();
            let fields = [good.into(), stale.into()];
            let is_stale = |error| matches!(error, Error::Misuse(Misuse::Stale));
            assert!(is_stale(
                StructRef::new(&mut scope, &ty, &fields).unwrap_err()
            ));
            assert!(is_stale(
                ArrayRef::new_fixed(&mut scope, &row, &fields).unwrap_err()
            ));
            assert!(is_stale(
                ArrayRef::new(&mut scope, &row, &stale.into(), 3).unwrap_err()
            ));
            assert!(is_stale(table.grow(&mut scope, 1, stale).unwrap_err()));
            assert!(is_stale(table.set(&mut scope, 0, stale).unwrap_err()));
            assert!(is_stale(table.fill(&mut scope, 0, stale, 1).unwrap_err()));
            assert_eq!(table.size(&scope).unwrap(), 1);
        }
        check(store, 0);
        if store.engine().collector_traits().reclaims {
            assert_eq!(count.load(Ordering::Relaxed), 0);
        }
    });
}

/// A store has no collected heap before its first object, even if its modules have types of
/// objects.
#[test]
fn a_store_that_never_allocates_has_no_heap() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module
                 (type $f (func (param i32) (result i32)))
                 (table $t 2 10 funcref) (memory 1) (global (mut funcref) (ref.func $id))
                 (elem (table $t) (i32.const 0) func $id)
                 (func $id (type $f) (local.get 0))
                 (func (export "run") (param i32) (result i32)
                   (drop (table.grow $t (ref.func $id) (i32.const 2)))
                   (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 2))
                   (call_indirect $t (type $f) (local.get 0) (i32.const 1))))"#,
        );
        let result = call(store, instance, "run", &[Val::I32(7)]).unwrap();
        assert_eq!(result[0].i32(), Some(7));
        for _ in 0..3 {
            let mut scope = RootScope::new(&mut *store);
            let scalar = AnyRef::from_i31(&mut scope, I31::wrapping_u32(5)).unwrap();
            ExternRef::convert_any(&mut scope, &scalar).unwrap();
            drop(scope);
            assert_eq!(store.stats().scoped_roots, 0);
        }
        let externs = TableType::new(RefType::new(true, HeapType::Extern), 3, None);
        let externs = Table::new(&mut *store, &externs, Val::null(HeapTopType::Extern)).unwrap();
        externs
            .grow(&mut *store, 2, Val::null(HeapTopType::Extern))
            .unwrap();
        check(store, 0);
        let stats = store.stats();
        assert!(!stats.has_heap);
        assert_eq!((stats.collections, stats.collection_points), (0, 0));
        let knows = instantiate(
            store,
            r#"(module (type $s (struct (field i32)))
                 (func (export "get") (param (ref null $s)) (result i32) (ref.is_null (local.get 0))))"#,
        );
        let null = Val::null(HeapTopType::Any);
        let result = call(store, knows, "get", &[null]).unwrap();
        assert_eq!(result[0].i32(), Some(1));
        check(store, 0);
        assert!(!store.stats().has_heap);
        let mut scope = RootScope::new(&mut *store);
        ExternRef::new(&mut scope, 1u8).unwrap();
        drop(scope);
        assert!(store.stats().has_heap);
    });
}

/// A long list is freed without recursion, by every collector, with code that allocates inline.
#[test]
fn a_list_of_a_million_nodes_is_freed() {
    for collector in CollectorKind::ALL {
        let mut config = Config::optimised();
        config.collector = collector;
        let mut store = Store::new(&Engine::new(&config).unwrap(), ());
        let instance = instantiate(
            &mut store,
            r#"(module
                 (type $n (struct (field (ref null $n))))
                 (global $g (mut (ref null $n)) (ref.null $n))
                 (func (export "make") (param $n i32) (local $l (ref null $n))
                   (loop $again
                     (local.set $l (struct.new $n (local.get $l)))
                     (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                   (global.set $g (local.get $l)))
                 (func (export "clear") (global.set $g (ref.null $n))))"#,
        );
        call(&mut store, instance, "make", &[Val::I32(1_000_000)]).unwrap();
        check(&mut store, 1_000_000);
        call(&mut store, instance, "clear", &[]).unwrap();
        check(&mut store, 0);
    }
}

/// Catches what `throw` throws, runs two collections, and returns the number that it carries.
const THROWN_BACK: &str = r#"(module
    (import "" "throw" (func $throw))
    (import "" "collect" (func $collect))
    (import "" "tag" (tag $t (param i32)))
    (func (export "run") (result i32) (local $e exnref)
      (block $h (result exnref)
        (try_table (catch_all_ref $h) (call $throw))
        (return (i32.const -1)))
      (local.set $e)
      (call $collect)
      (call $collect)
      (block $t (result i32)
        (try_table (catch $t $t) (throw_ref (local.get $e)))
        (unreachable))))"#;

/// The host throws an exception that only its own handle keeps alive, and releases the handle. Wasm
/// has caught the exception and still has it after two collections.
#[test]
fn exceptions_outlive_the_handle_they_were_thrown_by() -> Result<(), Error> {
    for collector in CollectorKind::ALL {
        let engine = Engine::new(&Config::fuzzing(collector))?;
        let mut store = under(&engine, Schedule::EveryNth(2), None);
        let ty = FuncType::new(&engine, [ValType::I32], [])?;
        let tag = Tag::new(&mut store, &ty)?;
        let throw = Func::wrap(
            &mut store,
            |mut caller: Caller<'_, Option<OwnedRooted<ExnRef>>>| -> Result<(), Error> {
                match caller.data_mut().take() {
                    Some(exception) => Err(Error::Thrown(exception)),
                    None => Ok(()),
                }
            },
        )?;
        let collect = Func::wrap(
            &mut store,
            |mut caller: Caller<'_, Option<OwnedRooted<ExnRef>>>| -> Result<(), Error> {
                caller.as_context_mut().gc()
            },
        )?;
        let module = module(&store, THROWN_BACK);
        let imports = [throw.into(), collect.into(), tag.into()];
        let instance = Instance::new(&mut store, &module, &imports)?;
        {
            let mut scope = RootScope::new(&mut store);
            let exception = ExnRef::new(&mut scope, &tag, &[Val::I32(41)])?;
            let held = exception.to_owned_rooted(&mut scope)?;
            *scope.as_context_mut().data_mut() = Some(held);
        }
        let result = call(&mut store, instance, "run", &[])?;
        assert_eq!(result[0].i32(), Some(41));
        store.gc()?;
        check(&mut store, 0);
    }
    Ok(())
}
