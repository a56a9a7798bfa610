//! Types.
//!
//! As in the specification, one family of types serves three situations. They differ in their
//! [`TypeUse`]s: in the syntax of a module these are type indices, inside a rolled recursive type
//! also `rec.i`, and in a closed type only defined types. [`MapUses::close`] is the specification's
//! `$clos` and `$subst_all`.
//!
//! Not here: defined types and their identity (`deftypes`), well-formedness and subtyping
//! (`validation`).

use super::values::TypeIdx;

/// `addrtype`: the type of addresses into a memory or table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddrType {
    /// 32-bit addresses.
    I32,
    /// 64-bit addresses.
    I64,
}

impl AddrType {
    /// Returns the value type of such an address.
    #[must_use]
    pub fn val_type(self) -> ValType {
        match self {
            AddrType::I32 => ValType::I32,
            AddrType::I64 => ValType::I64,
        }
    }

    /// `$size`, in bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            AddrType::I32 => 32,
            AddrType::I64 => 64,
        }
    }
}

/// `absheaptype`, with the bottom type that only validation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbsHeapType {
    /// Top of the internal hierarchy.
    Any,
    /// Everything `ref.eq` compares.
    Eq,
    /// Unboxed scalars.
    I31,
    /// All structures.
    Struct,
    /// All arrays.
    Array,
    /// Bottom of the internal hierarchy.
    None,
    /// Top of the function hierarchy.
    Func,
    /// Bottom of the function hierarchy.
    NoFunc,
    /// Top of the exception hierarchy.
    Exn,
    /// Bottom of the exception hierarchy.
    NoExn,
    /// Top of the external hierarchy.
    Extern,
    /// Bottom of the external hierarchy.
    NoExtern,
    /// Bottom of all hierarchies. It arises in unreachable code only.
    Bot,
}

/// A `deftype`, by its canonical number in one [`TypeStore`](super::TypeStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefTypeId(pub u32);

/// `typeuse`: a way to name a composite type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeUse {
    /// A type index of the surrounding module.
    Idx(TypeIdx),
    /// `REC i`: the i-th member of the surrounding rolled recursive type.
    Rec(u32),
    /// A defined type, which means the same everywhere in one [`TypeStore`](super::TypeStore).
    Def(DefTypeId),
}

/// `heaptype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeapType {
    /// An abstract heap type.
    Abs(AbsHeapType),
    /// A concrete heap type.
    Use(TypeUse),
}

/// `reftype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefType {
    /// Whether null belongs to the type.
    pub nullable: bool,
    /// What a non-null reference refers to.
    pub heap: HeapType,
}

impl RefType {
    /// `funcref`.
    pub const FUNCREF: RefType = RefType::abs(true, AbsHeapType::Func);
    /// `externref`.
    pub const EXTERNREF: RefType = RefType::abs(true, AbsHeapType::Extern);
    /// `anyref`.
    pub const ANYREF: RefType = RefType::abs(true, AbsHeapType::Any);
    /// `eqref`.
    pub const EQREF: RefType = RefType::abs(true, AbsHeapType::Eq);
    /// `exnref`.
    pub const EXNREF: RefType = RefType::abs(true, AbsHeapType::Exn);

    /// Returns a reference to an abstract heap type.
    #[must_use]
    pub const fn abs(nullable: bool, heap: AbsHeapType) -> RefType {
        RefType {
            nullable,
            heap: HeapType::Abs(heap),
        }
    }

    /// Returns a reference to a defined type.
    #[must_use]
    pub const fn def(nullable: bool, def: DefTypeId) -> RefType {
        RefType {
            nullable,
            heap: HeapType::Use(TypeUse::Def(def)),
        }
    }

    /// `$diffrt(self, other)`: what remains of `self` when a cast to `other` has failed.
    #[must_use]
    pub fn difference(self, other: RefType) -> RefType {
        RefType {
            nullable: self.nullable && !other.nullable,
            heap: self.heap,
        }
    }
}

/// `valtype`: number, vector and reference types, and the bottom type that only validation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValType {
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// 128-bit vectors.
    V128,
    /// References.
    Ref(RefType),
    /// Bottom. It arises in unreachable code only.
    Bot,
}

impl ValType {
    /// `Defaultable`: whether a variable of this type can start out without an initialiser.
    #[must_use]
    pub fn defaultable(self) -> bool {
        match self {
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => true,
            ValType::Ref(rt) => rt.nullable,
            ValType::Bot => false,
        }
    }

    /// Returns true if this is a `numtype` or `vectype`.
    #[must_use]
    pub fn is_num_or_vec(self) -> bool {
        !matches!(self, ValType::Ref(_) | ValType::Bot)
    }
}

impl From<RefType> for ValType {
    fn from(rt: RefType) -> ValType {
        ValType::Ref(rt)
    }
}

/// `storagetype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageType {
    /// A value type.
    Val(ValType),
    /// Packed 8-bit integers.
    I8,
    /// Packed 16-bit integers.
    I16,
}

impl StorageType {
    /// `$unpack`: the type of a value read from such a place.
    #[must_use]
    pub fn unpack(self) -> ValType {
        match self {
            StorageType::Val(t) => t,
            StorageType::I8 | StorageType::I16 => ValType::I32,
        }
    }

    /// Returns true if this is a `packtype`.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self, StorageType::I8 | StorageType::I16)
    }
}

/// `fieldtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldType {
    /// Whether the field can be assigned after creation.
    pub mutable: bool,
    /// What the field holds.
    pub storage: StorageType,
}

/// A function type, `resulttype -> resulttype`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FuncType {
    /// Parameter types.
    pub params: Box<[ValType]>,
    /// Result types.
    pub results: Box<[ValType]>,
}

/// `comptype`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompositeType {
    /// Structures with these fields.
    Struct(Box<[FieldType]>),
    /// Arrays of such elements.
    Array(FieldType),
    /// Functions.
    Func(FuncType),
}

/// `subtype`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubType {
    /// Whether no type may declare this one as its supertype.
    pub is_final: bool,
    /// Declared supertypes, at most one in a valid type.
    pub supers: Box<[TypeUse]>,
    /// The structure of the type.
    pub composite: CompositeType,
}

/// `rectype`: mutually recursive types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecType(pub Box<[SubType]>);

/// `limits`, in units of pages or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limits {
    /// Initial size.
    pub min: u64,
    /// Size beyond which it cannot grow.
    pub max: Option<u64>,
}

/// `tagtype`: a function type without results.
pub type TagType = TypeUse;

/// `globaltype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlobalType {
    /// Whether the global can be assigned.
    pub mutable: bool,
    /// What it holds.
    pub val: ValType,
}

/// `memtype`. Limits count pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemType {
    /// Type of addresses.
    pub addr: AddrType,
    /// Size in pages.
    pub limits: Limits,
}

/// `tabletype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableType {
    /// Type of addresses.
    pub addr: AddrType,
    /// Size in elements.
    pub limits: Limits,
    /// Type of elements.
    pub elem: RefType,
}

/// `externtype`: the type of an import or export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternType {
    /// A tag.
    Tag(TagType),
    /// A global.
    Global(GlobalType),
    /// A memory.
    Mem(MemType),
    /// A table.
    Table(TableType),
    /// A function.
    Func(TypeUse),
}

/// A substitution of type uses, the common core of `$subst_*`, `$rollrt`, `$unrollrt` and
/// `$clos_*`.
pub trait MapUses: Sized {
    /// Returns the same type with every type use replaced by `f` of it.
    #[must_use]
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self;

    /// `$subst_all`: type indices replaced by the module's defined types. Indices must be within
    /// `types`, which validation has established.
    #[must_use]
    fn close(&self, types: &[DefTypeId]) -> Self {
        self.map_uses(&mut |tu| match tu {
            TypeUse::Idx(x) => TypeUse::Def(types[x.index()]),
            other => other,
        })
    }
}

impl MapUses for TypeUse {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        f(*self)
    }
}

impl MapUses for HeapType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        match *self {
            HeapType::Abs(abs) => HeapType::Abs(abs),
            HeapType::Use(tu) => HeapType::Use(f(tu)),
        }
    }
}

impl MapUses for RefType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        RefType {
            nullable: self.nullable,
            heap: self.heap.map_uses(f),
        }
    }
}

impl MapUses for ValType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        match self {
            ValType::Ref(rt) => ValType::Ref(rt.map_uses(f)),
            other => *other,
        }
    }
}

impl MapUses for FieldType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        let storage = match self.storage {
            StorageType::Val(t) => StorageType::Val(t.map_uses(f)),
            packed => packed,
        };
        FieldType {
            mutable: self.mutable,
            storage,
        }
    }
}

impl<T: MapUses> MapUses for Box<[T]> {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        self.iter().map(|t| t.map_uses(f)).collect()
    }
}

impl MapUses for FuncType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        FuncType {
            params: self.params.map_uses(f),
            results: self.results.map_uses(f),
        }
    }
}

impl MapUses for CompositeType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        match self {
            CompositeType::Struct(fields) => CompositeType::Struct(fields.map_uses(f)),
            CompositeType::Array(field) => CompositeType::Array(field.map_uses(f)),
            CompositeType::Func(ft) => CompositeType::Func(ft.map_uses(f)),
        }
    }
}

impl MapUses for SubType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        SubType {
            is_final: self.is_final,
            supers: self.supers.map_uses(f),
            composite: self.composite.map_uses(f),
        }
    }
}

impl MapUses for GlobalType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        GlobalType {
            mutable: self.mutable,
            val: self.val.map_uses(f),
        }
    }
}

impl MapUses for TableType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        TableType {
            elem: self.elem.map_uses(f),
            ..*self
        }
    }
}

impl MapUses for ExternType {
    fn map_uses(&self, f: &mut dyn FnMut(TypeUse) -> TypeUse) -> Self {
        match self {
            ExternType::Tag(tu) => ExternType::Tag(f(*tu)),
            ExternType::Global(gt) => ExternType::Global(gt.map_uses(f)),
            ExternType::Mem(mt) => ExternType::Mem(*mt),
            ExternType::Table(tt) => ExternType::Table(tt.map_uses(f)),
            ExternType::Func(tu) => ExternType::Func(f(*tu)),
        }
    }
}
