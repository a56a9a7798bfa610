//! Reference, scalar reference and external reference instructions.

use super::{Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::{AbsHeapType, FuncIdx, HeapType, RefType, ValType};

impl Body<'_> {
    /// Pushes the non-null version of a reference that was taken by `pop_ref`.
    pub(super) fn push_non_null(&mut self, rt: Option<RefType>) {
        let heap = rt.map_or(HeapType::Abs(AbsHeapType::Bot), |rt| rt.heap);
        self.push(RefType {
            nullable: false,
            heap,
        });
    }

    pub(super) fn ref_null(&mut self, ht: HeapType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.null");
        let heap = self.cx.heaptype_ok(ht)?;
        self.push(RefType {
            nullable: true,
            heap,
        });
        Ok(())
    }

    pub(super) fn ref_func(&mut self, x: FuncIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.func");
        let dt = self.cx.func(x)?;
        if self.cx.refs.binary_search(&x).is_err() {
            return Err(InvalidKind::UndeclaredFunc(x));
        }
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn ref_is_null(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.is_null");
        self.pop_ref()?;
        self.push(ValType::I32);
        Ok(())
    }

    pub(super) fn ref_as_non_null(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.as_non_null");
        let rt = self.pop_ref()?;
        self.push_non_null(rt);
        Ok(())
    }

    pub(super) fn ref_eq(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.eq");
        self.pop(RefType::EQREF)?;
        self.pop(RefType::EQREF)?;
        self.push(ValType::I32);
        Ok(())
    }

    /// The premises of `ref.test` and `ref.cast`: the operand and `rt` have a supertype in common.
    /// The greatest one will do.
    fn cast_operand(&mut self, rt: RefType) -> Result<RefType> {
        let rt = self.cx.reftype_ok(rt)?;
        let top = self.cx.store.top(rt.heap).unwrap_or(AbsHeapType::Bot);
        self.pop(RefType::abs(true, top))?;
        Ok(rt)
    }

    pub(super) fn ref_test(&mut self, rt: RefType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.test");
        self.cast_operand(rt)?;
        self.push(ValType::I32);
        Ok(())
    }

    pub(super) fn ref_cast(&mut self, rt: RefType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.cast");
        let rt = self.cast_operand(rt)?;
        self.push(rt);
        Ok(())
    }

    // Scalar references

    pub(super) fn ref_i31(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/ref.i31");
        self.pop(ValType::I32)?;
        self.push(RefType::abs(false, AbsHeapType::I31));
        Ok(())
    }

    pub(super) fn i31_get(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/i31.get");
        self.pop(RefType::abs(true, AbsHeapType::I31))?;
        self.push(ValType::I32);
        Ok(())
    }

    // External references

    /// Takes a reference below `from` and pushes one of type `to`, null if the operand may be. A
    /// reference of unreachable code is taken as non-null, which suits every continuation that
    /// the other choice does.
    fn convert(&mut self, from: AbsHeapType, to: AbsHeapType) -> Result<()> {
        let found = self.pop(RefType::abs(true, from))?;
        let nullable = matches!(found, ValType::Ref(rt) if rt.nullable);
        self.push(RefType::abs(nullable, to));
        Ok(())
    }

    pub(super) fn extern_convert_any(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/extern.convert_any");
        self.convert(AbsHeapType::Any, AbsHeapType::Extern)
    }

    pub(super) fn any_convert_extern(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/any.convert_extern");
        self.convert(AbsHeapType::Extern, AbsHeapType::Any)
    }
}
