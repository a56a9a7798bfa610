//! Contexts, and the ways in which a module can be invalid.
//!
//! Locals, labels and the result type belong to one body and live with it (`instructions`).

use std::fmt;

use super::Result;
use crate::syntax::{
    CompositeType, DataIdx, DefTypeId, ElemIdx, FieldType, FuncIdx, FuncType, GlobalIdx,
    GlobalType, LabelIdx, MemIdx, MemType, RefType, TableIdx, TableType, TagIdx, TypeIdx,
    TypeStore, ValType,
};

/// `context`: what a module declares. All types are closed.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Meaning of the defined types below.
    pub store: TypeStore,
    /// `TYPES`.
    pub types: Vec<DefTypeId>,
    /// `TAGS`.
    pub tags: Vec<DefTypeId>,
    /// `GLOBALS`.
    pub globals: Vec<GlobalType>,
    /// `MEMS`.
    pub mems: Vec<MemType>,
    /// `TABLES`.
    pub tables: Vec<TableType>,
    /// `FUNCS`.
    pub funcs: Vec<DefTypeId>,
    /// `DATAS`: how many.
    pub datas: usize,
    /// `ELEMS`.
    pub elems: Vec<RefType>,
    /// `REFS`, sorted.
    pub refs: Vec<FuncIdx>,
}

/// A module that may not be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where.
    pub at: Location,
    /// Why.
    pub kind: InvalidKind,
}

/// Where in a module. Numbers count the definitions of one kind from 0, imports apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// A recursive type.
    Type(u32),
    /// An import.
    Import(u32),
    /// A tag.
    Tag(u32),
    /// A global.
    Global(u32),
    /// A memory.
    Mem(u32),
    /// A table.
    Table(u32),
    /// A function outside its body.
    Func(FuncIdx),
    /// The instruction at this position in a function's body.
    Body(FuncIdx, u32),
    /// A data segment.
    Data(u32),
    /// An element segment.
    Elem(u32),
    /// The start function.
    Start,
    /// An export.
    Export(u32),
}

/// An index space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Space {
    Type,
    Func,
    Table,
    Mem,
    Global,
    Tag,
    Elem,
    Data,
    Local,
    Label,
    Field,
}

/// Ways to be invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// Nothing has this index.
    Unknown(Space, u32),
    /// A function type is required.
    NotFunc(DefTypeId),
    /// A structure type is required.
    NotStruct(DefTypeId),
    /// An array type is required.
    NotArray(DefTypeId),
    /// More than one supertype is declared.
    Supertypes(u32),
    /// A supertype does not come before the type that declares it.
    ForwardSupertype(TypeIdx),
    /// The declared supertype is final.
    FinalSupertype(TypeIdx),
    /// The type does not match its declared supertype.
    SupertypeMismatch(TypeIdx),
    /// Limits are not ordered, or beyond the range of the address type.
    Limits,
    /// A tag's type has results.
    TagResults,
    /// An operand has another type than the one required. Outside of bodies, a definition has.
    Mismatch {
        /// The type required.
        expected: ValType,
        /// The type found.
        found: ValType,
    },
    /// An operand is missing.
    Underflow,
    /// Operands remain at the end of a block.
    Leftover(u32),
    /// An operand must be a reference.
    NotReference(ValType),
    /// An operand of `select` without annotation is neither number nor vector.
    SelectOperand(ValType),
    /// The annotation of `select` has not exactly one type.
    SelectArity(u32),
    /// A label has the wrong number of types for the branch.
    LabelArity {
        /// The number required.
        expected: u32,
        /// The number found.
        found: u32,
    },
    /// A label's last type must be a reference.
    LabelReference(LabelIdx),
    /// The target type of a cast is not below the source type.
    Cast(RefType, RefType),
    /// A callee's results are not those of the caller.
    TailCallResults,
    /// A function is referenced that is not declared to be.
    UndeclaredFunc(FuncIdx),
    /// The local may not have been set.
    UnsetLocal(u32),
    /// The global, field or element is immutable.
    Immutable,
    /// The type has no default value.
    NotDefaultable(ValType),
    /// Reading packed data needs a signedness, and other data must have none.
    Packing,
    /// The array's elements cannot be read from a data segment.
    NotData,
    /// The array's elements do not match the segment's or the other array's.
    Elements,
    /// The alignment is larger than natural.
    Alignment(u8),
    /// The offset is beyond the range of the address type.
    Offset(u64),
    /// The vector has no such lane.
    Lane(u8),
    /// The instruction may not stand in a constant expression.
    NotConstant,
    /// Blocks are not properly nested. `Module::decode` produces no such code.
    Unbalanced,
    /// The start function has parameters or results.
    StartType,
    /// An earlier export has the same name.
    DuplicateExport,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.kind)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Type(i) => write!(f, "recursive type {i}"),
            Location::Import(i) => write!(f, "import {i}"),
            Location::Tag(i) => write!(f, "tag {i}"),
            Location::Global(i) => write!(f, "global {i}"),
            Location::Mem(i) => write!(f, "memory {i}"),
            Location::Table(i) => write!(f, "table {i}"),
            Location::Func(x) => write!(f, "function {x}"),
            Location::Body(x, at) => write!(f, "function {x}, instruction {at}"),
            Location::Data(i) => write!(f, "data segment {i}"),
            Location::Elem(i) => write!(f, "element segment {i}"),
            Location::Start => write!(f, "start function"),
            Location::Export(i) => write!(f, "export {i}"),
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Space::Type => "type",
            Space::Func => "function",
            Space::Table => "table",
            Space::Mem => "memory",
            Space::Global => "global",
            Space::Tag => "tag",
            Space::Elem => "element segment",
            Space::Data => "data segment",
            Space::Local => "local",
            Space::Label => "label",
            Space::Field => "field",
        })
    }
}

impl fmt::Display for InvalidKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use InvalidKind as Kind;
        match self {
            Kind::Unknown(space, i) => write!(f, "there is no {space} {i}"),
            Kind::NotFunc(dt) => write!(f, "{dt} is not a function type"),
            Kind::NotStruct(dt) => write!(f, "{dt} is not a structure type"),
            Kind::NotArray(dt) => write!(f, "{dt} is not an array type"),
            Kind::Supertypes(n) => write!(f, "expected at most 1 supertype, found {n}"),
            Kind::ForwardSupertype(x) => write!(f, "the supertype {x} comes after its subtype"),
            Kind::FinalSupertype(x) => write!(f, "the supertype {x} is final"),
            Kind::SupertypeMismatch(x) => write!(f, "the type does not match its supertype {x}"),
            Kind::Limits => write!(f, "the limits are not in order or too large"),
            Kind::TagResults => write!(f, "the type of the tag has results"),
            Kind::Mismatch { expected, found } => write!(f, "expected {expected}, found {found}"),
            Kind::Underflow => write!(f, "an operand is missing"),
            Kind::Leftover(n) => write!(f, "{n} operands are left at the end of the block"),
            Kind::NotReference(t) => write!(f, "expected a reference, found {t}"),
            Kind::SelectOperand(t) => write!(f, "expected a number or vector, found {t}"),
            Kind::SelectArity(n) => write!(f, "expected 1 type after `select`, found {n}"),
            Kind::LabelArity { expected, found } => {
                write!(f, "expected a label with {expected} types, found {found}")
            }
            Kind::LabelReference(l) => write!(f, "label {l} does not end with a reference type"),
            Kind::Cast(from, to) => write!(f, "{to} is not a subtype of {from}"),
            Kind::TailCallResults => write!(f, "the results are not those of the caller"),
            Kind::UndeclaredFunc(x) => write!(f, "function {x} is not declared for references"),
            Kind::UnsetLocal(x) => write!(f, "local {x} may not have been set"),
            Kind::Immutable => write!(f, "the global, field or element is immutable"),
            Kind::NotDefaultable(t) => write!(f, "{t} has no default value"),
            Kind::Packing => write!(f, "signedness goes with packed data, and with no other"),
            Kind::NotData => write!(f, "data segments do not hold references"),
            Kind::Elements => write!(f, "the types of the elements do not match"),
            Kind::Alignment(n) => write!(f, "the alignment 2^{n} is larger than natural"),
            Kind::Offset(n) => write!(f, "the offset {n} exceeds the address type"),
            Kind::Lane(i) => write!(f, "the vector has no lane {i}"),
            Kind::NotConstant => write!(f, "the expression is not constant"),
            Kind::Unbalanced => write!(f, "blocks are not properly nested"),
            Kind::StartType => write!(f, "the function has parameters or results"),
            Kind::DuplicateExport => write!(f, "an earlier export has the same name"),
        }
    }
}

impl std::error::Error for Invalid {}

impl Context {
    /// `C.TYPES[x]`.
    pub(super) fn typ(&self, x: TypeIdx) -> Result<DefTypeId> {
        self.types
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Type, x.0))
    }

    /// `C.FUNCS[x]`.
    pub(super) fn func(&self, x: FuncIdx) -> Result<DefTypeId> {
        self.funcs
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Func, x.0))
    }

    /// `C.TABLES[x]`.
    pub(super) fn table(&self, x: TableIdx) -> Result<TableType> {
        self.tables
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Table, x.0))
    }

    /// `C.MEMS[x]`.
    pub(super) fn mem(&self, x: MemIdx) -> Result<MemType> {
        self.mems
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Mem, x.0))
    }

    /// `C.GLOBALS[x]`.
    pub(super) fn global(&self, x: GlobalIdx) -> Result<GlobalType> {
        self.globals
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Global, x.0))
    }

    /// `C.TAGS[x]`.
    pub(super) fn tag(&self, x: TagIdx) -> Result<DefTypeId> {
        self.tags
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Tag, x.0))
    }

    /// `C.ELEMS[x]`.
    pub(super) fn elem(&self, x: ElemIdx) -> Result<RefType> {
        self.elems
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Elem, x.0))
    }

    /// `C.DATAS[x]`.
    pub(super) fn data(&self, x: DataIdx) -> Result<()> {
        if x.index() < self.datas {
            Ok(())
        } else {
            Err(InvalidKind::Unknown(Space::Data, x.0))
        }
    }

    /// `Expand: dt ~~ FUNC ft`.
    pub(super) fn expand_func(&self, dt: DefTypeId) -> Result<&FuncType> {
        self.store.expand_func(dt).ok_or(InvalidKind::NotFunc(dt))
    }

    /// `Expand: C.TYPES[x] ~~ FUNC ft`.
    pub(super) fn func_type(&self, x: TypeIdx) -> Result<(DefTypeId, &FuncType)> {
        let dt = self.typ(x)?;
        Ok((dt, self.expand_func(dt)?))
    }

    /// `Expand: C.TYPES[x] ~~ STRUCT ft*`.
    pub(super) fn struct_type(&self, x: TypeIdx) -> Result<(DefTypeId, &[FieldType])> {
        let dt = self.typ(x)?;
        match self.store.expand(dt) {
            CompositeType::Struct(fields) => Ok((dt, fields)),
            _ => Err(InvalidKind::NotStruct(dt)),
        }
    }

    /// `Expand: C.TYPES[x] ~~ ARRAY ft`.
    pub(super) fn array_type(&self, x: TypeIdx) -> Result<(DefTypeId, FieldType)> {
        let dt = self.typ(x)?;
        match self.store.expand(dt) {
            CompositeType::Array(field) => Ok((dt, *field)),
            _ => Err(InvalidKind::NotArray(dt)),
        }
    }
}
