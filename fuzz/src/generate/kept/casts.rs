//! Tests and casts whose answers are kept. They test values of every kind for types of every kind,
//! with and without null, and for types of the value's own chain.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::program::{Expr, Heap, LocalId, Op, RefOp, RefTy, Ty};

/// A value of a hierarchy in a local, and its most precise known type (`None` for null).
fn subject(g: &mut Gen<'_>) -> Option<(Expr, LocalId, Heap, Option<Heap>)> {
    let top = match g.src.below(8) {
        0 => Heap::Func,
        1 => Heap::Extern,
        _ => Heap::Any,
    };
    let top_ty = Ty::nullable(top);
    let (value, known) = match g.src.below(8) {
        0 => (g.null(top), None),
        1 | 2 if top == Heap::Any => {
            let number = g.operand(Ty::I32);
            let i31 = Expr::value(Op::Ref(RefOp::I31), vec![number], Ty::non_null(Heap::I31));
            (i31, Some(Heap::I31))
        }
        3 if top == Heap::Any => {
            // A reference of the host, or null, inside.
            let extern_ty = Ty::nullable(Heap::Extern);
            let outside = match g.local_below(extern_ty) {
                Some(local) => Expr::get(local, extern_ty),
                None => g.smallest(Ty::non_null(Heap::Extern)),
            };
            let inside = Expr::value(
                Op::Ref(RefOp::AnyConvertExtern),
                vec![outside],
                Ty::nullable(Heap::Any),
            );
            (inside, Some(Heap::Any))
        }
        _ if top == Heap::Extern => (g.smallest(Ty::non_null(top)), Some(top)),
        _ => {
            let ids = g.defs_below(top, |_, _| true);
            let id = g.src.pick(&ids)?;
            (g.smallest(Ty::non_null(Heap::Def(id))), Some(Heap::Def(id)))
        }
    };
    let local = g.temp(top_ty);
    // Passes the value through a global if there is one, so that the compiler knows nothing about
    // it.
    let hidden = g.hidden(with_type(value, top_ty));
    Some((Expr::set(local, hidden), local, top, known))
}

/// The value under a wider type, so that [`Gen::hidden`] finds the global of that type.
fn with_type(value: Expr, ty: Ty) -> Expr {
    Expr {
        tys: vec![ty],
        ..value
    }
}

/// A type to test for: one of the chain of the value's type, a sibling, or an abstract one.
pub(super) fn question(g: &mut Gen<'_>, top: Heap, known: Option<Heap>) -> RefTy {
    let defs = g.defs_below(top, |_, _| true);
    let heap = match (known, g.src.below(6)) {
        (Some(heap), 0) => heap,
        (Some(Heap::Def(id)), 1 | 2) => {
            let mut above = Vec::new();
            let mut at = g.types.def(id).supertype;
            while let Some(up) = at {
                above.push(Heap::Def(up));
                at = g.types.def(up).supertype;
            }
            g.src.pick(&above).unwrap_or(Heap::Def(id))
        }
        (_, 3 | 4) => g.src.pick(&defs).map_or(top, Heap::Def),
        _ if top == Heap::Any => [
            Heap::Any,
            Heap::Eq,
            Heap::I31,
            Heap::Struct,
            Heap::Array,
            Heap::None,
        ][g.src.below(6)],
        _ => [top, g.types.bottom(top)][g.src.below(2)],
    };
    RefTy {
        null: g.src.chance(50),
        heap,
    }
}

/// Several questions about one value.
pub(super) fn tests(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (start, local, top, known) = subject(g)?;
    let ty = Ty::nullable(top);
    let mut out = vec![start];
    for _ in 0..g.src.range(2, 4) {
        let to = question(g, top, known);
        let value = Expr::get(local, ty);
        out.push(match g.src.below(4) {
            0 => branch(g, value, top, to, true),
            1 => branch(g, value, top, to, false),
            2 if known.is_none() && to.null => {
                Expr::value(Op::Ref(RefOp::Cast(to)), vec![value], Ty::Ref(to))
            }
            2 if known.is_some_and(|heap| g.types.heap_matches(heap, to.heap)) => {
                let cast = Expr::value(Op::Ref(RefOp::Cast(to)), vec![value], Ty::Ref(to));
                // The host may have passed null.
                match known {
                    Some(Heap::Any) if !to.null => continue,
                    _ => cast,
                }
            }
            _ => Expr::value(Op::Ref(RefOp::Test(to)), vec![value], Ty::I32),
        });
    }
    if g.src.chance(30) {
        let other = Expr::get(local, ty);
        out.push(Expr::value(Op::Ref(RefOp::IsNull), vec![other], Ty::I32));
    }
    if g.src.chance(50) {
        out.push(Expr::get(local, ty));
    }
    g.release(local);
    Some(out)
}

/// `br_on_cast` or `br_on_cast_fail`, and the way it went as a number.
fn branch(g: &mut Gen<'_>, value: Expr, top: Heap, to: RefTy, on_cast: bool) -> Expr {
    let from = RefTy::nullable(top);
    let matched = Ty::Ref(to);
    let rest = Ty::Ref(RefTy {
        null: !to.null,
        heap: top,
    });
    let (taken, left) = if on_cast {
        (matched, rest)
    } else {
        (rest, matched)
    };
    let (outer, inner) = (g.new_label(), g.new_label());
    let op = if on_cast {
        Op::BrOnCast(inner, from, to)
    } else {
        Op::BrOnCastFail(inner, from, to)
    };
    let branch = Expr::value(op, vec![value], left);
    // A label may take more than the branch carries.
    let taken = match g.src.chance(30) {
        true => Ty::nullable(top),
        false => taken,
    };
    // Not taken: leave both blocks with 7.
    let straight = Expr::many(Op::Br(outer), vec![Expr::i32(7)], vec![taken]);
    let inside = Expr::value(
        Op::Block(inner, Vec::new(), vec![Expr::drop(branch), straight]),
        Vec::new(),
        taken,
    );
    let null = Expr::value(Op::Ref(RefOp::IsNull), vec![inside], Ty::I32);
    Expr::value(
        Op::Block(outer, Vec::new(), vec![null]),
        Vec::new(),
        Ty::I32,
    )
}

/// A cast that may fail.
pub(super) fn cast(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (start, local, top, known) = subject(g)?;
    let to = question(g, top, known);
    let value = Expr::get(local, Ty::nullable(top));
    g.release(local);
    let cast = Expr::value(Op::Ref(RefOp::Cast(to)), vec![value], Ty::Ref(to));
    Some(vec![start, cast])
}

/// Equality of objects. Compares an object with itself under two names, and with another one that
/// has the same contents.
pub(super) fn identity(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Eq, |_, _| true);
    let id = g.src.pick(&ids)?;
    let ty = Ty::nullable(Heap::Eq);
    let (a, b) = (g.temp(ty), g.temp(ty));
    let first = g.smallest(Ty::non_null(Heap::Def(id)));
    let second = g.smallest(Ty::non_null(Heap::Def(id)));
    let pick = [a, b][g.src.below(2)];
    let eq = |x: LocalId, y: LocalId| {
        let args = vec![Expr::get(x, ty), Expr::get(y, ty)];
        Expr::value(Op::Ref(RefOp::Eq), args, Ty::I32)
    };
    let out = vec![
        Expr::set(a, first),
        Expr::set(b, second),
        eq(a, b),
        eq(a, pick),
        Expr::get(pick, ty),
    ];
    g.release(a);
    g.release(b);
    Some(out)
}

/// The branches on null, the way they went, and the values that they carried.
pub(super) fn nulls(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Eq, |_, _| true);
    let heap = g.src.pick(&ids).map_or(Heap::I31, Heap::Def);
    let (null, sure) = (Ty::nullable(heap), Ty::non_null(heap));
    let local = g.temp(null);
    let value = match g.src.below(2) {
        0 => g.null(heap),
        _ => g.smallest(sure),
    };
    let (outer, inner) = (g.new_label(), g.new_label());
    let get = Expr::get(local, null);
    // Another value is below the reference on the stack. The branch must carry exactly the values
    // that its label takes.
    let below = g.operand(Ty::I32);
    let choice = if g.src.chance(50) {
        let kept = Expr::many(Op::BrOnNull(outer), vec![below, get], vec![Ty::I32, sure]);
        let number = Expr::value(Op::Drop, vec![kept], Ty::I32);
        vec![calc::add(number, Expr::i32(1))]
    } else {
        let branch = Expr::value(Op::BrOnNonNull(inner), vec![below, get], Ty::I32);
        let both = vec![Ty::I32, sure];
        let straight = Expr::many(Op::Br(outer), vec![branch], both.clone());
        let block = Expr::many(
            Op::Block(inner, Vec::new(), vec![straight]),
            Vec::new(),
            both,
        );
        // Taken. Adds one if the reference is the one that was tested.
        let args = vec![block, Expr::get(local, null)];
        let same = Expr::many(Op::Ref(RefOp::Eq), args, vec![Ty::I32, Ty::I32]);
        vec![calc::add(same, Expr::stmt(Op::Nop, Vec::new()))]
    };
    let choice = Expr::value(Op::Block(outer, Vec::new(), choice), Vec::new(), Ty::I32);
    let out = vec![Expr::set(local, value), choice, Expr::get(local, null)];
    g.release(local);
    Some(out)
}
