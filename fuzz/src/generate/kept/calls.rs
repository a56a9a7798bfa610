//! Calls of every form with many parameters and results, and exceptions with several payloads and
//! tags of one type. Everything that was passed comes back as a result.

use crate::generate::generator::Gen;
use crate::generate::swarm::Feature;
use crate::program::{
    Catch, Elem, ElemId, Expr, FuncId, Heap, LabelId, LocalId, Mode, Op, RefOp, RefTy, Sig, Table,
    TableId, TableTy, TagId, Ty, TypeId,
};

impl Gen<'_> {
    pub(super) fn passed(&mut self) -> Ty {
        match self.src.below(9) {
            0 | 1 => Ty::I32,
            2 | 3 => Ty::I64,
            4 => Ty::F32,
            5 => Ty::F64,
            6 => Ty::V128,
            7 => Ty::nullable(Heap::Any),
            _ => self.any_defaultable(),
        }
    }

    fn any_defaultable(&mut self) -> Ty {
        match self.any_type() {
            Ty::Ref(r) => Ty::nullable(r.heap),
            number => number,
        }
    }

    /// Draws a number of values to pass. Usually it is small. Sometimes they do not all fit into
    /// registers.
    fn count(&mut self, most: u32) -> u32 {
        match self.src.below(6) {
            0 => self.src.range(9, most.max(10)),
            1 => self.src.range(6, 9),
            _ => self.src.range(1, 5),
        }
    }

    /// A function that returns some of its parameters in another order.
    pub(super) fn shuffling(&mut self) -> (FuncId, Sig) {
        let n = self.count(24);
        // Often they have one type, so that a swap is not found by types.
        let one = match self.src.chance(35) {
            true => Ty::nullable(Heap::Any),
            false => self.passed(),
        };
        let alike = self.src.chance(40);
        let params: Vec<Ty> = (0..n)
            .map(|_| if alike { one } else { self.passed() })
            .collect();
        let m = self.count(17);
        let order: Vec<usize> = (0..m).map(|_| self.src.below(params.len())).collect();
        let sig = Sig {
            results: order.iter().map(|&at| params[at]).collect(),
            params,
        };
        let mut body: Vec<Expr> = order
            .iter()
            .map(|&at| Expr::get(LocalId(at as u32), sig.params[at]))
            .collect();
        if self.on(Feature::AskGc) && self.src.chance(50) {
            let at = self.src.below(body.len() + 1);
            let gc = self.ask_gc();
            body.insert(at, gc);
        }
        (self.add_helper(&sig, body), sig)
    }

    /// A function that makes a tail call with its parameters or with constants.
    fn passing_on(&mut self, to: FuncId, to_sig: &Sig) -> (FuncId, Sig) {
        let n = self.count(12);
        let params: Vec<Ty> = (0..n).map(|_| self.passed()).collect();
        let mut args: Vec<Expr> = Vec::new();
        for &ty in &to_sig.params {
            let from: Vec<u32> = (0..)
                .zip(&params)
                .filter(|(_, p)| **p == ty)
                .map(|(at, _)| at)
                .collect();
            args.push(match self.src.pick(&from) {
                Some(at) if self.src.chance(60) => Expr::get(LocalId(at), ty),
                _ => self.outside_body(ty),
            });
        }
        let sig = Sig {
            params,
            results: to_sig.results.clone(),
        };
        let (op, last) = self.form(to, true);
        args.extend(last);
        let body = vec![Expr::stmt(op, args)];
        (self.add_helper(&sig, body), sig)
    }

    /// A value for the body of another function, which cannot use the locals of this one.
    pub(super) fn outside_body(&mut self, ty: Ty) -> Expr {
        match ty {
            Ty::Ref(_) => self.smallest(ty),
            number => self.boundary(number),
        }
    }

    /// One of the forms of a call to the function, and the operand that it adds.
    fn form(&mut self, to: FuncId, tail: bool) -> (Op, Option<Expr>) {
        let ty = self.m.func(to).map_or(TypeId(0), |f| f.ty);
        let func = Expr::value(
            Op::Ref(RefOp::Func(to)),
            Vec::new(),
            Ty::non_null(Heap::Def(ty)),
        );
        match (self.src.below(4), tail) {
            (0, true) => (Op::ReturnCallRef(ty), Some(func)),
            (0, false) => (Op::CallRef(ty), Some(func)),
            (1, _) => {
                let (table, slot) = self.table_of(to, ty);
                let op = if tail {
                    Op::ReturnCallIndirect(table, ty)
                } else {
                    Op::CallIndirect(table, ty)
                };
                (op, Some(slot))
            }
            (_, true) => (Op::ReturnCall(to), None),
            (_, false) => (Op::Call(to), None),
        }
    }

    /// A table of functions that has the function, and the function's index in it. The table's
    /// element type is `func` or the function's own type.
    fn table_of(&mut self, func: FuncId, ty: TypeId) -> (TableId, Expr) {
        let heap = if self.src.chance(50) {
            Heap::Func
        } else {
            Heap::Def(ty)
        };
        let at = self.src.range(0, 3);
        let elem = RefTy::nullable(heap);
        let is64 = self.src.chance(20) && !self.without.wide_tables;
        let id = TableId(self.fresh());
        self.m.tables.push(Table {
            id,
            ty: TableTy {
                elem,
                min: u64::from(at) + 1,
                max: self.src.chance(50).then_some(u64::from(at) + 1),
                is64,
            },
            import: None,
            export: None,
            init: None,
        });
        self.fixed_tables.push(id);
        let index = |at: u32| Expr::index(is64, at.into());
        let segment = ElemId(self.fresh());
        self.m.elems.push(Elem {
            id: segment,
            mode: Mode::Active(id, index(at)),
            ty: elem,
            items: vec![Expr::value(
                Op::Ref(RefOp::Func(func)),
                Vec::new(),
                Ty::non_null(Heap::Def(ty)),
            )],
        });
        (id, index(at))
    }
}

/// A call in one of its forms, perhaps through a function that makes the call as a tail call.
pub(super) fn calls(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (mut to, mut sig) = g.shuffling();
    if g.src.chance(50) {
        (to, sig) = g.passing_on(to, &sig);
    }
    let mut args: Vec<Expr> = sig.params.iter().map(|&ty| g.filled(ty)).collect();
    let (op, last) = g.form(to, false);
    args.extend(last);
    let mut out = vec![Expr::many(op, args, sig.results)];
    if g.on(Feature::AskGc) && g.src.chance(50) {
        out.push(g.ask_gc());
    }
    Some(out)
}

/// An indirect call with the wrong type, of an empty element, or outside of the table.
pub(super) fn wrong_call(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (to, _) = g.shuffling();
    let ty = g.m.func(to)?.ty;
    let (table, index) = g.table_of(to, ty);
    let known = g.defs_below(Heap::Func, |_, _| true);
    let asked = match g.src.below(3) {
        0 => ty,
        _ => g.src.pick(&known)?,
    };
    let asked_sig = g.types.sig(asked)?.clone();
    let mut args: Vec<Expr> = asked_sig.params.iter().map(|&ty| g.filled(ty)).collect();
    let wrong = match (g.src.below(3), index.op.clone()) {
        (0, Op::I64(at)) => Expr::i64(at | 1 << 32),
        (0, Op::I32(at)) => Expr::i32(at | i32::MIN),
        (1, Op::I64(_)) => Expr::i64(0),
        (1, _) => Expr::i32(0),
        _ => index,
    };
    args.push(g.hidden(wrong));
    Some(vec![Expr::many(
        Op::CallIndirect(table, asked),
        args,
        asked_sig.results,
    )])
}

/// Throws one of several tags with the same parameters. Returns the payload that was caught, and
/// the number of the clause that caught it.
pub(super) fn exceptions(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    if g.without.exceptions {
        return None;
    }
    let n = match g.src.below(5) {
        0 => g.src.range(5, 12),
        _ => g.src.range(0, 6),
    };
    let references = g.src.chance(40);
    let payload: Vec<Ty> = (0..n)
        .map(|_| match references {
            true => Ty::nullable(Heap::Any),
            false => g.passed(),
        })
        .collect();
    let mut tags: Vec<TagId> = (0..g.src.range(1, 3))
        .map(|_| g.add_tag(payload.clone()).0)
        .collect();
    let thrown = tags[g.src.below(tags.len())];
    if tags.len() > 1 && g.src.chance(40) {
        // Only some of them have a clause.
        tags.retain(|&tag| tag == thrown || tag.0 % 2 == 0);
    }
    Some(caught(g, &payload, thrown, tags))
}

/// Throws a tag where each of `tags` has a clause. Returns the payload that was caught, and
/// the clause's number.
pub(super) fn caught(
    g: &mut Gen<'_>,
    payload: &[Ty],
    thrown: TagId,
    tags: Vec<TagId>,
) -> Vec<Expr> {
    let body = throwing(g, payload, thrown);
    let body = if g.src.chance(40) {
        rethrown(g, body)
    } else {
        body
    };
    // A label may take more than its clause carries.
    let taken: Vec<Ty> = payload
        .iter()
        .map(|&ty| match ty {
            Ty::Ref(r) if g.src.chance(30) => Ty::nullable(g.types.top(r.heap)),
            _ => ty,
        })
        .collect();
    let mut results = taken.clone();
    results.push(Ty::I32);
    let (out, guard) = (g.new_label(), g.new_label());
    let all = g.new_label();
    let mut clauses = Vec::new();
    for tag in tags {
        let with_exn = g.src.chance(30);
        clauses.push((g.new_label(), tag, with_exn));
    }
    let mut catches: Vec<Catch> = clauses
        .iter()
        .map(|&(label, tag, with_exn)| Catch {
            tag: Some(tag),
            with_exn,
            label,
        })
        .collect();
    let first = g.src.chance(15);
    let catch_all = Catch {
        tag: None,
        with_exn: false,
        label: all,
    };
    catches.insert(if first { 0 } else { catches.len() }, catch_all);
    let mut inner = vec![Expr::stmt(Op::Try(guard, catches, body), Vec::new())];
    inner.push(Expr::stmt(Op::Unreachable, Vec::new()));
    inner = handlers(&taken, &clauses, out, inner);
    let caught_all = Expr::stmt(Op::Block(all, Vec::new(), inner), Vec::new());
    let mut whole = vec![caught_all];
    whole.extend(taken.iter().map(|&ty| g.smallest(ty)));
    whole.push(Expr::i32(-1));
    vec![Expr::many(
        Op::Block(out, Vec::new(), whole),
        Vec::new(),
        results,
    )]
}

/// Returns statements that throw a payload, in place or in a function of their own.
fn throwing(g: &mut Gen<'_>, payload: &[Ty], thrown: TagId) -> Vec<Expr> {
    let values: Vec<Expr> = payload.iter().map(|&ty| g.filled(ty)).collect();
    let throw = Expr::stmt(Op::Throw(thrown), values);
    if g.src.chance(40) {
        let params: Vec<Expr> = (0..)
            .map(LocalId)
            .zip(payload)
            .map(|(l, &ty)| Expr::get(l, ty))
            .collect();
        let sig = Sig {
            params: payload.to_vec(),
            results: Vec::new(),
        };
        let mut thrower = g.add_helper(&sig, vec![Expr::stmt(Op::Throw(thrown), params)]);
        for _ in 0..g.src.range(0, 3) {
            thrower = let_through(g, &sig, thrower);
        }
        let values: Vec<Expr> = payload.iter().map(|&ty| g.filled(ty)).collect();
        let call = Expr::stmt(Op::Call(thrower), values);
        vec![call, Expr::stmt(Op::Unreachable, Vec::new())]
    } else {
        vec![throw]
    }
}

/// A function that calls another one where only another tag is caught, so that the exception goes
/// through its frame.
fn let_through(g: &mut Gen<'_>, sig: &Sig, inner: FuncId) -> FuncId {
    let (other, _) = g.add_tag(Vec::new());
    let params = (0..).map(LocalId).zip(&sig.params);
    let args = params.map(|(local, &ty)| Expr::get(local, ty)).collect();
    let call = Expr::stmt(Op::Call(inner), args);
    let (caught, guard) = (g.new_label(), g.new_label());
    let catch = Catch {
        tag: Some(other),
        with_exn: false,
        label: caught,
    };
    let guarded = Expr::stmt(Op::Try(guard, vec![catch], vec![call]), Vec::new());
    let block = Expr::stmt(Op::Block(caught, Vec::new(), vec![guarded]), Vec::new());
    g.add_helper(sig, vec![block])
}

/// Nests one block for each clause around `inner`. Each branches to `out` with the payload and the
/// number of the clause.
fn handlers(
    payload: &[Ty],
    clauses: &[(LabelId, TagId, bool)],
    out: LabelId,
    mut inner: Vec<Expr>,
) -> Vec<Expr> {
    for (at, &(label, _, with_exn)) in clauses.iter().enumerate() {
        let mut tys = payload.to_vec();
        if with_exn {
            tys.push(match at % 3 {
                0 => Ty::nullable(Heap::Exn),
                _ => Ty::non_null(Heap::Exn),
            });
        }
        let mut caught = Expr::many(Op::Block(label, Vec::new(), inner), Vec::new(), tys);
        if with_exn {
            // Only the reference, which is on top.
            caught = Expr::many(Op::Drop, vec![caught], payload.to_vec());
        }
        let number = Expr::i32(at as i32 + 1);
        inner = vec![Expr::stmt(Op::Br(out), vec![caught, number])];
    }
    inner
}

/// Catches what `body` throws as a reference, and throws it again.
fn rethrown(g: &mut Gen<'_>, body: Vec<Expr>) -> Vec<Expr> {
    let (label, guard) = (g.new_label(), g.new_label());
    let catch = Catch {
        tag: None,
        with_exn: true,
        label,
    };
    let mut inner = vec![Expr::stmt(Op::Try(guard, vec![catch], body), Vec::new())];
    inner.push(Expr::stmt(Op::Unreachable, Vec::new()));
    let exn = Expr::value(
        Op::Block(label, Vec::new(), inner),
        Vec::new(),
        Ty::non_null(Heap::Exn),
    );
    let mut operands = vec![exn];
    if g.on(Feature::AskGc) && g.src.chance(75) {
        operands.push(g.ask_gc());
    }
    vec![Expr::stmt(Op::ThrowRef, operands)]
}
