//! Modules that `wasm-smith` makes, with everything that 3.0 has, compile under every collector,
//! both levels of optimisation and both trap modes. They are broader than the suite, which goes
//! deeper. Nothing is run.

use arbitrary::Unstructured;
use gcrucible_runtime::embed::{
    CollectorKind, Config, Engine, Error, Module, OptLevel, RegAlloc, Rejected, TrapMode,
};
use gcrucible_runtime::heap_ops::Words;

/// How many modules are made.
const MODULES: u64 = 200;

fn smith() -> wasm_smith::Config {
    wasm_smith::Config {
        min_funcs: 1,
        max_funcs: 12,
        max_memories: 3,
        max_tables: 4,
        max_instructions: 400,
        gc_enabled: true,
        reference_types_enabled: true,
        exceptions_enabled: true,
        tail_call_enabled: true,
        simd_enabled: true,
        relaxed_simd_enabled: true,
        memory64_enabled: true,
        extended_const_enabled: true,
        multi_value_enabled: true,
        bulk_memory_enabled: true,
        sign_extension_ops_enabled: true,
        saturating_float_to_int_enabled: true,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        custom_descriptors_enabled: false,
        compact_imports_enabled: false,
        ..wasm_smith::Config::default()
    }
}

/// At least `len` bytes that depend on the seed alone.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let words = Words(seed).take(len.div_ceil(8));
    words.flat_map(u64::to_le_bytes).collect()
}

fn configurations() -> Vec<Config> {
    let mut configurations = Vec::new();
    for collector in CollectorKind::ALL {
        let quick = Config::fuzzing(collector);
        configurations.push(Config {
            trap_mode: TrapMode::Explicit,
            opt_level: OptLevel::Speed,
            reg_alloc: RegAlloc::Backtracking,
            collection_points: false,
            fuel: true,
            epochs: true,
            memory_reservation: 1 << 20,
            ..quick.clone()
        });
        configurations.push(quick);
    }
    configurations
}

#[test]
fn smith_modules_compile() {
    let engines: Vec<Engine> = configurations()
        .iter()
        .map(|config| Engine::new(config).expect("an engine"))
        .collect();
    let mut compiled = 0;
    for seed in 0..MODULES {
        let input = bytes(seed, 2048);
        let Ok(made) = wasm_smith::Module::new(smith(), &mut Unstructured::new(&input)) else {
            continue;
        };
        compiled += compiles(&engines, seed, &made.to_bytes());
    }
    assert!(compiled > MODULES / 2, "only {compiled} modules");
}

fn compiles(engines: &[Engine], seed: u64, wasm: &[u8]) -> u64 {
    for engine in engines {
        match Module::new(engine, wasm) {
            Ok(_) => {}
            Err(Error::Rejected(Rejected::Limit(_))) => return 0,
            Err(error) => panic!("seed {seed}: {error} under {:?}", engine.config()),
        }
    }
    1
}
