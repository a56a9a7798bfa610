//! The runtime behind [`Engine`].

use std::time::Duration;

use gcrucible_runtime::embed::{self, CollectorKind, Config, Instance, Module, OptLevel, Store};

use crate::engine::{Collector, Compiled, Engine, Setup};
use crate::measure::Moment;

struct Ours(embed::Engine);

struct OurModule(embed::Engine, Module);

/// Starts the runtime in that configuration.
pub fn start(setup: &Setup) -> Result<Box<dyn Engine>, String> {
    let engine = engine(setup.collector, setup.optimised)?;
    Ok(Box::new(Ours(engine)))
}

/// Makes an engine of the runtime, configured as an embedder would configure it.
pub fn engine(collector: Collector, optimised: bool) -> Result<embed::Engine, String> {
    let config = Config {
        collector: match collector {
            Collector::Copying => CollectorKind::Copying,
            Collector::Drc => CollectorKind::Drc,
            Collector::Null => CollectorKind::Null,
        },
        opt_level: if optimised {
            OptLevel::Speed
        } else {
            OptLevel::None
        },
        ..Config::optimised()
    };
    embed::Engine::new(&config).map_err(|e| e.to_string())
}

impl Engine for Ours {
    fn compile(&self, bytes: &[u8]) -> Result<Box<dyn Compiled>, String> {
        let module = Module::new(&self.0, bytes).map_err(|e| e.to_string())?;
        Ok(Box::new(OurModule(self.0.clone(), module)))
    }
}

impl Compiled for OurModule {
    fn run(&self, argument: i32) -> Result<(Duration, i64), String> {
        let run = || {
            let mut store = Store::new(&self.0, ());
            let instance = Instance::new(&mut store, &self.1, &[])?;
            let run = instance.get_typed_func::<i32, i64>(&store, "run")?;
            let start = Moment::now();
            let result = run.call(&mut store, argument)?;
            Ok((start.elapsed(), result))
        };
        run().map_err(|e: embed::Error| e.to_string())
    }

    fn instantiate(&self) -> Result<(), String> {
        let mut store = Store::new(&self.0, ());
        let instance = Instance::new(&mut store, &self.1, &[]);
        instance.map(drop).map_err(|e| e.to_string())
    }
}
