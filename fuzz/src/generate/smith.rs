//! wasm-smith with our swarm: the second generator, for breadth. Its modules do not use `harness`
//! and have no graphs built on purpose, but they have every instruction in unusual places.

use arbitrary::Unstructured;
use gcrucible_oracles::case::{InstanceIndex, ModuleIndex, Step};
use gcrucible_oracles::value::{HeapTop, Ref, Value};
use wasm_smith::{Config, Module};
use wasmparser::{
    AbstractHeapType, BinaryReaderError, CompositeInnerType, ExternalKind, HeapType, Parser,
    Payload, TypeRef, ValType,
};

use super::source::Source;
use super::swarm::Without;

/// Units of fuel in every module. When they are used up, the module traps.
const FUEL: u32 = 400;

/// A module of wasm-smith.
#[derive(Clone, Debug)]
pub struct SmithModule {
    /// The bytes.
    pub wasm: Vec<u8>,
}

/// How many modules are made of one input until one has a function. A module has none if its types,
/// which are drawn first, include no function type.
const TRIES: usize = 5;

/// Returns the module that `bytes` choose, or `None` if there are too few bytes. It nearly always
/// has functions to call.
pub fn generate(bytes: &[u8], without: Without) -> Option<SmithModule> {
    let (head, rest) = bytes.split_at_checked(16)?;
    let mut last = None;
    for turn in 0..TRIES {
        let mut module = Module::new(
            config(&mut Source::new(head), without),
            &mut Unstructured::new(rest.get(turn * 3..)?),
        )
        .ok()?;
        module.ensure_termination(FUEL).ok()?;
        let wasm = module.to_bytes();
        let has_functions = !exported_functions(&wasm).unwrap_or_default().is_empty();
        last = Some(SmithModule { wasm });
        if has_functions {
            break;
        }
    }
    last
}

/// Everything in WebAssembly 3.0, in small sizes. Each feature is switched by its own draw.
fn config(src: &mut Source<'_>, without: Without) -> Config {
    Config {
        gc_enabled: src.chance(90),
        reference_types_enabled: true,
        exceptions_enabled: src.chance(50) && !without.exceptions,
        tail_call_enabled: src.chance(50),
        simd_enabled: src.chance(25),
        relaxed_simd_enabled: false,
        memory64_enabled: src.chance(30) && !(without.wide_memories || without.wide_tables),
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
        max_memories: if without.more_memories { 1 } else { 2 },
        max_memory32_bytes: 2 << 16,
        max_memory64_bytes: 2 << 16,
        memory_max_size_required: true,
        max_tables: 4,
        max_table_elements: 50,
        table_max_size_required: true,
        min_types: 4,
        max_types: 12,
        max_funcs: 6,
        max_globals: 8,
        max_element_segments: 6,
        max_elements: 6,
        max_data_segments: 3,
        max_instructions: 120,
        max_tags: 3,
        min_funcs: 2,
        ..Config::default()
    }
}

/// Returns the steps for a module: instantiate it, then call twice every exported function whose
/// arguments the embedder can make.
pub fn steps(wasm: &[u8]) -> Vec<Step> {
    let instance = InstanceIndex(0);
    let mut steps = vec![Step::Instantiate {
        module: ModuleIndex(0),
    }];
    for (export, params) in exported_functions(wasm).unwrap_or_default() {
        for turn in 0..2 {
            let args: Option<Vec<Value>> = params.iter().map(|&ty| argument(ty, turn)).collect();
            if let Some(args) = args {
                steps.push(Step::Invoke {
                    instance,
                    export: export.clone(),
                    args,
                });
            }
        }
    }
    steps
}

fn argument(ty: ValType, turn: i32) -> Option<Value> {
    Some(match ty {
        ValType::I32 => Value::I32(turn * 7),
        ValType::I64 => Value::I64(i64::from(turn) << 33),
        ValType::F32 => Value::F32((turn as f32).to_bits()),
        ValType::F64 => Value::F64(f64::from(turn).to_bits()),
        ValType::V128 => Value::V128(turn as u128),
        ValType::Ref(r) if r.is_nullable() => match r.heap_type() {
            HeapType::Abstract { ty, .. } => Value::Ref(Ref::null(match ty {
                AbstractHeapType::Func | AbstractHeapType::NoFunc => HeapTop::Func,
                AbstractHeapType::Extern if turn == 1 => return Some(Value::Ref(Ref::host(1))),
                AbstractHeapType::Extern | AbstractHeapType::NoExtern => HeapTop::Extern,
                AbstractHeapType::Exn | AbstractHeapType::NoExn => HeapTop::Exn,
                _ => HeapTop::Any,
            })),
            // Whether it is a function is not worth finding out.
            HeapType::Concrete(_) | HeapType::Exact(_) => return None,
        },
        ValType::Ref(_) => return None,
    })
}

/// Names and parameter types of exported functions.
fn exported_functions(wasm: &[u8]) -> Result<Vec<(String, Vec<ValType>)>, BinaryReaderError> {
    let mut types: Vec<Option<Vec<ValType>>> = Vec::new();
    let mut funcs: Vec<u32> = Vec::new();
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.types().map(|t| match &t.composite_type.inner {
                        CompositeInnerType::Func(f) => Some(f.params().to_vec()),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                        funcs.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    funcs.push(ty?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        exports.push((export.name.to_owned(), export.index));
                    }
                }
            }
            _ => {}
        }
    }
    let params = |index: u32| types.get(*funcs.get(index as usize)? as usize)?.clone();
    let found = exports
        .into_iter()
        .filter_map(|(name, index)| Some((name, params(index)?)));
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::expand;

    #[test]
    fn most_modules_have_functions_to_call() {
        const SEEDS: u64 = 200;
        let calls = (0..SEEDS).map(|seed| {
            let module = generate(&expand(seed, 1500), Without::default()).expect("enough bytes");
            steps(&module.wasm).len() - 1
        });
        let some = calls.filter(|&calls| calls > 0).count() as u64;
        assert!(some * 10 >= SEEDS * 8, "{some} of {SEEDS}");
    }
}
