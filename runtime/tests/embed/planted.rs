//! Faults that no script can show, because a script has one store. Each is planted, and found by
//! what an embedder can do. Without the fault nothing is found.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_runtime::embed::*;

use crate::{call, instantiate, under};

/// Runs `scenario` on every collector, without the fault and with it. Without the fault it must
/// pass. With the fault it must fail on at least one collector.
#[track_caller]
fn check(fault: PlantedFault, scenario: impl Fn(&Config) -> Result<(), Error>) {
    let mut found = Vec::new();
    for collector in CollectorKind::ALL {
        let mut config = Config::fuzzing(collector);
        scenario(&config).unwrap_or_else(|error| panic!("{collector:?}, sound: {error}"));
        config.planted = Planted::NONE.with(fault);
        match catch_unwind(AssertUnwindSafe(|| scenario(&config))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => found.push(format!("{}: {error}", collector.name())),
            Err(_) => found.push(format!("{}: a panic", collector.name())),
        }
    }
    assert!(!found.is_empty(), "{} is not found", fault.name());
    println!("{}: {}", fault.name(), found.join("; "));
}

fn in_order<T>(store: &mut Store<T>) -> Result<(), Error> {
    store.gc()?;
    store.verify_heap()?;
    store.audit()
}

/// Two stores on one thread, whose engines give one number to types of different layouts.
#[test]
fn layouts_outlive_heap() {
    check(PlantedFault::LayoutsOutliveHeap, |config| {
        for fields in ["(field i64) (field i64) (field i32)", ""] {
            let mut store = under(&Engine::new(config)?, Schedule::EveryNth(2), ());
            let instance = instantiate(
                &mut store,
                &format!(
                    r#"(module
                         (type $s (struct {fields} (field $r (mut anyref)) (field $n (mut i32))))
                         (global $g (mut (ref null $s)) (ref.null $s))
                         (func $new (param $r anyref) (param $n i32) (result (ref $s)) (local $s (ref $s))
                           (local.set $s (struct.new_default $s))
                           (struct.set $s $r (local.get $s) (local.get $r))
                           (struct.set $s $n (local.get $s) (local.get $n))
                           (local.get $s))
                         (func (export "make")
                           (global.set $g (call $new (call $new (ref.null any) (i32.const 5)) (i32.const 6))))
                         (func (export "get") (result i32)
                           (struct.get $s $n (ref.cast (ref $s) (struct.get $s $r (global.get $g))))))"#
                ),
            );
            for _ in 0..3 {
                call(&mut store, instance, "make", &[])?;
                in_order(&mut store)?;
            }
            let inner = call(&mut store, instance, "get", &[])?;
            assert_eq!(inner[0].i32(), Some(5));
        }
        Ok(())
    });
}
