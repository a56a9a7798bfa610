//! The declarations of a module that probes need: types, imports, exports, and the types of these.
//! They are parsed once.
//!
//! Always: nothing here is validated. A module that cannot be read gets no probe. Of bodies and
//! segments nothing is known but which types they allocate.
//!
//! Reading order: `allocation`.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    AbstractHeapType, CompositeInnerType, FuncType, GlobalType, HeapType, RefType, StorageType,
    SubType, TableType, ValType,
};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

use crate::host::{Covers, RefTy, Sig, Ty};
use crate::value::HeapTop;

mod allocation;

/// What a module declares.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Its types, by index.
    pub types: Vec<SubType>,
    /// How many types each recursion group has, in order.
    pub groups: Vec<u32>,
    /// Its imports, in order.
    pub imports: Vec<Import>,
    /// The type of each function, imported ones first.
    pub funcs: Vec<u32>,
    /// Its tables, likewise.
    pub tables: Vec<TableType>,
    /// Its globals, likewise.
    pub globals: Vec<GlobalType>,
    /// The type of each tag, imported ones first.
    pub tags: Vec<u32>,
    /// How many tags are imported.
    pub imported_tags: u32,
    /// How many functions are imported.
    pub imported_funcs: u32,
    /// How many memories it has.
    pub memories: u32,
    /// Its exports, in order.
    pub exports: Vec<Export>,
    /// The types that its objects can have: those that an instruction allocates, and those that a
    /// function of the host may allocate for it.
    pub allocates: BTreeSet<u32>,
}

/// An import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module name.
    pub module: String,
    /// The name.
    pub name: String,
    /// What is imported. Its index counts imports of the same kind.
    pub item: Item,
}

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The name.
    pub name: String,
    /// What is exported.
    pub item: Item,
}

/// An item of a module by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A function.
    Func(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// A module that cannot be read, or that uses what is not in WebAssembly 3.0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a module that no probe can be made for: {0}")]
pub struct Unreadable(pub String);

/// Returns an error of a parser.
pub(super) fn unreadable(error: impl std::fmt::Display) -> Unreadable {
    Unreadable(error.to_string())
}

impl Module {
    /// Reads the declarations of a module.
    ///
    /// # Errors
    ///
    /// The binary is malformed as far as it was read, or uses a type that is not in WebAssembly
    /// 3.0.
    pub fn read(wasm: &[u8]) -> Result<Module, Unreadable> {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(unreadable)? {
                Payload::TypeSection(section) => {
                    for group in section {
                        module.group(group.map_err(unreadable)?)?;
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        module.import(&import.map_err(unreadable)?)?;
                    }
                    module.imported_tags = module.tags.len() as u32;
                    module.imported_funcs = module.funcs.len() as u32;
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        module.funcs.push(ty.map_err(unreadable)?);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        let ty = table.map_err(unreadable)?.ty;
                        let ty = RoundtripReencoder.table_type(ty).map_err(unreadable)?;
                        module.tables.push(ty);
                    }
                }
                Payload::MemorySection(section) => module.memories += section.count(),
                Payload::GlobalSection(section) => {
                    for global in section {
                        let ty = global.map_err(unreadable)?.ty;
                        let ty = RoundtripReencoder.global_type(ty).map_err(unreadable)?;
                        module.globals.push(ty);
                    }
                }
                Payload::TagSection(section) => {
                    for tag in section {
                        module.tags.push(tag.map_err(unreadable)?.func_type_idx);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.map_err(unreadable)?;
                        let name = export.name.to_owned();
                        let item = item(export.kind, export.index);
                        module.exports.push(Export { name, item });
                    }
                }
                // Nothing that is declared comes after the code.
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        module.check()?;
        module.allocates = allocation::types(wasm);
        for import in &module.imports {
            if let Item::Func(index) = import.item
                && let Some(ty) = module.func_type(module.funcs[index as usize])
            {
                let made = ty.results().iter().filter_map(|&ty| match ty {
                    ValType::Ref(RefType {
                        heap_type: HeapType::Concrete(index),
                        ..
                    }) => Some(index),
                    _ => None,
                });
                module.allocates.extend(made.collect::<Vec<_>>());
            }
        }
        Ok(module)
    }

    fn group(&mut self, group: wasmparser::RecGroup) -> Result<(), Unreadable> {
        self.groups.push(group.types().len() as u32);
        for ty in group.into_types() {
            let ty = RoundtripReencoder.sub_type(ty).map_err(unreadable)?;
            let of = &ty.composite_type;
            let plain = of.descriptor.is_none() && of.describes.is_none() && !of.shared;
            if !plain || matches!(of.inner, CompositeInnerType::Cont(_)) {
                return Err(Unreadable("a type of a later proposal".to_owned()));
            }
            self.types.push(ty);
        }
        Ok(())
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) -> Result<(), Unreadable> {
        let item = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.funcs.push(ty);
                Item::Func(self.funcs.len() as u32 - 1)
            }
            TypeRef::Table(ty) => {
                let ty = RoundtripReencoder.table_type(ty).map_err(unreadable)?;
                self.tables.push(ty);
                Item::Table(self.tables.len() as u32 - 1)
            }
            TypeRef::Memory(_) => {
                self.memories += 1;
                Item::Memory(self.memories - 1)
            }
            TypeRef::Global(ty) => {
                let ty = RoundtripReencoder.global_type(ty).map_err(unreadable)?;
                self.globals.push(ty);
                Item::Global(self.globals.len() as u32 - 1)
            }
            TypeRef::Tag(ty) => {
                self.tags.push(ty.func_type_idx);
                Item::Tag(self.tags.len() as u32 - 1)
            }
        };
        self.imports.push(Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            item,
        });
        Ok(())
    }

    /// Every index that probes follow exists.
    fn check(&self) -> Result<(), Unreadable> {
        let bad = |what: &str| Err(Unreadable(format!("an index of a {what} out of bounds")));
        let count = self.types.len() as u32;
        let mut good = true;
        for ty in &self.types {
            good &= ty.supertype_idxs.iter().all(|&index| index < count);
            visit(ty, &mut |ty| good &= within(ty, count));
        }
        for global in &self.globals {
            good &= within(global.val_type, count);
        }
        for table in &self.tables {
            good &= within(ValType::Ref(table.element_type), count);
        }
        if !good {
            return bad("type");
        }
        let func = |&ty: &u32| self.func_type(ty).is_some();
        if !self.funcs.iter().chain(&self.tags).all(func) {
            return bad("function type");
        }
        let there = |export: &Export| match export.item {
            Item::Func(index) => (index as usize) < self.funcs.len(),
            Item::Table(index) => (index as usize) < self.tables.len(),
            Item::Memory(index) => index < self.memories,
            Item::Global(index) => (index as usize) < self.globals.len(),
            Item::Tag(index) => (index as usize) < self.tags.len(),
        };
        if self.exports.iter().all(there) {
            Ok(())
        } else {
            bad("export")
        }
    }

    /// Returns a type that is a function type.
    pub fn func_type(&self, index: u32) -> Option<&FuncType> {
        match &self.types.get(index as usize)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// Returns the item behind an export.
    pub fn export(&self, name: &str) -> Option<Item> {
        let found = self.exports.iter().find(|export| export.name == name);
        found.map(|export| export.item)
    }

    /// Returns the hierarchy of a reference type.
    pub fn top(&self, ty: RefType) -> HeapTop {
        top(&self.types, ty)
    }

    /// Returns true if it has tags, or values that are exceptions.
    pub fn has_exceptions(&self) -> bool {
        let exn = |ty: ValType| matches!(ty, ValType::Ref(ty) if self.top(ty) == HeapTop::Exn);
        let mut found = !self.tags.is_empty();
        for ty in &self.types {
            visit(ty, &mut |ty| found |= exn(ty));
        }
        found
            || self.globals.iter().any(|global| exn(global.val_type))
            || (self.tables.iter()).any(|table| exn(ValType::Ref(table.element_type)))
    }

    /// Returns true if it has vectors outside of bodies.
    pub fn has_vectors(&self) -> bool {
        let mut found = false;
        for ty in &self.types {
            visit(ty, &mut |ty| found |= ty == ValType::V128);
        }
        found || (self.globals.iter()).any(|global| global.val_type == ValType::V128)
    }

    /// Returns a function type as far as a host function looks at it.
    pub fn sig(&self, ty: &FuncType) -> Sig {
        let neutral = |types: &[ValType]| types.iter().map(|&ty| self.neutral(ty)).collect();
        Sig {
            params: neutral(ty.params()),
            results: neutral(ty.results()),
        }
    }

    fn neutral(&self, ty: ValType) -> Ty {
        match ty {
            ValType::I32 => Ty::I32,
            ValType::I64 => Ty::I64,
            ValType::F32 => Ty::F32,
            ValType::F64 => Ty::F64,
            ValType::V128 => Ty::V128,
            ValType::Ref(ty) => Ty::Ref(RefTy {
                top: self.top(ty),
                covers: self.covers(ty),
            }),
        }
    }

    fn covers(&self, ty: RefType) -> Covers {
        match ty.heap_type {
            HeapType::Concrete(index) | HeapType::Exact(index) => {
                match self.types[index as usize].composite_type.inner {
                    CompositeInnerType::Struct(_) => Covers::Struct,
                    CompositeInnerType::Array(_) => Covers::Array,
                    CompositeInnerType::Func(_) | CompositeInnerType::Cont(_) => Covers::Some,
                }
            }
            HeapType::Abstract { ty: of, .. } => {
                let is_top = matches!(
                    of,
                    AbstractHeapType::Any
                        | AbstractHeapType::Func
                        | AbstractHeapType::Extern
                        | AbstractHeapType::Exn
                );
                if is_top && ty.nullable {
                    Covers::All
                } else {
                    Covers::Some
                }
            }
        }
    }
}

fn item(kind: ExternalKind, index: u32) -> Item {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Item::Func(index),
        ExternalKind::Table => Item::Table(index),
        ExternalKind::Memory => Item::Memory(index),
        ExternalKind::Global => Item::Global(index),
        ExternalKind::Tag => Item::Tag(index),
    }
}

fn within(ty: ValType, count: u32) -> bool {
    match ty {
        ValType::Ref(RefType { heap_type, .. }) => match heap_type {
            HeapType::Concrete(index) => index < count,
            HeapType::Exact(_) => false,
            HeapType::Abstract { shared, .. } => !shared,
        },
        _ => true,
    }
}

/// Every value type inside a type.
fn visit(ty: &SubType, each: &mut impl FnMut(ValType)) {
    match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => {
            ty.params()
                .iter()
                .chain(ty.results())
                .for_each(|&ty| each(ty));
        }
        CompositeInnerType::Array(ty) => each(ty.0.element_type.unpack()),
        CompositeInnerType::Struct(ty) => {
            (ty.fields.iter()).for_each(|field| each(field.element_type.unpack()));
        }
        CompositeInnerType::Cont(_) => {}
    }
}

/// Returns the hierarchy of a reference type among `types`.
pub fn top(types: &[SubType], ty: RefType) -> HeapTop {
    match ty.heap_type {
        HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func | AbstractHeapType::NoFunc => HeapTop::Func,
            AbstractHeapType::Extern | AbstractHeapType::NoExtern => HeapTop::Extern,
            AbstractHeapType::Exn | AbstractHeapType::NoExn => HeapTop::Exn,
            _ => HeapTop::Any,
        },
        HeapType::Concrete(index) | HeapType::Exact(index) => {
            let ty = types.get(index as usize);
            match ty.map(|ty| &ty.composite_type.inner) {
                Some(CompositeInnerType::Func(_)) => HeapTop::Func,
                _ => HeapTop::Any,
            }
        }
    }
}

/// Returns the fields of a structure, or the element of an array. `None` for a function.
pub fn parts(ty: &SubType) -> Option<Vec<StorageType>> {
    match &ty.composite_type.inner {
        CompositeInnerType::Struct(ty) => {
            Some(ty.fields.iter().map(|field| field.element_type).collect())
        }
        CompositeInnerType::Array(ty) => Some(vec![ty.0.element_type]),
        CompositeInnerType::Func(_) | CompositeInnerType::Cont(_) => None,
    }
}
