//! Types with engine-wide identity.
//!
//! A module's types are made canonical when it is validated. Structurally equal recursion groups of
//! one engine get the same [`TypeId`]s. After that, two types are equal if and only if their
//! numbers are equal, also in compiled code. The registry ([`registry`]) counts the users of each
//! group and reuses the ids of a group without users.
//!
//! Not here: a module's own numbering of types ([`TypeIdx`](crate::index::TypeIdx)), decoding
//! (`module`), layouts of objects (`heap::layout`).
//!
//! Source: WebAssembly 3.0, Validation: Types, Matching (rules `Deftype_sub`, `Rectype_ok`).
//!
//! The types of this file come first. Reading order: `canonical`, `display`, `registry`,
//! `subtyping`.

pub mod canonical;
pub mod display;
pub mod registry;
pub mod subtyping;

/// Identity of a defined type in its engine. At least 1, at most [`TypeId::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// The largest id. An object's header has 24 bits for it.
    pub const MAX: u32 = (1 << 24) - 1;
}

/// Gives a defined type its name in a message. `None` if the type has no name: the message then
/// shows its number, which says nothing outside of its engine.
pub type TypeNames<'a> = &'a dyn Fn(TypeId) -> Option<String>;

/// The three shapes a defined type can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A function type.
    Func,
    /// A structure type.
    Struct,
    /// An array type.
    Array,
}

/// A heap type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum HeapKind {
    Any,
    Eq,
    I31,
    Struct,
    Array,
    None,
    Func,
    NoFunc,
    Extern,
    NoExtern,
    Exn,
    NoExn,
    /// A defined type and its shape. With the shape, the hierarchy is known without the registry.
    Defined(TypeId, Shape),
}

/// The top of a heap type's hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Top {
    /// Structures, arrays, i31 and internalised host references.
    Any,
    /// Functions.
    Func,
    /// Host references and externalised internal ones.
    Extern,
    /// Exceptions.
    Exn,
}

impl HeapKind {
    /// Returns the type's name in the text format, without the numbers and names of defined types.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            HeapKind::Any => "any",
            HeapKind::Eq => "eq",
            HeapKind::I31 => "i31",
            HeapKind::Struct | HeapKind::Defined(_, Shape::Struct) => "struct",
            HeapKind::Array | HeapKind::Defined(_, Shape::Array) => "array",
            HeapKind::None => "none",
            HeapKind::Func | HeapKind::Defined(_, Shape::Func) => "func",
            HeapKind::NoFunc => "nofunc",
            HeapKind::Extern => "extern",
            HeapKind::NoExtern => "noextern",
            HeapKind::Exn => "exn",
            HeapKind::NoExn => "noexn",
        }
    }

    /// Returns the top of this type's hierarchy.
    #[must_use]
    pub const fn top(self) -> Top {
        match self {
            HeapKind::Any
            | HeapKind::Eq
            | HeapKind::I31
            | HeapKind::Struct
            | HeapKind::Array
            | HeapKind::None
            | HeapKind::Defined(_, Shape::Struct | Shape::Array) => Top::Any,
            HeapKind::Func | HeapKind::NoFunc | HeapKind::Defined(_, Shape::Func) => Top::Func,
            HeapKind::Extern | HeapKind::NoExtern => Top::Extern,
            HeapKind::Exn | HeapKind::NoExn => Top::Exn,
        }
    }
}

/// A reference type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefKind {
    /// Whether null is a value of it.
    pub nullable: bool,
    /// What it refers to.
    pub heap: HeapKind,
}

impl RefKind {
    /// Returns true if values are in the collected heap. All values but functions are.
    #[must_use]
    pub const fn is_collected(self) -> bool {
        !matches!(self.heap.top(), Top::Func)
    }
}

/// A value type with canonical ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum ValKind {
    I32,
    I64,
    F32,
    F64,
    V128,
    Ref(RefKind),
}

impl ValKind {
    /// Returns true if values are references into the collected heap.
    #[must_use]
    pub const fn is_collected(self) -> bool {
        matches!(self, ValKind::Ref(r) if r.is_collected())
    }
}

/// What a field or element stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageKind {
    /// Eight bits of an i32.
    I8,
    /// Sixteen bits of an i32.
    I16,
    /// A value.
    Val(ValKind),
}

/// A field of a structure or the element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKind {
    /// What it stores.
    pub storage: StorageKind,
    /// Whether it can be written after its object was made.
    pub mutable: bool,
}

/// A function's parameters and results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FuncSig {
    /// Parameters, in order.
    pub params: Box<[ValKind]>,
    /// Results, in order.
    pub results: Box<[ValKind]>,
}

/// A composite type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Composite {
    /// A function type.
    Func(FuncSig),
    /// A structure type with its fields.
    Struct(Box<[FieldKind]>),
    /// An array type with its element.
    Array(FieldKind),
}

/// A defined type: what an id stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeDef {
    /// Whether it can have subtypes.
    pub is_final: bool,
    /// The direct supertype, if it declares one.
    pub supertype: Option<TypeId>,
    /// Its structure.
    pub composite: Composite,
    /// The number of its direct and indirect supertypes, which is its position in a supertype
    /// display.
    pub depth: u32,
}
