//! The types that programs of [`Op`](super::Op)s use. Among them are a subtype with more fields,
//! wide and empty structures, arrays of elements of every width, and an exception with references
//! in its payload. Every storage type occurs.

use std::sync::Arc;

use crate::heap::layouts::TypeSource;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

/// The number that stands for the type of a reference of the host.
pub const HOST: u32 = 0;
/// A structure of a number and any reference.
pub const NODE: u32 = 1;
/// A subtype of [`NODE`] with more fields.
pub const SUBNODE: u32 = 2;
/// A structure with fields of every storage type.
pub const MIXED: u32 = 3;
/// A structure without fields.
pub const EMPTY: u32 = 4;
/// A structure of many references.
pub const WIDE: u32 = 5;
/// Arrays of any references.
pub const REFS: u32 = 6;
/// Arrays of references to [`NODE`].
pub const NODES: u32 = 7;
/// Arrays of bytes.
pub const BYTES: u32 = 8;
/// Arrays of i64.
pub const LONGS: u32 = 9;
/// Arrays of v128.
pub const VECTORS: u32 = 10;
/// Arrays of references of the host.
pub const EXTERNS: u32 = 11;
/// The function type of the one tag.
pub const EXCEPTION: u32 = 12;

/// Structure types.
pub const STRUCTS: [u32; 5] = [NODE, SUBNODE, MIXED, EMPTY, WIDE];
/// Array types.
pub const ARRAYS: [u32; 6] = [REFS, NODES, BYTES, LONGS, VECTORS, EXTERNS];
/// The number of functions.
pub const FUNCTIONS: u32 = 10;

const fn reference(heap: HeapKind) -> StorageKind {
    StorageKind::Val(ValKind::Ref(RefKind {
        nullable: true,
        heap,
    }))
}

const ANY: StorageKind = reference(HeapKind::Any);
const EQ: StorageKind = reference(HeapKind::Eq);
const I31: StorageKind = reference(HeapKind::I31);
const EXTERN: StorageKind = reference(HeapKind::Extern);
const FUNC: StorageKind = reference(HeapKind::Func);
const NODE_REF: StorageKind = reference(HeapKind::Defined(TypeId(NODE), Shape::Struct));
const I32: StorageKind = StorageKind::Val(ValKind::I32);
const I64: StorageKind = StorageKind::Val(ValKind::I64);
const F64: StorageKind = StorageKind::Val(ValKind::F64);
const V128: StorageKind = StorageKind::Val(ValKind::V128);

/// Returns the storage types of the fields of a type, or that of the elements of an array.
#[must_use]
pub fn storages(ty: u32) -> &'static [StorageKind] {
    match ty {
        NODE => &[I32, ANY],
        SUBNODE => &[I32, ANY, EQ, I64],
        MIXED => &[
            StorageKind::I8,
            NODE_REF,
            V128,
            StorageKind::I16,
            I31,
            F64,
            FUNC,
            EXTERN,
        ],
        EMPTY => &[],
        WIDE => &[ANY; 40],
        REFS => &[ANY],
        NODES => &[NODE_REF],
        BYTES => &[StorageKind::I8],
        LONGS => &[I64],
        VECTORS => &[V128],
        EXTERNS => &[EXTERN],
        EXCEPTION => &[I32, ANY, EXTERN],
        _ => &[],
    }
}

/// The source of these types.
#[derive(Debug)]
pub struct Types(Vec<Arc<TypeDef>>);

impl Types {
    /// Defines all types.
    #[must_use]
    pub fn new() -> Types {
        Types((NODE..=EXCEPTION).map(|ty| Arc::new(define(ty))).collect())
    }
}

fn define(ty: u32) -> TypeDef {
    let field = |&storage: &StorageKind| FieldKind {
        storage,
        mutable: true,
    };
    let storages = storages(ty);
    let composite = if ARRAYS.contains(&ty) {
        Composite::Array(field(&storages[0]))
    } else if ty == EXCEPTION {
        let value = |s: &StorageKind| match s {
            StorageKind::Val(value) => *value,
            StorageKind::I8 | StorageKind::I16 => ValKind::I32,
        };
        Composite::Func(FuncSig {
            params: storages.iter().map(value).collect(),
            results: Box::new([]),
        })
    } else {
        Composite::Struct(storages.iter().map(field).collect())
    };
    TypeDef {
        is_final: ty != NODE,
        supertype: (ty == SUBNODE).then_some(TypeId(NODE)),
        composite,
        depth: u32::from(ty == SUBNODE),
    }
}

impl TypeSource for Types {
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        self.0.get((id.0 as usize).checked_sub(1)?).cloned()
    }
}
