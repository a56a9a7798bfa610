//! References: null, equality, casts, i31, extern (specification, "Reference instructions",
//! "i31", "External").

use super::calc;
use super::classes::{ANY, EXTERN, FUNC, I32, REF};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use super::values;
use crate::program::{Expr, Heap, Op, RefOp, RefTy, Sign, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Basic,
        weight: 2,
        classes: REF,
        make: ref_null,
    },
    Row {
        feature: Feature::Functions,
        weight: 14,
        classes: FUNC,
        make: ref_func,
    },
    Row {
        feature: Feature::Basic,
        weight: 22,
        classes: I32,
        make: ref_is_null,
    },
    Row {
        feature: Feature::Basic,
        weight: 7,
        classes: I32,
        make: ref_eq,
    },
    Row {
        feature: Feature::Traps,
        weight: 4,
        classes: REF,
        make: ref_as_non_null,
    },
    Row {
        feature: Feature::Basic,
        weight: 14,
        classes: REF,
        make: null_replaced,
    },
    Row {
        feature: Feature::Casts,
        weight: 40,
        classes: I32,
        make: ref_test,
    },
    Row {
        feature: Feature::Casts,
        weight: 18,
        classes: REF,
        make: ref_cast_guarded,
    },
    Row {
        feature: Feature::Casts,
        weight: 10,
        classes: REF,
        make: ref_cast_sure,
    },
    Row {
        feature: Feature::Traps,
        weight: 3,
        classes: REF,
        make: ref_cast_bare,
    },
    Row {
        feature: Feature::CastBranches,
        weight: 15,
        classes: REF,
        make: br_on_null,
    },
    Row {
        feature: Feature::CastBranches,
        weight: 20,
        classes: REF,
        make: br_on_cast,
    },
    Row {
        feature: Feature::CastBranches,
        weight: 20,
        classes: REF,
        make: br_on_cast_fail,
    },
    Row {
        feature: Feature::I31,
        weight: 16,
        classes: ANY,
        make: ref_i31,
    },
    Row {
        feature: Feature::I31,
        weight: 22,
        classes: I32,
        make: i31_get,
    },
    Row {
        feature: Feature::I31,
        weight: 8,
        classes: I32,
        make: i31_identity,
    },
    Row {
        feature: Feature::Extern,
        weight: 20,
        classes: EXTERN,
        make: extern_convert_any,
    },
    Row {
        feature: Feature::Extern,
        weight: 23,
        classes: ANY,
        make: any_convert_extern,
    },
];

fn ref_null(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let r = want.as_ref().filter(|r| r.null)?;
    Some(g.null(r.heap))
}

fn ref_func(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let funcs: Vec<_> =
        g.m.funcs
            .iter()
            .filter(|f| !g.entries.contains(&f.id))
            .map(|f| (f.id, f.ty))
            .filter(|&(_, ty)| g.types.heap_matches(Heap::Def(ty), heap))
            .collect();
    let (id, ty) = g.src.pick(&funcs)?;
    Some(Expr::value(
        Op::Ref(RefOp::Func(id)),
        Vec::new(),
        Ty::non_null(Heap::Def(ty)),
    ))
}

fn ref_is_null(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let r = g.any_ref_type();
    let value = g.expr(Ty::nullable(r.heap));
    Some(Expr::value(Op::Ref(RefOp::IsNull), vec![value], Ty::I32))
}

fn ref_eq(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let mut operand = || {
        let heap = g.heap_below(Heap::Eq);
        g.expr(Ty::nullable(heap))
    };
    let args = vec![operand(), operand()];
    Some(Expr::value(Op::Ref(RefOp::Eq), args, Ty::I32))
}

fn ref_as_non_null(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let value = g.expr(Ty::nullable(heap));
    Some(Expr::value(
        Op::Ref(RefOp::AsNonNull),
        vec![value],
        Ty::non_null(heap),
    ))
}

/// `br_on_non_null` out of a block that ends with another value.
fn null_replaced(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    if heap == g.types.bottom(heap) {
        return None;
    }
    let ty = Ty::non_null(heap);
    Some(g.block(&[ty], |g, label| {
        let value = g.expr(Ty::nullable(heap));
        let other = g.smallest(ty);
        vec![Expr::stmt(Op::BrOnNonNull(label), vec![value]), other]
    }))
}

fn ref_test(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (value, _) = g.cast_operand(None)?;
    let top = value.tys.first()?.as_ref()?.heap;
    let to = g.cast_target(top);
    Some(Expr::value(Op::Ref(RefOp::Test(to)), vec![value], Ty::I32))
}

/// `if (ref.test) (then ref.cast) (else another value)`
fn ref_cast_guarded(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let to = want.as_ref()?;
    let (value, from) = g.cast_operand(Some(to.heap))?;
    let local = g.temp(Ty::nullable(from));
    let tee = g.tee_local(local, value);
    let test = Expr::value(Op::Ref(RefOp::Test(to)), vec![tee], Ty::I32);
    let cast = Expr::value(
        Op::Ref(RefOp::Cast(to)),
        vec![Expr::get(local, Ty::nullable(from))],
        want,
    );
    g.release(local);
    let other = g.leaf(want);
    let label = g.new_label();
    Some(Expr::value(
        Op::If(label, vec![cast], vec![other]),
        vec![test],
        want,
    ))
}

/// A value of the wanted type, converted to a wider type and cast back.
fn ref_cast_sure(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let to = want.as_ref()?;
    let wide = g.heap_above(to.heap);
    let value = g.expr(want);
    let local = g.temp(Ty::nullable(wide));
    let tee = g.tee_local(local, value);
    g.release(local);
    Some(Expr::value(Op::Ref(RefOp::Cast(to)), vec![tee], want))
}

fn ref_cast_bare(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let to = want.as_ref()?;
    let (value, _) = g.cast_operand(Some(to.heap))?;
    Some(Expr::value(Op::Ref(RefOp::Cast(to)), vec![value], want))
}

/// Leaves the block with another value if the value is null. Otherwise goes on with the value,
/// which is now non-null.
fn br_on_null(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    if heap == g.types.bottom(heap) {
        return None;
    }
    let local = g.temp(Ty::nullable(heap));
    let inner = g.block(&[], |g, label| {
        let value = g.expr(Ty::nullable(heap));
        let kept = Expr::value(Op::BrOnNull(label), vec![value], Ty::non_null(heap));
        let mut body = vec![g.set_local(local, kept)];
        body.extend(g.stmts(1));
        body
    });
    g.release(local);
    let get = Expr::get(local, Ty::nullable(heap));
    let whole = if want.is_defaultable() {
        get
    } else {
        let ty = Ty::non_null(heap);
        let other = g.smallest(ty);
        g.block(&[ty], |_, label| {
            vec![Expr::stmt(Op::BrOnNonNull(label), vec![get]), other]
        })
    };
    let ty = *whole.tys.first()?;
    Some(Expr::value(Op::Seq, vec![inner, whole], ty))
}

fn br_on_cast(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let to = want.as_ref()?;
    let (_, from) = g.cast_types(Some(to.heap))?;
    let source = RefTy::nullable(from);
    Some(g.block(&[want], |g, label| {
        let value = g.expr(Ty::Ref(source));
        // A value that does not match continues here. It cannot be null if null matches.
        let rest = Ty::Ref(RefTy {
            null: !to.null,
            heap: from,
        });
        let failed = Expr::value(Op::BrOnCast(label, source, to), vec![value], rest);
        let mut body = vec![g.discard(failed)];
        body.extend(g.stmts(1));
        body.push(g.leaf(want));
        body
    }))
}

fn br_on_cast_fail(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let to = want.as_ref()?;
    let (_, from) = g.cast_types(Some(to.heap))?;
    let source = RefTy::nullable(from);
    let rest = Ty::Ref(RefTy {
        null: !to.null,
        heap: from,
    });
    // Every value matches, so no value could be carried to the label.
    if from == g.types.bottom(from) {
        return None;
    }
    // `outer` gets the wanted value, and `inner` the value that failed to match.
    Some(g.block(&[want], |g, outer| {
        let inner = g.block(&[rest], |g, label| {
            let value = g.expr(Ty::Ref(source));
            let matched = Expr::value(Op::BrOnCastFail(label, source, to), vec![value], want);
            vec![Expr::many(Op::Br(outer), vec![matched], vec![rest])]
        });
        let gone = g.discard(inner);
        vec![gone, g.leaf(want)]
    }))
}

fn ref_i31(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    if !g.types.heap_matches(Heap::I31, heap) {
        return None;
    }
    let value = g.expr(Ty::I32);
    Some(Expr::value(
        Op::Ref(RefOp::I31),
        vec![value],
        Ty::non_null(Heap::I31),
    ))
}

fn i31_get(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let value = g.target(Heap::I31);
    let sign = [Sign::Signed, Sign::Unsigned][g.src.below(2)];
    Some(Expr::value(
        Op::Ref(RefOp::I31Get(sign)),
        vec![value],
        Ty::I32,
    ))
}

/// Compares an i31 from a constant with one computed from numbers. The upper bits of the numbers do
/// not matter.
fn i31_identity(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (value, offset) = (values::int32(&mut g.src), values::int32(&mut g.src));
    let i31 = |e: Expr| Expr::value(Op::Ref(RefOp::I31), vec![e], Ty::non_null(Heap::I31));
    let local = g.temp(Ty::I32);
    let start = Expr::set(local, Expr::i32(value.wrapping_sub(offset)));
    let computed = calc::add(Expr::get(local, Ty::I32), Expr::i32(offset));
    g.release(local);
    let eq = Expr::value(
        Op::Ref(RefOp::Eq),
        vec![i31(Expr::i32(value)), i31(computed)],
        Ty::I32,
    );
    Some(Expr::value(Op::Seq, vec![start, eq], Ty::I32))
}

fn extern_convert_any(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let r = want.as_ref().filter(|r| r.heap == Heap::Extern)?;
    let value = g.expr(Ty::Ref(RefTy {
        heap: Heap::Any,
        ..r
    }));
    Some(Expr::value(
        Op::Ref(RefOp::ExternConvertAny),
        vec![value],
        want,
    ))
}

fn any_convert_extern(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let r = want.as_ref().filter(|r| r.heap == Heap::Any)?;
    let value = g.expr(Ty::Ref(RefTy {
        heap: Heap::Extern,
        ..r
    }));
    Some(Expr::value(
        Op::Ref(RefOp::AnyConvertExtern),
        vec![value],
        want,
    ))
}

impl Gen<'_> {
    /// Draws a heap type below `heap`: `heap` itself, a visible definition, or an abstract type
    /// between.
    pub(super) fn heap_below(&mut self, heap: Heap) -> Heap {
        let defs = self.defs_below(heap, |_, _| true);
        let mut below: Vec<Heap> = [Heap::Eq, Heap::I31, Heap::Struct, Heap::Array]
            .into_iter()
            .filter(|&h| self.types.heap_matches(h, heap))
            .collect();
        below.push(heap);
        if self.src.chance(60)
            && let Some(id) = self.src.pick(&defs)
        {
            return Heap::Def(id);
        }
        self.src.pick(&below).unwrap_or(heap)
    }

    /// Some heap type above `heap`, or itself.
    fn heap_above(&mut self, heap: Heap) -> Heap {
        let mut above = vec![heap, self.types.top(heap)];
        let abstracts = [Heap::Eq, Heap::Struct, Heap::Array];
        above.extend(
            abstracts
                .into_iter()
                .filter(|&h| self.types.heap_matches(heap, h)),
        );
        if let Heap::Def(id) = heap {
            let mut at = self.types.def(id).supertype;
            while let Some(up) = at {
                above.push(Heap::Def(up));
                at = self.types.def(up).supertype;
            }
        }
        self.src.pick(&above).unwrap_or(heap)
    }

    /// A type to cast to, in the hierarchy of `heap`.
    fn cast_target(&mut self, heap: Heap) -> RefTy {
        let top = self.types.top(heap);
        let heap = if self.src.chance(8) {
            self.types.bottom(top)
        } else {
            self.heap_below(top)
        };
        RefTy {
            null: self.src.chance(40),
            heap,
        }
    }

    /// Types for a cast: a type at or below `to`, and a type above it to cast from.
    fn cast_types(&mut self, to: Option<Heap>) -> Option<(Heap, Heap)> {
        let to = match to {
            Some(heap) => heap,
            None => self.any_ref_type().heap,
        };
        Some((to, self.heap_above(to)))
    }

    /// Returns an operand for a cast, and its static type, which is above `to`. Half of the time
    /// its dynamic type is `to` or below.
    fn cast_operand(&mut self, to: Option<Heap>) -> Option<(Expr, Heap)> {
        let (to, from) = self.cast_types(to)?;
        let value = if self.src.chance(50) && to != self.types.bottom(to) {
            let local = self.temp(Ty::nullable(from));
            let value = self.expr(Ty::nullable(to));
            self.release(local);
            self.tee_local(local, value)
        } else {
            self.expr(Ty::nullable(from))
        };
        Some((value, from))
    }
}
