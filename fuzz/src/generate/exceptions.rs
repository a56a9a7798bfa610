//! Exceptions (specification, "Exception instructions"): `throw` with references, every kind of
//! catch clause, and `throw_ref`.

use super::classes::{EXN, STMT, VALUE};
use super::function::Label;
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{Catch, Expr, Heap, LabelId, Op, RefTy, TagId, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Exceptions,
        weight: 16,
        classes: VALUE,
        make: try_value,
    },
    Row {
        feature: Feature::Exceptions,
        weight: 30,
        classes: STMT,
        make: try_stmt,
    },
    Row {
        feature: Feature::Exceptions,
        weight: 24,
        classes: STMT,
        make: throw_sometimes,
    },
    Row {
        feature: Feature::Exceptions,
        weight: 13,
        classes: STMT,
        make: rethrow,
    },
    Row {
        feature: Feature::Exceptions,
        weight: 40,
        classes: EXN,
        make: new_exception,
    },
];

fn try_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let clauses = g.clauses()?;
    Some(g.block(&[want], |g, out| {
        let mut body = vec![g.handlers(&clauses, &mut Vec::new(), &[want], out)];
        body.extend(g.stmts(1));
        body.push(g.leaf(want));
        body
    }))
}

fn try_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let clauses = g.clauses()?;
    Some(g.block(&[], |g, out| {
        let mut body = vec![g.handlers(&clauses, &mut Vec::new(), &[], out)];
        body.extend(g.stmts(2));
        body
    }))
}

fn throw_sometimes(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    if g.m.tags.is_empty() {
        return None;
    }
    let condition = g.expr(Ty::I32);
    let (tag, tys) = g.any_tag();
    let args = g.args(&tys);
    let throw = Expr::stmt(Op::Throw(tag), args);
    Some(g.when(condition, vec![throw]))
}

fn new_exception(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    match want.as_ref()?.heap {
        Heap::Exn => Some(g.caught_exception()),
        _ => None,
    }
}

/// Throws the exception of an `exnref` again, unless it is null.
fn rethrow(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let condition = g.expr(Ty::I32);
    let guarded = g.block(&[], |g, label| {
        let exn = g.expr(Ty::nullable(Heap::Exn));
        let sure = Expr::value(Op::BrOnNull(label), vec![exn], Ty::non_null(Heap::Exn));
        vec![Expr::stmt(Op::ThrowRef, vec![sure])]
    });
    Some(g.when(condition, vec![guarded]))
}

impl Gen<'_> {
    /// A tag and the types it carries.
    pub(super) fn any_tag(&mut self) -> (TagId, Vec<Ty>) {
        let tags: Vec<_> = self.m.tags.iter().map(|t| (t.id, t.ty)).collect();
        let (id, ty) = self
            .src
            .pick(&tags)
            .unwrap_or_else(|| self.add_tag(Vec::new()));
        let params = self.types.sig(ty).map(|sig| sig.params.clone());
        (id, params.unwrap_or_default())
    }

    /// The types that the handlers of one `try_table` receive, outermost handler first.
    fn clauses(&mut self) -> Option<Vec<Vec<Ty>>> {
        if self.m.tags.is_empty() {
            return None;
        }
        let n = self.src.range(1, 3);
        let mut clauses = Vec::new();
        for _ in 0..n {
            let mut payload = match self.src.chance(65) {
                true => self.any_tag().1,
                false => Vec::new(),
            };
            if self.src.chance(45) {
                payload.push(Ty::non_null(Heap::Exn));
            }
            clauses.push(payload);
        }
        Some(clauses)
    }

    /// Nests one handler block for each clause around the `try_table`. Every handler branches to
    /// `out` with values of `tys`, except the outermost, which falls through without values.
    fn handlers(
        &mut self,
        clauses: &[Vec<Ty>],
        labels: &mut Vec<LabelId>,
        tys: &[Ty],
        out: LabelId,
    ) -> Expr {
        let Some((payload, inner)) = clauses.split_first() else {
            return self.guarded(labels, tys, out);
        };
        let label = self.new_label();
        labels.push(label);
        self.f.labels.push(Label {
            id: label,
            tys: payload.clone(),
        });
        let mut body = vec![self.handlers(inner, labels, tys, out)];
        if !inner.is_empty() {
            body.extend(self.stmts(1));
            let values: Vec<Expr> = tys.iter().map(|&ty| self.leaf(ty)).collect();
            body.push(Expr::many(Op::Br(out), values, payload.clone()));
        }
        self.f.labels.pop();
        let block = Expr::many(
            Op::Block(label, Vec::new(), body),
            Vec::new(),
            payload.clone(),
        );
        self.put_away(block)
    }

    /// The `try_table`, whose clauses go to `labels` in order of nesting, and the branch past all
    /// handlers.
    fn guarded(&mut self, labels: &[LabelId], tys: &[Ty], out: LabelId) -> Expr {
        let catches = labels
            .iter()
            .map(|&label| self.catch_for(label))
            .collect::<Vec<Catch>>();
        let id = self.new_label();
        self.f.labels.push(Label {
            id,
            tys: tys.to_vec(),
        });
        let mut body = vec![self.stmt()];
        body.extend(self.stmts(2));
        body.extend(self.args(tys));
        self.f.labels.pop();
        let guarded = Expr::many(Op::Try(id, catches, body), Vec::new(), tys.to_vec());
        Expr::stmt(Op::Br(out), vec![guarded])
    }

    /// The clause whose handler is `label`, found by the types that the label takes.
    fn catch_for(&mut self, label: LabelId) -> Catch {
        let tys = self
            .f
            .labels
            .iter()
            .find(|l| l.id == label)
            .map(|l| l.tys.clone());
        let mut tys = tys.unwrap_or_default();
        let with_exn = tys.last() == Some(&Ty::non_null(Heap::Exn));
        if with_exn {
            tys.pop();
        }
        let tags: Vec<TagId> = self
            .m
            .tags
            .iter()
            .filter(|t| self.types.sig(t.ty).is_some_and(|sig| sig.params == tys))
            .map(|t| t.id)
            .collect();
        let tag = if tys.is_empty() && self.src.chance(50) {
            None
        } else {
            self.src.pick(&tags)
        };
        Catch {
            tag,
            with_exn,
            label,
        }
    }

    /// A new exception: thrown and caught at once.
    pub(super) fn caught_exception(&mut self) -> Expr {
        let (tag, tys) = self.any_tag();
        let args: Vec<Expr> = tys.iter().map(|&ty| self.smallest(ty)).collect();
        self.caught_with(tag, args)
    }

    /// A new exception of this tag with this payload: thrown and caught at once.
    pub(super) fn caught_with(&mut self, tag: TagId, args: Vec<Expr>) -> Expr {
        let exn = Ty::Ref(RefTy::non_null(Heap::Exn));
        let (outer, inner) = (self.new_label(), self.new_label());
        let catch = Catch {
            tag: None,
            with_exn: true,
            label: outer,
        };
        let throw = Expr::stmt(Op::Throw(tag), args);
        let guarded = Expr::stmt(Op::Try(inner, vec![catch], vec![throw]), Vec::new());
        let rest = Expr::stmt(Op::Unreachable, Vec::new());
        Expr::value(
            Op::Block(outer, Vec::new(), vec![guarded, rest]),
            Vec::new(),
            exn,
        )
    }
}
