//! Bytes to a validated module: tables of its declarations, with canonical types, and its function
//! bodies as ranges of its bytes.
//!
//! This room uses neither Cranelift nor a store, and has no input or output. `decode` fills the
//! tables while `wasmparser` validates. `const_expr` keeps constant expressions as data. `classify`
//! tells malformed from invalid modules, and `counts` what is over a limit. [`Module::validate`] is
//! the only constructor, so a [`Module`] is a proof of validity.
//!
//! The types of this file come first. Reading order: `counts`, `classify`, `convert`, `const_expr`,
//! `decode`.

mod classify;
mod const_expr;
mod convert;
mod counts;
mod decode;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::abi::vmctx::{VmOffsets, VmShape};
use crate::index::{
    DataIdx, DefinedFuncIdx, ElemIdx, EscapeIdx, FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx,
    TypeIdx,
};
use crate::types::{RefKind, TypeId, ValKind};

/// A constant expression: a short list of operators in execution order (operands first).
#[derive(Clone, Debug, PartialEq)]
pub struct ConstExpr {
    /// The operators, without the final `end`.
    pub ops: Box<[ConstOp]>,
}

/// An operator of a constant expression (rule `Instr_const`).
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    /// Bits.
    F32Const(u32),
    /// Bits.
    F64Const(u64),
    V128Const(u128),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
    /// Null of a hierarchy whose values are in the collected heap, or of functions.
    RefNull(RefKind),
    RefFunc(FuncIdx),
    GlobalGet(GlobalIdx),
    RefI31,
    StructNew(TypeId),
    StructNewDefault(TypeId),
    ArrayNew(TypeId),
    ArrayNewDefault(TypeId),
    ArrayNewFixed(TypeId, u32),
    /// `any.convert_extern` or `extern.convert_any`: both keep the representation.
    Convert,
}

/// Type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableType {
    /// Elements.
    pub element: RefKind,
    /// Whether indices are 64 bits.
    pub is_64: bool,
    /// Initial size.
    pub min: u64,
    /// Largest size.
    pub max: Option<u64>,
}

/// Type of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryType {
    /// Whether addresses are 64 bits.
    pub is_64: bool,
    /// Initial size in pages.
    pub min: u64,
    /// Largest size in pages.
    pub max: Option<u64>,
}

/// Type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalType {
    /// Its value.
    pub content: ValKind,
    /// Whether it can be written.
    pub mutable: bool,
}

/// An imported or exported entity, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum EntityIdx {
    Func(FuncIdx),
    Table(TableIdx),
    Memory(MemIdx),
    Global(GlobalIdx),
    Tag(TagIdx),
}

/// An import, in the order of the import section.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module it is imported from.
    pub module: Box<str>,
    /// Its name there.
    pub name: Box<str>,
    /// The index it gets.
    pub entity: EntityIdx,
}

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its name.
    pub name: Box<str>,
    /// What is exported.
    pub entity: EntityIdx,
}

/// The items of an element segment.
#[derive(Clone, Debug)]
pub enum Items {
    /// Function indices: legacy forms, and expressions that are only `ref.func` or null (`None`).
    Funcs(Box<[Option<FuncIdx>]>),
    /// Expressions of any reference type.
    Exprs(Box<[ConstExpr]>),
}

/// When a segment is used.
#[derive(Clone, Debug)]
pub enum Mode<I> {
    /// By instructions.
    Passive,
    /// While the instance is initialised: copied to this table or memory, at this offset.
    Active(I, ConstExpr),
    /// Never (element segments only).
    Declared,
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct ElementSegment {
    /// Type of its items.
    pub element: RefKind,
    /// The items.
    pub items: Items,
    /// When it is used.
    pub mode: Mode<TableIdx>,
}

/// A data segment.
#[derive(Clone, Debug)]
pub struct DataSegment {
    /// Where its bytes are in [`Module::bytes`].
    pub bytes: Range<usize>,
    /// When it is used.
    pub mode: Mode<MemIdx>,
}

/// The body of a function, in [`Module::bytes`].
#[derive(Clone, Debug)]
pub struct Body {
    /// Locals and code, as the code section has them (without the leading size).
    pub range: Range<usize>,
}

/// A defined global.
#[derive(Clone, Debug)]
pub struct GlobalDef {
    /// Its initialiser.
    pub init: ConstExpr,
}

/// A defined table.
#[derive(Clone, Debug)]
pub struct TableDef {
    /// The initial value of every element. `None` means null.
    pub init: Option<ConstExpr>,
}

/// The declarations of a module. Each index space holds imports first, then definitions.
#[derive(Clone, Debug, Default)]
pub struct Declarations {
    /// Canonical identity of each type.
    pub types: Vec<TypeId>,
    /// Imports in order.
    pub imports: Vec<Import>,
    /// Exports in order.
    pub exports: Vec<Export>,
    /// Type of each function.
    pub funcs: Vec<TypeIdx>,
    /// How many of them are imported.
    pub imported_funcs: u32,
    /// Bodies of the defined ones.
    pub bodies: Vec<Body>,
    /// Tables.
    pub tables: Vec<TableType>,
    /// How many of them are imported.
    pub imported_tables: u32,
    /// Initial values of the defined ones.
    pub table_defs: Vec<TableDef>,
    /// Memories.
    pub memories: Vec<MemoryType>,
    /// How many of them are imported.
    pub imported_memories: u32,
    /// Globals.
    pub globals: Vec<GlobalType>,
    /// How many of them are imported.
    pub imported_globals: u32,
    /// Initialisers of the defined ones.
    pub global_defs: Vec<GlobalDef>,
    /// Type of each tag: a function type without results.
    pub tags: Vec<TypeIdx>,
    /// How many of them are imported.
    pub imported_tags: u32,
    /// Element segments.
    pub elems: Vec<ElementSegment>,
    /// Data segments.
    pub datas: Vec<DataSegment>,
    /// The start function.
    pub start: Option<FuncIdx>,
    /// Names of functions from the well-formed part of the name section.
    pub func_names: Vec<(FuncIdx, Box<str>)>,
    /// Defined functions that are exported, in a segment, or in `ref.func`, in ascending order.
    /// Others are only called directly by their own module. Each escaped function has a function
    /// reference in the instance's context.
    pub escaped: Vec<FuncIdx>,
    /// Whether the module can have values of the collected heap: whether any of its types, tables,
    /// globals, segments or tags has such values. A store with such a module reserves address space
    /// for a heap. Memory is committed at the first allocation.
    pub uses_heap: bool,
}

/// A validated module. `Module::validate` is the only way to obtain one.
#[derive(Debug)]
pub struct Module {
    bytes: Box<[u8]>,
    decls: Declarations,
    shape: VmShape,
    offsets: VmOffsets,
    /// Keeps the ids in `decls.types` alive.
    types: crate::types::registry::Registered,
}

impl Module {
    /// Returns the module's own bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what it declares.
    #[must_use]
    pub fn decls(&self) -> &Declarations {
        &self.decls
    }

    /// Returns the counts that determine the layout of its contexts.
    #[must_use]
    pub fn shape(&self) -> &VmShape {
        &self.shape
    }

    /// Returns the layout of its contexts.
    #[must_use]
    pub fn offsets(&self) -> &VmOffsets {
        &self.offsets
    }

    /// Returns the types it uses, registered.
    #[must_use]
    pub fn types(&self) -> &crate::types::registry::Registered {
        &self.types
    }

    /// Canonical type of a function.
    #[must_use]
    pub fn func_type(&self, func: FuncIdx) -> TypeId {
        self.decls.types[self.decls.funcs[func.as_usize()].as_usize()]
    }

    /// Returns the position among the defined functions, or `None` for an import.
    #[must_use]
    pub fn defined(&self, func: FuncIdx) -> Option<DefinedFuncIdx> {
        func.0
            .checked_sub(self.decls.imported_funcs)
            .map(DefinedFuncIdx)
    }

    /// Returns the position of the function among the escaped ones. `None` if it is not one of
    /// them.
    #[must_use]
    pub fn escape(&self, func: FuncIdx) -> Option<EscapeIdx> {
        self.decls
            .escaped
            .binary_search(&func)
            .ok()
            .map(|at| EscapeIdx(at as u32))
    }

    /// Returns an element segment.
    #[must_use]
    pub fn elem(&self, elem: ElemIdx) -> &ElementSegment {
        &self.decls.elems[elem.as_usize()]
    }

    /// Returns the bytes of a data segment.
    #[must_use]
    pub fn data(&self, data: DataIdx) -> &[u8] {
        &self.bytes[self.decls.datas[data.as_usize()].bytes.clone()]
    }
}
