//! Engines, stores and collectors side by side, in one process and in threads, and interruption
//! from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use gcrucible_runtime::embed::*;

use crate::{call, checked, instantiate, under, wat};

/// Builds a tree of objects of the depth given, keeps it in a table, counts its nodes, traps at 0.
const TREES: &str = r#"(module
    (type $t (struct (field (ref null $t)) (field (ref null $t)) (field i64)))
    (table $keep 4 (ref null $t))
    (func $make (param $d i32) (result (ref null $t))
      (if (i32.eqz (local.get $d)) (then (return (ref.null $t))))
      (struct.new $t
        (call $make (i32.sub (local.get $d) (i32.const 1)))
        (call $make (i32.sub (local.get $d) (i32.const 1)))
        (i64.extend_i32_u (local.get $d))))
    (func $count (param $t (ref null $t)) (result i32)
      (if (ref.is_null (local.get $t)) (then (return (i32.const 0))))
      (i32.add (i32.const 1)
        (i32.add (call $count (struct.get $t 0 (local.get $t))) (call $count (struct.get $t 1 (local.get $t))))))
    (func (export "run") (param $d i32) (result i32)
      (if (i32.eqz (local.get $d)) (then (unreachable)))
      (table.set $keep (i32.and (local.get $d) (i32.const 3)) (call $make (local.get $d)))
      (call $count (table.get $keep (i32.and (local.get $d) (i32.const 3)))))
    (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1))))"#;

fn work(store: &mut Store<()>, module: &Module) {
    let instance = Instance::new(&mut *store, module, &[]).unwrap();
    for round in 0..4 {
        for depth in 1..8 {
            let got = call(store, instance, "run", &[Val::I32(depth)]).unwrap();
            assert_eq!(got[0].i32(), Some((1 << depth) - 1));
        }
        let error = call(store, instance, "run", &[Val::I32(0)]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::Unreachable));
        let error = call(store, instance, "deep", &[]).unwrap_err();
        assert!(
            matches!(error, Error::Exhausted(Exhausted::CallStack)),
            "{round}: {error}"
        );
    }
    store.verify_heap().unwrap();
    store.audit().unwrap();
}

#[test]
fn stores_of_one_engine_run_in_threads() {
    for collector in CollectorKind::ALL {
        for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
            let mut config = Config::fuzzing(collector);
            config.trap_mode = trap_mode;
            let engine = Engine::new(&config).unwrap();
            let module = Module::new(&engine, wat(TREES)).unwrap();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        // Some stores use the module that all threads share. Every thread also
                        // compiles, registers types and forgets them.
                        for _ in 0..3 {
                            work(&mut under(&engine, Schedule::EveryNth(7), ()), &module);
                            let own = Module::new(&engine, wat(TREES)).unwrap();
                            work(&mut under(&engine, Schedule::EveryNth(7), ()), &own);
                        }
                    });
                }
            });
            drop(module);
            assert_eq!(engine.live_types(), 0);
        }
    }
}

#[test]
fn engines_with_different_collectors_take_turns() {
    let mut worlds = Vec::new();
    for collector in CollectorKind::ALL {
        let engine = Engine::new(&Config::fuzzing(collector)).unwrap();
        let module = Module::new(&engine, wat(TREES)).unwrap();
        let mut store = under(&engine, Schedule::EveryNth(5), ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        worlds.push((store, instance));
    }
    for depth in 1..8 {
        for (store, instance) in &mut worlds {
            let got = call(store, *instance, "run", &[Val::I32(depth)]).unwrap();
            assert_eq!(got[0].i32(), Some((1 << depth) - 1));
        }
    }
    for (store, _) in &mut worlds {
        store.verify_heap().unwrap();
        store.audit().unwrap();
    }
}

#[test]
fn a_store_moves_from_thread_to_thread() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = instantiate(&mut store, TREES);
    for depth in 1..6 {
        let moved = thread::spawn(move || {
            let got = call(&mut store, instance, "run", &[Val::I32(depth)]).unwrap();
            assert_eq!(got[0].i32(), Some((1 << depth) - 1));
            let error = call(&mut store, instance, "deep", &[]).unwrap_err();
            assert!(matches!(error, Error::Exhausted(Exhausted::CallStack)));
            store
        });
        store = moved.join().unwrap();
    }
}

const SPIN: &str = r#"(module (global $n (export "n") (mut i64) (i64.const 0))
    (func (export "spin") (loop $l
      (global.set $n (i64.add (global.get $n) (i64.const 1)))
      (br $l))))"#;

#[test]
fn another_thread_interrupts() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let mut config = Config::optimised();
        (config.epochs, config.opt_level) = (true, opt_level);
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, SPIN);
        let done = Arc::new(AtomicBool::new(false));
        let ticker = thread::spawn({
            let (engine, done) = (engine.clone(), Arc::clone(&done));
            move || {
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(2));
                    engine.increment_epoch();
                }
            }
        });
        for _ in 0..3 {
            store.set_epoch_deadline(2);
            let error = call(&mut store, instance, "spin", &[]).unwrap_err();
            assert!(
                matches!(error, Error::Exhausted(Exhausted::Epoch)),
                "{error}"
            );
        }
        done.store(true, Ordering::Relaxed);
        ticker.join().unwrap();
    }
}

#[test]
fn a_callback_decides_whether_to_go_on() {
    let mut config = Config::optimised();
    config.epochs = true;
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, 0u32);
    let instance = instantiate(&mut store, SPIN);
    store.epoch_deadline_callback(|calls| {
        *calls += 1;
        match *calls {
            100 => Err(Error::host("enough")),
            // Already passed: asked again at once.
            _ => Ok(0),
        }
    });
    store.set_epoch_deadline(0);
    let error = call(&mut store, instance, "spin", &[]).unwrap_err();
    assert!(matches!(error, Error::Host(text) if text.to_string() == "enough"));
    assert_eq!(*store.data(), 100);
    let count = instance.get_global(&store, "n").unwrap();
    assert_eq!(
        count.get(&mut store).unwrap().i64(),
        Some(98),
        "once on entry, then in each iteration"
    );
    store.epoch_deadline_trap();
    let error = call(&mut store, instance, "spin", &[]).unwrap_err();
    assert!(matches!(error, Error::Exhausted(Exhausted::Epoch)));
}

/// Data that is used by several threads at once through host functions of several stores.
#[test]
fn host_functions_of_a_linker_are_shared_by_threads() {
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Drc)).unwrap();
    let total = Arc::new(AtomicU64::new(0));
    let mut linker: Linker<u64> = Linker::new(&engine);
    let sum = Arc::clone(&total);
    linker
        .func_wrap("h", "add", move |caller: Caller<'_, u64>, n: i32| {
            sum.fetch_add(*caller.data() * n as u64, Ordering::Relaxed);
        })
        .unwrap();
    let module = r#"(module (import "h" "add" (func $add (param i32)))
        (func (export "run") (param i32) (loop $l
          (call $add (local.get 0))
          (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let module = Module::new(&engine, wat(module)).unwrap();
    thread::scope(|scope| {
        for data in 1..=4 {
            let (engine, linker, module) = (&engine, &linker, &module);
            scope.spawn(move || {
                let mut store = checked(engine, data);
                let instance = linker.instantiate(&mut store, module).unwrap();
                call(&mut store, instance, "run", &[Val::I32(100)]).unwrap();
            });
        }
    });
    assert_eq!(total.load(Ordering::Relaxed), 5050 * 10);
}

/// Engines that recycle memory together share nothing else, run at once, and may end in any order.
#[test]
fn engines_beside_each_other() {
    let first = Engine::new(&Config::fuzzing(CollectorKind::Copying)).unwrap();
    let engines = CollectorKind::ALL.map(|collector| {
        let config = Config::fuzzing(collector);
        Engine::beside(&config, &first).unwrap()
    });
    drop(first);
    thread::scope(|scope| {
        for engine in engines {
            scope.spawn(move || {
                for count in 1..20 {
                    let mut store = checked(&engine, ());
                    let fields = "(field i64)".repeat(count);
                    let text = format!(
                        r#"(module (type $s (struct {fields})) (memory 1)
                             (global $g (mut anyref) (struct.new_default $s))
                             (func (export "f") (result i64)
                               (i64.store (i32.const 8) (i64.const {count}))
                               (struct.set $s 0 (ref.cast (ref $s) (global.get $g)) (i64.load (i32.const 8)))
                               (struct.get $s 0 (ref.cast (ref $s) (global.get $g)))))"#
                    )
                    .replace("(field i64)", "(field (mut i64))");
                    let instance = instantiate(&mut store, &text);
                    let got = call(&mut store, instance, "f", &[]).unwrap();
                    assert_eq!(got[0].i64(), Some(count as i64));
                    assert_eq!(store.census().unwrap().total(), 1);
                    store.verify_heap().unwrap();
                }
            });
        }
    });
}
