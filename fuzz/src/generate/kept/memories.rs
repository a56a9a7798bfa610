//! Loads and stores of every width at both ends of a memory, bulk operations near the ends, and
//! segments, some of them dropped. Everything that is read is kept.

use super::operands;
use crate::generate::calc;
use crate::generate::generator::{Gen, PAGE};
use crate::program::{DataId, Expr, Load, MemId, MemoryOp, Mode, Op, Store, Ty};

/// Every load with the type and the bytes of what it reads.
const LOADS: &[(Load, Ty, u64)] = &[
    (Load::I32, Ty::I32, 4),
    (Load::I64, Ty::I64, 8),
    (Load::F32, Ty::F32, 4),
    (Load::F64, Ty::F64, 8),
    (Load::I32S8, Ty::I32, 1),
    (Load::I32U8, Ty::I32, 1),
    (Load::I32S16, Ty::I32, 2),
    (Load::I32U16, Ty::I32, 2),
    (Load::I64S8, Ty::I64, 1),
    (Load::I64U8, Ty::I64, 1),
    (Load::I64S16, Ty::I64, 2),
    (Load::I64U16, Ty::I64, 2),
    (Load::I64S32, Ty::I64, 4),
    (Load::I64U32, Ty::I64, 4),
    (Load::V128, Ty::V128, 16),
    (Load::V128Splat8, Ty::V128, 1),
    (Load::V128Splat16, Ty::V128, 2),
    (Load::V128Splat32, Ty::V128, 4),
    (Load::V128Splat64, Ty::V128, 8),
    (Load::V128Zero32, Ty::V128, 4),
    (Load::V128Zero64, Ty::V128, 8),
    (Load::V128S8x8, Ty::V128, 8),
    (Load::V128U8x8, Ty::V128, 8),
    (Load::V128S16x4, Ty::V128, 8),
    (Load::V128U16x4, Ty::V128, 8),
    (Load::V128S32x2, Ty::V128, 8),
    (Load::V128U32x2, Ty::V128, 8),
];

/// Every store with the type of its operand and the bytes that it writes.
const STORES: &[(Store, Ty, u64)] = &[
    (Store::I32, Ty::I32, 4),
    (Store::I64, Ty::I64, 8),
    (Store::F32, Ty::F32, 4),
    (Store::F64, Ty::F64, 8),
    (Store::I32As8, Ty::I32, 1),
    (Store::I32As16, Ty::I32, 2),
    (Store::I64As8, Ty::I64, 1),
    (Store::I64As16, Ty::I64, 2),
    (Store::I64As32, Ty::I64, 4),
    (Store::V128, Ty::V128, 16),
];

/// A memory: its name, its least size in bytes, and the type of its addresses.
fn any(g: &mut Gen<'_>) -> Option<(MemId, u64, Ty)> {
    let mems: Vec<_> =
        g.m.mems
            .iter()
            .map(|m| (m.id, m.min * PAGE, m.index()))
            .collect();
    g.src.pick(&mems).filter(|&(_, size, _)| size > 0)
}

fn number(index: Ty, n: u64) -> Expr {
    match index {
        Ty::I64 => Expr::i64(n as i64),
        _ => Expr::i32(n as u32 as i32),
    }
}

/// Returns an address and a constant offset for an access of `bytes` bytes.
fn place(g: &mut Gen<'_>, size: u64, index: Ty, bytes: u64) -> (Expr, u32) {
    let end = match g.src.below(4) {
        0 => size,
        _ => bytes + u64::from(g.src.range(0, 40)),
    };
    let at = end - bytes;
    let offset = u64::from(g.src.range(0, 8)).min(at);
    let address = g.hidden(number(index, at - offset));
    (address, offset as u32)
}

/// A store, and a load that overlaps it.
pub(super) fn accesses(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mem, size, index) = any(g)?;
    let mut out = Vec::new();
    let (store, ty, bytes) = STORES[g.src.below(STORES.len())];
    let (address, offset) = place(g, size, index, bytes);
    let value = g.operand(ty);
    let lane_bytes = 1 << g.src.below(4);
    let lane = g.src.range(0, 16 / lane_bytes - 1) as u8;
    out.push(if g.src.chance(15) {
        let vector = operands::edge(&mut g.src, Ty::V128);
        let (address, offset) = place(g, size, index, lane_bytes.into());
        Expr::stmt(
            Op::Memory(MemoryOp::StoreLane(lane_bytes as u8, lane, mem, offset)),
            vec![address, vector],
        )
    } else {
        Expr::stmt(
            Op::Memory(MemoryOp::Store(store, mem, offset)),
            vec![address, value],
        )
    });
    for _ in 0..g.src.range(1, 2) {
        if g.src.chance(15) {
            let vector = g.operand(Ty::V128);
            let (address, offset) = place(g, size, index, lane_bytes.into());
            out.push(Expr::value(
                Op::Memory(MemoryOp::LoadLane(lane_bytes as u8, lane, mem, offset)),
                vec![address, vector],
                Ty::V128,
            ));
            continue;
        }
        let (load, ty, bytes) = LOADS[g.src.below(LOADS.len())];
        let (address, offset) = place(g, size, index, bytes);
        let op = Op::Memory(MemoryOp::Load(load, mem, offset));
        out.push(Expr::value(op, vec![address], ty));
    }
    Some(out)
}

/// Bulk operations that end at the end of the memory or near its start, and the bytes that they
/// leave there.
pub(super) fn bulk(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mem, size, index) = any(g)?;
    let n = u64::from(g.src.range(0, 24));
    let at = match g.src.below(3) {
        0 => size - n,
        _ => u64::from(g.src.range(0, 40)),
    };
    let start = match g.src.below(4) {
        0 => size - n,
        1 => at.saturating_sub(3),
        _ => u64::from(g.src.range(0, 40)),
    };
    let address = g.hidden(number(index, at));
    let statement = match g.src.below(3) {
        0 => {
            let args = vec![address, g.operand(Ty::I32), number(index, n)];
            Expr::stmt(Op::Memory(MemoryOp::Fill(mem)), args)
        }
        1 => {
            let args = vec![address, number(index, start), number(index, n)];
            Expr::stmt(Op::Memory(MemoryOp::Copy(mem, mem)), args)
        }
        _ => match live_data(g) {
            Some((data, bytes)) => {
                let n = (n as u32).min(bytes);
                let from = g.src.range(0, bytes - n);
                let from = g.hidden(Expr::i32(from as i32));
                let args = vec![address, from, Expr::i32(n as i32)];
                Expr::stmt(Op::Memory(MemoryOp::Init(mem, data)), args)
            }
            None => Expr::stmt(Op::Nop, Vec::new()),
        },
    };
    let read = number(index, at.min(size - 8));
    let load = Op::Memory(MemoryOp::Load(Load::I64, mem, 0));
    Some(vec![statement, Expr::value(load, vec![read], Ty::I64)])
}

/// Sizes and growth. A failure is a result as well.
pub(super) fn growth(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mem, size, index) = any(g)?;
    let by = match index {
        Ty::I64 => [0, 1, 1, 1 << 32, (1 << 48) + 1, u64::MAX][g.src.below(6)],
        _ => [0, 1, 1, 65_537, 1 << 31, 0xffff_ffff][g.src.below(6)],
    };
    let by = g.hidden(number(index, by));
    let pages = || Expr::value(Op::Memory(MemoryOp::Size(mem)), Vec::new(), index);
    let grow = Expr::value(Op::Memory(MemoryOp::Grow(mem)), vec![by], index);
    // What was in the last bytes before, and what is there afterwards.
    let last = match index {
        Ty::I64 => calc::sub64(calc::mul64(pages(), Expr::i64(PAGE as i64)), Expr::i64(8)),
        _ => calc::sub(calc::mul(pages(), Expr::i32(PAGE as i32)), Expr::i32(8)),
    };
    let before = number(index, size - 8);
    let value = g.operand(Ty::I64);
    let load = |at: Expr| {
        let op = Op::Memory(MemoryOp::Load(Load::I64, mem, 0));
        Expr::value(op, vec![at], Ty::I64)
    };
    Some(vec![
        stored(mem, before.clone(), value),
        grow,
        pages(),
        load(before),
        load(last),
    ])
}

fn stored(mem: MemId, at: Expr, value: Expr) -> Expr {
    let op = Op::Memory(MemoryOp::Store(Store::I64, mem, 0));
    Expr::stmt(op, vec![at, value])
}

/// A copy from one memory to another, usually at places that only one of them has.
pub(super) fn between(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ((to, to_size, to_index), (from, from_size, from_index)) = (any(g)?, any(g)?);
    if to == from {
        return None;
    }
    let n = u64::from(g.src.range(0, 24));
    let [at, start] = [to_size, from_size].map(|size| match g.src.below(3) {
        0 => u64::from(g.src.range(0, 40)),
        _ => size - n,
    });
    let count = match (to_index, from_index) {
        (Ty::I64, Ty::I64) => Ty::I64,
        _ => Ty::I32,
    };
    let value = g.operand(Ty::I64);
    let written = stored(from, number(from_index, start.min(from_size - 8)), value);
    let args = vec![
        g.hidden(number(to_index, at)),
        g.hidden(number(from_index, start)),
        number(count, n),
    ];
    let copy = Expr::stmt(Op::Memory(MemoryOp::Copy(to, from)), args);
    let read = number(to_index, at.min(to_size - 8));
    let load = Op::Memory(MemoryOp::Load(Load::I64, to, 0));
    Some(vec![written, copy, Expr::value(load, vec![read], Ty::I64)])
}

/// A passive segment that nothing drops, and its length.
fn live_data(g: &mut Gen<'_>) -> Option<(DataId, u32)> {
    let datas: Vec<(DataId, u32)> =
        g.m.datas
            .iter()
            .filter(|d| matches!(d.mode, Mode::Passive) && !g.dropped_datas.contains(&d.id))
            .map(|d| (d.id, d.bytes.len() as u32))
            .collect();
    g.src.pick(&datas)
}

/// An access beyond the end. It is one byte too far, or its address has high bits that must not be
/// lost.
pub(super) fn outside(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mem, size, index) = any(g)?;
    // The memory may have grown by a page.
    let size = size + PAGE;
    let n = u64::from(g.src.range(0, 9));
    let far = match (index, g.src.below(4)) {
        (Ty::I64, 0) => (1 << 32) + u64::from(g.src.range(0, 9)),
        (Ty::I64, 1) => u64::MAX - u64::from(g.src.range(0, 9)),
        (_, 2) => 0xffff_fff0 + u64::from(g.src.range(0, 15)),
        _ => size - n + 1,
    };
    let at = g.hidden(number(index, far));
    let n = number(index, n);
    let zero = number(index, 0);
    Some(vec![match g.src.below(6) {
        0 => Expr::stmt(
            Op::Memory(MemoryOp::Fill(mem)),
            vec![at, Expr::i32(0x5a), n],
        ),
        1 => Expr::stmt(Op::Memory(MemoryOp::Copy(mem, mem)), vec![at, zero, n]),
        2 => Expr::stmt(Op::Memory(MemoryOp::Copy(mem, mem)), vec![zero, at, n]),
        3 => {
            // An access with a length whose low half is small, or a use of a dropped segment.
            let len = match index {
                Ty::I64 => Expr::i64(1 << 32),
                _ => Expr::i32(-1),
            };
            Expr::stmt(
                Op::Memory(MemoryOp::Fill(mem)),
                vec![zero, Expr::i32(1), len],
            )
        }
        4 => {
            let (store, ty, _) = STORES[g.src.below(STORES.len())];
            let value = operands::edge(&mut g.src, ty);
            Expr::stmt(
                Op::Memory(MemoryOp::Store(store, mem, u32::MAX - 3)),
                vec![at, value],
            )
        }
        _ => {
            let (load, ty, _) = LOADS[g.src.below(LOADS.len())];
            let op = Op::Memory(MemoryOp::Load(load, mem, 8));
            Expr::value(op, vec![at], ty)
        }
    }])
}

/// `memory.init` of a segment after `data.drop`, or of an active one. Length 0 is allowed at its
/// start, and not beyond it.
pub(super) fn dropped(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mem, _, index) = any(g)?;
    let dead: Vec<DataId> =
        g.m.datas
            .iter()
            .filter(|d| !matches!(d.mode, Mode::Passive) || g.dropped_datas.contains(&d.id))
            .map(|d| d.id)
            .collect();
    let data = g.src.pick(&dead)?;
    let (from, n) = [(0, 0), (0, 0), (1, 0), (0, 1)][g.src.below(4)];
    let mut out = Vec::new();
    if g.dropped_datas.contains(&data) {
        out.push(Expr::stmt(Op::Memory(MemoryOp::DataDrop(data)), Vec::new()));
    }
    out.push(Expr::stmt(
        Op::Memory(MemoryOp::Init(mem, data)),
        vec![number(index, 3), Expr::i32(from), Expr::i32(n)],
    ));
    out.push(calc::extend(Expr::i32(n)));
    Some(out)
}
