//! Memory instructions.

use wasm_encoder::{Instruction as I, MemArg, MemArgTarget};

use super::spaces::{Context, Dangling};
use crate::program::ops::{Load as L, MemId, MemoryOp, Store as S};

impl MemoryOp {
    /// Returns the instruction with indices.
    pub(super) fn encoded(&self, cx: &Context<'_>) -> Result<I<'static>, Dangling> {
        Ok(match self {
            MemoryOp::Load(load, mem, offset) => loaded(*load, argument(cx, *mem, *offset)?),
            MemoryOp::Store(store, mem, offset) => stored(*store, argument(cx, *mem, *offset)?),
            MemoryOp::LoadLane(bytes, lane, mem, offset) => {
                lane_loaded(*bytes, *lane, argument(cx, *mem, *offset)?)
            }
            MemoryOp::StoreLane(bytes, lane, mem, offset) => {
                lane_stored(*bytes, *lane, argument(cx, *mem, *offset)?)
            }
            MemoryOp::Size(m) => I::MemorySize(cx.mem(*m)?),
            MemoryOp::Grow(m) => I::MemoryGrow(cx.mem(*m)?),
            MemoryOp::Fill(m) => I::MemoryFill(cx.mem(*m)?),
            MemoryOp::Copy(to, from) => I::MemoryCopy {
                dst_mem: cx.mem(*to)?,
                src_mem: cx.mem(*from)?,
            },
            MemoryOp::Init(m, d) => I::MemoryInit {
                mem: cx.mem(*m)?,
                data_index: cx.data(*d)?,
            },
            MemoryOp::DataDrop(d) => I::DataDrop(cx.data(*d)?),
        })
    }
}

fn argument(cx: &Context<'_>, mem: MemId, offset: u32) -> Result<MemArg, Dangling> {
    Ok(MemArg {
        offset: u64::from(offset),
        align: 0,
        target: MemArgTarget::Memory(cx.mem(mem)?),
        ordering: None,
    })
}

fn loaded(load: L, arg: MemArg) -> I<'static> {
    match load {
        L::I32 => I::I32Load(arg),
        L::I64 => I::I64Load(arg),
        L::F32 => I::F32Load(arg),
        L::F64 => I::F64Load(arg),
        L::I32S8 => I::I32Load8S(arg),
        L::I32U8 => I::I32Load8U(arg),
        L::I32S16 => I::I32Load16S(arg),
        L::I32U16 => I::I32Load16U(arg),
        L::I64S8 => I::I64Load8S(arg),
        L::I64U8 => I::I64Load8U(arg),
        L::I64S16 => I::I64Load16S(arg),
        L::I64U16 => I::I64Load16U(arg),
        L::I64S32 => I::I64Load32S(arg),
        L::I64U32 => I::I64Load32U(arg),
        L::V128 => I::V128Load(arg),
        L::V128Splat32 => I::V128Load32Splat(arg),
        L::V128Zero64 => I::V128Load64Zero(arg),
        L::V128S8x8 => I::V128Load8x8S(arg),
        L::V128U8x8 => I::V128Load8x8U(arg),
        L::V128S16x4 => I::V128Load16x4S(arg),
        L::V128U16x4 => I::V128Load16x4U(arg),
        L::V128S32x2 => I::V128Load32x2S(arg),
        L::V128U32x2 => I::V128Load32x2U(arg),
        L::V128Splat8 => I::V128Load8Splat(arg),
        L::V128Splat16 => I::V128Load16Splat(arg),
        L::V128Splat64 => I::V128Load64Splat(arg),
        L::V128Zero32 => I::V128Load32Zero(arg),
    }
}

fn stored(store: S, arg: MemArg) -> I<'static> {
    match store {
        S::I32 => I::I32Store(arg),
        S::I64 => I::I64Store(arg),
        S::F32 => I::F32Store(arg),
        S::F64 => I::F64Store(arg),
        S::I32As8 => I::I32Store8(arg),
        S::I32As16 => I::I32Store16(arg),
        S::I64As8 => I::I64Store8(arg),
        S::I64As16 => I::I64Store16(arg),
        S::I64As32 => I::I64Store32(arg),
        S::V128 => I::V128Store(arg),
    }
}

fn lane_loaded(bytes: u8, lane: u8, memarg: MemArg) -> I<'static> {
    match bytes {
        1 => I::V128Load8Lane { memarg, lane },
        2 => I::V128Load16Lane { memarg, lane },
        4 => I::V128Load32Lane { memarg, lane },
        _ => I::V128Load64Lane { memarg, lane },
    }
}

fn lane_stored(bytes: u8, lane: u8, memarg: MemArg) -> I<'static> {
    match bytes {
        1 => I::V128Store8Lane { memarg, lane },
        2 => I::V128Store16Lane { memarg, lane },
        4 => I::V128Store32Lane { memarg, lane },
        _ => I::V128Store64Lane { memarg, lane },
    }
}
