//! Modules.
//!
//! Always holds: the fields here hold only what the module itself defines. Index spaces number the
//! imports first, as in the specification. Not here: whether the parts fit together
//! (`validation::modules`).

use super::instructions::Instr;
use super::types::{
    ExternType, GlobalType, MemType, RecType, RefType, TableType, TagType, ValType,
};
use super::values::{FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx, TypeIdx};

/// `expr`: instructions in binary order, the closing `End` included.
pub type Expr = Vec<Instr>;

/// `module`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// Type definitions.
    pub types: Vec<RecType>,
    /// Imports.
    pub imports: Vec<Import>,
    /// Tags.
    pub tags: Vec<TagType>,
    /// Globals.
    pub globals: Vec<Global>,
    /// Memories.
    pub mems: Vec<MemType>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Functions.
    pub funcs: Vec<Func>,
    /// Data segments.
    pub datas: Vec<Data>,
    /// Element segments.
    pub elems: Vec<Elem>,
    /// Start function.
    pub start: Option<FuncIdx>,
    /// Exports.
    pub exports: Vec<Export>,
    /// Custom sections in order of appearance. Their contents have no meaning here.
    pub customs: Vec<Custom>,
}

/// `import`.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Name of the module.
    pub module: String,
    /// Name within that module.
    pub name: String,
    /// Type required.
    pub ty: ExternType,
}

/// `global`.
#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    /// Type.
    pub ty: GlobalType,
    /// Initial value.
    pub init: Expr,
}

/// `table`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Type.
    pub ty: TableType,
    /// Initial value of every element.
    pub init: Expr,
}

/// `func`.
#[derive(Clone, Debug, PartialEq)]
pub struct Func {
    /// Type.
    pub ty: TypeIdx,
    /// Locals after the parameters, run-length encoded as in the binary format.
    pub locals: Vec<Locals>,
    /// Body.
    pub body: Expr,
}

/// A run of locals of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locals {
    /// How many.
    pub count: u32,
    /// Their type.
    pub ty: ValType,
}

/// `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Contents.
    pub init: Vec<u8>,
    /// Mode.
    pub mode: DataMode,
}

/// `datamode`.
#[derive(Clone, Debug, PartialEq)]
pub enum DataMode {
    /// Copied to a memory at instantiation.
    Active(MemIdx, Expr),
    /// Copied by `memory.init` and the like.
    Passive,
}

/// `elem`.
#[derive(Clone, Debug, PartialEq)]
pub struct Elem {
    /// Type of the elements.
    pub ty: RefType,
    /// Elements.
    pub init: Vec<Expr>,
    /// Mode.
    pub mode: ElemMode,
}

/// `elemmode`.
#[derive(Clone, Debug, PartialEq)]
pub enum ElemMode {
    /// Copied to a table at instantiation.
    Active(TableIdx, Expr),
    /// Copied by `table.init` and the like.
    Passive,
    /// Only declares functions for `ref.func`.
    Declare,
}

/// `export`.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Name, unique within the module.
    pub name: String,
    /// What is exported.
    pub item: ExternIdx,
}

/// `externidx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternIdx {
    /// A function.
    Func(FuncIdx),
    /// A table.
    Table(TableIdx),
    /// A memory.
    Mem(MemIdx),
    /// A global.
    Global(GlobalIdx),
    /// A tag.
    Tag(TagIdx),
}

/// A custom section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// Name.
    pub name: String,
    /// Uninterpreted contents.
    pub bytes: Vec<u8>,
}
