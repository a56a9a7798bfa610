//! Locals and globals (specification, "Local instructions", "Global instructions").

use super::classes::{REF, STMT, VALUE};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{Expr, GlobalId, Op, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    // Something without operands.
    Row {
        feature: Feature::Basic,
        weight: 30,
        classes: VALUE,
        make: |g, want| Some(g.leaf(want)),
    },
    Row {
        feature: Feature::Basic,
        weight: 25,
        classes: VALUE,
        make: local_get,
    },
    Row {
        feature: Feature::Globals,
        weight: 20,
        classes: VALUE,
        make: global_get,
    },
    Row {
        feature: Feature::Redefinition,
        weight: 12,
        classes: VALUE,
        make: local_tee,
    },
    Row {
        feature: Feature::Basic,
        weight: 12,
        classes: STMT,
        make: local_set,
    },
    Row {
        feature: Feature::Redefinition,
        weight: 30,
        classes: STMT,
        make: local_set,
    },
    Row {
        feature: Feature::Redefinition,
        weight: 14,
        classes: REF,
        make: redefined_while_waiting,
    },
    Row {
        feature: Feature::Globals,
        weight: 40,
        classes: STMT,
        make: global_set,
    },
    Row {
        feature: Feature::Basic,
        weight: 8,
        classes: STMT,
        make: global_set,
    },
    Row {
        feature: Feature::Basic,
        weight: 8,
        classes: STMT,
        make: number_kept,
    },
    Row {
        feature: Feature::Basic,
        weight: 4,
        classes: STMT,
        make: drop_value,
    },
];

fn local_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let local = g.local_below(want)?;
    Some(Expr::get(local, g.f.locals[local.0 as usize]))
}

fn global_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (global, ty) = g.global_below(want)?;
    Some(Expr::value(Op::GlobalGet(global), Vec::new(), ty))
}

fn local_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let pool = g.f.pool.clone();
    let local = g.src.pick(&pool)?;
    let value = g.expr(g.f.locals[local.0 as usize]);
    Some(g.set_local(local, value))
}

fn local_tee(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let local = g.local_below(want)?;
    let value = g.expr(g.f.locals[local.0 as usize]);
    Some(g.tee_local(local, value))
}

/// `(local.get $x) (local.set $x new) (collect)`: the old value is only on the operand stack, and
/// is the result.
fn redefined_while_waiting(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let local = g.local_below(want)?;
    let ty = g.f.locals[local.0 as usize];
    let value = g.expr(ty);
    let mut row = vec![Expr::get(local, ty), g.set_local(local, value)];
    if g.on(Feature::AskGc) {
        row.push(g.ask_gc());
    } else {
        row.push(g.stmt());
    }
    Some(Expr::value(Op::Seq, row, ty))
}

fn global_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let globals: Vec<(GlobalId, Ty)> =
        g.m.globals
            .iter()
            .filter(|x| x.mutable && x.id != g.fuel)
            .map(|x| (x.id, x.ty))
            .collect();
    let (global, ty) = g.src.pick(&globals)?;
    let value = g.expr(ty);
    Some(Expr::stmt(Op::GlobalSet(global), vec![value]))
}

/// Adds a number to an exported global that depends on all numbers so far.
fn number_kept(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ty = [Ty::I32, Ty::I64][g.src.below(2)];
    let global = g.sink(ty)?;
    let value = g.expr(ty);
    g.absorbed(global, value)
}

fn drop_value(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ty = g.any_type();
    let value = g.expr(ty);
    Some(g.discard(value))
}

impl Gen<'_> {
    /// A global whose type matches, but not the counter.
    pub(super) fn global_below(&mut self, want: Ty) -> Option<(GlobalId, Ty)> {
        let globals: Vec<(GlobalId, Ty)> = self
            .m
            .globals
            .iter()
            .filter(|x| x.id != self.fuel && self.types.matches(x.ty, want))
            .map(|x| (x.id, x.ty))
            .collect();
        self.src.pick(&globals)
    }
}
