//! Writes a module: its sections grow together, and each function type is declared once.
//!
//! Always: imports come before definitions, so that an index given out stays good.

use std::collections::BTreeMap;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemorySection,
    MemoryType, Module, StartSection, TableSection, TableType, TypeSection, ValType,
};

type Signature = (Vec<ValType>, Vec<ValType>);

/// A module being written.
#[derive(Default)]
pub(super) struct Builder {
    types: TypeSection,
    next_type: u32,
    known: BTreeMap<Signature, u32>,
    imports: ImportSection,
    imported: Vec<(String, String)>,
    funcs: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    code: CodeSection,
    start: Option<u32>,
    next_func: u32,
    next_table: u32,
    next_global: u32,
    next_tag: u32,
}

impl Builder {
    /// Makes a module that declares types first. `write` writes `count` of them.
    pub(super) fn with_types(write: impl FnOnce(&mut TypeSection), count: usize) -> Builder {
        let mut builder = Builder::default();
        write(&mut builder.types);
        builder.next_type = count as u32;
        builder
    }

    /// Returns the index of a function type.
    pub(super) fn func_type(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let signature = (params.to_vec(), results.to_vec());
        *self.known.entry(signature).or_insert_with(|| {
            let types = self.types.ty();
            types.function(params.iter().copied(), results.iter().copied());
            self.next_type += 1;
            self.next_type - 1
        })
    }

    /// Imports a function.
    pub(super) fn import(
        &mut self,
        module: &str,
        name: &str,
        params: &[ValType],
        results: &[ValType],
    ) -> u32 {
        let ty = self.func_type(params, results);
        self.import_typed(module, name, ty)
    }

    /// Returns the names of all imports so far, in order.
    pub(super) fn imported(&self) -> Vec<(String, String)> {
        self.imported.clone()
    }

    fn import_item(&mut self, module: &str, name: &str, ty: EntityType) {
        self.imports.import(module, name, ty);
        self.imported.push((module.to_owned(), name.to_owned()));
    }

    /// Imports a function whose type has an index.
    pub(super) fn import_typed(&mut self, module: &str, name: &str, ty: u32) -> u32 {
        self.import_item(module, name, EntityType::Function(ty));
        self.next_func += 1;
        self.next_func - 1
    }

    /// Imports a global.
    pub(super) fn import_global(&mut self, module: &str, name: &str, ty: GlobalType) -> u32 {
        self.import_item(module, name, EntityType::Global(ty));
        self.next_global += 1;
        self.next_global - 1
    }

    /// Imports a table.
    pub(super) fn import_table(&mut self, module: &str, name: &str, ty: TableType) -> u32 {
        self.import_item(module, name, EntityType::Table(ty));
        self.next_table += 1;
        self.next_table - 1
    }

    /// Imports the memory.
    pub(super) fn import_memory(&mut self, module: &str, name: &str, least: u64, most: u64) {
        self.import_item(module, name, EntityType::Memory(memory_type(least, most)));
    }

    /// Imports a tag.
    pub(super) fn import_tag(&mut self, module: &str, name: &str, ty: u32) -> u32 {
        let tag = wasm_encoder::TagType {
            kind: wasm_encoder::TagKind::Exception,
            func_type_idx: ty,
        };
        self.import_item(module, name, EntityType::Tag(tag));
        self.next_tag += 1;
        self.next_tag - 1
    }

    /// Defines a function. `body` writes it without its last `end`.
    pub(super) fn define(
        &mut self,
        params: &[ValType],
        results: &[ValType],
        locals: &[ValType],
        body: impl FnOnce(&mut InstructionSink<'_>),
    ) -> u32 {
        let ty = self.func_type(params, results);
        self.define_typed(ty, locals, body)
    }

    /// Defines a function whose type has an index.
    pub(super) fn define_typed(
        &mut self,
        ty: u32,
        locals: &[ValType],
        body: impl FnOnce(&mut InstructionSink<'_>),
    ) -> u32 {
        self.funcs.function(ty);
        let mut func = Function::new_with_locals_types(locals.iter().copied());
        let mut sink = func.instructions();
        body(&mut sink);
        sink.end();
        self.code.function(&func);
        self.next_func += 1;
        self.next_func - 1
    }

    /// Exports a function.
    pub(super) fn export(&mut self, name: &str, func: u32) {
        self.exports.export(name, ExportKind::Func, func);
    }

    /// Exports anything.
    pub(super) fn export_item(&mut self, name: &str, kind: ExportKind, index: u32) {
        self.exports.export(name, kind, index);
    }

    /// Defines a table of nulls.
    pub(super) fn table(&mut self, ty: TableType) -> u32 {
        self.tables.table(ty);
        self.next_table += 1;
        self.next_table - 1
    }

    /// Defines the memory.
    pub(super) fn memory(&mut self, least: u64, most: u64) {
        self.memories.memory(memory_type(least, most));
    }

    /// Defines a global.
    pub(super) fn global(&mut self, val_type: ValType, mutable: bool, init: &ConstExpr) -> u32 {
        let ty = GlobalType {
            val_type,
            mutable,
            shared: false,
        };
        self.globals.global(ty, init);
        self.next_global += 1;
        self.next_global - 1
    }

    /// Names the function that runs at instantiation.
    pub(super) fn start(&mut self, func: u32) {
        self.start = Some(func);
    }

    /// Returns the binary.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut module = Module::new();
        if self.next_type > 0 {
            module.section(&self.types);
        }
        if !self.imports.is_empty() {
            module.section(&self.imports);
        }
        if !self.funcs.is_empty() {
            module.section(&self.funcs);
        }
        if !self.tables.is_empty() {
            module.section(&self.tables);
        }
        if !self.memories.is_empty() {
            module.section(&self.memories);
        }
        if !self.globals.is_empty() {
            module.section(&self.globals);
        }
        if !self.exports.is_empty() {
            module.section(&self.exports);
        }
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        if !self.code.is_empty() {
            module.section(&self.code);
        }
        module.finish()
    }
}

fn memory_type(least: u64, most: u64) -> MemoryType {
    MemoryType {
        minimum: least,
        maximum: Some(most),
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

/// `while condition { body }`. The condition leaves an `i32`.
pub(super) fn repeat(
    sink: &mut InstructionSink<'_>,
    condition: impl FnOnce(&mut InstructionSink<'_>),
    body: impl FnOnce(&mut InstructionSink<'_>),
) {
    sink.loop_(BlockType::Empty);
    condition(sink);
    sink.if_(BlockType::Empty);
    body(sink);
    sink.br(1).end().end();
}
