//! Every instruction, with its operands before it.
//!
//! No match here or in a chapter's file has a default arm: a new instruction stops the build until
//! it is encoded.

use wasm_encoder::Instruction as I;

use super::code::Code;
use super::spaces::{Context, Dangling};
use crate::program::ops::{Expr, LabelId, Op, To};
use crate::program::types::RefTy;

impl Code {
    /// Writes an expression.
    pub(super) fn expr(&mut self, cx: &mut Context<'_>, e: &Expr) -> Result<(), Dangling> {
        for arg in &e.args {
            self.expr(cx, arg)?;
        }
        let instruction = match &e.op {
            Op::Params | Op::Seq => return Ok(()),
            Op::Sink(to) => return self.sink(cx, to),
            Op::Block(label, params, body) => {
                return self.block(cx, I::Block, (*label, params, body), &e.tys);
            }
            Op::Loop(label, params, body) => {
                return self.block(cx, I::Loop, (*label, params, body), &e.tys);
            }
            Op::If(label, then, els) => return self.conditional(cx, (*label, then, els), &e.tys),
            Op::Try(label, catches, body) => {
                return self.handler(cx, (*label, catches, body), &e.tys);
            }
            Op::Nop => I::Nop,
            Op::Unreachable => I::Unreachable,
            Op::Drop => I::Drop,
            Op::Select(None) => I::Select,
            Op::Select(Some(ty)) => I::TypedSelect(cx.val_type(*ty)?),
            Op::Br(l) => I::Br(self.depth(*l)?),
            Op::BrIf(l) => I::BrIf(self.depth(*l)?),
            Op::BrTable(ls, default) => self.branch_table(ls, *default)?,
            Op::BrOnNull(l) => I::BrOnNull(self.depth(*l)?),
            Op::BrOnNonNull(l) => I::BrOnNonNull(self.depth(*l)?),
            Op::BrOnCast(l, from, to) => self.branch_on_cast(cx, *l, *from, *to)?,
            Op::BrOnCastFail(l, from, to) => self.branch_on_cast_fail(cx, *l, *from, *to)?,
            Op::Return => I::Return,
            Op::Throw(t) => I::Throw(cx.tag(*t)?),
            Op::ThrowRef => I::ThrowRef,
            Op::Call(f) => I::Call(cx.func(*f)?),
            Op::CallRef(t) => I::CallRef(cx.ty(*t)?),
            Op::CallIndirect(table, t) => I::CallIndirect {
                type_index: cx.ty(*t)?,
                table_index: cx.table(*table)?,
            },
            Op::ReturnCall(f) => I::ReturnCall(cx.func(*f)?),
            Op::ReturnCallRef(t) => I::ReturnCallRef(cx.ty(*t)?),
            Op::ReturnCallIndirect(table, t) => I::ReturnCallIndirect {
                type_index: cx.ty(*t)?,
                table_index: cx.table(*table)?,
            },
            Op::LocalGet(l) => I::LocalGet(l.0),
            Op::LocalSet(l) => I::LocalSet(l.0),
            Op::LocalTee(l) => I::LocalTee(l.0),
            Op::GlobalGet(g) => I::GlobalGet(cx.global(*g)?),
            Op::GlobalSet(g) => I::GlobalSet(cx.global(*g)?),
            Op::Table(op) => op.encoded(cx)?,
            Op::Memory(op) => op.encoded(cx)?,
            Op::Ref(op) => op.encoded(cx)?,
            Op::Struct(op) => op.encoded(cx)?,
            Op::Array(op) => op.encoded(cx)?,
            Op::I32(v) => I::I32Const(*v),
            Op::I64(v) => I::I64Const(*v),
            Op::F32(v) => I::F32Const(f32::from_bits(*v).into()),
            Op::F64(v) => I::F64Const(f64::from_bits(*v).into()),
            Op::V128(v) => I::V128Const(*v as i128),
            Op::Num(id) => id.row().instruction.clone(),
        };
        self.put(instruction);
        Ok(())
    }

    fn sink(&mut self, cx: &Context<'_>, to: &[To]) -> Result<(), Dangling> {
        for target in to.iter().rev() {
            self.put(match *target {
                To::Drop => I::Drop,
                To::Local(l) => I::LocalSet(l.0),
                To::Global(g) => I::GlobalSet(cx.global(g)?),
                To::Call(f) => I::Call(cx.func(f)?),
            });
        }
        Ok(())
    }

    fn branch_table(&self, labels: &[LabelId], default: LabelId) -> Result<I<'static>, Dangling> {
        let depths = labels
            .iter()
            .map(|&l| self.depth(l))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(I::BrTable(depths.into(), self.depth(default)?))
    }

    fn branch_on_cast(
        &self,
        cx: &Context<'_>,
        label: LabelId,
        from: RefTy,
        to: RefTy,
    ) -> Result<I<'static>, Dangling> {
        Ok(I::BrOnCast {
            relative_depth: self.depth(label)?,
            from_ref_type: cx.ref_type(from)?,
            to_ref_type: cx.ref_type(to)?,
        })
    }

    fn branch_on_cast_fail(
        &self,
        cx: &Context<'_>,
        label: LabelId,
        from: RefTy,
        to: RefTy,
    ) -> Result<I<'static>, Dangling> {
        Ok(I::BrOnCastFail {
            relative_depth: self.depth(label)?,
            from_ref_type: cx.ref_type(from)?,
            to_ref_type: cx.ref_type(to)?,
        })
    }
}
