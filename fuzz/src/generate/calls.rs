//! Calls (specification, "Call instructions"): direct, by reference, indirect, and as tail
//! calls.
//!
//! Functions that the embedder calls (`entries`) set the counter. So no code of the program may
//! call them or refer to them.

use super::classes::{STMT, VALUE};
use super::generator::{BodyKind, Gen};
use super::row::Row;
use super::swarm::Feature;
use crate::program::{Expr, Func, FuncId, Heap, Op, Sig, TableId, Ty, TypeId};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Calls,
        weight: 20,
        classes: VALUE,
        make: call_value,
    },
    Row {
        feature: Feature::Calls,
        weight: 36,
        classes: STMT,
        make: call_stmt,
    },
    Row {
        feature: Feature::CallRef,
        weight: 14,
        classes: VALUE,
        make: call_ref_value,
    },
    Row {
        feature: Feature::CallRef,
        weight: 16,
        classes: STMT,
        make: call_ref_stmt,
    },
    Row {
        feature: Feature::CallIndirect,
        weight: 14,
        classes: VALUE,
        make: call_indirect_value,
    },
    Row {
        feature: Feature::CallIndirect,
        weight: 16,
        classes: STMT,
        make: call_indirect_stmt,
    },
    Row {
        feature: Feature::TailCalls,
        weight: 40,
        classes: STMT,
        make: tail_call_sometimes,
    },
    Row {
        feature: Feature::AskGc,
        weight: 26,
        classes: STMT,
        make: |g, _| Some(g.ask_gc()),
    },
];

fn call_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, sig) =
        g.callee(|g, sig| matches!(sig.results.as_slice(), &[ty] if g.types.matches(ty, want)))?;
    Some(g.call(id, sig))
}

fn call_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, sig) = g.callee(|_, _| true)?;
    let call = g.call(id, sig);
    Some(g.put_away(call))
}

fn call_ref_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let ids = g.defs_below(Heap::Func, |types, id| {
        let results = types.sig(id).map(|sig| sig.results.as_slice());
        matches!(results, Some(&[ty]) if types.matches(ty, want))
    });
    let id = g.src.pick(&ids)?;
    g.call_ref(id)
}

fn call_ref_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ids = g.defs_below(Heap::Func, |_, _| true);
    let id = g.src.pick(&ids)?;
    let call = g.call_ref(id)?;
    Some(g.put_away(call))
}

fn call_indirect_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (op, args, results) =
        g.indirect(|g, sig| matches!(sig.results.as_slice(), &[ty] if g.types.matches(ty, want)))?;
    Some(Expr::many(op, args, results))
}

fn call_indirect_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (op, args, results) = g.indirect(|_, _| true)?;
    let call = Expr::many(op, args, results);
    Some(g.put_away(call))
}

fn tail_call_sometimes(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let condition = g.expr(Ty::I32);
    let (op, args) = g.tail_call()?;
    Some(g.when(condition, vec![Expr::stmt(op, args)]))
}

impl Gen<'_> {
    /// Adds a function that is called from inside only.
    pub(super) fn add_helper(&mut self, sig: &Sig, body: Vec<Expr>) -> FuncId {
        let ty = self.sig_type(sig);
        let id = FuncId(self.fresh());
        self.m.funcs.push(Func {
            id,
            ty,
            import: None,
            export: None,
            locals: Vec::new(),
            body,
        });
        id
    }

    /// A function that may be called from inside, and its signature.
    pub(super) fn callee(&mut self, keep: impl Fn(&Self, &Sig) -> bool) -> Option<(FuncId, Sig)> {
        let funcs: Vec<(FuncId, TypeId)> = self
            .m
            .funcs
            .iter()
            .filter(|f| !self.entries.contains(&f.id) && !is_harness(f))
            .map(|f| (f.id, f.ty))
            .filter(|&(_, ty)| self.types.sig(ty).is_some_and(|sig| keep(self, sig)))
            .collect();
        let (id, ty) = self.src.pick(&funcs)?;
        Some((id, self.types.sig(ty)?.clone()))
    }

    /// A direct call.
    pub(super) fn call(&mut self, id: FuncId, sig: Sig) -> Expr {
        let args = self.args(&sig.params);
        Expr::many(Op::Call(id), args, sig.results)
    }

    fn call_ref(&mut self, id: TypeId) -> Option<Expr> {
        let sig = self.types.sig(id)?.clone();
        let mut args = self.args(&sig.params);
        args.push(self.target(Heap::Def(id)));
        Some(Expr::many(Op::CallRef(id), args, sig.results))
    }

    /// An indirect call through a known slot, by the function's type or a supertype of it.
    fn indirect(&mut self, keep: impl Fn(&Self, &Sig) -> bool) -> Option<(Op, Vec<Expr>, Vec<Ty>)> {
        let (table, slot, mut ty) = self.slot(&keep)?;
        while let Some(up) = self.types.def(ty).supertype
            && self.types.sig(up).is_some_and(|sig| keep(self, sig))
            && self.src.chance(40)
        {
            ty = up;
        }
        if self.bare() {
            // Any other slot: mostly a trap of one kind or another.
            let sig = self.types.sig(ty)?.clone();
            let mut args = self.args(&sig.params);
            args.push(Expr::i32(self.src.range(0, 12) as i32));
            return Some((Op::CallIndirect(table, ty), args, sig.results));
        }
        let sig = self.types.sig(ty)?.clone();
        let mut args = self.args(&sig.params);
        args.push(Expr::i32(slot as i32));
        Some((Op::CallIndirect(table, ty), args, sig.results))
    }

    /// A slot of a fixed table, with the type of the function in it.
    fn slot(&mut self, keep: impl Fn(&Self, &Sig) -> bool) -> Option<(TableId, u32, TypeId)> {
        let slots: Vec<(TableId, u32, TypeId)> = self
            .slots
            .iter()
            .filter_map(|&(table, at, f)| Some((table, at, self.m.func(f)?.ty)))
            .filter(|&(_, _, ty)| self.types.sig(ty).is_some_and(|sig| keep(self, sig)))
            .collect();
        self.src.pick(&slots)
    }

    /// A tail call that returns what the current function returns.
    pub(super) fn tail_call(&mut self) -> Option<(Op, Vec<Expr>)> {
        let results = self.f.results.clone();
        let fits = |g: &Self, sig: &Sig| {
            sig.results.len() == results.len()
                && sig
                    .results
                    .iter()
                    .zip(&results)
                    .all(|(&a, &b)| g.types.matches(a, b))
        };
        match self.src.below(3) {
            0 => {
                let (id, sig) = self.callee(fits)?;
                Some((Op::ReturnCall(id), self.args(&sig.params)))
            }
            1 => {
                let (table, slot, ty) = self.slot(fits)?;
                let params = self.types.sig(ty)?.params.clone();
                let mut args = self.args(&params);
                args.push(Expr::i32(slot as i32));
                Some((Op::ReturnCallIndirect(table, ty), args))
            }
            _ => {
                let (id, sig) = self.callee(fits)?;
                let ty = self.m.func(id)?.ty;
                let mut args = self.args(&sig.params);
                args.push(self.target(Heap::Def(ty)));
                Some((Op::ReturnCallRef(ty), args))
            }
        }
    }

    /// Returns a function of this type or a subtype. Declares one if there is none yet.
    pub(super) fn demand_func(&mut self, ty: TypeId) -> FuncId {
        let known: Vec<FuncId> = self
            .m
            .funcs
            .iter()
            .filter(|f| !self.entries.contains(&f.id) && self.types.def_matches(f.ty, ty))
            .map(|f| f.id)
            .collect();
        match self.src.pick(&known) {
            Some(id) => id,
            None => self.declare_func(ty, BodyKind::Stub),
        }
    }

    /// Declares a function and puts it on the list of functions that have no body yet.
    pub(super) fn declare_func(&mut self, ty: TypeId, kind: BodyKind) -> FuncId {
        let id = FuncId(self.fresh());
        let export = match kind {
            BodyKind::Stub => None,
            BodyKind::General if self.src.chance(40) => None,
            BodyKind::General => Some(format!("f{}", id.0)),
            BodyKind::Entry | BodyKind::Kept | BodyKind::Trapping => Some(format!("e{}", id.0)),
        };
        self.m.funcs.push(Func {
            id,
            ty,
            import: None,
            export,
            locals: Vec::new(),
            body: Vec::new(),
        });
        self.unwritten.push((id, kind));
        if !matches!(kind, BodyKind::General | BodyKind::Stub) {
            self.entries.push(id);
        }
        id
    }
}

/// Returns true if the function is one of the harness. Only the rows of `host` call those.
fn is_harness(func: &Func) -> bool {
    func.import.as_ref().is_some_and(|i| i.module == "harness")
}
