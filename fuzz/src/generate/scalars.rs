//! Numbers (specification, "Numeric instructions", "Vector instructions").

use std::sync::LazyLock;

use super::calc;
use super::classes::{NUM, class_of};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::numeric::{Hazard, NUMERIC, NumId};
use crate::program::{Expr, Op, Ty, Universe};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Basic,
        weight: 6,
        classes: NUM,
        make: |g, want| Some(g.constant(want)),
    },
    Row {
        feature: Feature::Basic,
        weight: 3,
        classes: NUM,
        make: numeric,
    },
    Row {
        feature: Feature::Numbers,
        weight: 40,
        classes: NUM,
        make: numeric,
    },
    Row {
        feature: Feature::Vectors,
        weight: 12,
        classes: NUM,
        make: numeric,
    },
];

/// The rows of the table by the class of their result.
static BY_RESULT: LazyLock<[Vec<NumId>; 5]> = LazyLock::new(|| {
    let mut rows: [Vec<NumId>; 5] = Default::default();
    for id in (0..NUMERIC.len() as u16).map(NumId) {
        let class = class_of(&Universe::default(), id.row().result);
        rows[class.trailing_zeros() as usize].push(id);
    }
    rows
});

/// Any row of the table with the wanted result.
fn numeric(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let id = g
        .src
        .pick(&BY_RESULT[class_of(&g.types, want).trailing_zeros() as usize])?;
    let row = id.row();
    let allowed = |ty: &Ty| match ty {
        Ty::F32 | Ty::F64 => g.on(Feature::Floats) || want == *ty,
        Ty::V128 => g.on(Feature::Vectors) || want == *ty,
        _ => true,
    };
    if !row.params.iter().all(allowed) {
        return None;
    }
    let mut args: Vec<Expr> = row.params.iter().map(|&ty| g.expr(ty)).collect();
    let on_purpose = g.on(Feature::Traps) && g.src.chance(10);
    if !on_purpose {
        make_safe(g, row.hazard, &mut args);
    }
    Some(Expr::value(Op::Num(id), args, want))
}

/// Changes the operands so that the instruction does not trap.
fn make_safe(g: &mut Gen<'_>, hazard: Hazard, args: &mut Vec<Expr>) {
    match hazard {
        Hazard::None => {}
        // Odd, positive and small: neither zero nor -1.
        Hazard::Divisor => {
            if let Some(divisor) = args.pop() {
                args.push(match divisor.tys.first() {
                    Some(Ty::I64) => {
                        calc::or64(calc::and64(divisor, Expr::i64(0xff)), Expr::i64(1))
                    }
                    _ => calc::or(calc::and(divisor, Expr::i32(0xff)), Expr::i32(1)),
                });
            }
        }
        Hazard::Range => {
            let ty = args.first().and_then(|e| e.tys.first()).copied();
            let value = g.src.below(1000) as f32 / 8.0;
            *args = vec![match ty {
                Some(Ty::F64) => {
                    Expr::value(Op::F64(f64::from(value).to_bits()), Vec::new(), Ty::F64)
                }
                _ => Expr::value(Op::F32(value.to_bits()), Vec::new(), Ty::F32),
            }];
        }
    }
}
