//! Modules in the text format, run through a store: what crosses the boundary between wasm and
//! host.

use std::sync::Arc;

use super::host_code;
use crate::abi::signature::lower;
use crate::abi::vmctx::{ValRaw, VmStore};
use crate::config::{CollectorKind, Config, Schedule, StoreConfig, TrapMode};
use crate::error::{Exhausted, Trap};
use crate::execute::{Ended, Raised, fuel};
use crate::heap::GcRef;
use crate::instance::InstanceId;
use crate::instance::code::CompiledModule;
use crate::instance::engine::EngineData;
use crate::instance::host_func::{HostBody, HostFunc};
use crate::instance::link::Item;
use crate::instance::store::{StoreOpaque, store_at};
use crate::module::EntityIdx;
use crate::types::registry::Registered;
use crate::types::{Composite, FuncSig, TypeDef, TypeId, ValKind};

type Body = fn(&mut StoreOpaque, InstanceId, &mut [ValRaw]) -> Result<(), Raised>;

struct Host(Body);

impl HostBody for Host {
    unsafe fn call(
        &self,
        vm: *mut VmStore,
        caller: Option<InstanceId>,
        buffer: &mut [ValRaw],
    ) -> Result<(), Raised> {
        // SAFETY: the trait's contract.
        let store = unsafe { store_at(vm) };
        // SAFETY: as above.
        let store = unsafe { &mut *store };
        (self.0)(store, caller.expect("an instance imports it"), buffer)
    }
}

struct World {
    engine: Arc<EngineData>,
    store: Box<StoreOpaque>,
}

impl World {
    fn new((engine, store): &(Config, StoreConfig)) -> World {
        let engine = EngineData::new(engine.clone(), host_code(), None).expect("an engine");
        let store = StoreOpaque::new(Arc::clone(&engine), store.clone()).expect("a store");
        let mut world = World {
            engine,
            store: Box::new(store),
        };
        let this: *mut StoreOpaque = &raw mut *world.store;
        // SAFETY: the box stays; there is no limiter.
        unsafe { world.store.attach(this, std::ptr::null_mut(), None) };
        world
    }

    fn host(&mut self, params: &[ValKind], results: &[ValKind], body: Body) -> Item {
        let sig = FuncSig {
            params: params.into(),
            results: results.into(),
        };
        let lowered = lower(&sig);
        let mut types = Registered::new(&self.engine.registry);
        let def = TypeDef {
            is_final: true,
            supertype: None,
            composite: Composite::Func(sig.clone()),
            depth: 0,
        };
        let ty = types.add_group(vec![def]).expect("a type")[0];
        let func = HostFunc {
            body: Box::new(Host(body)),
            ty,
            sig,
            trampoline: self
                .engine
                .trampolines
                .host_call(&lowered)
                .expect("a trampoline"),
            lowered,
            types,
        };
        let func = self.store.add_host_func(Arc::new(func));
        Item::Func(func.expect("memory"))
    }

    fn instance(&mut self, wat: &str, imports: &[Item]) -> InstanceId {
        let buffer = wast::parser::ParseBuffer::new(wat).expect("tokens");
        let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module");
        let bytes = wat.encode().expect("a module");
        let module = CompiledModule::new(&self.engine, &bytes).expect("compiles");
        let made = self.store.instantiate(&module, imports);
        made.expect("instantiates")
    }
}

/// Calls an export.
fn call(
    store: &mut StoreOpaque,
    instance: InstanceId,
    name: &str,
    args: &[u64],
) -> Result<Vec<u64>, Ended> {
    let data = &store.contents.instances[instance.at()];
    let mut exports = data.module.decls().exports.iter();
    let export = exports.find(|e| &*e.name == name).expect("an export");
    let EntityIdx::Func(func) = export.entity else {
        panic!("{name} is no function");
    };
    let func = data.func(func);
    // SAFETY: V1.
    let ty = TypeId(unsafe { func.as_ref() }.type_id);
    let callable = store.callable(ty).expect("a function type");
    let sig = &callable.sig;
    let mut buffer: Vec<_> = args.iter().map(|&arg| ValRaw::from_u64(arg)).collect();
    buffer.resize(sig.params.len().max(sig.results.len()), ValRaw::ZERO);
    // SAFETY: a function of this store with that signature; the tests pass numbers only.
    unsafe { store.invoke(func, &callable, &mut buffer) }?;
    buffer.truncate(sig.results.len());
    Ok(buffer.iter().map(ValRaw::low_u64).collect())
}

/// Takes over an exception that has left wasm, to throw it again: what the embedder's API does with
/// handles.
fn take_pending(store: &mut StoreOpaque) -> Result<GcRef, Raised> {
    let raw = store.vm_mut().pending_exception;
    let vm = store.vm().as_ptr();
    // SAFETY: V1, V3.
    let slot = unsafe { &mut (*vm).pending_exception };
    store.heap.write_root(slot, None)?;
    Ok(GcRef::from_raw(raw).expect("an exception is pending"))
}

/// Collects, then calls the export `inner` of the caller, and hands on what ends that call.
fn call_inner(store: &mut StoreOpaque, caller: InstanceId, args: &[u64]) -> Result<u64, Raised> {
    match call(store, caller, "inner", args) {
        Ok(results) => Ok(results.first().copied().unwrap_or(0)),
        Err(ended) => match ended.why {
            Raised::Exception(_, tag) => {
                store.gc()?;
                Ok(Err(Raised::Exception(take_pending(store)?, tag))?)
            }
            why => Err(why),
        },
    }
}

fn configs() -> Vec<(Config, StoreConfig)> {
    let mut all = vec![(Config::optimised(), StoreConfig::default())];
    for collector in CollectorKind::ALL {
        for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
            let engine = Config {
                trap_mode,
                ..Config::fuzzing(collector)
            };
            let store = StoreConfig {
                schedule: Schedule::Every,
                ..StoreConfig::fuzzing()
            };
            all.push((engine, store));
        }
    }
    all
}

#[test]
fn exceptions_cross_host_frames_with_their_payload() {
    let wat = r#"(module
        (import "" "call" (func $call (param i32) (result i32)))
        (type $s (struct (field i32)))
        (tag $e (param i32 (ref $s)))
        (tag $other)
        (func (export "inner") (param i32) (result i32)
            (throw $e (i32.const 7) (struct.new $s (local.get 0))))
        (func (export "catch") (param i32) (result i32)
            (local $keep (ref $s))
            (local.set $keep (struct.new $s (i32.const 1000)))
            (block $h (result i32 (ref $s))
                (try_table (result i32) (catch $e $h)
                    (call $call (local.get 0)))
                (return))
            (struct.get $s 0)
            (i32.add)
            (i32.add (struct.get $s 0 (local.get $keep))))
        (func (export "miss") (param i32) (result i32)
            (block $h
                (try_table (catch $other $h)
                    (drop (call $call (local.get 0)))))
            (i32.const 1)))"#;
    for config in configs() {
        let mut world = World::new(&config);
        let host = world.host(&[ValKind::I32], &[ValKind::I32], |store, caller, buffer| {
            let result = call_inner(store, caller, &[buffer[0].low_u64()])?;
            buffer[0] = ValRaw::from_u64(result);
            Ok(())
        });
        let instance = world.instance(wat, &[host]);
        for _ in 0..3 {
            let got = call(&mut world.store, instance, "catch", &[35]);
            assert_eq!(got.expect("caught"), [1042], "{config:?}");
            let ended = call(&mut world.store, instance, "miss", &[35]).expect_err("not caught");
            assert!(matches!(ended.why, Raised::Exception(..)), "{config:?}");
            take_pending(&mut world.store).expect("pending");
            world.store.gc().expect("a sound heap");
            world.store.audit().expect("sound counts");
        }
    }
}

#[test]
fn traps_are_not_caught() {
    let wat = r#"(module
        (import "" "trap" (func $trap))
        (memory 1)
        (func (export "inline") (result i32)
            (block $h
                (try_table (catch_all $h)
                    (drop (i32.load (i32.const -1)))))
            (i32.const 1))
        (func (export "host") (result i32)
            (block $h (try_table (catch_all $h) (call $trap)))
            (i32.const 1)))"#;
    for config in configs() {
        let mut world = World::new(&config);
        let host = world.host(&[], &[], |_, _, _| Err(Trap::Unreachable.into()));
        let instance = world.instance(wat, &[host]);
        for (name, trap) in [
            ("inline", Trap::MemoryOutOfBounds),
            ("host", Trap::Unreachable),
        ] {
            let ended = call(&mut world.store, instance, name, &[]).expect_err("traps");
            assert!(
                matches!(ended.why, Raised::Trap(t) if t == trap),
                "{name}: {ended:?}"
            );
            let frames = ended.backtrace.frames();
            assert_eq!(frames.len(), 1, "{name}");
            assert_eq!(frames[0].name(), Some(name));
        }
    }
}

#[test]
fn panics_of_the_host_pass_through_wasm() {
    let wat = r#"(module
        (import "" "call" (func $call (param i32) (result i32)))
        (func (export "inner") (param i32) (result i32)
            (block $h
                (try_table (catch_all $h)
                    (return (call $call (i32.sub (local.get 0) (i32.const 1))))))
            (i32.const 1)))"#;
    for config in configs() {
        let mut world = World::new(&config);
        let host = world.host(
            &[ValKind::I32],
            &[ValKind::I32],
            |store, caller, buffer| match buffer[0].low_u32() {
                0 => panic!("on purpose"),
                n => call_inner(store, caller, &[n.into()]).map(|_| ()),
            },
        );
        let instance = world.instance(wat, &[host]);
        let store = &mut world.store;
        let run = std::panic::AssertUnwindSafe(|| call(store, instance, "inner", &[5]));
        let payload = std::panic::catch_unwind(run).expect_err("panics");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
        assert!(world.store.contents.execution.saved.is_empty());
        assert_eq!(world.store.vm_mut().landing_fp, 0);
    }
}

#[test]
fn recursion_through_the_host_ends_at_the_stack_limit() {
    let wat = r#"(module
        (import "" "call" (func $call (param i32) (result i32)))
        (func (export "inner") (param i32) (result i32)
            (i32.add (i32.const 1) (call $call (local.get 0)))))"#;
    for mut config in configs() {
        config.1.stack_size = 128 << 10;
        let mut world = World::new(&config);
        let host = world.host(&[ValKind::I32], &[ValKind::I32], |store, caller, buffer| {
            call_inner(store, caller, &[buffer[0].low_u64()]).map(|_| ())
        });
        let instance = world.instance(wat, &[host]);
        for _ in 0..3 {
            let ended = call(&mut world.store, instance, "inner", &[0]).expect_err("exhausts");
            assert!(matches!(ended.why, Raised::Exhausted(Exhausted::CallStack)));
        }
    }
}

#[test]
fn references_of_all_activations_are_roots() {
    let wat = r#"(module
        (import "" "call" (func $call (param i32) (result i32)))
        (type $s (struct (field (mut i32)) (field (ref null $s))))
        (func (export "inner") (param $n i32) (result i32)
            (local $a (ref $s)) (local $b (ref $s)) (local $sum i32)
            (local.set $a (struct.new $s (local.get $n) (ref.null $s)))
            (local.set $b (struct.new $s (i32.const 100) (local.get $a)))
            (local.set $sum (call $call (local.get $n)))
            (i32.add (local.get $sum)
                (i32.add (struct.get $s 0 (local.get $a))
                    (struct.get $s 0 (ref.as_non_null (struct.get $s 1 (local.get $b))))))))"#;
    for config in configs() {
        let mut world = World::new(&config);
        let host = world.host(&[ValKind::I32], &[ValKind::I32], |store, caller, buffer| {
            let n = buffer[0].low_u32();
            store.gc()?;
            let below = match n {
                0 => 0,
                n => call_inner(store, caller, &[u64::from(n - 1)])?,
            };
            store.gc()?;
            store.verify_heap()?;
            store.audit()?;
            buffer[0] = ValRaw::from_u64(below);
            Ok(())
        });
        let instance = world.instance(wat, &[host]);
        let got = call(&mut world.store, instance, "inner", &[10]).expect("returns");
        assert_eq!(got[0] as u32, 2 * (1..=10).sum::<u32>(), "{config:?}");
        world.store.gc().expect("a sound heap");
        world.store.audit().expect("sound counts");
    }
}

#[test]
fn budgets_end_endless_loops_at_the_same_place() {
    let wat = r#"(module
        (global $n (mut i64) (i64.const 0))
        (func (export "spin") (loop $l
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (br $l)))
        (func (export "n") (result i64) (global.get $n)))"#;
    for mut config in configs() {
        config.0.fuel = true;
        config.0.epochs = true;
        let mut counts = Vec::new();
        for _ in 0..2 {
            let mut world = World::new(&config);
            world.store.set_fuel(u64::MAX);
            let instance = world.instance(wat, &[]);
            world.store.set_fuel(10_000);
            let ended = call(&mut world.store, instance, "spin", &[]).expect_err("ends");
            assert!(matches!(ended.why, Raised::Exhausted(Exhausted::Fuel)));
            assert_eq!(world.store.fuel(), 0);
            world.store.set_fuel(1_000);
            counts.push(call(&mut world.store, instance, "n", &[]).expect("returns"));
            world.store.set_fuel(u64::MAX);
            world.store.vm_mut().epoch_deadline = 1;
            world.engine.increment_epoch();
            let ended = call(&mut world.store, instance, "spin", &[]).expect_err("ends");
            assert!(matches!(ended.why, Raised::Exhausted(Exhausted::Epoch)));
        }
        assert_eq!(counts[0], counts[1]);
        assert!(counts[0][0] > 500, "{counts:?}");
    }
}

#[test]
fn fuel_of_any_size_is_counted_exactly() {
    let mut world = World::new(&(Config::optimised(), StoreConfig::default()));
    for fuel in [0, 1, i64::MAX as u64, i64::MAX as u64 + 5, u64::MAX] {
        world.store.set_fuel(fuel);
        assert_eq!(world.store.fuel(), fuel);
        world.store.vm_mut().fuel = -3;
        let owed = fuel.saturating_sub(i64::MAX as u64);
        let vm = world.store.vm().as_ptr();
        // SAFETY: V1, V3.
        let vm = unsafe { &mut *vm };
        let more = fuel::refill(vm, &mut world.store.contents.execution);
        assert_eq!(more.is_ok(), owed >= 3, "{fuel}");
        if more.is_ok() {
            assert_eq!(world.store.fuel(), owed - 3);
        }
    }
}

#[test]
fn tail_calls_take_no_stack() {
    let wat = r#"(module
        (type $f (func (param i64 i64) (result i64)))
        (table $t 2 funcref)
        (elem (i32.const 0) func $a $b)
        (func $a (export "a") (type $f)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call_indirect (type $f)
                (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 2))
                (i32.const 1)))
        (func $b (type $f)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call $a
                (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 2)))))"#;
    for config in configs() {
        let mut world = World::new(&config);
        let instance = world.instance(wat, &[]);
        let got = call(&mut world.store, instance, "a", &[1_000_000, 5]).expect("returns");
        assert_eq!(got, [2_000_005]);
    }
}

/// In a new store, calls a function that calls this again with a smaller `depth`. At 0 it traps or
/// returns, as `traps` says.
fn nest(config: &(Config, StoreConfig), depth: u32, traps: bool) -> Result<u32, Raised> {
    const WAT: &str = r#"(module
        (import "" "call" (func $call (param i32 i32) (result i32)))
        (func (export "f") (param i32 i32) (result i32)
            (i32.add (i32.const 1) (call $call (local.get 0) (local.get 1)))))"#;
    if depth == 0 {
        return if traps {
            Err(Trap::Unreachable.into())
        } else {
            Ok(0)
        };
    }
    let mut world = World::new(config);
    let host = world.host(&[ValKind::I32; 2], &[ValKind::I32], |store, _, buffer| {
        let (depth, traps) = (buffer[0].low_u32(), buffer[1].low_u32() != 0);
        let config = (store.engine.config.clone(), store.config().clone());
        let below = nest(&config, depth, traps)?;
        buffer[0] = ValRaw::from_u64(below.into());
        Ok(())
    });
    let instance = world.instance(WAT, &[host]);
    let args = [u64::from(depth - 1), u64::from(traps)];
    let got = call(&mut world.store, instance, "f", &args).map_err(|ended| ended.why);
    assert!(world.store.contents.execution.saved.is_empty());
    Ok(got?[0] as u32)
}

#[test]
fn stores_run_inside_of_calls_from_other_stores() {
    for config in configs() {
        assert_eq!(nest(&config, 8, false).expect("returns"), 8);
        let why = nest(&config, 8, true).expect_err("traps");
        assert!(matches!(why, Raised::Trap(Trap::Unreachable)), "{why:?}");
    }
}
