//! Reference instructions, `i31` and conversions.

use wasm_encoder::Instruction as I;

use super::spaces::{Context, Dangling};
use crate::program::ops::{RefOp, Sign};

impl RefOp {
    /// Returns the instruction with indices.
    pub(super) fn encoded(&self, cx: &Context<'_>) -> Result<I<'static>, Dangling> {
        Ok(match self {
            RefOp::Null(h) => I::RefNull(cx.heap(*h)?),
            RefOp::Func(f) => I::RefFunc(cx.func(*f)?),
            RefOp::IsNull => I::RefIsNull,
            RefOp::Eq => I::RefEq,
            RefOp::AsNonNull => I::RefAsNonNull,
            RefOp::Test(r) if r.null => I::RefTestNullable(cx.heap(r.heap)?),
            RefOp::Test(r) => I::RefTestNonNull(cx.heap(r.heap)?),
            RefOp::Cast(r) if r.null => I::RefCastNullable(cx.heap(r.heap)?),
            RefOp::Cast(r) => I::RefCastNonNull(cx.heap(r.heap)?),
            RefOp::I31 => I::RefI31,
            RefOp::I31Get(Sign::Unsigned) => I::I31GetU,
            RefOp::I31Get(Sign::Signed | Sign::Plain) => I::I31GetS,
            RefOp::AnyConvertExtern => I::AnyConvertExtern,
            RefOp::ExternConvertAny => I::ExternConvertAny,
        })
    }
}
