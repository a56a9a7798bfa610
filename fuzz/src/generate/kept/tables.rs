//! Table instructions whose effects are read back at once: on first and last elements, growth with
//! a value, overlapping copies, segments from an offset, and dropped segments.

use super::objects::Segment;
use super::sizes::length;
use crate::generate::generator::Gen;
use crate::program::{ElemId, Expr, Field, Mode, Op, Storage, TableId, TableOp, TableTy, Ty};

fn read(id: TableId, ty: &TableTy, at: Expr) -> Expr {
    Expr::value(Op::Table(TableOp::Get(id)), vec![at], Ty::Ref(ty.elem))
}

/// One change, and what is there afterwards.
pub(super) fn tables(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (id, ty) = g.writable_table(|_, t| t.min > 0)?;
    let min = ty.min as u32;
    let (at, n) = g.range_in(min);
    let index = g.hidden(Expr::index(ty.is64, at.into()));
    let count = Expr::index(ty.is64, n.into());
    let elem = Ty::Ref(ty.elem);
    let mut out = Vec::new();
    match g.src.below(6) {
        0 => {
            let last = g.hidden(Expr::index(ty.is64, u64::from(min - 1)));
            let args = vec![last, g.filled(elem)];
            out.push(Expr::stmt(Op::Table(TableOp::Set(id)), args));
            out.push(read(id, &ty, Expr::index(ty.is64, u64::from(min - 1))));
        }
        1 => {
            let args = vec![index, g.filled(elem), count];
            out.push(Expr::stmt(Op::Table(TableOp::Fill(id)), args));
        }
        2 => {
            let start = match g.src.below(3) {
                0 => min - n,
                1 => at.saturating_sub(1).min(min - n),
                _ => g.src.range(0, min - n),
            };
            let args = vec![index, g.hidden(Expr::index(ty.is64, start.into())), count];
            out.push(Expr::stmt(Op::Table(TableOp::Copy(id, id)), args));
        }
        3 => {
            // What growth adds is at the end, so it is read with the old size as the index.
            let by = match (ty.is64, g.src.below(7)) {
                (_, 0) => 0,
                (true, 1) => (1 << 32) + 1,
                (_, 1) => 0xffff_ffff,
                (_, 2) => u64::from(length(g, 65)),
                _ => u64::from(g.src.range(1, 3)),
            };
            let args = vec![g.filled(elem), g.hidden(Expr::index(ty.is64, by))];
            out.push(Expr::value(Op::Table(TableOp::Grow(id)), args, ty.index()));
            out.push(Expr::value(
                Op::Table(TableOp::Size(id)),
                Vec::new(),
                ty.index(),
            ));
        }
        4 => {
            let field = Field {
                storage: Storage::Val(elem),
                mutable: true,
            };
            let Some((Segment::Elem(segment), from, most)) = g.segment_for(field) else {
                return None;
            };
            let n = most.min(min - at);
            let args = vec![index, g.hidden(Expr::i32(from as i32)), Expr::i32(n as i32)];
            out.push(Expr::stmt(Op::Table(TableOp::Init(id, segment)), args));
        }
        _ => {
            let dead = dead_segment(g, &ty)?;
            out.push(Expr::stmt(Op::Table(TableOp::ElemDrop(dead)), Vec::new()));
            let args = vec![index, Expr::i32(0), Expr::i32(0)];
            out.push(Expr::stmt(Op::Table(TableOp::Init(id, dead)), args));
        }
    }
    for _ in 0..2 {
        let at = g.src.range(0, min - 1);
        let at = g.hidden(Expr::index(ty.is64, at.into()));
        out.push(read(id, &ty, at));
    }
    Some(out)
}

/// A segment without items: active, declared, or one that is dropped before every use.
fn dead_segment(g: &mut Gen<'_>, ty: &TableTy) -> Option<ElemId> {
    let dead: Vec<ElemId> =
        g.m.elems
            .iter()
            .filter(|e| !matches!(e.mode, Mode::Passive) || g.dropped_elems.contains(&e.id))
            .filter(|e| g.types.ref_matches(e.ty, ty.elem))
            .map(|e| e.id)
            .collect();
    g.src.pick(&dead)
}

/// An access outside of a table, or to a dropped segment.
pub(super) fn outside(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (id, ty) = g.writable_table(|_, _| true)?;
    // Growth adds little, and never up to here.
    let far = match (ty.is64, g.src.below(4)) {
        (true, 0) => 1 << 32,
        (true, 1) => u64::MAX,
        (_, 2) => 1 << 31,
        (_, 3) => 0xffff_ffff,
        _ => 100_000,
    };
    let at = g.hidden(Expr::index(ty.is64, far));
    let n = Expr::index(ty.is64, g.src.range(0, 2).into());
    let zero = Expr::index(ty.is64, 0);
    let elem = Ty::Ref(ty.elem);
    Some(vec![match g.src.below(7) {
        0 => read(id, &ty, at),
        1 => {
            let value = g.filled(elem);
            Expr::stmt(Op::Table(TableOp::Set(id)), vec![at, value])
        }
        2 => {
            let value = g.filled(elem);
            Expr::stmt(Op::Table(TableOp::Fill(id)), vec![at, value, n])
        }
        3 => Expr::stmt(Op::Table(TableOp::Copy(id, id)), vec![at, zero, n]),
        4 => Expr::stmt(Op::Table(TableOp::Copy(id, id)), vec![zero, at, n]),
        5 => {
            let dead = dead_segment(g, &ty)?;
            let (from, n) = [(0, 1), (1, 0), (-1, 0)][g.src.below(3)];
            let drop = Expr::stmt(Op::Table(TableOp::ElemDrop(dead)), Vec::new());
            let args = vec![zero, Expr::i32(from), Expr::i32(n)];
            let init = Expr::stmt(Op::Table(TableOp::Init(id, dead)), args);
            return Some(vec![drop, init]);
        }
        _ => {
            let field = Field {
                storage: Storage::Val(elem),
                mutable: true,
            };
            let Some((Segment::Elem(segment), from, _)) = g.segment_for(field) else {
                return None;
            };
            let from = g.hidden(Expr::i32(from as i32 | i32::MIN));
            let args = vec![zero, from, Expr::i32(g.src.range(0, 1) as i32)];
            Expr::stmt(Op::Table(TableOp::Init(id, segment)), args)
        }
    }])
}
