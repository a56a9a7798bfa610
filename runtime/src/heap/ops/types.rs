//! The types that programs of [`Op`](super::Op)s use: every storage type, a subtype with more
//! fields, wide and empty structures, arrays of every width, an exception with a payload of
//! references.

use std::sync::Arc;

use crate::heap::layouts::TypeSource;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

/// Structure types.
pub const STRUCTS: [u32; 5] = [1, 2, 3, 4, 5];
/// Array types.
pub const ARRAYS: [u32; 6] = [6, 7, 8, 9, 10, 11];
/// The function type of the one tag.
pub const EXCEPTION: u32 = 12;
/// Number of functions.
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
const NODE: StorageKind = reference(HeapKind::Defined(TypeId(1), Shape::Struct));
const I32: StorageKind = StorageKind::Val(ValKind::I32);
const I64: StorageKind = StorageKind::Val(ValKind::I64);
const F64: StorageKind = StorageKind::Val(ValKind::F64);
const V128: StorageKind = StorageKind::Val(ValKind::V128);

/// What each type stores, by id; the element alone for an array.
#[must_use]
pub fn storages(ty: u32) -> &'static [StorageKind] {
    match ty {
        1 => &[I32, ANY],
        2 => &[I32, ANY, EQ, I64],
        3 => &[
            StorageKind::I8,
            NODE,
            V128,
            StorageKind::I16,
            I31,
            F64,
            FUNC,
            EXTERN,
        ],
        4 => &[],
        5 => &[ANY; 40],
        6 => &[ANY],
        7 => &[NODE],
        8 => &[StorageKind::I8],
        9 => &[I64],
        10 => &[V128],
        11 => &[EXTERN],
        12 => &[I32, ANY, EXTERN],
        _ => &[],
    }
}

/// The source.
#[derive(Debug)]
pub struct Types(Vec<Arc<TypeDef>>);

impl Types {
    /// All of them.
    #[must_use]
    pub fn new() -> Types {
        Types((1..=EXCEPTION).map(|ty| Arc::new(define(ty))).collect())
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
        is_final: ty != 1,
        supertype: (ty == 2).then_some(TypeId(1)),
        composite,
        depth: u32::from(ty == 2),
    }
}

impl TypeSource for Types {
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        self.0.get((id.0 as usize).checked_sub(1)?).cloned()
    }
}
