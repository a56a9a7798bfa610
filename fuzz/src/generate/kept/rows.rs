//! Rows of values: many locals, operands, parameters and results that are alive over a call, many
//! writes in a row, deep nests and wide branch tables. All of them end in numbers in which each
//! value has a weight of its own.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::generate::swarm::Feature;
use crate::program::{
    Composite, Expr, Field, Global, GlobalId, Heap, LabelId, LocalId, Op, Sig, Storage, StructOp,
    TagId, Ty,
};

use super::calls::caught;
use super::sizes::length;

/// One row of values.
pub(super) fn rows(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    match g.src.below(9) {
        8 => many_tags(g),
        0 => many_locals(g),
        1 => many_operands(g),
        2 => many_params(g),
        3 => many_results(g),
        4 => many_globals(g),
        5 => many_writes(g),
        6 => deep_nest(g),
        _ => wide_branch(g),
    }
}

/// Reduces the `n` numbers on top of the stack that `values` leaves to one.
fn folded(values: Vec<Expr>, n: u32) -> Expr {
    let mut sum = Expr::many(Op::Seq, values, vec![Ty::I64; n as usize]);
    let nothing = || Expr::stmt(Op::Nop, Vec::new());
    for _ in 1..n {
        // The first operand is below the second one on the stack already.
        sum = calc::sub64(sum, nothing());
        sum = calc::mul64(sum, Expr::i64(31));
    }
    sum
}

fn number(g: &mut Gen<'_>, at: u32) -> Expr {
    let value = i64::from(at).wrapping_mul(0x0123_4567_89ab_cdef);
    match g.src.below(8) {
        0 => g.operand(Ty::I64),
        1 => g.hidden(Expr::i64(value)),
        _ => Expr::i64(value),
    }
}

/// A call that may collect, and that no compiler sees through.
fn interruption(g: &mut Gen<'_>) -> Expr {
    if g.on(Feature::AskGc) && g.src.chance(50) {
        return g.ask_gc();
    }
    let nothing = g.add_helper(&Sig::default(), Vec::new());
    Expr::stmt(Op::Call(nothing), Vec::new())
}

fn many_locals(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let any = Ty::nullable(Heap::Any);
    let locals: Vec<LocalId> = (0..n).map(|_| g.temp(Ty::I64)).collect();
    let object = g.temp(any);
    let mut out: Vec<Expr> = Vec::new();
    for (&local, at) in locals.iter().zip(0..) {
        let value = number(g, at);
        out.push(Expr::set(local, value));
    }
    let value = g.filled(any);
    out.push(Expr::set(object, value));
    out.push(interruption(g));
    let all = locals.iter().map(|&local| Expr::get(local, Ty::I64));
    out.push(folded(all.collect(), n));
    out.push(Expr::get(object, any));
    locals.into_iter().for_each(|local| g.release(local));
    g.release(object);
    Some(out)
}

fn many_operands(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let mut values: Vec<Expr> = (0..n).map(|at| number(g, at)).collect();
    let at = g.src.below(values.len());
    let pause = interruption(g);
    values.insert(at, pause);
    values.push(interruption(g));
    Some(vec![folded(values, n)])
}

fn many_params(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let any = Ty::nullable(Heap::Any);
    let mut params = vec![Ty::I64; n as usize];
    params.push(any);
    let sig = Sig {
        params,
        results: vec![Ty::I64, any],
    };
    let all = (0..n).map(|at| Expr::get(LocalId(at), Ty::I64)).collect();
    let mut body = vec![interruption(g)];
    body.push(folded(all, n));
    body.push(Expr::get(LocalId(n), any));
    let func = g.add_helper(&sig, body);
    let mut args: Vec<Expr> = (0..n).map(|at| number(g, at)).collect();
    args.push(g.filled(any));
    Some(vec![Expr::many(Op::Call(func), args, sig.results)])
}

fn many_results(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let sig = Sig {
        params: Vec::new(),
        results: vec![Ty::I64; n as usize],
    };
    let mut body: Vec<Expr> = (0..n)
        .map(|at| Expr::i64(i64::from(at).wrapping_mul(0x0123_4567_89ab)))
        .collect();
    body.insert(g.src.below(n as usize), interruption(g));
    let func = g.add_helper(&sig, body);
    let call = Expr::many(Op::Call(func), Vec::new(), sig.results);
    Some(vec![folded(vec![call], n)])
}

fn many_globals(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let ids: Vec<GlobalId> = (0..n).map(|_| GlobalId(g.fresh())).collect();
    for (&id, at) in ids.iter().zip(0..) {
        g.m.globals.push(Global {
            id,
            ty: Ty::I64,
            mutable: true,
            import: None,
            export: None,
            init: Some(Expr::i64(at)),
        });
    }
    let mut out = Vec::new();
    for _ in 0..3 {
        let at = g.src.below(ids.len());
        let value = number(g, at as u32);
        out.push(Expr::stmt(Op::GlobalSet(ids[at]), vec![value]));
    }
    let all = ids
        .iter()
        .map(|&id| Expr::value(Op::GlobalGet(id), Vec::new(), Ty::I64));
    out.push(folded(all.collect(), n));
    Some(out)
}

/// Writes of references in a row, without anything between them.
fn many_writes(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 129);
    let any = Ty::nullable(Heap::Any);
    let field = Field {
        storage: Storage::Val(any),
        mutable: true,
    };
    let id = g.add_type(Composite::Struct(vec![field; n as usize]), None, true);
    let ty = Ty::nullable(Heap::Def(id));
    let (object, shared) = (g.temp(ty), g.temp(any));
    let made = Expr::value(Op::Struct(StructOp::NewDefault(id)), Vec::new(), ty);
    let value = g.smallest(Ty::non_null(Heap::Struct));
    let mut out = vec![Expr::set(object, made), Expr::set(shared, value)];
    for at in 0..n {
        let at = if g.src.chance(10) {
            g.src.range(0, n - 1)
        } else {
            at
        };
        let value = match g.src.below(6) {
            0 => g.filled(any),
            1 => Expr::get(object, ty),
            2 => Expr::value(
                Op::Struct(StructOp::Get(
                    id,
                    g.src.range(0, n - 1),
                    crate::program::Sign::Plain,
                )),
                vec![Expr::get(object, ty)],
                any,
            ),
            _ => Expr::get(shared, any),
        };
        let args = vec![Expr::get(object, ty), value];
        out.push(Expr::stmt(Op::Struct(StructOp::Set(id, at)), args));
    }
    out.push(interruption(g));
    out.push(Expr::get(object, ty));
    g.release(object);
    g.release(shared);
    Some(out)
}

/// Many tags of one type. One is thrown, and there are clauses for others whose numbers differ from
/// its number in one bit.
fn many_tags(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    if g.without.exceptions {
        return None;
    }
    let n = length(g, 257) as usize;
    let payload = [Ty::I64];
    let tags: Vec<TagId> = (0..n).map(|_| g.add_tag(payload.to_vec()).0).collect();
    let thrown = g.src.below(n);
    let bits = (0..9).map(|bit| thrown ^ (1 << bit));
    let others: Vec<usize> = bits.filter(|&at| at < n).collect();
    let mut clauses: Vec<TagId> = (0..3)
        .filter_map(|_| g.src.pick(&others))
        .map(|at| tags[at])
        .collect();
    if g.src.chance(70) {
        clauses.push(tags[thrown]);
    }
    Some(caught(g, &payload, tags[thrown], clauses))
}

/// Blocks inside of blocks. A branch leaves some of them, and each that is left at its end counts.
fn deep_nest(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let count = g.temp(Ty::I32);
    let labels: Vec<LabelId> = (0..n).map(|_| g.new_label()).collect();
    let to = [0, n - 1, g.src.range(0, n - 1)][g.src.below(3)];
    let condition = Expr::i32(g.src.range(0, 1) as i32);
    let condition = g.hidden(condition);
    let branch = Expr::stmt(Op::BrIf(labels[to as usize]), vec![condition]);
    let mut inner = vec![branch];
    for &label in labels.iter().rev() {
        let more = calc::add(Expr::get(count, Ty::I32), Expr::i32(1));
        inner = vec![
            Expr::stmt(Op::Block(label, Vec::new(), inner), Vec::new()),
            Expr::set(count, more),
        ];
    }
    let mut out = vec![Expr::set(count, Expr::i32(0))];
    out.extend(inner);
    out.push(Expr::get(count, Ty::I32));
    g.release(count);
    Some(out)
}

/// A branch table with many entries.
fn wide_branch(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 1025);
    let labels: Vec<LabelId> = (0..4).map(|_| g.new_label()).collect();
    let (last, some) = (labels[3], &labels[..3]);
    let entries: Vec<LabelId> = (0..n).map(|_| some[g.src.below(3)]).collect();
    let index = [0, n - 1, n, 255, 256, u32::MAX, 1 << 31][g.src.below(7)];
    let index = g.hidden(Expr::i32(index as i32));
    let value = g.operand(Ty::I64);
    let branch = Expr::stmt(Op::BrTable(entries, last), vec![value, index]);
    let mut inner = branch;
    for (&label, at) in labels.iter().zip(1..) {
        let block = Expr::value(
            Op::Block(label, Vec::new(), vec![inner]),
            Vec::new(),
            Ty::I64,
        );
        inner = calc::add64(calc::mul64(block, Expr::i64(31)), Expr::i64(at));
    }
    Some(vec![inner])
}
