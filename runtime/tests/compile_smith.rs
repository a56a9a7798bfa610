//! Modules that `wasm-smith` makes, with everything that 3.0 has, compile under every collector,
//! both levels of optimisation and both trap modes. Breadth where the suite has depth; nothing is
//! run.

use std::sync::Arc;

use arbitrary::Unstructured;
use gcrucible_runtime::compile::{Compiler, compile_module};
use gcrucible_runtime::config::{CollectorKind, Config, OptLevel, RegAlloc, TrapMode};
use gcrucible_runtime::error::Rejected;
use gcrucible_runtime::module::Module;
use gcrucible_runtime::types::registry::TypeRegistry;

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

/// Bytes that depend on the seed alone (splitmix64).
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ word >> 31).to_le_bytes());
    }
    bytes
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
    let registry = TypeRegistry::new().expect("address space");
    let compilers: Vec<Compiler> = configurations()
        .iter()
        .map(|config| Compiler::new(config).expect("a target"))
        .collect();
    let mut compiled = 0;
    for seed in 0..MODULES {
        let input = bytes(seed, 2048);
        let Ok(made) = wasm_smith::Module::new(smith(), &mut Unstructured::new(&input)) else {
            continue;
        };
        compiled += compiles(&registry, &compilers, seed, &made.to_bytes());
    }
    assert!(compiled > MODULES / 2, "only {compiled} modules");
}

fn compiles(registry: &Arc<TypeRegistry>, compilers: &[Compiler], seed: u64, wasm: &[u8]) -> u64 {
    let module = match Module::validate(registry, wasm) {
        Ok(module) => module,
        Err(Rejected::Limit(_)) => return 0,
        Err(rejected) => panic!("seed {seed}: {rejected}"),
    };
    for compiler in compilers {
        if let Err(rejected) = compile_module(compiler, &module) {
            panic!("seed {seed}: {rejected} under {:?}", compiler.config());
        }
    }
    1
}
