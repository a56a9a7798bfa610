//! Classes of types. A row says which classes it can make, and an expression is drawn for one
//! class.

use crate::program::{Heap, Ty, Universe};

/// A set of classes.
pub(super) type Classes = u16;
/// `i32`
pub(super) const I32: Classes = 1;
/// `i64`
pub(super) const I64: Classes = 1 << 1;
/// `f32`
pub(super) const F32: Classes = 1 << 2;
/// `f64`
pub(super) const F64: Classes = 1 << 3;
/// `v128`
pub(super) const V128: Classes = 1 << 4;
/// References below `any`.
pub(super) const ANY: Classes = 1 << 5;
/// References below `func`.
pub(super) const FUNC: Classes = 1 << 6;
/// References below `extern`.
pub(super) const EXTERN: Classes = 1 << 7;
/// References below `exn`.
pub(super) const EXN: Classes = 1 << 8;
/// No result.
pub(super) const STMT: Classes = 1 << 9;
/// All numbers.
pub(super) const NUM: Classes = I32 | I64 | F32 | F64 | V128;
/// All references.
pub(super) const REF: Classes = ANY | FUNC | EXTERN | EXN;
/// All values.
pub(super) const VALUE: Classes = NUM | REF;

/// How many single classes there are.
pub(super) const CLASS_COUNT: usize = 10;

/// The class of a wanted type.
pub(super) fn class_of(types: &Universe, ty: Ty) -> Classes {
    match ty {
        Ty::I32 => I32,
        Ty::I64 => I64,
        Ty::F32 => F32,
        Ty::F64 => F64,
        Ty::V128 => V128,
        Ty::Ref(r) => match types.top(r.heap) {
            Heap::Func => FUNC,
            Heap::Extern => EXTERN,
            Heap::Exn => EXN,
            _ => ANY,
        },
    }
}
