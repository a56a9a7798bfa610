//! Resources that run out, and budgets.

use gcrucible_runtime::embed::*;

use crate::{call, checked, each_store, instantiate, module};

struct Few {
    limits: StoreLimits,
}

fn limited(memory_bytes: u64, table_elements: u64) -> Store<Few> {
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Drc)).unwrap();
    let limits = StoreLimits {
        memory_bytes,
        table_elements,
        instances: 2,
        tables: 2,
        memories: 2,
    };
    let mut store = checked(&engine, Few { limits });
    store.limiter(|few| &mut few.limits);
    store
}

#[test]
fn a_limiter_is_asked() {
    let mut store = limited(2 << 16, 3);
    let text = r#"(module (memory 1) (table 2 externref)
                    (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
                    (func (export "table") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0))))"#;
    let instance = instantiate(&mut store, text);
    let mut grow = |name, by| {
        let old = call(&mut store, instance, name, &[Val::I32(by)]);
        old.unwrap()[0].i32()
    };
    assert_eq!(grow("memory", 2), Some(-1));
    assert_eq!(grow("memory", 1), Some(1));
    assert_eq!(grow("table", 2), Some(-1));
    assert_eq!(grow("table", 1), Some(2));
    let big = module(&store, "(module (memory 3))");
    let error = Instance::new(&mut store, &big, &[]).unwrap_err();
    assert!(matches!(error, Error::Exhausted(Exhausted::Memory)));
    instantiate(&mut store, "(module)");
    let third = module(&store, "(module)");
    let error = Instance::new(&mut store, &third, &[]).unwrap_err();
    assert!(matches!(error, Error::Exhausted(Exhausted::Count)));
}

#[test]
fn fuel_is_deterministic_and_can_be_given_again() {
    let mut config = Config::optimised();
    config.fuel = true;
    let mut store = Store::new(&Engine::new(&config).unwrap(), ());
    let instance = instantiate(
        &mut store,
        r#"(module (func (export "spin") (param i32)
             (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
    );
    let mut used = Vec::new();
    for _ in 0..2 {
        store.set_fuel(10_000).unwrap();
        call(&mut store, instance, "spin", &[Val::I32(100)]).unwrap();
        used.push(10_000 - store.get_fuel().unwrap());
    }
    assert_eq!(used[0], used[1]);
    assert!(used[0] >= 100);
    store.set_fuel(50).unwrap();
    let error = call(&mut store, instance, "spin", &[Val::I32(100_000)]).unwrap_err();
    assert!(matches!(error, Error::Exhausted(Exhausted::Fuel)));
    store.set_fuel(10_000).unwrap();
    call(&mut store, instance, "spin", &[Val::I32(10)]).unwrap();
}

#[test]
fn epochs_interrupt() {
    let mut config = Config::optimised();
    config.epochs = true;
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = instantiate(
        &mut store,
        r#"(module (func (export "spin") (loop $l (br $l))))"#,
    );
    store.set_epoch_deadline(1);
    engine.increment_epoch();
    let error = call(&mut store, instance, "spin", &[]).unwrap_err();
    assert!(matches!(error, Error::Exhausted(Exhausted::Epoch)));
}

#[test]
fn a_full_heap_is_exhaustion_and_not_the_end() {
    for collector in CollectorKind::ALL {
        let engine = Engine::new(&Config::fuzzing(collector)).unwrap();
        let small = StoreConfig {
            heap_limit: 1 << 20,
            ..StoreConfig::fuzzing()
        };
        let mut store = Store::with_config(&engine, &small, ()).unwrap();
        let instance = instantiate(
            &mut store,
            r#"(module (type $n (struct (field anyref)))
                 (func (export "fill") (local $l anyref)
                   (loop $again (local.set $l (struct.new $n (local.get $l))) (br $again)))
                 (func (export "one") (result anyref) (struct.new $n (ref.null any))))"#,
        );
        let error = call(&mut store, instance, "fill", &[]).unwrap_err();
        assert!(
            matches!(error, Error::Exhausted(Exhausted::GcHeap)),
            "{collector:?}: {error}"
        );
        store.verify_heap().unwrap();
        if store.engine().collector_traits().reclaims {
            assert_eq!(
                store.census().unwrap().total(),
                0,
                "{collector:?}: nothing leaked"
            );
            call(&mut store, instance, "one", &[]).unwrap();
        }
        store.audit().unwrap();
    }
}

#[test]
fn traps_leak_nothing() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (type $n (struct (field anyref)))
                 (func $deep (param $d i32) (param $l anyref)
                   (if (i32.eqz (local.get $d)) (then (unreachable)))
                   (call $deep (i32.sub (local.get $d) (i32.const 1)) (struct.new $n (local.get $l))))
                 (func (export "run") (call $deep (i32.const 20) (ref.null any))))"#,
        );
        for _ in 0..3 {
            let error = call(store, instance, "run", &[]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::Unreachable));
        }
        if store.engine().collector_traits().reclaims {
            assert_eq!(store.census().unwrap().total(), 0);
        }
        store.audit().unwrap();
    });
}

#[test]
fn a_small_reservation_moves() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (memory (export "m") 1)
                 (func (export "run") (param i32) (result i32)
                   (i32.store (i32.const 65532) (i32.const 77))
                   (drop (memory.grow (local.get 0)))
                   (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 1))
                   (i32.load (i32.const 65532)))
                 (func (export "out") (result i32) (i32.load (i32.const -4))))"#,
        );
        assert_eq!(
            call(store, instance, "run", &[Val::I32(20)]).unwrap()[0].i32(),
            Some(77)
        );
        assert_eq!(
            call(store, instance, "run", &[Val::I32(100)]).unwrap()[0].i32(),
            Some(77)
        );
        let error = call(store, instance, "out", &[]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::MemoryOutOfBounds));
        let memory = instance.get_memory(&*store, "m").unwrap();
        assert_eq!(memory.size(&*store).unwrap(), 121);
    });
}

/// A heap that is too small for all of them fails at one of the steps of initialisation. What is
/// left is consistent.
#[test]
fn constant_evaluation_fails_cleanly_at_every_step() {
    for collector in CollectorKind::ALL {
        let engine = Engine::new(&Config::fuzzing(collector)).unwrap();
        let tiny = StoreConfig {
            schedule: Schedule::EveryNth(2),
            heap_limit: 64 << 10,
            ..StoreConfig::fuzzing()
        };
        let mut store = Store::with_config(&engine, &tiny, ()).unwrap();
        let holder = instantiate(
            &mut store,
            r#"(module (type $a (array i8)) (global $g (export "g") (mut anyref) (ref.null any))
                 (func (export "take") (param i32) (global.set $g (array.new_default $a (local.get 0)))))"#,
        );
        let allocating = module(
            &store,
            r#"(module
                 (type $a (array i8)) (type $p (struct (field (ref $a)) (field (ref $a))))
                 (global (ref $p) (struct.new $p (array.new_default $a (i32.const 3000)) (array.new_default $a (i32.const 3000))))
                 (table 3 (ref $a) (array.new_default $a (i32.const 3000)))
                 (elem (table 0) (i32.const 1) (ref $a) (array.new_default $a (i32.const 3000)))
                 (elem anyref (item (array.new_default $a (i32.const 3000))) (item (ref.i31 (i32.const 1)))))"#,
        );
        let mut failed = 0;
        for left in (0..20).rev() {
            let take = call(&mut store, holder, "take", &[Val::I32(left * 1500)]);
            let made = take.and_then(|_| Instance::new(&mut store, &allocating, &[]));
            match made {
                Ok(_) => {}
                Err(Error::Exhausted(Exhausted::GcHeap)) => failed += 1,
                Err(other) => panic!("{other}"),
            }
            store.verify_heap().unwrap();
            store.audit().unwrap();
        }
        assert!(failed > 0, "{collector:?}");
    }
}

#[test]
fn an_instance_that_cannot_be_allocated_leaves_nothing() {
    let mut store = limited(1 << 30, 100);
    let big = module(
        &store,
        r#"(module (table 1 externref) (global anyref (ref.null any)) (memory i64 16777216))"#,
    );
    for _ in 0..5 {
        let error = Instance::new(&mut store, &big, &[]).unwrap_err();
        assert!(matches!(error, Error::Exhausted(Exhausted::Memory)));
        store.gc().unwrap();
    }
    instantiate(&mut store, "(module (table 1 externref))");
}
