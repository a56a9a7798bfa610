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

/// With counted calls, each kind of call ends at the same depth, however the calls before it ended.
#[test]
fn nested_calls_end_at_the_same_call() {
    let text = r#"(module
        (type $f (func (param i32) (result i32)))
        (import "h" "again" (func $again (type $f)))
        (tag $e)
        (func $down (export "down") (type $f)
          (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
          (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (func $tail (export "tail") (type $f)
          (if (i32.eqz (local.get 0)) (then (return_call $down (i32.const 9))))
          (return_call $tail (i32.sub (local.get 0) (i32.const 1))))
        (func $throw (type $f)
          (if (i32.eqz (local.get 0)) (then (throw $e)))
          (call $throw (i32.sub (local.get 0) (i32.const 1))))
        (func (export "caught") (type $f)
          (block $h (try_table (catch $e $h) (return (call $throw (local.get 0)))))
          (call $down (i32.const 8)))
        (func $trap (export "trap") (type $f) (unreachable))
        (func $host (export "host") (type $f)
          (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
          (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1))))))"#;
    for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let mut config = Config::optimised();
            (config.trap_mode, config.opt_level) = (trap_mode, opt_level);
            config.counted_calls = true;
            let engine = Engine::new(&config).unwrap();
            let limits = StoreConfig {
                call_depth: Some(10),
                host_nesting: 5,
                ..StoreConfig::default()
            };
            let mut store = Store::with_config(&engine, &limits, ()).unwrap();
            let mut linker: Linker<()> = Linker::new(&engine);
            let again = |mut caller: Caller<'_, ()>, n: i32| -> Result<i32, Error> {
                let Some(Extern::Func(host)) = caller.get_export("host") else {
                    return Err(Error::host("no export"));
                };
                host.typed::<i32, i32>(&caller)?.call(&mut caller, n)
            };
            linker.func_wrap("h", "again", again).unwrap();
            let module = module(&store, text);
            let instance = linker.instantiate(&mut store, &module).unwrap();
            let mut ends = |name: &str, n: i32| match call(&mut store, instance, name, &[n.into()])
            {
                Ok(results) => results[0].i32(),
                Err(Error::Exhausted(Exhausted::CallDepth)) => None,
                Err(Error::Trap(_)) => Some(-1),
                Err(error) => panic!("{name} {n}: {error}"),
            };
            for _ in 0..2 {
                assert_eq!(ends("down", 9), Some(9));
                assert_eq!(ends("down", 10), None);
                assert_eq!(ends("tail", 1000), Some(9));
                assert_eq!(ends("caught", 8), Some(8));
                assert_eq!(ends("caught", 9), None);
                assert_eq!(ends("trap", 0), Some(-1));
                assert_eq!(ends("host", 4), Some(4));
                assert_eq!(ends("host", 5), None);
            }
        }
    }
    let store = StoreConfig {
        call_depth: Some(10),
        ..StoreConfig::default()
    };
    let refused = store.check(&Config::optimised());
    assert_eq!(refused, Err(ConfigError::NoCountedCalls));
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

/// Every way to compile that changes frames: engines without and with inline allocation, both
/// register allocators, both levels.
fn each_way_to_compile(check: impl Fn(&Engine, &str)) {
    for collector in [CollectorKind::Copying, CollectorKind::Drc] {
        for (opt_level, reg_alloc) in [
            (OptLevel::None, RegAlloc::SinglePass),
            (OptLevel::Speed, RegAlloc::SinglePass),
            (OptLevel::Speed, RegAlloc::Backtracking),
        ] {
            for (collection_points, trap_mode) in [
                (true, TrapMode::Signals),
                (false, TrapMode::Signals),
                (false, TrapMode::Explicit),
            ] {
                let config = Config {
                    opt_level,
                    reg_alloc,
                    trap_mode,
                    collection_points,
                    ..Config::fuzzing(collector)
                };
                let what = format!("{collector:?} {opt_level:?} {reg_alloc:?} {trap_mode:?}");
                check(&Engine::new(&config).unwrap(), &what);
            }
        }
    }
}

/// A function of 100 steps or more whose values do not live together has a small frame: it can call
/// itself thousands of times in half a megabyte.
#[test]
fn large_functions_call_themselves_deeply() {
    let structs = format!(
        "{}(ref.null $s){}",
        "(struct.new $s ".repeat(100),
        ")".repeat(100)
    );
    let bodies = [
        format!("(drop {structs})"),
        "(local.set 1 (i32.add (local.get 1) (ref.test (ref $s) (local.get 2))))".repeat(100),
        "(local.set 1 (call $one (local.get 1)))".repeat(200),
        "(if (local.get 1) (then (local.set 1 (i32.mul (local.get 1) (i32.const 3)))))".repeat(100),
        "(local.set 2 (struct.new $s (ref.cast (ref null $s) (local.get 2))))".repeat(100),
    ];
    each_way_to_compile(|engine, what| {
        let store = &mut Store::new(engine, ());
        for body in &bodies {
            let instance = instantiate(
                store,
                &format!(
                    r#"(module (type $s (struct (field (ref null $s))))
                       (func $one (param i32) (result i32) (local.get 0))
                       (func $f (export "f") (param i32) (result i32) (local i32 anyref)
                         (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
                         {body}
                         (call $f (i32.sub (local.get 0) (i32.const 1)))))"#
                ),
            );
            let got = call(store, instance, "f", &[Val::I32(2500)]);
            let got = got.unwrap_or_else(|error| panic!("{what}: {error} in {body:.60}"));
            assert_eq!(got[0].i32(), Some(5), "{what}");
        }
    });
}

/// Locals that are never set take no part of the frame, and others as much as they need. A frame
/// that cannot fit is refused when the function is compiled.
#[test]
fn many_locals_fit_or_are_refused() {
    let text = |locals: usize, ty: &str, set: usize| {
        let locals = format!("{ty} ").repeat(locals);
        let set: String = (0..set)
            .map(|at| format!("(local.set {at} ({ty}.const {at}))"))
            .collect();
        format!(
            r#"(module (func (export "f") (result {ty}) (local {locals}) {set} (local.get 7)))"#
        )
    };
    each_way_to_compile(|engine, what| {
        let store = &mut Store::new(engine, ());
        for (locals, set) in [(33_000, 0), (50_000, 1), (33_000, 33_000)] {
            let instance = instantiate(store, &text(locals, "i32", set));
            let got = call(store, instance, "f", &[]).unwrap();
            let expected = if set > 7 { 7 } else { 0 };
            assert_eq!(got[0].i32(), Some(expected), "{what}");
        }
        let refused = Module::new(engine, crate::wat(&text(50_000, "i64", 50_000))).unwrap_err();
        assert!(
            matches!(refused, Error::Rejected(Rejected::Limit(_))),
            "{what}: {refused}"
        );
    });
}

/// Values that change places in loops, that are used after a jump passed on their successors, and
/// that handlers read, in functions that are large enough to be compiled in the way of large ones.
#[test]
fn values_of_large_functions_keep_apart() {
    let step = "(local.set 3 (local.get 0)) (local.set 0 (local.get 1)) (local.set 1 (local.get 2))
         (local.set 2 (local.get 3))
         (local.set 4 (i64.add (i64.mul (local.get 4) (i64.const 31))
           (i64.extend_i32_s (i32.add (local.get 0) (call $id (local.get 1))))))
         (if (i32.and (local.get 1) (i32.const 1))
           (then (local.set 5 (local.get 2)) (local.set 2 (i32.add (local.get 2) (i32.const 7))))
           (else (local.set 6 (f64.add (local.get 6) (f64.convert_i32_s (local.get 5))))))
         (local.set 1 (i32.add (local.get 1) (block $h (result i32)
           (try_table (result i32) (catch $e $h)
             (call $odd (i32.add (local.get 2) (local.get 5)))))))
         (local.set 7 (v128.xor (local.get 7) (i32x4.splat (local.get 1))))";
    let text = format!(
        r#"(module (tag $e (param i32))
           (func $id (param i32) (result i32) (local.get 0))
           (func $odd (param i32) (result i32)
             (if (i32.and (local.get 0) (i32.const 1)) (then (throw $e (local.get 0))))
             (local.get 0))
           (func (export "f") (param i32 i32 i32) (result i64)
             (local i32 i64 i32 f64 v128 i32)
             (loop $again
               {steps}
               (local.set 8 (i32.add (local.get 8) (i32.const 1)))
               (local.set 3 (local.get 1))
               (local.set 1 (i32.add (local.get 1) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get 8) (i32.const 9)))
               (local.set 4 (i64.add (local.get 4) (i64.extend_i32_s (local.get 3)))))
             (i64.add (local.get 4) (i64.add
               (i64.extend_i32_s (i32x4.extract_lane 2 (local.get 7)))
               (i64.trunc_sat_f64_s (local.get 6))))))"#,
        steps = step.repeat(20)
    );
    let small = text.replace(&step.repeat(20), step);
    for text in [text, small] {
        let expected = std::cell::Cell::new(None);
        each_way_to_compile(|engine, what| {
            let store = &mut Store::new(engine, ());
            let instance = instantiate(store, &text);
            let args = [Val::I32(3), Val::I32(14), Val::I32(15)];
            let got = call(store, instance, "f", &args).unwrap()[0].i64();
            assert!(got.is_some());
            assert_eq!(got, expected.replace(got).or(got), "{what}");
        });
    }
}
