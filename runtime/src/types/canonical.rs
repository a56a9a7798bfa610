//! The canonical form of a recursion group. References to members of the group itself are
//! positions, all others are ids.
//!
//! Two groups define the same types if and only if their canonical forms are equal (rolling and
//! unrolling of recursive types). A position is a [`TypeId`] with the bit `RELATIVE`, so one data
//! structure serves both forms.

use super::{Composite, FieldKind, FuncSig, HeapKind, StorageKind, TypeDef, TypeId, ValKind};

/// Set in a [`TypeId`] that is a position in the group being described.
const RELATIVE: u32 = 1 << 31;

impl TypeId {
    /// Returns the member of the group being described with that position.
    #[must_use]
    pub const fn relative(position: u32) -> TypeId {
        TypeId(position | RELATIVE)
    }

    /// Returns the position, if this is a member of the group being described.
    #[must_use]
    pub const fn as_relative(self) -> Option<u32> {
        if self.0 & RELATIVE != 0 {
            Some(self.0 & !RELATIVE)
        } else {
            None
        }
    }
}

/// Returns the same type with every id replaced.
#[must_use]
pub fn map_ids(def: &TypeDef, map: &mut dyn FnMut(TypeId) -> TypeId) -> TypeDef {
    TypeDef {
        is_final: def.is_final,
        supertype: def.supertype.map(&mut *map),
        composite: match &def.composite {
            Composite::Func(sig) => Composite::Func(FuncSig {
                params: sig.params.iter().map(|v| map_val(*v, map)).collect(),
                results: sig.results.iter().map(|v| map_val(*v, map)).collect(),
            }),
            Composite::Struct(fields) => {
                Composite::Struct(fields.iter().map(|f| map_field(*f, map)).collect())
            }
            Composite::Array(element) => Composite::Array(map_field(*element, map)),
        },
        depth: def.depth,
    }
}

fn map_field(field: FieldKind, map: &mut dyn FnMut(TypeId) -> TypeId) -> FieldKind {
    FieldKind {
        storage: match field.storage {
            StorageKind::I8 | StorageKind::I16 => field.storage,
            StorageKind::Val(v) => StorageKind::Val(map_val(v, map)),
        },
        mutable: field.mutable,
    }
}

fn map_val(val: ValKind, map: &mut dyn FnMut(TypeId) -> TypeId) -> ValKind {
    match val {
        ValKind::Ref(mut r) => {
            if let HeapKind::Defined(id, shape) = r.heap {
                r.heap = HeapKind::Defined(map(id), shape);
            }
            ValKind::Ref(r)
        }
        other => other,
    }
}

/// Calls `visit` with every id in the type, its supertype first.
pub fn each_id(def: &TypeDef, visit: &mut dyn FnMut(TypeId)) {
    let _ = map_ids(def, &mut |id| {
        visit(id);
        id
    });
}
