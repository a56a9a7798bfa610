//! Table instructions.

use wasm_encoder::Instruction as I;

use super::spaces::{Context, Dangling};
use crate::program::ops::TableOp;

impl TableOp {
    /// Returns the instruction with indices.
    pub(super) fn encoded(&self, cx: &Context<'_>) -> Result<I<'static>, Dangling> {
        Ok(match self {
            TableOp::Get(t) => I::TableGet(cx.table(*t)?),
            TableOp::Set(t) => I::TableSet(cx.table(*t)?),
            TableOp::Size(t) => I::TableSize(cx.table(*t)?),
            TableOp::Grow(t) => I::TableGrow(cx.table(*t)?),
            TableOp::Fill(t) => I::TableFill(cx.table(*t)?),
            TableOp::Copy(to, from) => I::TableCopy {
                dst_table: cx.table(*to)?,
                src_table: cx.table(*from)?,
            },
            TableOp::Init(t, e) => I::TableInit {
                elem_index: cx.elem(*e)?,
                table: cx.table(*t)?,
            },
            TableOp::ElemDrop(e) => I::ElemDrop(cx.elem(*e)?),
        })
    }
}
