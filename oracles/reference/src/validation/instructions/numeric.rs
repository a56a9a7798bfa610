//! Numeric instructions.

use super::{Body, Result};
use crate::rules::rule;
use crate::syntax::{Cvtop, ValType};

/// Result and operand type of a conversion.
fn conversion(op: Cvtop) -> (ValType, ValType) {
    use ValType::{F32, F64, I32, I64};
    match op {
        Cvtop::I32WrapI64 => (I32, I64),
        Cvtop::I64ExtendI32(_) => (I64, I32),
        Cvtop::I32TruncF32(_) | Cvtop::I32TruncSatF32(_) | Cvtop::I32ReinterpretF32 => (I32, F32),
        Cvtop::I32TruncF64(_) | Cvtop::I32TruncSatF64(_) => (I32, F64),
        Cvtop::I64TruncF32(_) | Cvtop::I64TruncSatF32(_) => (I64, F32),
        Cvtop::I64TruncF64(_) | Cvtop::I64TruncSatF64(_) | Cvtop::I64ReinterpretF64 => (I64, F64),
        Cvtop::F32ConvertI32(_) | Cvtop::F32ReinterpretI32 => (F32, I32),
        Cvtop::F32ConvertI64(_) => (F32, I64),
        Cvtop::F64ConvertI32(_) => (F64, I32),
        Cvtop::F64ConvertI64(_) | Cvtop::F64ReinterpretI64 => (F64, I64),
        Cvtop::F32DemoteF64 => (F32, F64),
        Cvtop::F64PromoteF32 => (F64, F32),
    }
}

impl Body<'_> {
    /// An operator of fixed type.
    pub(super) fn operator(&mut self, operands: &[ValType], result: ValType) -> Result<()> {
        self.pop_all(operands)?;
        self.push(result);
        Ok(())
    }

    pub(super) fn const_(&mut self, nt: ValType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/const");
        self.operator(&[], nt)
    }

    pub(super) fn unop(&mut self, nt: ValType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/unop");
        self.operator(&[nt], nt)
    }

    pub(super) fn binop(&mut self, nt: ValType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/binop");
        self.operator(&[nt, nt], nt)
    }

    pub(super) fn testop(&mut self, nt: ValType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/testop");
        self.operator(&[nt], ValType::I32)
    }

    pub(super) fn relop(&mut self, nt: ValType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/relop");
        self.operator(&[nt, nt], ValType::I32)
    }

    pub(super) fn cvtop(&mut self, op: Cvtop) -> Result<()> {
        rule!(self.coverage, "Instr_ok/cvtop");
        let (result, operand) = conversion(op);
        self.operator(&[operand], result)
    }
}
