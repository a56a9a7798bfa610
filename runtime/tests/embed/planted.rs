//! Faults that no script can show, because a script has one store and hosts in it that throw nothing: each is planted, and found by what
//! an embedder can do. Without the fault nothing is found.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_runtime::embed::*;
use gcrucible_runtime::planted::{Fault, Planted};

use crate::{call, instantiate, module};

/// Carries `scenario` out on every collector, sound and with the fault: only the latter is found, and on one at least.
#[track_caller]
fn check(fault: Fault, scenario: impl Fn(&Config) -> Result<(), Error>) {
    let mut found = Vec::new();
    for collector in CollectorKind::ALL {
        let mut config = Config::fuzzing(collector);
        config.schedule = Schedule::EveryNth(2);
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

/// The host throws what only a handle of its own holds; the handle is released while wasm holds the exception it has caught.
#[test]
fn pending_exception_is_no_root() {
    check(Fault::PendingExceptionIsNoRoot, |config| {
        let engine = Engine::new(config)?;
        let mut store = Store::new(&engine, None);
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
        let module = module(
            &store,
            r#"(module
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
                     (unreachable))))"#,
        );
        let imports = [throw.into(), collect.into(), tag.into()];
        let instance = Instance::new(&mut store, &module, &imports)?;
        {
            let mut scope = RootScope::new(&mut store);
            let exception = ExnRef::new(&mut scope, &tag, &[Val::I32(41)])?;
            let held = exception.to_owned_rooted(&mut scope)?;
            *scope.as_context_mut().data_mut() = Some(held);
        }
        in_order(&mut store)?;
        let result = call(&mut store, instance, "run", &[])?;
        assert_eq!(result[0].i32(), Some(41));
        in_order(&mut store)
    });
}

/// Two stores on one thread, whose engines give one number to types of different layouts.
#[test]
fn layouts_outlive_heap() {
    check(Fault::LayoutsOutliveHeap, |config| {
        for fields in ["(field i64) (field i64) (field i32)", ""] {
            let mut store = Store::new(&Engine::new(config)?, ());
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
