//! Recursion: to a moderate depth with an object in each frame, and to the limit of nested calls,
//! which every engine of ours reaches at the same call.
//!
//! Exceptions from the deepest frame, tail calls in between and calls that are repeated show a
//! stack that is not given back.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::program::{
    Catch, Composite, Expr, Field, Func, FuncId, Heap, LocalId, Op, RefOp, RefTy, Sig, Sign,
    Storage, StructOp, Ty, TypeId,
};

/// The function does not recurse with a larger number, so that other code can call it as well.
const DEPTH_MAX: u32 = 4_100;

/// Frames above this depth have an object of their own. A collection looks at every frame, so a
/// program that allocated in thousands of them would be slow.
const FRESH: u32 = 64;

/// Recursion that ends.
pub(super) fn shallow(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let depth = g.src.range(1, 100);
    Some(recursion(g, depth))
}

/// Recursion that ends close to the limit, on either side of it.
pub(super) fn limit(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let depth = match g.src.below(3) {
        0 => DEPTH_MAX,
        1 => g.src.range(3_990, 4_001),
        _ => g.src.range(500, 3_990),
    };
    Some(recursion(g, depth))
}

/// Calls a recursive function, first so that it ends with an exception. Leaves a number for each
/// call.
fn recursion(g: &mut Gen<'_>, depth: u32) -> Vec<Expr> {
    let field = Field {
        storage: Storage::Val(Ty::I32),
        mutable: false,
    };
    let node = g.add_type(Composite::Struct(vec![field]), None, true);
    let throws = !g.without.exceptions && g.src.chance(50);
    let func = function(g, node, throws);
    let mut out = Vec::new();
    if throws {
        let call = call(g, func, node, depth, true);
        out.push(or_caught(g, call));
    }
    for _ in 0..g.src.range(1, 2) {
        out.push(call(g, func, node, depth, false));
    }
    out
}

fn call(g: &mut Gen<'_>, func: FuncId, node: TypeId, depth: u32, throws: bool) -> Expr {
    let depth = g.hidden(Expr::i32(depth as i32));
    let first = made(node, Expr::i32(g.src.below(100) as i32));
    let args = vec![depth, first, Expr::i32(throws.into())];
    Expr::value(Op::Call(func), args, Ty::I32)
}

fn made(node: TypeId, number: Expr) -> Expr {
    let ty = Ty::non_null(Heap::Def(node));
    Expr::value(Op::Struct(StructOp::New(node)), vec![number], ty)
}

/// Returns the result of a call, or -1 if it ends with an exception.
fn or_caught(g: &mut Gen<'_>, call: Expr) -> Expr {
    let (out, all, guard) = (g.new_label(), g.new_label(), g.new_label());
    let catch = Catch {
        tag: None,
        with_exn: false,
        label: all,
    };
    let leave = Expr::stmt(Op::Br(out), vec![call]);
    let body = vec![
        Expr::stmt(Op::Try(guard, vec![catch], vec![leave]), Vec::new()),
        Expr::stmt(Op::Unreachable, Vec::new()),
    ];
    let caught = Expr::stmt(Op::Block(all, Vec::new(), body), Vec::new());
    let whole = vec![caught, Expr::i32(-1)];
    Expr::value(Op::Block(out, Vec::new(), whole), Vec::new(), Ty::I32)
}

/// A function of a depth, an object and a flag. It calls itself with a smaller depth, and adds the
/// object's number to the result. The deepest frame throws if the flag says so.
fn function(g: &mut Gen<'_>, node: TypeId, throws: bool) -> FuncId {
    let object = RefTy::nullable(Heap::Def(node));
    let sig = Sig {
        params: vec![Ty::I32, Ty::Ref(object), Ty::I32],
        results: vec![Ty::I32],
    };
    let ty = g.sig_type(&sig);
    let id = FuncId(g.fresh());
    let [depth, held, flag] = [0, 1, 2].map(LocalId);
    let args = vec![
        calc::sub(Expr::get(depth, Ty::I32), Expr::i32(1)),
        next_object(g, node, depth, held),
        Expr::get(flag, Ty::I32),
    ];
    let next = if g.src.chance(30) {
        // A frame that is gone when the next one begins.
        let passed = sig.params.iter().zip([depth, held, flag]);
        let passed = passed.map(|(&ty, local)| Expr::get(local, ty)).collect();
        g.add_helper(&sig, vec![Expr::stmt(Op::ReturnCall(id), passed)])
    } else {
        id
    };
    let deeper = Expr::value(Op::Call(next), args, Ty::I32);
    let held = Expr::get(held, Ty::Ref(object));
    let held = Expr::value(
        Op::Ref(RefOp::AsNonNull),
        vec![held],
        Ty::non_null(object.heap),
    );
    let number = Expr::value(
        Op::Struct(StructOp::Get(node, 0, Sign::Plain)),
        vec![held],
        Ty::I32,
    );
    let ends = calc::ge_u(
        calc::sub(Expr::get(depth, Ty::I32), Expr::i32(1)),
        Expr::i32(DEPTH_MAX as i32),
    );
    let mut deepest = Vec::new();
    if throws {
        let (tag, _) = g.add_tag(Vec::new());
        let throw = vec![Expr::stmt(Op::Throw(tag), Vec::new())];
        let label = g.new_label();
        let condition = vec![Expr::get(flag, Ty::I32)];
        deepest.push(Expr::stmt(Op::If(label, throw, Vec::new()), condition));
    }
    deepest.push(Expr::i32(g.src.below(1000) as i32));
    let label = g.new_label();
    let then = Op::If(label, deepest, vec![calc::add(deeper, number)]);
    let body = vec![Expr::value(then, vec![ends], Ty::I32)];
    g.m.funcs.push(Func {
        id,
        ty,
        import: None,
        export: None,
        locals: Vec::new(),
        body,
    });
    id
}

/// The object for the next frame: a new one, if it is one of the last.
fn next_object(g: &mut Gen<'_>, node: TypeId, depth: LocalId, held: LocalId) -> Expr {
    let ty = Ty::nullable(Heap::Def(node));
    let label = g.new_label();
    let is_late = calc::lt_u(Expr::get(depth, Ty::I32), Expr::i32(FRESH as i32));
    let fresh = vec![made(node, Expr::get(depth, Ty::I32))];
    Expr::value(
        Op::If(label, fresh, vec![Expr::get(held, ty)]),
        vec![is_late],
        ty,
    )
}
