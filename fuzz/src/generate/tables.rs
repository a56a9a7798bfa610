//! Tables of references (specification, "Table instructions").
//!
//! Tables never shrink, so an index below the initial size is always in bounds. Instructions read
//! the tables for indirect calls (`fixed_tables`) and do not write them.

use super::calc;
use super::classes::{I32, REF, STMT};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{ElemId, Expr, Mode, Op, TableId, TableOp, TableTy, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Tables,
        weight: 38,
        classes: REF,
        make: table_get,
    },
    Row {
        feature: Feature::Tables,
        weight: 40,
        classes: STMT,
        make: table_set,
    },
    Row {
        feature: Feature::Tables,
        weight: 6,
        classes: I32,
        make: table_size,
    },
    Row {
        feature: Feature::TableGrow,
        weight: 14,
        classes: I32,
        make: table_grow,
    },
    Row {
        feature: Feature::TableGrow,
        weight: 22,
        classes: STMT,
        make: table_grow_dropped,
    },
    Row {
        feature: Feature::TableBulk,
        weight: 26,
        classes: STMT,
        make: table_fill,
    },
    Row {
        feature: Feature::TableBulk,
        weight: 28,
        classes: STMT,
        make: table_copy,
    },
    Row {
        feature: Feature::TableInit,
        weight: 40,
        classes: STMT,
        make: table_init,
    },
    Row {
        feature: Feature::TableInit,
        weight: 11,
        classes: STMT,
        make: elem_drop,
    },
];

fn table_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, ty) = g.table_where(|g, _, t| g.types.matches(Ty::Ref(t.elem), want))?;
    let at = g.table_index(&ty);
    Some(Expr::value(
        Op::Table(TableOp::Get(id)),
        vec![at],
        Ty::Ref(ty.elem),
    ))
}

fn table_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, ty) = g.writable_table(|_, _| true)?;
    let mut args = vec![g.table_index(&ty)];
    args.extend(g.args(&[Ty::Ref(ty.elem)]));
    Some(Expr::stmt(Op::Table(TableOp::Set(id)), args))
}

fn table_size(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, ty) = g.table_where(|_, _, _| true)?;
    let size = Expr::value(Op::Table(TableOp::Size(id)), Vec::new(), ty.index());
    Some(if ty.is64 { calc::wrap(size) } else { size })
}

fn table_grow(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, ty) = g.writable_table(|_, _| true)?;
    let mut args = g.args(&[Ty::Ref(ty.elem)]);
    let by = g.growth();
    args.push(g.table_number(&ty, by));
    let grow = Expr::value(Op::Table(TableOp::Grow(id)), args, ty.index());
    Some(if ty.is64 { calc::wrap(grow) } else { grow })
}

fn table_grow_dropped(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    table_grow(g, want).map(Expr::drop)
}

fn table_fill(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, ty) = g.writable_table(|_, _| true)?;
    let (at, n) = g.table_range(&ty);
    let mut args = vec![g.table_number(&ty, at)];
    args.extend(g.args(&[Ty::Ref(ty.elem)]));
    args.push(g.table_number(&ty, n));
    Some(Expr::stmt(Op::Table(TableOp::Fill(id)), args))
}

fn table_copy(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (to, to_ty) = g.writable_table(|_, _| true)?;
    let other =
        g.table_where(|g, _, t| g.types.ref_matches(t.elem, to_ty.elem) && g.src.chance(60));
    let (from, from_ty) = match other {
        Some(found) if g.src.chance(60) => found,
        _ => (to, to_ty),
    };
    let (to_at, n) = g.table_range(&to_ty);
    let (from_at, m) = g.table_range(&from_ty);
    let n = n.min(m);
    let count_ty = TableTy {
        is64: to_ty.is64 && from_ty.is64,
        ..to_ty
    };
    let args = vec![
        g.table_number(&to_ty, to_at),
        g.table_number(&from_ty, from_at),
        g.table_number(&count_ty, n),
    ];
    Some(Expr::stmt(Op::Table(TableOp::Copy(to, from)), args))
}

fn table_init(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (table, ty) = g.writable_table(|g, t| g.elem_for(t).is_some())?;
    let (elem, items) = g.elem_for(&ty)?;
    let (at, room) = g.table_range(&ty);
    let (from, n) = g.part(items, 1);
    let n = n.min(room);
    let args = vec![
        g.table_number(&ty, at),
        Expr::i32(from as i32),
        Expr::i32(n as i32),
    ];
    Some(Expr::stmt(Op::Table(TableOp::Init(table, elem)), args))
}

fn elem_drop(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    if g.kept {
        return None;
    }
    let elems: Vec<ElemId> = g.m.elems.iter().map(|e| e.id).collect();
    let elem = g.src.pick(&elems)?;
    Some(Expr::stmt(Op::Table(TableOp::ElemDrop(elem)), Vec::new()))
}

impl Gen<'_> {
    /// A table for which the condition holds.
    pub(super) fn table_where(
        &mut self,
        mut keep: impl FnMut(&mut Self, TableId, &TableTy) -> bool,
    ) -> Option<(TableId, TableTy)> {
        let all: Vec<(TableId, TableTy)> = self.m.tables.iter().map(|t| (t.id, t.ty)).collect();
        let kept: Vec<_> = all
            .into_iter()
            .filter(|(id, ty)| keep(self, *id, ty))
            .collect();
        self.src.pick(&kept)
    }

    /// A table that may be written and for which the condition holds.
    pub(super) fn writable_table(
        &mut self,
        keep: impl Fn(&mut Self, &TableTy) -> bool,
    ) -> Option<(TableId, TableTy)> {
        self.table_where(|g, id, ty| !g.fixed_tables.contains(&id) && keep(g, ty))
    }

    /// A passive segment whose elements fit.
    fn elem_for(&mut self, ty: &TableTy) -> Option<(ElemId, u32)> {
        let elems: Vec<(ElemId, u32)> = self
            .m
            .elems
            .iter()
            .filter(|e| matches!(e.mode, Mode::Passive) && self.types.ref_matches(e.ty, ty.elem))
            .map(|e| (e.id, e.items.len() as u32))
            .collect();
        self.src.pick(&elems)
    }

    /// A constant of the table's index type.
    pub(super) fn table_number(&self, ty: &TableTy, n: u32) -> Expr {
        Expr::index(ty.is64, n.into())
    }

    /// An index within bounds, mostly constant.
    pub(super) fn table_index(&mut self, ty: &TableTy) -> Expr {
        let min = ty.min as u32;
        if min == 0 || self.bare() {
            let n = self.src.range(0, min + 3);
            return self.table_number(ty, n);
        }
        if self.src.chance(70) {
            let n = self.src.range(0, min - 1);
            return self.table_number(ty, n);
        }
        let drawn = self.expr(Ty::I32);
        let inside = calc::rem_u(drawn, Expr::i32(min as i32));
        if ty.is64 {
            calc::extend(inside)
        } else {
            inside
        }
    }

    /// Returns an offset and a count within the initial size, sometimes zero elements at its end.
    fn table_range(&mut self, ty: &TableTy) -> (u32, u32) {
        let min = ty.min as u32;
        if self.bare() {
            return (self.src.range(0, min + 3), self.src.range(0, 3));
        }
        let at = self.src.range(0, min);
        (at, self.src.range(0, min - at))
    }

    /// Draws by how much to grow. It can be zero, or more than is allowed.
    pub(super) fn growth(&mut self) -> u32 {
        match self.src.below(8) {
            0 | 1 => 0,
            2 => 1_000_000,
            _ => self.src.range(1, 3),
        }
    }
}
