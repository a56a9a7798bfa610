//! Types as the embedder sees them. A defined type is registered in an engine, as long as a value
//! of these types names it.
//!
//! Invariant: a [`Defined`] keeps its group alive (T1), so its id and definition are valid.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::engine::Engine;
use crate::types::registry::Registered;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, Top, TypeDef, TypeId,
    ValKind,
};

/// A defined type of an engine.
#[derive(Clone)]
pub struct Defined {
    pub(super) engine: Engine,
    pub(super) id: TypeId,
    pub(super) def: Arc<TypeDef>,
    pub(super) keep: Arc<Registered>,
}

impl Defined {
    /// Makes the type with that id, which is alive.
    pub(crate) fn new(engine: &Engine, id: TypeId) -> Option<Defined> {
        let keep = Registered::retain(engine.registry(), id)?;
        Some(Defined {
            engine: engine.clone(),
            id,
            def: engine.registry().get(id)?,
            keep: Arc::new(keep),
        })
    }

    fn supertype(&self) -> Option<Defined> {
        Defined::new(&self.engine, self.def.supertype?)
    }
}

impl PartialEq for Defined {
    fn eq(&self, other: &Defined) -> bool {
        self.id == other.id && Engine::same(&self.engine, &other.engine)
    }
}

impl Eq for Defined {}

impl Hash for Defined {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for Defined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {}", self.id.0)
    }
}

macro_rules! defined {
    ($($(#[$doc:meta])* $name:ident, $shape:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub(super) Defined);

        impl $name {
            /// Returns its identity in its engine. Two types are equal if and only if their
            /// identities are.
            #[must_use]
            pub fn id(&self) -> TypeId {
                self.0.id
            }

            /// Returns true if it can have no subtypes.
            #[must_use]
            pub fn is_final(&self) -> bool {
                self.0.def.is_final
            }

            /// Returns the supertype that it declares.
            #[must_use]
            pub fn supertype(&self) -> Option<$name> {
                self.0.supertype().map($name)
            }

            /// Returns the engine.
            #[must_use]
            pub fn engine(&self) -> &Engine {
                &self.0.engine
            }

            /// Returns true if it is `other` or a subtype.
            #[must_use]
            pub fn matches(&self, other: &$name) -> bool {
                Engine::same(&self.0.engine, &other.0.engine)
                    && self.0.engine.registry().is_subtype(self.0.id, other.0.id)
            }

            pub(crate) fn keep(&self) -> &Registered {
                &self.0.keep
            }

            pub(crate) fn from_id(engine: &Engine, id: TypeId) -> Option<$name> {
                let defined = Defined::new(engine, id)?;
                matches!(defined.def.composite, Composite::$shape(..)).then_some($name(defined))
            }
        }
    )* };
}

defined! {
    /// A function type.
    FuncType, Func;
    /// A structure type.
    StructType, Struct;
    /// An array type.
    ArrayType, Array;
}

/// Whether a global, field or element can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutability {
    /// It cannot.
    Const,
    /// It can.
    Var,
}

/// What a field or element stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// The low 8 bits of a 32-bit integer.
    I8,
    /// The low 16 bits of a 32-bit integer.
    I16,
    /// A value.
    ValType(ValType),
}

/// A field of a structure, or the element of an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldType {
    /// Whether it can be written.
    pub mutability: Mutability,
    /// What it stores.
    pub element_type: StorageType,
}

/// A value type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
    /// 128-bit vectors.
    V128,
    /// References.
    Ref(RefType),
}

/// A reference type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    /// Whether null is a value of it.
    pub nullable: bool,
    /// What it refers to.
    pub heap_type: HeapType,
}

/// A heap type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// All references of the host.
    Extern,
    /// Nothing below `extern`: only null.
    NoExtern,
    /// All functions.
    Func,
    /// Functions of a type.
    ConcreteFunc(FuncType),
    /// Nothing below `func`: only null.
    NoFunc,
    /// All internal references.
    Any,
    /// What `ref.eq` compares: i31, structures and arrays.
    Eq,
    /// 31-bit integers.
    I31,
    /// All arrays.
    Array,
    /// Arrays of a type.
    ConcreteArray(ArrayType),
    /// All structures.
    Struct,
    /// Structures of a type.
    ConcreteStruct(StructType),
    /// Nothing below `any`: only null.
    None,
    /// All exceptions.
    Exn,
    /// Nothing below `exn`: only null.
    NoExn,
}

/// The top of a hierarchy of heap types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeapTopType {
    /// References of the host.
    Extern,
    /// Internal references.
    Any,
    /// References to functions.
    Func,
    /// References to exceptions.
    Exn,
}

impl HeapType {
    /// Returns the top of its hierarchy.
    #[must_use]
    pub const fn top(&self) -> HeapTopType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapTopType::Extern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapTopType::Func,
            HeapType::Any
            | HeapType::Eq
            | HeapType::I31
            | HeapType::Array
            | HeapType::ConcreteArray(_)
            | HeapType::Struct
            | HeapType::ConcreteStruct(_)
            | HeapType::None => HeapTopType::Any,
            HeapType::Exn | HeapType::NoExn => HeapTopType::Exn,
        }
    }

    /// Returns the type of a kind. If it is a defined type, it must be alive.
    pub(crate) fn from_kind(engine: &Engine, kind: HeapKind) -> HeapType {
        match kind {
            HeapKind::Any => HeapType::Any,
            HeapKind::Eq => HeapType::Eq,
            HeapKind::I31 => HeapType::I31,
            HeapKind::Struct => HeapType::Struct,
            HeapKind::Array => HeapType::Array,
            HeapKind::None => HeapType::None,
            HeapKind::Func => HeapType::Func,
            HeapKind::NoFunc => HeapType::NoFunc,
            HeapKind::Extern => HeapType::Extern,
            HeapKind::NoExtern => HeapType::NoExtern,
            HeapKind::Exn => HeapType::Exn,
            HeapKind::NoExn => HeapType::NoExn,
            HeapKind::Defined(id, shape) => {
                let defined = match shape {
                    Shape::Func => FuncType::from_id(engine, id).map(HeapType::ConcreteFunc),
                    Shape::Struct => StructType::from_id(engine, id).map(HeapType::ConcreteStruct),
                    Shape::Array => ArrayType::from_id(engine, id).map(HeapType::ConcreteArray),
                };
                defined.unwrap_or_else(|| unreachable!("T1: types in use are alive"))
            }
        }
    }
}

impl From<Top> for HeapTopType {
    fn from(top: Top) -> HeapTopType {
        match top {
            Top::Any => HeapTopType::Any,
            Top::Func => HeapTopType::Func,
            Top::Extern => HeapTopType::Extern,
            Top::Exn => HeapTopType::Exn,
        }
    }
}

impl RefType {
    /// Makes a reference type.
    #[must_use]
    pub const fn new(nullable: bool, heap_type: HeapType) -> RefType {
        RefType {
            nullable,
            heap_type,
        }
    }

    pub(crate) fn from_kind(engine: &Engine, kind: RefKind) -> RefType {
        RefType {
            nullable: kind.nullable,
            heap_type: HeapType::from_kind(engine, kind.heap),
        }
    }
}

impl ValType {
    /// `(ref null any)`.
    pub const ANYREF: ValType = ValType::Ref(RefType::new(true, HeapType::Any));
    /// `(ref null extern)`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::new(true, HeapType::Extern));
    /// `(ref null func)`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::new(true, HeapType::Func));
    /// `(ref null exn)`.
    pub const EXNREF: ValType = ValType::Ref(RefType::new(true, HeapType::Exn));

    pub(crate) fn from_kind(engine: &Engine, kind: ValKind) -> ValType {
        match kind {
            ValKind::I32 => ValType::I32,
            ValKind::I64 => ValType::I64,
            ValKind::F32 => ValType::F32,
            ValKind::F64 => ValType::F64,
            ValKind::V128 => ValType::V128,
            ValKind::Ref(r) => ValType::Ref(RefType::from_kind(engine, r)),
        }
    }
}

impl FieldType {
    /// Makes a field type.
    #[must_use]
    pub const fn new(mutability: Mutability, element_type: StorageType) -> FieldType {
        FieldType {
            mutability,
            element_type,
        }
    }

    pub(super) fn from_kind(engine: &Engine, kind: FieldKind) -> FieldType {
        FieldType {
            mutability: mutability(kind.mutable),
            element_type: match kind.storage {
                StorageKind::I8 => StorageType::I8,
                StorageKind::I16 => StorageType::I16,
                StorageKind::Val(v) => StorageType::ValType(ValType::from_kind(engine, v)),
            },
        }
    }
}

pub(super) fn mutability(mutable: bool) -> Mutability {
    if mutable {
        Mutability::Var
    } else {
        Mutability::Const
    }
}

impl FuncType {
    /// Returns the parameters and results in canonical form.
    pub(crate) fn sig(&self) -> &FuncSig {
        match &self.0.def.composite {
            Composite::Func(sig) => sig,
            Composite::Struct(_) | Composite::Array(_) => unreachable!("a function type"),
        }
    }

    /// Parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        let kinds = self.sig().params.iter();
        kinds.map(|kind| ValType::from_kind(&self.0.engine, *kind))
    }

    /// Results.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        let kinds = self.sig().results.iter();
        kinds.map(|kind| ValType::from_kind(&self.0.engine, *kind))
    }
}

impl StructType {
    /// Fields in canonical form.
    pub(crate) fn field_kinds(&self) -> &[FieldKind] {
        match &self.0.def.composite {
            Composite::Struct(fields) => fields,
            Composite::Func(_) | Composite::Array(_) => unreachable!("a structure type"),
        }
    }

    /// Fields.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        let kinds = self.field_kinds().iter();
        kinds.map(|kind| FieldType::from_kind(&self.0.engine, *kind))
    }
}

impl ArrayType {
    /// Element in canonical form.
    pub(crate) fn element_kind(&self) -> FieldKind {
        match &self.0.def.composite {
            Composite::Array(element) => *element,
            Composite::Func(_) | Composite::Struct(_) => unreachable!("an array type"),
        }
    }

    /// Element.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        FieldType::from_kind(&self.0.engine, self.element_kind())
    }
}

/// Returns the function type of a living entity, which keeps its type alive.
pub(crate) fn func_type(engine: &Engine, id: TypeId) -> FuncType {
    FuncType::from_id(engine, id).unwrap_or_else(|| unreachable!("T1: types in use are alive"))
}
