//! Structure and array instructions.

use wasm_encoder::Instruction as I;

use super::spaces::{Context, Dangling};
use crate::program::ops::{ArrayOp, Sign, StructOp};

impl StructOp {
    /// Returns the instruction with indices.
    pub(super) fn encoded(&self, cx: &Context<'_>) -> Result<I<'static>, Dangling> {
        Ok(match self {
            StructOp::New(t) => I::StructNew(cx.ty(*t)?),
            StructOp::NewDefault(t) => I::StructNewDefault(cx.ty(*t)?),
            StructOp::Get(t, field_index, sign) => {
                let (struct_type_index, field_index) = (cx.ty(*t)?, *field_index);
                match sign {
                    Sign::Plain => I::StructGet {
                        struct_type_index,
                        field_index,
                    },
                    Sign::Signed => I::StructGetS {
                        struct_type_index,
                        field_index,
                    },
                    Sign::Unsigned => I::StructGetU {
                        struct_type_index,
                        field_index,
                    },
                }
            }
            StructOp::Set(t, field_index) => I::StructSet {
                struct_type_index: cx.ty(*t)?,
                field_index: *field_index,
            },
        })
    }
}

impl ArrayOp {
    /// Returns the instruction with indices.
    pub(super) fn encoded(&self, cx: &Context<'_>) -> Result<I<'static>, Dangling> {
        Ok(match self {
            ArrayOp::New(t) => I::ArrayNew(cx.ty(*t)?),
            ArrayOp::NewDefault(t) => I::ArrayNewDefault(cx.ty(*t)?),
            ArrayOp::NewFixed(t, n) => I::ArrayNewFixed {
                array_type_index: cx.ty(*t)?,
                array_size: *n,
            },
            ArrayOp::NewData(t, d) => I::ArrayNewData {
                array_type_index: cx.ty(*t)?,
                array_data_index: cx.data(*d)?,
            },
            ArrayOp::NewElem(t, e) => I::ArrayNewElem {
                array_type_index: cx.ty(*t)?,
                array_elem_index: cx.elem(*e)?,
            },
            ArrayOp::Get(t, Sign::Plain) => I::ArrayGet(cx.ty(*t)?),
            ArrayOp::Get(t, Sign::Signed) => I::ArrayGetS(cx.ty(*t)?),
            ArrayOp::Get(t, Sign::Unsigned) => I::ArrayGetU(cx.ty(*t)?),
            ArrayOp::Set(t) => I::ArraySet(cx.ty(*t)?),
            ArrayOp::Len => I::ArrayLen,
            ArrayOp::Fill(t) => I::ArrayFill(cx.ty(*t)?),
            ArrayOp::Copy(to, from) => I::ArrayCopy {
                array_type_index_dst: cx.ty(*to)?,
                array_type_index_src: cx.ty(*from)?,
            },
            ArrayOp::InitData(t, d) => I::ArrayInitData {
                array_type_index: cx.ty(*t)?,
                array_data_index: cx.data(*d)?,
            },
            ArrayOp::InitElem(t, e) => I::ArrayInitElem {
                array_type_index: cx.ty(*t)?,
                array_elem_index: cx.elem(*e)?,
            },
        })
    }
}
