//! Blocks, loops, branches, select (specification, "Block instructions", "Branch
//! instructions").
//!
//! A loop counts down in a local that nothing else uses, and stops when the program's counter is
//! empty.

use super::calc;
use super::classes::{NUM, REF, STMT, VALUE};
use super::function::Label;
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{Expr, Op, StructOp, To, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Branches,
        weight: 12,
        classes: VALUE,
        make: if_value,
    },
    Row {
        feature: Feature::Branches,
        weight: 10,
        classes: VALUE,
        make: block_value,
    },
    Row {
        feature: Feature::Branches,
        weight: 6,
        classes: VALUE,
        make: br_if_value,
    },
    Row {
        feature: Feature::Branches,
        weight: 4,
        classes: VALUE,
        make: br_table_value,
    },
    Row {
        feature: Feature::Branches,
        weight: 4,
        classes: VALUE,
        make: left_sometimes,
    },
    Row {
        feature: Feature::Branches,
        weight: 16,
        classes: STMT,
        make: if_stmt,
    },
    Row {
        feature: Feature::Branches,
        weight: 10,
        classes: STMT,
        make: block_stmt,
    },
    Row {
        feature: Feature::MultiValue,
        weight: 16,
        classes: STMT,
        make: block_with_params,
    },
    Row {
        feature: Feature::MultiValue,
        weight: 10,
        classes: STMT,
        make: results_to_locals,
    },
    Row {
        feature: Feature::Select,
        weight: 14,
        classes: NUM | REF,
        make: select,
    },
    Row {
        feature: Feature::Loops,
        weight: 30,
        classes: STMT,
        make: loop_stmt,
    },
    Row {
        feature: Feature::Loops,
        weight: 8,
        classes: REF,
        make: loop_carrying,
    },
    Row {
        feature: Feature::CastBranches,
        weight: 8,
        classes: STMT,
        make: loop_over_links,
    },
    Row {
        feature: Feature::Traps,
        weight: 1,
        classes: VALUE,
        make: unreachable_rest,
    },
];

fn if_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let condition = g.expr(Ty::I32);
    let mut arm = || {
        let mut arm = g.stmts(1);
        arm.push(g.expr(want));
        arm
    };
    let (then, els) = (arm(), arm());
    let label = g.new_label();
    Some(Expr::value(Op::If(label, then, els), vec![condition], want))
}

fn block_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    Some(g.block(&[want], |g, _| {
        let mut body = g.stmts(2);
        body.push(g.expr(want));
        body
    }))
}

/// A conditional branch out of a block, with a value of the wanted type.
fn br_if_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let label =
        g.label_where(|g, l| matches!(l.tys.as_slice(), &[ty] if g.types.matches(ty, want)))?;
    let ty = label.tys[0];
    let args = vec![g.expr(ty), g.expr(Ty::I32)];
    Some(Expr::value(Op::BrIf(label.id), args, ty))
}

/// `br_table` to one of two enclosing blocks, with the value.
fn br_table_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    if g.held {
        return None;
    }
    Some(g.block(&[want], |g, outer| {
        let inner = g.block(&[want], |g, inner| {
            let args = vec![g.expr(want), g.expr(Ty::I32)];
            let targets = vec![outer, inner, outer];
            vec![Expr::value(Op::BrTable(targets, inner), args, want)]
        });
        let mut body = vec![g.discard(inner)];
        body.extend(g.stmts(1));
        body.push(g.leaf(want));
        body
    }))
}

/// `if` whose first arm leaves: the function or an enclosing block.
fn left_sometimes(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    if g.held {
        return None;
    }
    let condition = g.expr(Ty::I32);
    let leave = g.leave(want);
    let other = g.expr(want);
    let label = g.new_label();
    Some(Expr::value(
        Op::If(label, vec![leave], vec![other]),
        vec![condition],
        want,
    ))
}

fn if_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let condition = g.expr(Ty::I32);
    let mut then = vec![g.stmt()];
    then.extend(g.stmts(1));
    let els = g.stmts(1);
    let label = g.new_label();
    Some(Expr::stmt(Op::If(label, then, els), vec![condition]))
}

fn block_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    Some(g.block(&[], |g, label| {
        let mut body = g.stmts(2);
        if !g.held {
            let condition = g.expr(Ty::I32);
            body.push(Expr::stmt(Op::BrIf(label), vec![condition]));
        }
        body.push(g.stmt());
        body
    }))
}

/// A block with parameters: values that wait on the stack are operands inside.
fn block_with_params(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let n = g.src.range(1, 3);
    let tys: Vec<Ty> = (0..n).map(|_| g.any_type()).collect();
    let args = g.args(&tys);
    let results: Vec<Ty> = (0..g.src.range(0, 2)).map(|_| g.any_type()).collect();
    let label = g.new_label();
    g.f.labels.push(Label {
        id: label,
        tys: results.clone(),
    });
    let params = Expr::many(Op::Params, Vec::new(), tys.clone());
    let mut body = vec![g.put_away(params)];
    body.extend(g.stmts(2));
    body.extend(results.iter().map(|&ty| g.expr(ty)).collect::<Vec<_>>());
    g.f.labels.pop();
    let block = Expr::many(Op::Block(label, tys, body), args, results);
    Some(g.put_away(block))
}

/// A block with several results, put into locals.
fn results_to_locals(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let tys: Vec<Ty> = (0..g.src.range(2, 4)).map(|_| g.any_type()).collect();
    let block = g.block(&tys, |g, _| {
        let mut body = g.stmts(1);
        body.extend(g.args(&tys));
        body
    });
    Some(g.put_away(block))
}

fn select(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let mut args = g.args(&[want, want]);
    args.push(g.expr(Ty::I32));
    let typed = want.as_ref().is_some() || g.src.chance(30);
    Some(Expr::value(Op::Select(typed.then_some(want)), args, want))
}

fn loop_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    if g.f.loops >= 2 {
        return None;
    }
    let turns = g.turns();
    Some(g.repeat(turns, |g| {
        let mut body = vec![g.stmt()];
        body.extend(g.stmts(2));
        body
    }))
}

/// A loop whose parameter and result is a reference that is replaced in every turn.
fn loop_carrying(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    if g.f.loops >= 2 || g.held {
        return None;
    }
    let counter = g.temp(Ty::I32);
    let turns = g.turns();
    let start = g.set_local(counter, Expr::i32(turns));
    let first = g.expr(want);
    let label = g.new_label();
    g.f.loops += 1;
    let params = Expr::many(Op::Params, Vec::new(), vec![want]);
    let mut body = vec![g.put_away(params), g.burn()];
    body.extend(g.stmts(2));
    let next = g.expr(want);
    g.f.loops -= 1;
    let again = g.again(counter);
    body.push(Expr::value(Op::BrIf(label), vec![next, again], want));
    g.release(counter);
    let whole = Expr::value(Op::Loop(label, vec![want], body), vec![first], want);
    Some(Expr::value(Op::Seq, vec![start, whole], want))
}

/// Walks a chain. `br_on_non_null` or `br_on_cast` is the back edge and the loop's only test.
fn loop_over_links(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, field) = g.link_field()?;
    let heap = crate::program::Heap::Def(id);
    let ty = Ty::non_null(heap);
    let at = g.temp(Ty::nullable(heap));
    let counter = g.temp(Ty::I32);
    let turns = g.turns();
    let first = g.expr(ty);
    let label = g.new_label();
    let take = Expr::many(Op::Params, Vec::new(), vec![ty]);
    let mut body = vec![g.set_local(at, take), g.burn()];
    g.f.loops += 1;
    body.extend(g.stmts(1));
    g.f.loops -= 1;
    let link = Expr::value(
        Op::Struct(StructOp::Get(id, field.0, crate::program::Sign::Plain)),
        vec![Expr::get(at, Ty::nullable(heap))],
        field.1,
    );
    let source = field.1.as_ref()?;
    let target = crate::program::RefTy::non_null(heap);
    let next = if source.null && source.heap == heap && g.src.chance(50) {
        Expr::stmt(Op::BrOnNonNull(label), vec![link])
    } else {
        let rest = Ty::Ref(crate::program::RefTy::nullable(source.heap));
        let source = crate::program::RefTy::nullable(source.heap);
        Expr::drop(Expr::value(
            Op::BrOnCast(label, source, target),
            vec![link],
            rest,
        ))
    };
    let again = g.again(counter);
    body.push(g.when(again, vec![next]));
    g.release(at);
    g.release(counter);
    let start = g.set_local(counter, Expr::i32(turns));
    let whole = Expr::stmt(Op::Loop(label, vec![ty], body), vec![first]);
    Some(Expr::stmt(Op::Seq, vec![start, whole]))
}

/// Leaves the function or a block on purpose. The code after it is dead, but must validate and
/// compile.
fn unreachable_rest(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    Some(g.leave(want))
}

impl Gen<'_> {
    /// Returns an enclosing label that passes, or `None` while references must not be abandoned.
    fn label_where(&mut self, keep: impl Fn(&Self, &Label) -> bool) -> Option<Label> {
        if self.held {
            return None;
        }
        let labels: Vec<usize> = (0..self.f.labels.len())
            .filter(|&at| keep(self, &self.f.labels[at]))
            .collect();
        let at = self.src.pick(&labels)?;
        Some(self.f.labels[at].clone())
    }

    /// Returns an expression that never continues, in place of a value of type `want`.
    fn leave(&mut self, want: Ty) -> Expr {
        let (op, tys) = match self.src.below(6) {
            0 if self.on(Feature::Traps) => (Op::Unreachable, Vec::new()),
            1 | 2 => (Op::Return, self.f.results.clone()),
            3 if self.on(Feature::TailCalls) => match self.tail_call() {
                Some((op, args)) => return Expr::value(op, args, want),
                None => (Op::Return, self.f.results.clone()),
            },
            4 if self.on(Feature::Exceptions) && !self.m.tags.is_empty() => {
                let (tag, tys) = self.any_tag();
                (Op::Throw(tag), tys)
            }
            _ => match self.label_where(|_, _| true) {
                Some(label) => (Op::Br(label.id), label.tys),
                None => (Op::Return, self.f.results.clone()),
            },
        };
        let args = self.args(&tys);
        Expr::value(op, args, want)
    }

    /// Puts results into locals, or drops them.
    pub(super) fn put_away(&mut self, value: Expr) -> Expr {
        if value.tys.is_empty() {
            return value;
        }
        let tys = value.tys.clone();
        let to = tys
            .iter()
            .map(|&ty| {
                // In the `held` kind, a local keeps what it holds, and every value is used.
                if self.held {
                    let user = ty.as_ref().and_then(|r| self.user(r.heap));
                    return user.map_or(To::Drop, To::Call);
                }
                match self.local_above(ty) {
                    Some(local) if self.src.chance(70) => To::Local(local),
                    _ => To::Drop,
                }
            })
            .collect();
        Expr::stmt(Op::Sink(to), vec![value])
    }

    /// How many turns a loop makes.
    pub(super) fn turns(&mut self) -> i32 {
        match self.src.below(10) {
            0 => self.src.range(10, 40) as i32,
            _ => self.src.range(1, 6) as i32,
        }
    }

    /// A loop of at least one and at most `turns` turns around the statements of `inside`.
    pub(super) fn repeat(
        &mut self,
        turns: i32,
        inside: impl FnOnce(&mut Self) -> Vec<Expr>,
    ) -> Expr {
        let counter = self.temp(Ty::I32);
        let label = self.new_label();
        self.f.loops += 1;
        let mut body = inside(self);
        self.f.loops -= 1;
        let burn = self.burn();
        body.push(burn);
        let again = self.again(counter);
        body.push(Expr::stmt(Op::BrIf(label), vec![again]));
        self.release(counter);
        let start = Expr::set(counter, Expr::i32(turns));
        let whole = Expr::stmt(Op::Loop(label, Vec::new(), body), Vec::new());
        Expr::stmt(Op::Seq, vec![start, whole])
    }

    /// Counts down. Returns the condition that there are turns and units left.
    fn again(&self, counter: crate::program::LocalId) -> Expr {
        let less = calc::sub(Expr::get(counter, Ty::I32), Expr::i32(1));
        let turns_left = calc::gt_s(Expr::tee(counter, Ty::I32, less), Expr::i32(0));
        calc::and(turns_left, calc::ge_s(self.fuel_left(), Expr::i32(0)))
    }
}
