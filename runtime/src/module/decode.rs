//! The binary format to the tables of a [`Module`], section by section. `wasmparser` validates each
//! section first.
//!
//! Source: WebAssembly 3.0, Binary Format, Modules. The features are exactly those of the 3.0
//! specification: `WasmFeatures::WASM3` without threads, which `wasmparser` includes and the
//! specification does not.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, FromReader, FuncValidatorAllocations,
    Imports, KnownCustom, Name, Parser, Payload, SectionLimited, TableInit, TypeRef, ValidPayload,
    Validator, WasmFeatures,
};

use super::classify::{malformed, unsupported};
use super::convert::TypeSpace;
use super::{
    Body, ConstExpr, DataSegment, Declarations, ElementSegment, EntityIdx, Export, GlobalDef,
    GlobalType, Import, Items, MemoryType, Mode, Module, TableDef, TableType, const_expr,
};
use crate::abi::vmctx::{VmOffsets, VmShape};
use crate::error::Rejected;
use crate::index::{FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx, TypeIdx};
use crate::types::registry::{Registered, TypeRegistry};
use crate::types::{Composite, HeapKind, RefKind, ValKind};

/// The features that a module may use.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM3.difference(WasmFeatures::THREADS);

impl Module {
    /// Decodes and validates a module in the binary format. Registers its types in `registry`.
    ///
    /// # Errors
    /// `Malformed` or `Invalid`, with the offset in the bytes, or `Limit`.
    pub fn validate(registry: &Arc<TypeRegistry>, bytes: &[u8]) -> Result<Module, Rejected> {
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        let mut validator = Validator::new_with_features(FEATURES);
        let mut allocations = FuncValidatorAllocations::default();
        let classify =
            |error: wasmparser::Error| super::classify::classify(bytes, FEATURES, &error);
        let mut decoder = Decoder {
            bytes,
            types: TypeSpace::new(Registered::new(registry)),
            decls: Declarations::default(),
            referenced: BTreeSet::new(),
        };
        for payload in parser.parse_all(bytes) {
            let payload = payload.map_err(classify)?;
            match validator.payload(&payload).map_err(classify)? {
                ValidPayload::Func(func, body) => {
                    let mut func = func.into_validator(allocations);
                    func.validate(&body).map_err(classify)?;
                    allocations = func.into_allocations();
                }
                ValidPayload::Ok | ValidPayload::End(_) => {}
                ValidPayload::Parser(_) => return Err(unsupported("components")),
            }
            decoder.section(payload)?;
        }
        decoder.finish()
    }
}

/// Calls `act` with each item of a section.
fn each<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
    mut act: impl FnMut(T) -> Result<(), Rejected>,
) -> Result<(), Rejected> {
    for item in section {
        act(item.map_err(malformed)?)?;
    }
    Ok(())
}

struct Decoder<'a> {
    bytes: &'a [u8],
    types: TypeSpace,
    decls: Declarations,
    /// Functions, imported or not, that are named outside of bodies.
    referenced: BTreeSet<FuncIdx>,
}

impl Decoder<'_> {
    fn section(&mut self, payload: Payload<'_>) -> Result<(), Rejected> {
        match payload {
            Payload::TypeSection(s) => each(s, |group| self.types.add_group(&group)),
            Payload::ImportSection(s) => each(s, |group| self.imports(group)),
            Payload::FunctionSection(s) => each(s, |ty| {
                self.decls.funcs.push(TypeIdx(ty));
                Ok(())
            }),
            Payload::TableSection(s) => each(s, |table| self.table(table)),
            Payload::MemorySection(s) => each(s, |memory| {
                self.decls.memories.push(memory_type(&memory));
                Ok(())
            }),
            Payload::TagSection(s) => each(s, |tag| {
                self.decls.tags.push(TypeIdx(tag.func_type_idx));
                Ok(())
            }),
            Payload::GlobalSection(s) => each(s, |global| self.global(global)),
            Payload::ExportSection(s) => each(s, |export| self.export(&export)),
            Payload::ElementSection(s) => each(s, |element| self.element(element)),
            Payload::DataSection(s) => each(s, |data| self.data(data)),
            Payload::StartSection { func, .. } => {
                self.decls.start = Some(FuncIdx(func));
                Ok(())
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                self.decls.bodies.push(Body {
                    range: range.start as usize..range.end as usize,
                });
                Ok(())
            }
            Payload::CustomSection(s) => {
                if let KnownCustom::Name(names) = s.as_known() {
                    self.names(names);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn global(&mut self, global: wasmparser::Global<'_>) -> Result<(), Rejected> {
        let ty = global_type(&self.types, &global.ty)?;
        let init = self.expression(&global.init_expr)?;
        self.decls.globals.push(ty);
        self.decls.global_defs.push(GlobalDef { init });
        Ok(())
    }

    fn imports(&mut self, group: Imports<'_>) -> Result<(), Rejected> {
        let Imports::Single(_, import) = group else {
            return Err(unsupported("compact imports"));
        };
        let decls = &mut self.decls;
        let entity = match import.ty {
            TypeRef::Func(ty) => {
                decls.funcs.push(TypeIdx(ty));
                decls.imported_funcs += 1;
                EntityIdx::Func(FuncIdx(decls.imported_funcs - 1))
            }
            TypeRef::Table(ty) => {
                decls.tables.push(table_type(&self.types, &ty)?);
                decls.imported_tables += 1;
                EntityIdx::Table(TableIdx(decls.imported_tables - 1))
            }
            TypeRef::Memory(ty) => {
                decls.memories.push(memory_type(&ty));
                decls.imported_memories += 1;
                EntityIdx::Memory(MemIdx(decls.imported_memories - 1))
            }
            TypeRef::Global(ty) => {
                decls.globals.push(global_type(&self.types, &ty)?);
                decls.imported_globals += 1;
                EntityIdx::Global(GlobalIdx(decls.imported_globals - 1))
            }
            TypeRef::Tag(ty) => {
                decls.tags.push(TypeIdx(ty.func_type_idx));
                decls.imported_tags += 1;
                EntityIdx::Tag(TagIdx(decls.imported_tags - 1))
            }
            TypeRef::FuncExact(_) => return Err(unsupported("exact function imports")),
        };
        decls.imports.push(Import {
            module: import.module.into(),
            name: import.name.into(),
            entity,
        });
        Ok(())
    }

    fn table(&mut self, table: wasmparser::Table<'_>) -> Result<(), Rejected> {
        let ty = table_type(&self.types, &table.ty)?;
        let init = match &table.init {
            TableInit::RefNull => None,
            TableInit::Expr(expr) => Some(self.expression(expr)?),
        };
        self.decls.tables.push(ty);
        self.decls.table_defs.push(TableDef { init });
        Ok(())
    }

    /// A constant expression. The functions that it names escape.
    fn expression(&mut self, expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Rejected> {
        let expr = const_expr::convert(&self.types, expr)?;
        self.referenced.extend(const_expr::funcs(&expr));
        Ok(expr)
    }

    fn export(&mut self, export: &wasmparser::Export<'_>) -> Result<(), Rejected> {
        let entity = match export.kind {
            ExternalKind::Func => {
                self.referenced.insert(FuncIdx(export.index));
                EntityIdx::Func(FuncIdx(export.index))
            }
            ExternalKind::Table => EntityIdx::Table(TableIdx(export.index)),
            ExternalKind::Memory => EntityIdx::Memory(MemIdx(export.index)),
            ExternalKind::Global => EntityIdx::Global(GlobalIdx(export.index)),
            ExternalKind::Tag => EntityIdx::Tag(TagIdx(export.index)),
            ExternalKind::FuncExact => return Err(unsupported("exact function exports")),
        };
        self.decls.exports.push(Export {
            name: export.name.into(),
            entity,
        });
        Ok(())
    }

    fn element(&mut self, element: wasmparser::Element<'_>) -> Result<(), Rejected> {
        let mode = match &element.kind {
            ElementKind::Passive => Mode::Passive,
            ElementKind::Declared => Mode::Declared,
            ElementKind::Active {
                table_index,
                offset_expr,
            } => Mode::Active(
                TableIdx(table_index.unwrap_or(0)),
                self.expression(offset_expr)?,
            ),
        };
        let (element, items) = match element.items {
            ElementItems::Functions(indices) => {
                let mut funcs = Vec::new();
                for index in indices {
                    let func = FuncIdx(index.map_err(malformed)?);
                    self.referenced.insert(func);
                    funcs.push(Some(func));
                }
                let element = RefKind {
                    nullable: false,
                    heap: HeapKind::Func,
                };
                (element, Items::Funcs(funcs.into()))
            }
            ElementItems::Expressions(ty, exprs) => {
                let element = self.types.reference(ty)?;
                let mut items = Vec::new();
                for expr in exprs {
                    items.push(self.expression(&expr.map_err(malformed)?)?);
                }
                (element, const_expr::items(element, items))
            }
        };
        self.decls.elems.push(ElementSegment {
            element,
            items,
            mode,
        });
        Ok(())
    }

    fn data(&mut self, data: wasmparser::Data<'_>) -> Result<(), Rejected> {
        let mode = match &data.kind {
            DataKind::Passive => Mode::Passive,
            DataKind::Active {
                memory_index,
                offset_expr,
            } => Mode::Active(MemIdx(*memory_index), self.expression(offset_expr)?),
        };
        let end = data.range.end as usize;
        let bytes: Range<usize> = end - data.data.len()..end;
        debug_assert_eq!(&self.bytes[bytes.clone()], data.data);
        self.decls.datas.push(DataSegment { bytes, mode });
        Ok(())
    }

    /// The names of functions. A malformed rest of the section is ignored, as the appendix on
    /// custom sections permits.
    fn names(&mut self, names: wasmparser::NameSectionReader<'_>) {
        for name in names {
            let Ok(Name::Function(map)) = name else {
                continue;
            };
            for naming in map {
                let Ok(naming) = naming else { break };
                self.decls
                    .func_names
                    .push((FuncIdx(naming.index), naming.name.into()));
            }
        }
    }

    fn finish(mut self) -> Result<Module, Rejected> {
        let decls = &mut self.decls;
        decls.types = self.types.registered.ids().to_vec();
        decls.escaped = self
            .referenced
            .range(FuncIdx(decls.imported_funcs)..)
            .copied()
            .collect();
        let count = decls.funcs.len() as u32;
        decls.func_names.retain(|(func, _)| func.0 < count);
        decls.func_names.sort_by_key(|(func, _)| *func);
        decls.func_names.dedup_by_key(|(func, _)| *func);
        decls.uses_heap = uses_heap(decls, self.types.registered.registry());
        let shape = shape(decls);
        let offsets = VmOffsets::new(&shape)
            .ok_or_else(|| Rejected::Limit("size of an instance's context".to_string()))?;
        Ok(Module {
            bytes: self.bytes.into(),
            decls: self.decls,
            shape,
            offsets,
            types: self.types.registered,
        })
    }
}

fn table_type(types: &TypeSpace, ty: &wasmparser::TableType) -> Result<TableType, Rejected> {
    Ok(TableType {
        element: types.reference(ty.element_type)?,
        is_64: ty.table64,
        min: ty.initial,
        max: ty.maximum,
    })
}

fn global_type(types: &TypeSpace, ty: &wasmparser::GlobalType) -> Result<GlobalType, Rejected> {
    Ok(GlobalType {
        content: types.val(ty.content_type)?,
        mutable: ty.mutable,
    })
}

fn memory_type(ty: &wasmparser::MemoryType) -> MemoryType {
    MemoryType {
        is_64: ty.memory64,
        min: ty.initial,
        max: ty.maximum,
    }
}

/// Whether any type in the module can have values in the collected heap. A value of such a type in
/// a body comes from a parameter, a result, a global, a table, a field, an exception of a declared
/// tag or an allocation, and the module declares all of these.
fn uses_heap(decls: &Declarations, registry: &TypeRegistry) -> bool {
    let collected = |vals: &[ValKind]| vals.iter().any(|v| v.is_collected());
    !decls.tags.is_empty()
        || decls.tables.iter().any(|t| t.element.is_collected())
        || decls.globals.iter().any(|g| g.content.is_collected())
        || decls.elems.iter().any(|e| e.element.is_collected())
        || decls.types.iter().any(|id| match registry.get(*id) {
            Some(def) => match &def.composite {
                Composite::Func(sig) => collected(&sig.params) || collected(&sig.results),
                Composite::Struct(_) | Composite::Array(_) => true,
            },
            None => true,
        })
}

fn shape(decls: &Declarations) -> VmShape {
    let defined = |all: usize, imported: u32| all as u32 - imported;
    VmShape {
        imported_funcs: decls.imported_funcs,
        imported_tables: decls.imported_tables,
        defined_tables: defined(decls.tables.len(), decls.imported_tables),
        imported_memories: decls.imported_memories,
        defined_memories: defined(decls.memories.len(), decls.imported_memories),
        imported_globals: decls.imported_globals,
        defined_globals: defined(decls.globals.len(), decls.imported_globals),
        tags: decls.tags.len() as u32,
        escaped_funcs: decls.escaped.len() as u32,
        segments: decls.elems.len() as u32,
    }
}
