//! Wasmtime behind [`Engine`].

use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::engine::{Collector, Compiled, Engine, Setup};
use crate::measure::Moment;

struct Peer(wasmtime::Engine);

struct PeerModule(wasmtime::Engine, wasmtime::Module);

/// Starts Wasmtime in that configuration. Settings that are not named here have their defaults.
pub fn start(setup: &Setup) -> Result<Box<dyn Engine>, String> {
    let mut config = Config::new();
    config.wasm_function_references(true).wasm_gc(true);
    config.collector(match setup.collector {
        Collector::Copying => wasmtime::Collector::Copying,
        Collector::Drc => wasmtime::Collector::DeferredReferenceCounting,
        Collector::Null => wasmtime::Collector::Null,
    });
    config.cranelift_opt_level(if setup.optimised {
        OptLevel::Speed
    } else {
        OptLevel::None
    });
    if setup.pooled {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_core_instance_size(16 << 20)
            .table_elements(200_000)
            .total_core_instances(10)
            .total_tables(20)
            .total_memories(10)
            .total_gc_heaps(10);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    let engine = wasmtime::Engine::new(&config).map_err(|e| format!("{e:?}"))?;
    Ok(Box::new(Peer(engine)))
}

impl Engine for Peer {
    fn compile(&self, bytes: &[u8]) -> Result<Box<dyn Compiled>, String> {
        let module = wasmtime::Module::new(&self.0, bytes).map_err(|e| format!("{e:?}"))?;
        Ok(Box::new(PeerModule(self.0.clone(), module)))
    }
}

impl Compiled for PeerModule {
    fn run(&self, argument: i32) -> Result<(Duration, i64), String> {
        let run = || {
            let mut store = wasmtime::Store::new(&self.0, ());
            let instance = wasmtime::Instance::new(&mut store, &self.1, &[])?;
            let run = instance.get_typed_func::<i32, i64>(&mut store, "run")?;
            let start = Moment::now();
            let result = run.call(&mut store, argument)?;
            Ok((start.elapsed(), result))
        };
        run().map_err(|e: wasmtime::Error| format!("{e:?}"))
    }

    fn instantiate(&self) -> Result<(), String> {
        let mut store = wasmtime::Store::new(&self.0, ());
        let instance = wasmtime::Instance::new(&mut store, &self.1, &[]);
        instance.map(drop).map_err(|e| format!("{e:?}"))
    }
}
