//! Values that are alive over something: locals set in the body of a `try_table` and read in its
//! handler, results of the embedder over a collection that moves, rows of locals and operands over
//! a call, exceptions in the object graph.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::generate::swarm::Feature;
use crate::program::{
    ArrayOp, Catch, Composite, Expr, Field, FuncId, Heap, LocalId, Op, RefOp, RefTy, Sig, Sign,
    Storage, StructOp, TagId, Ty,
};

/// Locals that a guarded body sets before and after calls that may throw, read behind the handler.
pub(super) fn handlers(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let tys: Vec<Ty> = (0..g.src.range(1, 4)).map(|_| g.passed()).collect();
    let locals: Vec<LocalId> = tys.iter().map(|&ty| g.temp(ty)).collect();
    let marker = g.temp(Ty::I32);
    if g.without.exceptions {
        return None;
    }
    let (tag, _) = g.add_tag(vec![Ty::I32]);
    let thrower = thrower(g, tag);
    let mut out = vec![Expr::set(marker, Expr::i32(-1))];
    for (&local, &ty) in locals.iter().zip(&tys) {
        let value = g.filled(ty);
        out.push(Expr::set(local, value));
    }
    let turns = g.src.range(1, 3) as i32;
    let thrown_at = g.src.range(0, 3) as i32;
    let mut body = Vec::new();
    for turn in 0..turns {
        for (&local, &ty) in locals.iter().zip(&tys) {
            if g.src.chance(60) {
                let value = g.filled(ty);
                body.push(Expr::set(local, value));
            }
        }
        if g.src.chance(30) {
            // Waits on the operand stack, and is lost if the call throws.
            let at = g.src.below(tys.len());
            let value = g.filled(tys[at]);
            let call = call_thrower(g, thrower, turn, thrown_at);
            body.push(Expr::stmt(Op::LocalSet(locals[at]), vec![value, call]));
            continue;
        }
        body.push(call_thrower(g, thrower, turn, thrown_at));
    }
    let (done, caught, guard) = (g.new_label(), g.new_label(), g.new_label());
    let catch = Catch {
        tag: g.src.chance(70).then_some(tag),
        with_exn: false,
        label: caught,
    };
    let has_payload = catch.tag.is_some();
    let guarded = Expr::stmt(Op::Try(guard, vec![catch], body), Vec::new());
    let inner = vec![guarded, Expr::stmt(Op::Br(done), Vec::new())];
    let handled = match has_payload {
        true => vec![Expr::set(
            marker,
            Expr::value(Op::Block(caught, Vec::new(), inner), Vec::new(), Ty::I32),
        )],
        false => vec![
            Expr::stmt(Op::Block(caught, Vec::new(), inner), Vec::new()),
            Expr::set(marker, Expr::i32(-2)),
        ],
    };
    let mut handled = handled;
    if g.src.chance(30) {
        // The handler sets one as well.
        let at = g.src.below(tys.len());
        let value = g.filled(tys[at]);
        handled.push(Expr::set(locals[at], value));
    }
    out.push(Expr::stmt(Op::Block(done, Vec::new(), handled), Vec::new()));
    out.push(Expr::get(marker, Ty::I32));
    for (&local, &ty) in locals.iter().zip(&tys) {
        out.push(Expr::get(local, ty));
        g.release(local);
    }
    g.release(marker);
    Some(out)
}

/// An exception that refers to a structure which refers to the exception. Both may be garbage
/// afterwards, and the exception's other payload is not.
pub(super) fn exception_cycles(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    if g.without.exceptions {
        return None;
    }
    let any = Ty::nullable(Heap::Any);
    let field = |ty| Field {
        storage: Storage::Val(ty),
        mutable: true,
    };
    let fields = vec![field(Ty::nullable(Heap::Exn)), field(any)];
    let id = g.add_type(Composite::Struct(fields), None, true);
    let ty = Ty::nullable(Heap::Def(id));
    let (object, kept) = (g.temp(ty), g.temp(any));
    let (tag, _) = g.add_tag(vec![any, any]);
    let get = || Expr::get(object, ty);
    let made = Op::Struct(StructOp::NewDefault(id));
    let other = g.smallest(Ty::non_null(Heap::Struct));
    let payload = vec![get(), Expr::get(kept, any)];
    let exception = g.caught_with(tag, payload);
    let set = |at: u32, value: Expr| {
        let op = Op::Struct(StructOp::Set(id, at));
        Expr::stmt(op, vec![Expr::get(object, ty), value])
    };
    let mut out = vec![
        Expr::set(object, Expr::value(made, Vec::new(), ty)),
        Expr::set(kept, other),
        set(0, exception),
    ];
    if g.src.chance(30) {
        out.push(set(1, get()));
    }
    let is_garbage = g.src.chance(60);
    if is_garbage {
        let null = Expr::value(Op::Ref(RefOp::Null(Heap::None)), Vec::new(), ty);
        out.push(Expr::set(object, null));
    }
    let gc = g.ask_gc();
    out.push(gc);
    out.push(Expr::get(kept, any));
    if !is_garbage {
        let op = Op::Struct(StructOp::Get(id, 0, Sign::Plain));
        let exn = Expr::value(op, vec![get()], Ty::nullable(Heap::Exn));
        let (caught, guard) = (g.new_label(), g.new_label());
        let catch = Catch {
            tag: Some(tag),
            with_exn: false,
            label: caught,
        };
        let again = Expr::stmt(Op::ThrowRef, vec![exn]);
        let guarded = Expr::stmt(Op::Try(guard, vec![catch], vec![again]), Vec::new());
        let rest = Expr::stmt(Op::Unreachable, Vec::new());
        out.push(Expr::many(
            Op::Block(caught, Vec::new(), vec![guarded, rest]),
            Vec::new(),
            vec![any, any],
        ));
    }
    g.release(object);
    g.release(kept);
    Some(out)
}

/// A function that throws its first parameter if it equals the second.
fn thrower(g: &mut Gen<'_>, tag: TagId) -> FuncId {
    let get = |at: u32| Expr::get(LocalId(at), Ty::I32);
    let less = calc::sub(get(0), get(1));
    let label = g.new_label();
    let throw = Expr::stmt(Op::Throw(tag), vec![get(0)]);
    let mut body = Vec::new();
    if g.on(Feature::AskGc) && g.src.chance(60) {
        body.push(g.ask_gc());
    }
    body.push(Expr::stmt(
        Op::If(label, Vec::new(), vec![throw]),
        vec![less],
    ));
    let sig = Sig {
        params: vec![Ty::I32, Ty::I32],
        results: Vec::new(),
    };
    g.add_helper(&sig, body)
}

fn call_thrower(g: &mut Gen<'_>, thrower: FuncId, turn: i32, thrown_at: i32) -> Expr {
    let args = vec![g.hidden(Expr::i32(turn)), Expr::i32(thrown_at)];
    Expr::stmt(Op::Call(thrower), args)
}

/// A reference that the embedder returns, alive over a collection, then used: its parts are read,
/// and it is kept.
pub(super) fn host_results(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    match g.src.below(6) {
        0 | 1 => host_struct(g),
        2 => host_array(g),
        3 => called_back(g),
        4 => handle(g),
        _ => host_object(g),
    }
}

fn host_struct(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Struct, |types, id| types.fields(id).is_some());
    let id = g.src.pick(&ids)?;
    let fields = g.types.fields(id)?.to_vec();
    let args: Vec<(Ty, Expr)> = fields
        .iter()
        .map(|f| f.storage.unpacked())
        .map(|ty| (ty, g.filled(ty)))
        .collect();
    let (sure, ty) = (Ty::non_null(Heap::Def(id)), Ty::nullable(Heap::Def(id)));
    let made = g.host_value("struct.new", args, sure);
    let local = g.temp(ty);
    let mut out = vec![over_collection(g, local, made)];
    for (at, field) in (0..).zip(&fields).take(4) {
        let sign = g.sign(field.storage.is_packed());
        out.push(Expr::value(
            Op::Struct(StructOp::Get(id, at, sign)),
            vec![Expr::get(local, ty)],
            field.storage.unpacked(),
        ));
    }
    out.push(Expr::get(local, ty));
    g.release(local);
    Some(out)
}

fn host_array(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |_, _| true);
    let id = g.src.pick(&ids)?;
    let storage = g.types.element(id)?.storage;
    let (sure, ty) = (Ty::non_null(Heap::Def(id)), Ty::nullable(Heap::Def(id)));
    let len = g.src.range(1, 40) as i32;
    let value = g.filled(storage.unpacked());
    let args = vec![(storage.unpacked(), value), (Ty::I32, Expr::i32(len))];
    let made = g.host_value("array.new", args, sure);
    let local = g.temp(ty);
    let start = over_collection(g, local, made);
    let sign = match storage.is_packed() {
        true => Sign::Signed,
        false => Sign::Plain,
    };
    let read = Expr::value(
        Op::Array(ArrayOp::Get(id, sign)),
        vec![Expr::get(local, ty), Expr::i32(len - 1)],
        storage.unpacked(),
    );
    g.release(local);
    Some(vec![start, read, Expr::get(local, ty)])
}

/// Sets the local, with a collection before, or while the value waits on the operand stack.
fn over_collection(g: &mut Gen<'_>, local: LocalId, made: Expr) -> Expr {
    let mut args = vec![made];
    for _ in 0..g.src.range(0, 2) {
        args.push(g.ask_gc());
    }
    Expr::stmt(Op::LocalSet(local), args)
}

/// The embedder calls a function back and collects before it returns the results.
fn called_back(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (func, sig) = g.shuffling();
    let export = format!("b{}", func.0);
    g.m.funcs.iter_mut().find(|f| f.id == func)?.export = Some(export.clone());
    let how = ["call.gc", "call.gc", "call"][g.src.below(3)];
    let import = g.harness(&format!("{how}:{export}"), &sig);
    let mut args: Vec<Expr> = sig.params.iter().map(|&ty| g.filled(ty)).collect();
    if g.src.chance(30) {
        args.push(g.ask_gc());
    }
    let mut out = vec![Expr::many(Op::Call(import), args, sig.results)];
    if g.src.chance(50) {
        out.push(g.ask_gc());
    }
    Some(out)
}

/// A handle: held by the embedder alone over a collection, asked for twice, and released.
fn handle(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (top, suffix) = [
        (Heap::Any, ""),
        (Heap::Any, ""),
        (Heap::Extern, ".extern"),
        (Heap::Func, ".func"),
    ][g.src.below(4)];
    let ty = Ty::nullable(top);
    let handle = g.temp(Ty::I32);
    let number = || Expr::get(handle, Ty::I32);
    let value = match g.src.below(4) {
        0 => g.filled(ty),
        _ => g.smallest(Ty::non_null(top)),
    };
    let taken = g.host_value(&format!("hold{suffix}"), vec![(ty, value)], Ty::I32);
    let mut out = vec![Expr::set(handle, taken)];
    for _ in 0..g.src.range(0, 2) {
        let gc = g.ask_gc();
        out.push(gc);
        out.push(g.host_value(&format!("held{suffix}"), vec![(Ty::I32, number())], ty));
    }
    out.push(g.host_value(&format!("held{suffix}"), vec![(Ty::I32, number())], ty));
    if g.src.chance(70) {
        out.push(g.host_stmt(&format!("release{suffix}"), vec![(Ty::I32, number())]));
    }
    g.release(handle);
    Some(out)
}

fn host_object(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ty = Ty::nullable(Heap::Extern);
    let number = Expr::i32(g.src.range(0, 99) as i32);
    let made = g.host_value("extern", vec![(Ty::I32, number)], ty);
    let local = g.temp(ty);
    let start = over_collection(g, local, made);
    let id = g.host_value("extern.id", vec![(ty, Expr::get(local, ty))], Ty::I32);
    g.release(local);
    Some(vec![start, id, Expr::get(local, ty)])
}

/// A handle that was released, asked for or released again.
pub(super) fn released_handle(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ty = Ty::Ref(RefTy::nullable(Heap::Any));
    let (first, second) = (g.temp(Ty::I32), g.temp(Ty::I32));
    let get = |local: LocalId| vec![(Ty::I32, Expr::get(local, Ty::I32))];
    let mut out = Vec::new();
    for local in [first, second] {
        let value = g.filled(ty);
        let taken = g.host_value("hold", vec![(ty, value)], Ty::I32);
        out.push(Expr::set(local, taken));
    }
    out.push(g.host_stmt("release", get(first)));
    if g.src.chance(50) {
        out.push(g.ask_gc());
        // A new one must not get the number of the old one.
        let value = g.filled(ty);
        let taken = g.host_value("hold", vec![(ty, value)], Ty::I32);
        out.push(taken);
    }
    out.push(g.host_value("held", get(second), ty));
    out.push(match g.src.below(2) {
        0 => g.host_value("held", get(first), ty),
        _ => g.host_stmt("release", get(first)),
    });
    g.release(first);
    g.release(second);
    Some(out)
}
