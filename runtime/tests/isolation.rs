//! A hundred thousand stores in one process, which end in different ways. Everything that they used
//! is given back.
//!
//! It has a process of its own, because it looks at the resident size of the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gcrucible_runtime::embed::*;

/// How many stores are made, by all engines together.
const STORES: u64 = 100_000;

/// How many stores are made before the resident size is looked at first. Pools are full by then.
const WARM_UP: u64 = STORES / 5;

/// How much the resident size may grow after that. A leak of 200 bytes for each store is more.
const SLACK_BYTES: u64 = 16 << 20;

/// How many stores share one compiled module.
const SHARED: u64 = 50;

/// A host object that counts drops.
struct Noisy(Arc<AtomicU64>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The embedder's data: limits, and something that must be dropped with the store.
struct Data {
    limits: StoreLimits,
    _dropped: Noisy,
}

/// How a store ends.
const ENDS: [&str; 8] = [
    "return", "trap", "throw", "heap", "memory", "table", "stack", "fuel",
];

/// A module with types of its own in each version, so that types are registered and forgotten.
fn text(version: u64) -> String {
    let fields = "(field i32)".repeat((version % 7) as usize);
    let packed = "(field i8)".repeat((version / 7 % 11) as usize);
    format!(
        r#"(module
             (rec (type $s (struct (field $next (mut anyref)) {fields} {packed})) (type $a (array (mut (ref null $s)))))
             (import "h" "host" (func $host (param i32) (result (ref extern))))
             (tag $e (param anyref))
             (memory 1)
             (table $t 10 externref)
             (table $f 10 funcref)
             (global $g (mut anyref) (struct.new_default $s))
             (elem (table $f) (i32.const 0) func $trap)
             (data (i32.const 0) "data")
             (func $work (param $n i32) (local $l anyref)
               (loop $again
                 (local.set $l (struct.new_default $s))
                 (struct.set $s $next (ref.cast (ref $s) (local.get $l)) (global.get $g))
                 (global.set $g (local.get $l))
                 (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
               (table.set $t (i32.const 1) (call $host (i32.const 7)))
               (drop (call $host (i32.const 8))))
             (func $return (export "return") (call $work (i32.const 10)))
             (func $trap (export "trap") (call $work (i32.const 3)) unreachable)
             (func (export "throw") (call $work (i32.const 3)) (throw $e (array.new_default $a (i32.const 100))))
             (func (export "heap")
               (loop $l (call $work (i32.const 100)) (br $l)))
             (func (export "memory")
               (loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
               (i32.store (i32.const 65536) (i32.const 1)) unreachable)
             (func (export "table")
               (loop $l
                 (br_if $l (i32.ge_s (table.grow $t (call $host (i32.const 1)) (i32.const 3)) (i32.const 0))))
               (call_indirect $f (i32.const 0)))
             (func $deep (export "stack") (call $deep))
             (func (export "fuel") (loop $l (br $l))))"#
    )
}

fn wat(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("text");
    let mut module = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("module");
    module.encode().expect("encodes")
}

/// An engine and what it is used with.
struct World {
    engine: Engine,
    linker: Linker<Data>,
    module: Option<Module>,
    drops: Arc<AtomicU64>,
    created: u64,
    /// Bytes of code and types in use before there was a module.
    empty: (u64, usize),
}

impl World {
    fn new(collector: CollectorKind, trap_mode: TrapMode) -> World {
        let engine = Engine::new(&Config {
            trap_mode,
            fuel: true,
            verify_ir: false,
            ..Config::fuzzing(collector)
        })
        .expect("an engine");
        let drops = Arc::new(AtomicU64::new(0));
        let mut linker = Linker::new(&engine);
        let counted = Arc::clone(&drops);
        linker
            .func_wrap("h", "host", move |caller: Caller<'_, Data>, _: i32| {
                ExternRef::new(caller, Noisy(Arc::clone(&counted)))
            })
            .expect("a name");
        let mut world = World {
            empty: (0, 0),
            engine,
            linker,
            module: None,
            drops,
            created: 0,
        };
        // Trampolines are made once for a machine signature and kept.
        for end in 0..ENDS.len() as u64 {
            world.store(0, end);
        }
        world.module = None;
        world.empty = world.used();
        world
    }

    fn used(&self) -> (u64, usize) {
        (self.engine.code_bytes(), self.engine.live_types())
    }

    /// One store from beginning to end.
    fn store(&mut self, version: u64, at: u64) {
        let end = ENDS[(at % ENDS.len() as u64) as usize];
        let engine = &self.engine;
        let module = self
            .module
            .get_or_insert_with(|| Module::new(engine, wat(&text(version))).expect("a module"));
        let data = Data {
            limits: StoreLimits {
                memory_bytes: 4 << 16,
                table_elements: 100,
                instances: 3,
                tables: 10,
                memories: 10,
            },
            _dropped: Noisy(Arc::clone(&self.drops)),
        };
        self.created += 1;
        let config = StoreConfig {
            schedule: match at.is_multiple_of(16) {
                true => Schedule::EveryNth(5),
                false => Schedule::OnPressure,
            },
            heap_limit: 64 << 10,
            stack_size: 64 << 10,
            ..StoreConfig::fuzzing()
        };
        let mut store = Store::with_config(engine, &config, data).expect("points");
        store.limiter(|data| &mut data.limits);
        store.set_fuel(20_000).expect("fuel is on");
        let instance = self.linker.instantiate(&mut store, module);
        let instance = instance.expect("an instance");
        // Handles outlive their store.
        let rooted = AnyRef::from_i31(&mut store, I31::wrapping_u32(1)).expect("a root");
        let owned = rooted.to_owned_rooted(&mut store).expect("a root");
        let run = instance.get_typed_func::<(), ()>(&store, end).expect(end);
        let ended = run.call(&mut store, ());
        let expected = match (&ended, end) {
            (Ok(()), "return")
            | (Err(Error::Thrown(_)), "throw")
            | (Err(Error::Exhausted(Exhausted::CallStack)), "stack")
            | (Err(Error::Exhausted(Exhausted::GcHeap)), "heap")
            | (Err(Error::Exhausted(Exhausted::Fuel)), "fuel" | "heap") => true,
            (Err(error), "trap" | "memory" | "table") => error.trap() == Some(Trap::Unreachable),
            _ => false,
        };
        assert!(expected, "{end}: {ended:?}");
        self.created += store.stats().hosts_created;
        drop(store);
        drop((ended, owned));
        assert_eq!(self.drops.load(Ordering::Relaxed), self.created, "{end}");
    }
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    pages * 4096
}

#[test]
fn stores_leave_nothing_behind() {
    let mut worlds = Vec::new();
    for collector in CollectorKind::ALL {
        for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
            worlds.push(World::new(collector, trap_mode));
        }
    }
    let count = worlds.len() as u64;
    let mut before = 0;
    for at in 0..STORES {
        let (turn, round) = (at % count, at / count);
        let world = &mut worlds[turn as usize];
        if round.is_multiple_of(SHARED) {
            world.module = None;
            assert_eq!(
                world.used(),
                world.empty,
                "code or types of a module that is gone"
            );
        }
        world.store(round / SHARED, round);
        if at == WARM_UP {
            before = resident();
        }
    }
    let after = resident();
    assert!(
        after < before + SLACK_BYTES,
        "{} KiB after {WARM_UP} stores, {} KiB after {STORES}",
        before >> 10,
        after >> 10
    );
}
