//! The configuration of an engine, from the words that name it.

use gcrucible_protocol::CollectorKind;
use wasmtime::{
    Collector, Config, Engine, Error, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::version;

/// What can be chosen. Without a word: Wasmtime's default collector, no optimisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    collector: Option<Chosen>,
    optimises: Optimises,
    single_pass: bool,
    backtracking: bool,
    pooling: bool,
    eager: bool,
    explicit: bool,
    bounds: bool,
    zeal: bool,
    /// Whether compiled code consumes fuel.
    pub fuel: bool,
    /// Whether compiled code looks at the epoch, and its deadline has always passed.
    pub epochs: bool,
    /// Whether calls run on a stack of their own and are polled.
    pub is_async: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    Null,
    Drc,
    Copying,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Optimises {
    #[default]
    No,
    Speed,
    Size,
}

/// Why words make no engine.
#[derive(Debug, thiserror::Error)]
pub enum NoEngine {
    /// A word is unknown.
    #[error("{0:?} is no word of a configuration of Wasmtime")]
    Word(String),
    /// This version does not have something.
    #[error("Wasmtime {} has no {what}", version::VERSION)]
    Lacks {
        /// What.
        what: &'static str,
    },
    /// Wasmtime refuses the configuration.
    #[error("Wasmtime refuses the configuration: {0:#}")]
    Refused(Error),
}

impl Options {
    /// Reads the words of a configuration, in any order.
    ///
    /// # Errors
    ///
    /// A word is unknown, or this version does not have what it names.
    pub fn read(words: &[String]) -> Result<Options, NoEngine> {
        let mut options = Options::default();
        for word in words {
            match word.as_str() {
                "null" => options.collector = Some(Chosen::Null),
                "drc" => options.collector = Some(Chosen::Drc),
                "copying" => options.collector = Some(Chosen::Copying),
                "speed" => options.optimises = Optimises::Speed,
                "size" => options.optimises = Optimises::Size,
                "single-pass" => options.single_pass = true,
                "backtracking" => options.backtracking = true,
                "pooling" => options.pooling = true,
                "eager" => options.eager = true,
                "explicit" => options.explicit = true,
                "bounds" => options.bounds = true,
                "fuel" => options.fuel = true,
                "epochs" => options.epochs = true,
                "async" => options.is_async = true,
                "zeal" => options.zeal = true,
                _ => return Err(NoEngine::Word(word.clone())),
            }
        }
        Ok(options)
    }

    /// What a full collection frees.
    pub fn reclaims(&self) -> CollectorKind {
        let default = if version::COPYING.is_some() {
            Chosen::Copying
        } else {
            Chosen::Drc
        };
        match self.collector.unwrap_or(default) {
            Chosen::Null => CollectorKind::Nothing,
            Chosen::Drc => CollectorKind::Acyclic,
            Chosen::Copying => CollectorKind::Everything,
        }
    }

    /// An engine with every proposal on that this version has.
    ///
    /// # Errors
    ///
    /// This version lacks something, or refuses the configuration.
    pub fn engine(&self) -> Result<Engine, NoEngine> {
        let mut config = Config::new();
        config
            .wasm_gc(true)
            .wasm_function_references(true)
            .wasm_memory64(true)
            .wasm_multi_memory(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .wasm_relaxed_simd(true)
            .relaxed_simd_deterministic(true)
            .cranelift_nan_canonicalization(true);
        version::exceptions::configure(&mut config);
        config.collector(match self.collector {
            None => Collector::Auto,
            Some(Chosen::Null) => Collector::Null,
            Some(Chosen::Drc) => Collector::DeferredReferenceCounting,
            Some(Chosen::Copying) => version::COPYING.ok_or(NoEngine::Lacks {
                what: "copying collector",
            })?,
        });
        config.cranelift_opt_level(match self.optimises {
            Optimises::No => OptLevel::None,
            Optimises::Speed => OptLevel::Speed,
            Optimises::Size => OptLevel::SpeedAndSize,
        });
        self.allocate_registers(&mut config)?;
        if self.zeal {
            let what = "zeal of the collector in this build";
            let set = version::set_zeal(&mut config).ok_or(NoEngine::Lacks { what })?;
            set.map_err(NoEngine::Refused)?;
        }
        if self.is_async {
            version::set_async(&mut config);
        }
        config.consume_fuel(self.fuel);
        config.epoch_interruption(self.epochs);
        config.signals_based_traps(!self.explicit);
        config.table_lazy_init(!self.eager);
        self.allocate(&mut config);
        Engine::new(&config).map_err(NoEngine::Refused)
    }

    /// How registers are allocated. Without a word, in the way that takes less time, unless code is
    /// optimised.
    fn allocate_registers(&self, config: &mut Config) -> Result<(), NoEngine> {
        let is_quick = self.optimises == Optimises::No && !self.backtracking;
        match version::SINGLE_PASS {
            Some(algorithm) if self.single_pass || is_quick => {
                config.cranelift_regalloc_algorithm(algorithm);
                Ok(())
            }
            None if self.single_pass => Err(NoEngine::Lacks {
                what: "single-pass allocator",
            }),
            _ => Ok(()),
        }
    }

    /// How memories are mapped. A program has many small ones and lives for a millisecond, so that
    /// large reservations would be most of its time.
    fn allocate(&self, config: &mut Config) {
        let reservation = if self.bounds { 0 } else { RESERVATION };
        config.memory_reservation(reservation);
        config.memory_reservation_for_growth(1 << 20);
        config.memory_guard_size(if self.bounds { 0 } else { 1 << 16 });
        if self.pooling {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_core_instances(INSTANCES)
                .total_memories(INSTANCES)
                .total_tables(4 * INSTANCES)
                .total_gc_heaps(2)
                .total_stacks(16)
                .max_core_instance_size(1 << 20)
                .max_memories_per_module(16)
                .max_tables_per_module(64)
                .table_elements(1 << 16)
                .max_memory_size(POOLED_MEMORY);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            config.memory_reservation(POOLED_MEMORY as u64);
        }
    }
}

/// Bytes of address space for a memory: as many as the memories of a session may have, about.
const RESERVATION: u64 = 16 << 20;

/// Instances, and memories, that are alive at once in the pooling allocator: those of a session,
/// and of its probes.
const INSTANCES: u32 = 200;

/// Bytes of a memory, and of the heap of objects, in the pooling allocator.
const POOLED_MEMORY: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Options::read(&words)
        };
        let options = read(&["drc", "speed", "async"]).expect("known words");
        assert_eq!(options.reclaims(), CollectorKind::Acyclic);
        assert!(options.is_async && options.optimises == Optimises::Speed);
        assert!(matches!(read(&["fast"]), Err(NoEngine::Word(word)) if word == "fast"));
        assert_eq!(read(&[]).expect("no words"), Options::default());
    }
}
