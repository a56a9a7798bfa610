//! Allocation for an embedder that has none: for each import of `struct.new` and `array.new` of a
//! module, and of these with `try:` before them, a function with the import's own type.
//!
//! A reference that does not have the type of its field is a cast failure, as everywhere in
//! `harness`. A function with `try:` tests the types first, and returns null if one is wrong. If
//! the numbers of an import do not fit, no valid function could use them, so the function only
//! traps.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CompositeInnerType, HeapType, ImportSection, InstructionSink, RawSection, RefType,
    ValType,
};
use wasmparser::{Parser, Payload};

use super::builder::Builder;
use crate::foreign::module::{Item, Module, Unreadable, parts, unreadable};
use crate::foreign::types;
use crate::host::harness;

/// Returns true if an import asks for an allocation.
pub fn makes(module: &str, name: &str) -> bool {
    let name = harness::untried(name);
    harness::offers(module, name) && matches!(name, "struct.new" | "array.new")
}

/// Returns true if several imports have one name, so that names do not tell them apart.
pub fn is_ambiguous(module: &Module) -> bool {
    let imports = module.imports.iter();
    imports
        .filter(|import| makes(&import.module, &import.name))
        .count()
        > 1
}

/// Returns the name that the import with this number gets in a module in which names do not tell
/// imports apart.
pub fn unique(name: &str, number: usize) -> String {
    format!("{name}#{number}")
}

/// Returns the same module, in which each import for an allocation has a name of its own.
///
/// # Errors
///
/// The module cannot be read.
pub fn renamed(wasm: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut new = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(unreadable)?;
        if let Payload::ImportSection(section) = payload {
            let mut imports = ImportSection::new();
            for (number, import) in section.into_imports().enumerate() {
                let import = import.map_err(unreadable)?;
                let ty = RoundtripReencoder
                    .entity_type(import.ty)
                    .map_err(unreadable)?;
                if makes(import.module, import.name) {
                    imports.import(import.module, &unique(import.name, number), ty);
                } else {
                    imports.import(import.module, import.name, ty);
                }
            }
            new.section(&imports);
        } else if let Some((id, range)) = payload.as_section() {
            let range = range.start as usize..range.end as usize;
            let data = wasm.get(range).unwrap_or_default();
            new.section(&RawSection { id, data });
        }
    }
    Ok(new.finish())
}

/// Returns the module. It exports `new:N` for the import with the number `N`. `None` if there is no
/// such import.
pub fn module(module: &Module) -> Option<Vec<u8>> {
    let imports = module.imports.iter().enumerate();
    let wanted = imports.filter(|(_, import)| makes(&import.module, &import.name));
    let wanted: Vec<(usize, u32, bool)> = wanted
        .filter_map(|(at, import)| match import.item {
            Item::Func(index) => {
                let is_tried = import.name.starts_with(harness::TRY);
                Some((at, module.funcs[index as usize], is_tried))
            }
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let write = |section: &mut _| types::write(&module.types, &module.groups, section);
    let mut b = Builder::with_types(write, module.types.len());
    for (number, ty, is_tried) in wanted {
        let func = b.define_typed(ty, &[], |sink| {
            if make(sink, module, ty, is_tried).is_none() {
                sink.unreachable();
            }
        });
        b.export(&format!("new:{number}"), func);
    }
    Some(b.finish())
}

/// Writes the function, unless it cannot be valid. One that `is_tried` returns null for a reference
/// that does not have the type of its field.
fn make(sink: &mut InstructionSink<'_>, module: &Module, ty: u32, is_tried: bool) -> Option<()> {
    let of = module.func_type(ty)?;
    let &[
        ValType::Ref(RefType {
            heap_type: HeapType::Concrete(made),
            ..
        }),
    ] = of.results()
    else {
        return None;
    };
    let made_type = module.types.get(made as usize)?;
    let is_array = matches!(made_type.composite_type.inner, CompositeInnerType::Array(_));
    let mut wanted: Vec<ValType> = parts(made_type)?.iter().map(|part| part.unpack()).collect();
    wanted.extend(is_array.then_some(ValType::I32));
    if wanted.len() != of.params().len() {
        return None;
    }
    let pairs = || of.params().iter().zip(&wanted);
    let fits = pairs().all(|(&given, &wanted)| match (given, wanted) {
        (ValType::Ref(given), ValType::Ref(wanted)) => module.top(given) == module.top(wanted),
        _ => given == wanted,
    });
    if !fits {
        return None;
    }
    let narrower = |(&given, &wanted): (&ValType, &ValType)| match wanted {
        ValType::Ref(wanted) if given != ValType::Ref(wanted) => Some(wanted),
        _ => None,
    };
    if is_tried {
        for (at, wanted) in (0..).zip(pairs().map(narrower)) {
            let Some(wanted) = wanted else { continue };
            sink.local_get(at);
            if wanted.nullable {
                sink.ref_test_nullable(wanted.heap_type);
            } else {
                sink.ref_test_non_null(wanted.heap_type);
            }
            sink.i32_eqz().if_(BlockType::Empty);
            sink.ref_null(HeapType::Concrete(made)).return_().end();
        }
    }
    for (at, pair) in (0..).zip(pairs()) {
        sink.local_get(at);
        match narrower(pair) {
            Some(wanted) if wanted.nullable => sink.ref_cast_nullable(wanted.heap_type),
            Some(wanted) => sink.ref_cast_non_null(wanted.heap_type),
            None => continue,
        };
    }
    if is_array {
        sink.array_new(made);
    } else {
        sink.struct_new(made);
    }
    Some(())
}
