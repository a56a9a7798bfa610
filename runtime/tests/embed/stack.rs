//! The stack: overflow in wasm, in the host and between them, and tail calls, which need none.

use gcrucible_runtime::embed::*;

use crate::{call, each_store, instantiate, module, under};

/// wasm -> host -> wasm -> ... until the stack is used up. Each of them sees exhaustion, and later
/// calls end as usual.
#[test]
fn recursion_through_the_host_ends() {
    each_store(|store| {
        let engine = store.engine();
        let mut linker: Linker<()> = Linker::new(&engine);
        linker
            .func_wrap(
                "h",
                "again",
                |mut caller: Caller<'_, ()>,
                 n: i32,
                 held: Option<Rooted<AnyRef>>|
                 -> Result<i32, Error> {
                    let Some(Extern::Func(run)) = caller.get_export("run") else {
                        return Err(Error::host("no export"));
                    };
                    let run = run.typed::<(i32, Option<Rooted<AnyRef>>), i32>(&caller)?;
                    run.call(&mut caller, (n - 1, held))
                },
            )
            .unwrap();
        let module = module(
            store,
            r#"(module (type $s (struct (field i32)))
                 (import "h" "again" (func $again (param i32 anyref) (result i32)))
                 (func (export "run") (param i32 anyref) (result i32)
                   (if (i32.eqz (local.get 0)) (then (return (struct.get $s 0 (ref.cast (ref $s) (local.get 1))))))
                   (i32.add (i32.const 1) (call $again (local.get 0) (struct.new $s (i32.const 5))))))"#,
        );
        let instance = linker.instantiate(&mut *store, &module).unwrap();
        let null = Val::null(HeapTopType::Any);
        for _ in 0..3 {
            let error = call(store, instance, "run", &[Val::I32(1_000_000), null]).unwrap_err();
            assert!(
                matches!(error, Error::Exhausted(Exhausted::CallStack)),
                "{error}"
            );
            let got = call(store, instance, "run", &[Val::I32(20), null]).unwrap();
            assert_eq!(got[0].i32(), Some(25));
            assert_eq!(store.stats().scoped_roots, 0);
        }
        if store.engine().collector_traits().reclaims {
            assert_eq!(store.census().unwrap().total(), 0);
        }
    });
}

/// Calls of all kinds overflow alike, also with frames of many sizes, and with references in them.
#[test]
fn every_kind_of_call_overflows() {
    // Each collection looks at the whole stack: a few, not one at each point.
    for (collector, trap_mode) in [
        (CollectorKind::Null, TrapMode::Signals),
        (CollectorKind::Drc, TrapMode::Signals),
        (CollectorKind::DrcCycles, TrapMode::Explicit),
        (CollectorKind::Copying, TrapMode::Explicit),
    ] {
        let mut config = Config::fuzzing(collector);
        config.trap_mode = trap_mode;
        let engine = Engine::new(&config).unwrap();
        let store = &mut under(&engine, Schedule::EveryNth(499), ());
        let instance = instantiate(
            store,
            r#"(module
                 (type $f (func (param anyref) (result anyref)))
                 (type $s (struct (field anyref)))
                 (table $t funcref (elem $indirect $ref $big $caught))
                 (global $r (mut (ref $f)) (ref.func $ref))
                 (func $direct (export "direct") (type $f) (struct.new $s (call $direct (struct.new $s (local.get 0)))))
                 (func $indirect (export "indirect") (type $f)
                   (struct.new $s (call_indirect (type $f) (struct.new $s (local.get 0)) (i32.const 0))))
                 (func $ref (export "ref") (type $f) (struct.new $s (call_ref $f (local.get 0) (global.get $r))))
                 (func $big (export "big") (type $f) (local v128 v128 v128 v128 anyref anyref anyref)
                   (local.set 5 (struct.new $s (local.get 0)))
                   (local.set 6 (call $big (local.get 5)))
                   (struct.new $s (local.get 5)))
                 (func $caught (export "caught") (type $f)
                   (block $h (try_table (catch_all $h) (return (call $caught (struct.new $s (local.get 0))))))
                   (local.get 0))
                 (elem declare func $ref)
                 (func (export "ok") (param anyref) (result anyref) (local.get 0)))"#,
        );
        let null = Val::null(HeapTopType::Any);
        for name in ["direct", "indirect", "ref", "big", "caught"] {
            let error = call(store, instance, name, &[null]).unwrap_err();
            assert!(
                matches!(error, Error::Exhausted(Exhausted::CallStack)),
                "{name}: {error}"
            );
            call(store, instance, "ok", &[null]).unwrap();
        }
        store.verify_heap().unwrap();
        store.audit().unwrap();
    }
}

/// Ten million tail calls of each kind, to functions with other numbers of parameters and to
/// another instance.
#[test]
fn tail_calls_take_no_stack() {
    let other = r#"(module
        (type $two (func (param i64 i64) (result i64)))
        (table (export "t") 1 (ref null $two))
        (func (export "back") (param i64 i64) (result i64)
          (return_call_indirect (type $two) (local.get 0) (local.get 1) (i32.const 0))))"#;
    let text = r#"(module
        (type $two (func (param i64 i64) (result i64)))
        (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
        (import "o" "t" (table $t 1 (ref null $two)))
        (import "o" "back" (func $back (type $two)))
        (global $ref (mut (ref null $many)) (ref.null $many))
        (elem (table $t) (i32.const 0) (ref null $two) (ref.func $a))
        (elem declare func $b)
        (start $init)
        (func $init (global.set $ref (ref.func $b)))
        (func $a (export "a") (type $two)
          (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
          (return_call_ref $many
            (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1))
            (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
            (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (global.get $ref)))
        (func $b (type $many)
          (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
          (return_call $back
            (i64.sub (local.get 0) (i64.const 1)) (i64.sub (i64.add (local.get 1) (local.get 11)) (i64.const 9)))))"#;
    for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let mut config = Config::optimised();
            (config.trap_mode, config.opt_level) = (trap_mode, opt_level);
            let mut store = Store::new(&Engine::new(&config).unwrap(), ());
            let other = instantiate(&mut store, other);
            let mut linker = Linker::new(&store.engine());
            linker.instance(&store, "o", other).unwrap();
            let module = module(&store, text);
            let instance = linker.instantiate(&mut store, &module).unwrap();
            // Two of three calls count: `back` only passes on.
            let a = instance
                .get_typed_func::<(i64, i64), i64>(&store, "a")
                .unwrap();
            assert_eq!(a.call(&mut store, (6_700_000, 5)).unwrap(), 6_700_005);
        }
    }
}

/// An exception passes several host functions and instances, each of which may look at it.
#[test]
fn exceptions_pass_many_host_frames() {
    each_store(|store| {
        let engine = store.engine();
        let payload = FuncType::new(&engine, [ValType::I32, ValType::EXTERNREF], []).unwrap();
        let tag = Tag::new(&mut *store, &payload).unwrap();
        let mut linker: Linker<()> = Linker::new(&engine);
        linker.define("h", "e", tag).unwrap();
        linker
            .func_wrap(
                "h",
                "again",
                move |mut caller: Caller<'_, ()>, n: i32, host: Option<Rooted<ExternRef>>| {
                    let Some(Extern::Func(run)) = caller.get_export("run") else {
                        return Err(Error::host("no export"));
                    };
                    let ended = run.call(&mut caller, &[Val::I32(n - 1), host.into()], &mut []);
                    caller.gc()?;
                    if let Err(Error::Thrown(exception)) = &ended {
                        assert_eq!(exception.tag(&mut caller)?, tag);
                        assert_eq!(exception.field(&mut caller, 0)?.i32(), Some(77));
                    }
                    ended
                },
            )
            .unwrap();
        let module = module(
            store,
            r#"(module
                 (import "h" "e" (tag $e (param i32 externref)))
                 (import "h" "again" (func $again (param i32 externref)))
                 (tag $mine)
                 (func (export "run") (param i32 externref)
                   (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 77) (local.get 1))))
                   (block $h (try_table (catch $mine $h) (call $again (local.get 0) (local.get 1))))))"#,
        );
        let instance = linker.instantiate(&mut *store, &module).unwrap();
        let host = ExternRef::new(&mut *store, 123u64).unwrap();
        let error = call(store, instance, "run", &[Val::I32(20), host.into()]).unwrap_err();
        let Error::Thrown(exception) = error else {
            panic!("{error}")
        };
        let Val::ExternRef(Some(back)) = exception.field(&mut *store, 1).unwrap() else {
            panic!("the host object")
        };
        assert_eq!(back.get::<u64>(&mut *store).unwrap(), 123);
        store.audit().unwrap();
    });
}

/// A thread with less stack than the configuration allows: still exhaustion.
#[test]
fn threads_with_little_stack() {
    for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
        let mut config = Config::optimised();
        config.trap_mode = trap_mode;
        let engine = Engine::new(&config).unwrap();
        let large = StoreConfig {
            stack_size: 64 << 20,
            ..StoreConfig::default()
        };
        for kib in [256, 1024] {
            let mut store = Store::with_config(&engine, &large, ()).unwrap();
            let deep = r#"(module (func $f (export "run") (result i32) (i32.add (call $f) (i32.const 1))))"#;
            let instance = instantiate(&mut store, deep);
            let thread = std::thread::Builder::new().stack_size(kib << 10);
            let ended = thread.spawn(move || call(&mut store, instance, "run", &[]).err());
            let error = ended.unwrap().join().unwrap();
            assert!(
                matches!(error, Some(Error::Exhausted(Exhausted::CallStack))),
                "{kib} KiB: {error:?}"
            );
        }
    }
}
