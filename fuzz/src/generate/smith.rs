//! wasm-smith behind our swarm: the second generator, for breadth. Its modules know nothing of `harness` and have no designed
//! graphs, but contain every instruction in every odd place.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use super::source::Source;

/// Units of fuel in every module; when they are used up it traps.
const FUEL: u32 = 400;

/// A module of wasm-smith, and what it exports as functions with their parameters.
#[derive(Clone, Debug)]
pub struct SmithModule {
    /// The bytes.
    pub wasm: Vec<u8>,
}

/// The module that `bytes` choose; `None` if they are too few.
pub fn generate(bytes: &[u8]) -> Option<SmithModule> {
    let (head, rest) = bytes.split_at_checked(16)?;
    let mut src = Source::new(head);
    let config = config(&mut src);
    let mut module = Module::new(config, &mut Unstructured::new(rest)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(SmithModule {
        wasm: module.to_bytes(),
    })
}

/// Everything in WebAssembly 3.0, each feature switched by its own draw, sizes small.
fn config(src: &mut Source<'_>) -> Config {
    Config {
        gc_enabled: src.chance(90),
        reference_types_enabled: true,
        exceptions_enabled: src.chance(50),
        tail_call_enabled: src.chance(50),
        simd_enabled: src.chance(25),
        relaxed_simd_enabled: false,
        memory64_enabled: src.chance(30),
        multi_value_enabled: true,
        bulk_memory_enabled: true,
        extended_const_enabled: true,
        sign_extension_ops_enabled: true,
        saturating_float_to_int_enabled: true,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        custom_descriptors_enabled: false,
        compact_imports_enabled: false,
        canonicalize_nans: false,
        export_everything: true,
        allow_start_export: true,
        max_imports: 0,
        max_memories: 2,
        max_memory32_bytes: 2 << 16,
        max_memory64_bytes: 2 << 16,
        memory_max_size_required: true,
        max_tables: 4,
        max_table_elements: 50,
        table_max_size_required: true,
        max_types: 16,
        max_funcs: 6,
        max_globals: 8,
        max_element_segments: 6,
        max_elements: 6,
        max_data_segments: 3,
        max_instructions: 120,
        max_tags: 3,
        min_funcs: 1,
        ..Config::default()
    }
}
