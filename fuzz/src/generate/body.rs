//! Writes a function: its frame, and the leaves of its expressions.
//!
//! The frame keeps the program terminating. A function that the embedder calls sets the counter.
//! Any other function returns the smallest results if the counter is empty, and otherwise
//! decrements it. Locals that cannot be null are set before anything else.

use super::function::{Body, Label};
use super::generator::{BodyKind, Gen};
use super::swarm::Feature;
use super::types::{BASE_ARRAY, BASE_STRUCT};
use super::{calc, values};
use crate::program::{
    ArrayOp, Composite, Expr, FuncId, Heap, LabelId, LocalId, Op, RefOp, RefTy, StructOp, Ty,
    TypeId,
};

impl Gen<'_> {
    /// Writes the body of a declared function.
    pub(super) fn write_function(&mut self, id: FuncId, kind: BodyKind) {
        let Some(at) = self.m.funcs.iter().position(|f| f.id == id) else {
            return;
        };
        let sig = self
            .types
            .sig(self.m.funcs[at].ty)
            .cloned()
            .unwrap_or_default();
        let params = sig.params.len();
        self.f = Body {
            results: sig.results.clone(),
            locals: sig.params,
            pool: (0..params as u32).map(LocalId).collect(),
            budget: match kind {
                BodyKind::Entry => {
                    let (low, high) = self.size.pick((8, 20), (14, 50));
                    self.src.range(low, high) as i32
                }
                BodyKind::General => {
                    let (low, high) = self.size.pick((3, 10), (4, 26));
                    self.src.range(low, high) as i32
                }
                BodyKind::Kept | BodyKind::Trapping => self.src.range(4, 10) as i32,
                BodyKind::Stub => 0,
            },
            ..Body::default()
        };
        let mut body = Vec::new();
        match kind {
            BodyKind::Stub | BodyKind::Kept | BodyKind::Trapping => {}
            BodyKind::Entry => body.push(Expr::stmt(
                Op::GlobalSet(self.fuel),
                vec![Expr::i32([25, 8, 80, 200][self.src.below(4)])],
            )),
            BodyKind::General => self.take_fuel(&mut body),
        }
        if matches!(kind, BodyKind::Kept | BodyKind::Trapping) {
            let params = self.f.locals.clone();
            body = self.write_kept(id, kind, params);
        } else if kind == BodyKind::Stub {
            body.extend(sig.results.iter().map(|&ty| self.smallest(ty)));
        } else {
            self.add_locals(&mut body);
            let (low, high) = self.size.pick((1, 3), (2, 6));
            for _ in 0..self.src.range(low, high) {
                let stmt = self.stmt();
                body.push(stmt);
            }
            let results = self.args(&sig.results);
            body.extend(results);
            self.use_all_locals(&mut body);
        }
        let func = &mut self.m.funcs[at];
        func.body = body;
        func.locals = self.f.locals.split_off(params);
    }

    /// Writes the start of a function, which returns the smallest results if the counter is empty,
    /// and otherwise decrements it.
    fn take_fuel(&mut self, body: &mut Vec<Expr>) {
        let empty = calc::lt_s(self.fuel_left(), Expr::i32(0));
        let leave = if self.held {
            Expr::stmt(Op::Unreachable, Vec::new())
        } else {
            let results = self.f.results.clone();
            let results = results.iter().map(|&ty| self.smallest(ty)).collect();
            Expr::stmt(Op::Return, results)
        };
        let label = self.new_label();
        body.push(Expr::stmt(
            Op::If(label, vec![leave], Vec::new()),
            vec![empty],
        ));
        body.push(self.burn());
    }

    /// The counter.
    pub(super) fn fuel_left(&self) -> Expr {
        Expr::value(Op::GlobalGet(self.fuel), Vec::new(), Ty::I32)
    }

    /// Decrements the counter.
    pub(super) fn burn(&self) -> Expr {
        let less = calc::sub(self.fuel_left(), Expr::i32(1));
        Expr::stmt(Op::GlobalSet(self.fuel), vec![less])
    }

    fn add_locals(&mut self, body: &mut Vec<Expr>) {
        for _ in 0..self.src.range(1, 4) {
            let ty = self.any_type();
            let local = self.new_local(ty);
            if !ty.is_defaultable() || self.src.chance(40) {
                let value = self.leaf(ty);
                body.push(Expr::set(local, value));
            }
            self.f.pool.push(local);
        }
    }

    fn new_local(&mut self, ty: Ty) -> LocalId {
        self.f.locals.push(ty);
        LocalId(self.f.locals.len() as u32 - 1)
    }

    /// Returns a local that no drawn expression uses. Its type must have a default.
    /// [`Gen::release`] gives it back.
    pub(super) fn temp(&mut self, ty: Ty) -> LocalId {
        let locals = &self.f.locals;
        let known = self.f.free.iter().position(|l| locals[l.0 as usize] == ty);
        match known {
            Some(at) => self.f.free.swap_remove(at),
            None => self.new_local(ty),
        }
    }

    /// Gives a local back that [`Gen::temp`] returned.
    pub(super) fn release(&mut self, local: LocalId) {
        self.f.free.push(local);
    }

    /// A label name.
    pub(super) fn new_label(&mut self) -> LabelId {
        self.f.next_label += 1;
        LabelId(self.f.next_label)
    }

    /// Makes a block with results `tys`. `inside` makes its body, which may branch to the block's
    /// label.
    pub(super) fn block(
        &mut self,
        tys: &[Ty],
        inside: impl FnOnce(&mut Self, LabelId) -> Vec<Expr>,
    ) -> Expr {
        let id = self.new_label();
        self.f.labels.push(Label {
            id,
            tys: tys.to_vec(),
        });
        let body = inside(self, id);
        self.f.labels.pop();
        Expr::many(Op::Block(id, Vec::new(), body), Vec::new(), tys.to_vec())
    }

    /// Drops a value, or uses it in the `held` kind.
    pub(super) fn discard(&mut self, value: Expr) -> Expr {
        match value.tys.as_slice() {
            [] => value,
            &[Ty::Ref(r)] if self.held => match self.user(r.heap) {
                Some(user) => Expr::stmt(Op::Call(user), vec![value]),
                None => Expr::drop(value),
            },
            [_] => Expr::drop(value),
            many => {
                let to = vec![crate::program::To::Drop; many.len()];
                Expr::stmt(Op::Sink(to), vec![value])
            }
        }
    }

    /// Sets a local. In the `held` kind, its old value is used first.
    pub(super) fn set_local(&mut self, local: LocalId, value: Expr) -> Expr {
        let mut args = vec![value];
        args.extend(self.last_use(local));
        Expr::stmt(Op::LocalSet(local), args)
    }

    /// Like [`Gen::set_local`], but leaves the value on the stack.
    pub(super) fn tee_local(&mut self, local: LocalId, value: Expr) -> Expr {
        let ty = self.f.locals[local.0 as usize];
        let mut args = vec![value];
        args.extend(self.last_use(local));
        Expr::value(Op::LocalTee(local), args, ty)
    }

    /// In the `held` kind: a use of the local's value.
    fn last_use(&mut self, local: LocalId) -> Option<Expr> {
        let ty = self.f.locals[local.0 as usize];
        let r = ty.as_ref().filter(|_| self.held)?;
        let user = self.user(r.heap)?;
        Some(Expr::stmt(Op::Call(user), vec![Expr::get(local, ty)]))
    }

    /// In the `held` kind: uses of all locals, at the end of the body.
    fn use_all_locals(&mut self, body: &mut Vec<Expr>) {
        if self.held {
            for local in 0..self.f.locals.len() as u32 {
                body.extend(self.last_use(LocalId(local)));
            }
        }
    }

    // ---- leaves

    /// An expression without operands where possible: a local, a global, a constant.
    pub(super) fn leaf(&mut self, want: Ty) -> Expr {
        if self.src.chance(70)
            && let Some(local) = self.local_below(want)
        {
            return Expr::get(local, self.f.locals[local.0 as usize]);
        }
        if self.src.chance(50)
            && let Some((global, ty)) = self.global_below(want)
        {
            return Expr::value(Op::GlobalGet(global), Vec::new(), ty);
        }
        match want {
            Ty::Ref(r) if r.null => {
                let empty = r.heap == self.types.bottom(r.heap) || r.heap == Heap::Exn;
                if !empty && self.src.chance(65) {
                    self.smallest(Ty::Ref(RefTy::non_null(r.heap)))
                } else {
                    self.null(r.heap)
                }
            }
            Ty::Ref(_) => self.smallest(want),
            number => self.constant(number),
        }
    }

    /// A null below `heap`.
    pub(super) fn null(&mut self, heap: Heap) -> Expr {
        let bottom = self.types.bottom(heap);
        let heap = if self.src.chance(30) { bottom } else { heap };
        Expr::value(Op::Ref(RefOp::Null(heap)), Vec::new(), Ty::nullable(heap))
    }

    /// A constant number.
    pub(super) fn constant(&mut self, ty: Ty) -> Expr {
        let op = match ty {
            Ty::I32 | Ty::Ref(_) => Op::I32(values::int32(&mut self.src)),
            Ty::I64 => Op::I64(values::int64(&mut self.src)),
            Ty::F32 => Op::F32(values::float32(&mut self.src)),
            Ty::F64 => Op::F64(values::float64(&mut self.src)),
            Ty::V128 => Op::V128(values::vector(&mut self.src)),
        };
        Expr::value(op, Vec::new(), ty)
    }

    /// A local of the pool whose type matches.
    pub(super) fn local_below(&mut self, want: Ty) -> Option<LocalId> {
        let fits = |l: &&LocalId| self.types.matches(self.f.locals[l.0 as usize], want);
        let locals: Vec<LocalId> = self.f.pool.iter().filter(fits).copied().collect();
        self.src.pick(&locals)
    }

    /// A local of the pool that takes values of type `have`.
    pub(super) fn local_above(&mut self, have: Ty) -> Option<LocalId> {
        let fits = |l: &&LocalId| self.types.matches(have, self.f.locals[l.0 as usize]);
        let locals: Vec<LocalId> = self.f.pool.iter().filter(fits).copied().collect();
        self.src.pick(&locals)
    }

    /// Returns the smallest expression of a type. It is a constant expression, unless the type is a
    /// non-null exception.
    pub(super) fn smallest(&mut self, ty: Ty) -> Expr {
        match ty {
            Ty::I32 => Expr::i32(0),
            Ty::I64 => Expr::i64(0),
            Ty::F32 => Expr::value(Op::F32(0), Vec::new(), ty),
            Ty::F64 => Expr::value(Op::F64(0), Vec::new(), ty),
            Ty::V128 => Expr::value(Op::V128(0), Vec::new(), ty),
            Ty::Ref(RefTy { null: true, heap }) => {
                Expr::value(Op::Ref(RefOp::Null(heap)), Vec::new(), Ty::nullable(heap))
            }
            Ty::Ref(RefTy { null: false, heap }) => self.smallest_object(heap),
        }
    }

    fn smallest_object(&mut self, heap: Heap) -> Expr {
        match heap {
            // No value has such a type.
            Heap::None | Heap::NoFunc | Heap::NoExtern | Heap::NoExn => {
                Expr::value(Op::Unreachable, Vec::new(), Ty::non_null(heap))
            }
            Heap::Any | Heap::Eq | Heap::I31 => {
                let value = values::int32(&mut self.src);
                Expr::value(
                    Op::Ref(RefOp::I31),
                    vec![Expr::i32(value)],
                    Ty::non_null(Heap::I31),
                )
            }
            Heap::Struct => self.smallest_def(BASE_STRUCT),
            Heap::Array => self.smallest_def(BASE_ARRAY),
            Heap::Func => {
                let ty = self.sig_type(&crate::program::Sig::default());
                self.smallest_def(ty)
            }
            Heap::Extern => {
                let inner = self.smallest_object(Heap::Any);
                Expr::value(
                    Op::Ref(RefOp::ExternConvertAny),
                    vec![inner],
                    Ty::non_null(Heap::Extern),
                )
            }
            Heap::Exn => self.caught_exception(),
            Heap::Def(id) => self.smallest_def(id),
        }
    }

    fn smallest_def(&mut self, id: TypeId) -> Expr {
        let ty = Ty::non_null(Heap::Def(id));
        match self.types.def(id).body.clone() {
            Composite::Struct(fields) => {
                if fields.iter().all(|f| f.storage.unpacked().is_defaultable())
                    && self.src.chance(50)
                {
                    return Expr::value(Op::Struct(StructOp::NewDefault(id)), Vec::new(), ty);
                }
                let values = fields
                    .iter()
                    .map(|f| self.smallest(f.storage.unpacked()))
                    .collect();
                Expr::value(Op::Struct(StructOp::New(id)), values, ty)
            }
            Composite::Array(field) => {
                if self.src.chance(25) {
                    return Expr::value(Op::Array(ArrayOp::NewFixed(id, 0)), Vec::new(), ty);
                }
                let value = self.smallest(field.storage.unpacked());
                let len = Expr::i32(self.src.range(1, 6) as i32);
                Expr::value(Op::Array(ArrayOp::New(id)), vec![value, len], ty)
            }
            Composite::Func(_) => {
                let func = self.demand_func(id);
                Expr::value(Op::Ref(RefOp::Func(func)), Vec::new(), ty)
            }
        }
    }

    /// A reference to operate on: rarely null, and only on purpose.
    pub(super) fn target(&mut self, heap: Heap) -> Expr {
        if self.on(Feature::Traps) && self.src.chance(8) {
            return match self.src.chance(40) {
                true => self.null(heap),
                false => self.expr(Ty::nullable(heap)),
            };
        }
        self.expr(Ty::non_null(heap))
    }

    /// Something that has an effect, without operands.
    pub(super) fn simplest_stmt(&mut self) -> Expr {
        if self.on(Feature::AskGc) && self.src.chance(30) {
            return self.ask_gc();
        }
        Expr::stmt(Op::Nop, Vec::new())
    }
}
