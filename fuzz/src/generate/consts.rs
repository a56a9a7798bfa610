//! Constant expressions (specification, "Constant expressions" and "Instantiation"): the initial
//! values of globals, tables and segments.
//!
//! They may allocate, so they may collect. They nest structs and arrays, read earlier globals,
//! convert between `any` and `extern`, and use extended arithmetic.

use super::calc;
use super::generator::Gen;
use super::swarm::Feature;
use crate::program::{ArrayOp, Composite, Expr, Heap, Op, RefOp, RefTy, StructOp, Ty, TypeId};

/// How deep constant expressions nest.
const DEPTH_MAX: u32 = 4;

impl Gen<'_> {
    /// A constant expression of a type matching `want`.
    pub(super) fn const_expr(&mut self, want: Ty) -> Expr {
        self.const_at(want, 0)
    }

    fn const_at(&mut self, want: Ty, depth: u32) -> Expr {
        if self.src.chance(25)
            && let Some(earlier) = self.const_global(want)
        {
            return earlier;
        }
        match want {
            Ty::I32 | Ty::I64 if self.src.chance(30) && depth < DEPTH_MAX => {
                self.const_arithmetic(want, depth)
            }
            Ty::Ref(r) => self.const_ref(r, depth),
            number => self.constant(number),
        }
    }

    /// `global.get` of an immutable global before this point.
    fn const_global(&mut self, want: Ty) -> Option<Expr> {
        let globals: Vec<_> = self
            .m
            .globals
            .iter()
            .filter(|x| !x.mutable && self.types.matches(x.ty, want))
            .filter(|x| !self.only_imports || x.import.is_some())
            .map(|x| (x.id, x.ty))
            .collect();
        let (id, ty) = self.src.pick(&globals)?;
        Some(Expr::value(Op::GlobalGet(id), Vec::new(), ty))
    }

    /// Extended constant expressions: sums, differences, products.
    fn const_arithmetic(&mut self, want: Ty, depth: u32) -> Expr {
        let (a, b) = (
            self.const_at(want, depth + 1),
            self.const_at(want, depth + 1),
        );
        let operation = match (want, self.src.below(3)) {
            (Ty::I64, 0) => calc::add64,
            (Ty::I64, 1) => calc::sub64,
            (Ty::I64, _) => calc::mul64,
            (_, 0) => calc::add,
            (_, 1) => calc::sub,
            _ => calc::mul,
        };
        operation(a, b)
    }

    fn const_ref(&mut self, want: RefTy, depth: u32) -> Expr {
        let bottom = want.heap == self.types.bottom(want.heap) || want.heap == Heap::Exn;
        let allocate = self.on(Feature::ConstAllocation) && depth < DEPTH_MAX;
        let null_percent = if allocate { 15 + 15 * depth } else { 60 };
        if want.null && (bottom || self.src.chance(null_percent)) {
            return self.null(want.heap);
        }
        if !allocate {
            return self.smallest(Ty::Ref(RefTy {
                null: false,
                ..want
            }));
        }
        self.const_object(want, depth)
    }

    fn const_object(&mut self, want: RefTy, depth: u32) -> Expr {
        match want.heap {
            Heap::Extern => {
                let inner = self.const_at(Ty::non_null(Heap::Any), depth + 1);
                Expr::value(
                    Op::Ref(RefOp::ExternConvertAny),
                    vec![inner],
                    Ty::non_null(Heap::Extern),
                )
            }
            Heap::Any | Heap::Eq | Heap::Struct | Heap::Array => {
                if want.heap == Heap::Any && self.on(Feature::Extern) && self.src.chance(15) {
                    let outer = self.const_at(Ty::non_null(Heap::Extern), depth + 1);
                    return Expr::value(
                        Op::Ref(RefOp::AnyConvertExtern),
                        vec![outer],
                        Ty::non_null(Heap::Any),
                    );
                }
                let ids = self.defs_below(want.heap, |_, _| true);
                let i31 = matches!(want.heap, Heap::Any | Heap::Eq) && self.src.chance(20);
                match self.src.pick(&ids) {
                    Some(id) if !i31 => self.const_def(id, depth),
                    _ => self.smallest(Ty::non_null(want.heap)),
                }
            }
            Heap::I31 => {
                let value = self.const_at(Ty::I32, depth + 1);
                Expr::value(Op::Ref(RefOp::I31), vec![value], Ty::non_null(Heap::I31))
            }
            Heap::Def(id) => {
                let subs = self.defs_below(Heap::Def(id), |_, _| true);
                let id = self.src.pick(&subs).unwrap_or(id);
                self.const_def(id, depth)
            }
            _ => self.smallest(Ty::non_null(want.heap)),
        }
    }

    fn const_def(&mut self, id: TypeId, depth: u32) -> Expr {
        let ty = Ty::non_null(Heap::Def(id));
        match self.types.def(id).body.clone() {
            Composite::Struct(fields) => {
                let defaultable = fields.iter().all(|f| f.storage.unpacked().is_defaultable());
                if defaultable && self.src.chance(15) {
                    return Expr::value(Op::Struct(StructOp::NewDefault(id)), Vec::new(), ty);
                }
                let deeper = depth + 1 + fields.len() as u32 / 4;
                let args = fields
                    .iter()
                    .map(|f| self.const_at(f.storage.unpacked(), deeper))
                    .collect();
                Expr::value(Op::Struct(StructOp::New(id)), args, ty)
            }
            Composite::Array(field) => {
                let elem = field.storage.unpacked();
                match self.src.below(4) {
                    0 => {
                        let args = vec![
                            self.const_at(elem, depth + 1),
                            Expr::i32(self.src.range(0, 6) as i32),
                        ];
                        Expr::value(Op::Array(ArrayOp::New(id)), args, ty)
                    }
                    1 if elem.is_defaultable() => {
                        let len = Expr::i32(self.src.range(0, 6) as i32);
                        Expr::value(Op::Array(ArrayOp::NewDefault(id)), vec![len], ty)
                    }
                    _ => {
                        let n = self.src.range(0, 3);
                        let args = (0..n).map(|_| self.const_at(elem, depth + 1)).collect();
                        Expr::value(Op::Array(ArrayOp::NewFixed(id, n)), args, ty)
                    }
                }
            }
            Composite::Func(_) => self.smallest(ty),
        }
    }

    /// Returns a constant offset for an active segment of `n` elements or bytes, in a table or
    /// memory of size `size`.
    pub(super) fn const_offset(&mut self, is64: bool, size: u64, n: u64) -> Expr {
        let room = size.saturating_sub(n);
        let at = self.src.range(0, room.min(u64::from(u16::MAX)) as u32);
        if is64 {
            return Expr::i64(i64::from(at));
        }
        match self.src.below(3) {
            0 => calc::add(Expr::i32(at as i32 - 7), Expr::i32(7)),
            _ => Expr::i32(at as i32),
        }
    }
}
