//! Module -> bytes. Indices and label depths exist only here.
//!
//! Comes in: a module of a program and the program's universe. Goes out: a binary module. What
//! always holds:
//!
//! - imports come first in every index space, and items otherwise keep their order;
//! - functions that bodies mention by `ref.func` are declared: a declarative segment is added for
//!   those that nothing else in the module declares;
//! - function types that only blocks need follow the types that the module declares itself.
//!
//! Reading order: `spaces`, `types`, `table`, `memory`, `reference`, `aggregate`, `code`,
//! `control`, `instructions`, `items`.

mod aggregate;
mod code;
mod control;
mod instructions;
mod items;
mod memory;
mod reference;
mod spaces;
mod table;
mod types;

use spaces::Context;
pub use spaces::Dangling;
use types::memory_type;
use wasm_encoder as enc;

use super::syntax::Module;
use super::types::Universe;

/// Encodes one module.
///
/// # Errors
/// The first thing named that is not there. Never for a program as generated.
pub fn encode_module(types: &Universe, module: &Module) -> Result<Vec<u8>, Dangling> {
    let mut cx = Context::new(types, module)?;
    let mut code = enc::CodeSection::new();
    for func in module.funcs.iter().filter(|f| f.import.is_none()) {
        code.function(&cx.function(func)?);
    }
    let imports = cx.imports()?;
    let functions = cx.functions()?;
    let tables = cx.tables()?;
    let mut memories = enc::MemorySection::new();
    for mem in module.mems.iter().filter(|m| m.import.is_none()) {
        memories.memory(memory_type(mem));
    }
    let mut tags = enc::TagSection::new();
    for tag in module.tags.iter().filter(|t| t.import.is_none()) {
        tags.tag(cx.tag_type(tag.ty)?);
    }
    let globals = cx.globals()?;
    let exports = cx.exports()?;
    let elements = cx.elements()?;
    let mut out = enc::Module::new();
    out.section(&cx.type_section()?);
    if !imports.is_empty() {
        out.section(&imports);
    }
    if !functions.is_empty() {
        out.section(&functions);
    }
    if !tables.is_empty() {
        out.section(&tables);
    }
    if !memories.is_empty() {
        out.section(&memories);
    }
    if !tags.is_empty() {
        out.section(&tags);
    }
    if !globals.is_empty() {
        out.section(&globals);
    }
    if !exports.is_empty() {
        out.section(&exports);
    }
    if let Some(id) = module.start {
        out.section(&enc::StartSection {
            function_index: cx.func(id)?,
        });
    }
    if !elements.is_empty() {
        out.section(&elements);
    }
    if !module.datas.is_empty() {
        out.section(&enc::DataCountSection {
            count: module.datas.len() as u32,
        });
    }
    if !code.is_empty() {
        out.section(&code);
    }
    if !module.datas.is_empty() {
        out.section(&cx.datas()?);
    }
    Ok(out.finish())
}
