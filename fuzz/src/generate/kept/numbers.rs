//! Every numeric and vector instruction at its boundaries, and control instructions that depend on
//! numbers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::operands;
use crate::generate::generator::Gen;
use crate::program::numeric::{NUMERIC, NumId};
use crate::program::{Expr, Heap, Op, RefOp, Sign, Ty};

/// The rows of the numeric table, grouped by instruction. Lane accesses and shuffles count as one
/// instruction each.
static INSTRUCTIONS: LazyLock<Vec<Vec<NumId>>> = LazyLock::new(|| {
    let mut groups: BTreeMap<String, Vec<NumId>> = BTreeMap::new();
    for id in (0..NUMERIC.len() as u16).map(NumId) {
        let name = format!("{:?}", id.row().instruction);
        let name = name.split('(').next().unwrap_or_default().to_owned();
        groups.entry(name).or_default().push(id);
    }
    groups.into_values().collect()
});

fn any_row(g: &mut Gen<'_>) -> NumId {
    let group = &INSTRUCTIONS[g.src.below(INSTRUCTIONS.len())];
    group[g.src.below(group.len())]
}

/// One instruction. Sometimes the result of another one is its operand.
pub(super) fn number(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let one = |g: &mut Gen<'_>| {
        let id = any_row(g);
        let mut args = g.numeric_operands(id);
        if id.row().hazard == crate::program::numeric::Hazard::None && g.src.chance(20) {
            let inner = any_row(g);
            let at = g.src.below(args.len());
            if inner.row().result == id.row().params[at] {
                let operands = g.numeric_operands(inner);
                args[at] = Expr::value(Op::Num(inner), operands, inner.row().result);
            }
        }
        Expr::value(Op::Num(id), args, id.row().result)
    };
    let n = g.src.range(2, 5);
    Some((0..n).map(|_| one(g)).collect())
}

/// An instruction that traps for some operands, with any operands.
pub(super) fn hazard(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    use crate::program::numeric::Hazard;
    let rows: Vec<NumId> = (0..NUMERIC.len() as u16)
        .map(NumId)
        .filter(|id| id.row().hazard != Hazard::None)
        .collect();
    let id = g.src.pick(&rows)?;
    let row = id.row();
    let args = if row.hazard == Hazard::Divisor && g.src.chance(25) {
        g.least_by_minus_one(row.params[0])
    } else if row.hazard == Hazard::Range && g.src.chance(75) {
        let limit = operands::at_limit(&mut g.src, id);
        vec![g.hidden(limit)]
    } else {
        row.params.iter().map(|&ty| g.operand(ty)).collect()
    };
    Some(vec![Expr::value(Op::Num(id), args, row.result)])
}

/// i31: `get_s`, `get_u`, and equality with one that differs in one bit.
pub(super) fn i31(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let i31 = |value: Expr| Expr::value(Op::Ref(RefOp::I31), vec![value], Ty::non_null(Heap::I31));
    let get =
        |sign, value: Expr| Expr::value(Op::Ref(RefOp::I31Get(sign)), vec![i31(value)], Ty::I32);
    let value = operands::int32(&mut g.src);
    let twin = value ^ 1_i32.wrapping_shl(g.src.range(0, 31));
    let a = g.hidden(Expr::i32(value));
    let b = g.hidden(Expr::i32(twin));
    let eq = Expr::value(Op::Ref(RefOp::Eq), vec![i31(a.clone()), i31(b)], Ty::I32);
    let mut made = vec![get(Sign::Signed, a.clone()), get(Sign::Unsigned, a), eq];
    if g.src.chance(50) {
        // The same through `extern` and back.
        let outside = Expr::value(
            Op::Ref(RefOp::ExternConvertAny),
            vec![i31(g.operand(Ty::I32))],
            Ty::non_null(Heap::Extern),
        );
        let inside = Expr::value(
            Op::Ref(RefOp::AnyConvertExtern),
            vec![outside],
            Ty::non_null(Heap::Any),
        );
        let back = Expr::value(
            Op::Ref(RefOp::Cast(crate::program::RefTy::non_null(Heap::I31))),
            vec![inside],
            Ty::non_null(Heap::I31),
        );
        let sign = [Sign::Signed, Sign::Unsigned][g.src.below(2)];
        made.push(Expr::value(
            Op::Ref(RefOp::I31Get(sign)),
            vec![back],
            Ty::I32,
        ));
    }
    Some(made)
}

/// `br_table` with an index at, before and beyond its last label.
pub(super) fn branches(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = match g.src.below(8) {
        0 => 33,
        _ => g.src.range(0, 5),
    };
    let index = match g.src.below(3) {
        0 => operands::edge(&mut g.src, Ty::I32),
        _ => Expr::i32(g.src.range(0, n + 2) as i32 - 1),
    };
    let index = g.hidden(index);
    let carried = g.operand(Ty::I64);
    // Three labels. Each adds a number to the value that a branch carries to it.
    let labels: Vec<_> = (0..3).map(|_| g.new_label()).collect();
    let targets = (0..n).map(|_| labels[g.src.below(3)]).collect();
    let default = labels[g.src.below(3)];
    let branch = Expr::value(Op::BrTable(targets, default), vec![carried, index], Ty::I64);
    let mut inner = branch;
    for (at, &label) in labels.iter().enumerate() {
        let block = Expr::value(
            Op::Block(label, Vec::new(), vec![inner]),
            Vec::new(),
            Ty::I64,
        );
        let step = Expr::i64(3_i64.pow(at as u32 + 1));
        inner = crate::generate::calc::add64(block, step);
    }
    Some(vec![inner])
}

/// `select`, of numbers and references, by any condition.
pub(super) fn selects(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ty = [Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::V128][g.src.below(5)];
    let condition = [0, 1, 2, -1, i32::MIN, 1 << 16][g.src.below(6)];
    let args = vec![g.operand(ty), g.operand(ty), g.hidden(Expr::i32(condition))];
    let typed = g.src.chance(40).then_some(ty);
    Some(vec![Expr::value(Op::Select(typed), args, ty)])
}

/// A loop of known length, with a local that `local.tee` sets and a block parameter.
pub(super) fn loops(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    use crate::generate::calc;
    let ty = Ty::I64;
    let (sum, counter) = (g.temp(ty), g.temp(Ty::I32));
    let turns = g.src.range(1, 9) as i32;
    let start = vec![
        Expr::set(counter, Expr::i32(turns)),
        Expr::set(sum, operands::edge(&mut g.src, ty)),
    ];
    let label = g.new_label();
    let first = g.operand(ty);
    let carried = Expr::many(Op::Params, Vec::new(), vec![ty]);
    let seen = Expr::tee(sum, ty, calc::add64(carried, Expr::get(sum, ty)));
    let next = calc::mul64(seen, Expr::i64(g.src.range(3, 9).into()));
    let less = calc::sub(Expr::get(counter, Ty::I32), Expr::i32(1));
    let again = calc::gt_s(Expr::tee(counter, Ty::I32, less), Expr::i32(0));
    let body = vec![Expr::value(Op::BrIf(label), vec![next, again], ty)];
    let whole = Expr::value(Op::Loop(label, vec![ty], body), vec![first], ty);
    g.release(counter);
    let mut made = start;
    made.push(whole);
    made.push(Expr::get(sum, ty));
    g.release(sum);
    Some(made)
}
