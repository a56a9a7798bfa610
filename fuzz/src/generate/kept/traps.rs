//! What must trap: every operation on null, and allocations that no heap holds. Where a function
//! could go on after a missing trap, it returns something.

use crate::generate::generator::Gen;
use crate::program::{
    ArrayOp, Catch, Expr, Field, Heap, LocalId, Op, RefOp, RefTy, Sig, Sign, StructOp, Ty, TypeId,
};

/// A null that a compiler may or may not know.
fn hidden_null(g: &mut Gen<'_>, heap: Heap) -> Expr {
    let ty = Ty::nullable(heap);
    let null = Expr::value(Op::Ref(RefOp::Null(heap)), Vec::new(), ty);
    match g.src.below(3) {
        0 => null,
        1 => {
            // A local that nothing sets, or that was set before.
            let local = g.temp(ty);
            g.release(local);
            let get = Expr::get(local, ty);
            Expr::value(Op::Seq, vec![Expr::set(local, null), get], ty)
        }
        _ => {
            let func = g.add_helper(
                &Sig {
                    params: Vec::new(),
                    results: vec![ty],
                },
                vec![null],
            );
            Expr::value(Op::Call(func), Vec::new(), ty)
        }
    }
}

/// One operation on null.
pub(super) fn null(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    match g.src.below(9) {
        0..=2 => on_struct(g),
        3..=5 => on_array(g),
        6 => {
            let sign = [Sign::Signed, Sign::Unsigned][g.src.below(2)];
            let null = hidden_null(g, Heap::I31);
            Some(vec![Expr::value(
                Op::Ref(RefOp::I31Get(sign)),
                vec![null],
                Ty::I32,
            )])
        }
        _ => on_any(g),
    }
}

fn on_struct(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Struct, |types, id| {
        types.fields(id).is_some_and(|f| !f.is_empty())
    });
    let id = g.src.pick(&ids)?;
    let fields = g.types.fields(id)?.to_vec();
    let at = match g.src.below(2) {
        0 => fields.len() - 1,
        _ => g.src.below(fields.len()),
    };
    let field = fields[at];
    let ty = field.storage.unpacked();
    let null = hidden_null(g, Heap::Def(id));
    if field.mutable && g.src.chance(50) {
        let value = g.filled(ty);
        let set = Op::Struct(StructOp::Set(id, at as u32));
        return Some(vec![Expr::stmt(set, vec![null, value])]);
    }
    let sign = g.sign(field.storage.is_packed());
    let get = Op::Struct(StructOp::Get(id, at as u32, sign));
    Some(vec![Expr::value(get, vec![null], ty)])
}

fn on_array(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |_, _| true);
    let id = g.src.pick(&ids)?;
    let field = g.types.element(id)?;
    let ty = field.storage.unpacked();
    let null = hidden_null(g, Heap::Def(id));
    let zero = || Expr::i32(0);
    let n = Expr::i32(g.src.range(0, 1) as i32);
    if field.mutable && g.src.chance(25) {
        return init_of_null(g, id, field, null);
    }
    Some(vec![match (g.src.below(7), field.mutable) {
        (0 | 1, _) => Expr::value(Op::Array(ArrayOp::Len), vec![null], Ty::I32),
        (2, true) => {
            let value = g.filled(ty);
            Expr::stmt(Op::Array(ArrayOp::Set(id)), vec![null, zero(), value])
        }
        (3, true) => {
            let value = g.filled(ty);
            let args = vec![null, zero(), value, n];
            Expr::stmt(Op::Array(ArrayOp::Fill(id)), args)
        }
        (4, true) => {
            // From null, or to null. Of no elements: if the other range is out of bounds as well,
            // engines choose which trap they report.
            let made = g.smallest(Ty::non_null(Heap::Def(id)));
            let (to, from) = match g.src.below(2) {
                0 => (null, made),
                _ => (made, null),
            };
            let args = vec![to, zero(), from, zero(), zero()];
            Expr::stmt(Op::Array(ArrayOp::Copy(id, id)), args)
        }
        _ => {
            let sign = g.sign(field.storage.is_packed());
            let index = g.hidden(Expr::i32(0));
            Expr::value(Op::Array(ArrayOp::Get(id, sign)), vec![null, index], ty)
        }
    }])
}

/// `array.init_*` of null: it traps even if it writes nothing.
fn init_of_null(g: &mut Gen<'_>, id: TypeId, field: Field, null: Expr) -> Option<Vec<Expr>> {
    let (segment, offset, most) = g.segment_for(field)?;
    let n = if g.src.chance(50) { 0 } else { most };
    let number = |n: u32| Expr::i32(n as i32);
    let args = vec![null, number(0), number(offset), number(n)];
    Some(vec![Expr::stmt(segment.init(id), args)])
}

fn on_any(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    Some(match g.src.below(5) {
        4 => {
            // A tail call.
            let (func, sig) = g.shuffling();
            let ty = g.m.func(func)?.ty;
            let mut args: Vec<Expr> = sig.params.iter().map(|&ty| g.outside_body(ty)).collect();
            let null = Ty::nullable(Heap::Def(ty));
            args.push(Expr::get(LocalId(0), null));
            let caller = Sig {
                params: vec![null],
                results: sig.results.clone(),
            };
            let body = vec![Expr::stmt(Op::ReturnCallRef(ty), args)];
            let caller = g.add_helper(&caller, body);
            let null = hidden_null(g, Heap::Def(ty));
            vec![Expr::many(Op::Call(caller), vec![null], sig.results)]
        }
        0 => {
            let heap = [Heap::Any, Heap::I31, Heap::Extern, Heap::Func][g.src.below(4)];
            let null = hidden_null(g, heap);
            let sure = Expr::value(Op::Ref(RefOp::AsNonNull), vec![null], Ty::non_null(heap));
            let test = Expr::value(Op::Ref(RefOp::IsNull), vec![sure], Ty::I32);
            vec![test]
        }
        1 if !g.without.exceptions => {
            let exn = hidden_null(g, Heap::Exn);
            vec![Expr::stmt(Op::ThrowRef, vec![exn])]
        }
        2 => {
            let heap = [Heap::I31, Heap::Struct, Heap::Array, Heap::Eq][g.src.below(4)];
            let null = hidden_null(g, Heap::Any);
            let to = RefTy::non_null(heap);
            vec![Expr::value(
                Op::Ref(RefOp::Cast(to)),
                vec![null],
                Ty::Ref(to),
            )]
        }
        _ => {
            let (func, sig) = g.shuffling();
            let ty = g.m.func(func)?.ty;
            let mut args: Vec<Expr> = sig.params.iter().map(|&ty| g.filled(ty)).collect();
            args.push(hidden_null(g, Heap::Def(ty)));
            vec![Expr::many(Op::CallRef(ty), args, sig.results)]
        }
    })
}

/// An array that no heap holds, sometimes inside of a block that catches every exception: a trap is
/// none.
pub(super) fn too_large(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        types
            .element(id)
            .is_some_and(|f| f.storage.unpacked().is_defaultable())
    });
    let id = g.src.pick(&ids)?;
    let elem = g.types.element(id)?.storage.unpacked();
    // Times the size of an element, the low half of some is small.
    let len = [
        i32::MAX,
        -1,
        i32::MIN,
        1 << 30,
        1 << 29,
        1 << 28,
        (1 << 30) + 1,
    ][g.src.below(7)];
    let len = g.hidden(Expr::i32(len));
    let ty = Ty::nullable(Heap::Def(id));
    let made = match g.src.below(2) {
        0 => Expr::value(Op::Array(ArrayOp::NewDefault(id)), vec![len], ty),
        _ => {
            let value = g.filled(elem);
            Expr::value(Op::Array(ArrayOp::New(id)), vec![value, len], ty)
        }
    };
    let size = Expr::value(Op::Array(ArrayOp::Len), vec![made], Ty::I32);
    if g.src.chance(50) || g.without.exceptions {
        return Some(vec![size]);
    }
    let (caught, guard) = (g.new_label(), g.new_label());
    let catch = Catch {
        tag: None,
        with_exn: false,
        label: caught,
    };
    let body = Expr::stmt(
        Op::Try(guard, vec![catch], vec![Expr::drop(size)]),
        Vec::new(),
    );
    let block = Expr::stmt(Op::Block(caught, Vec::new(), vec![body]), Vec::new());
    Some(vec![block, Expr::i32(7)])
}
