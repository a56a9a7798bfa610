//! Parametric instructions.

use super::{Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::ValType;

impl Body<'_> {
    pub(super) fn unreachable_(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/unreachable");
        self.unreachable();
        Ok(())
    }

    pub(super) fn nop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/nop");
        Ok(())
    }

    pub(super) fn drop_(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/drop");
        self.pop_any().map(drop)
    }

    pub(super) fn select_expl(&mut self, ts: &[ValType]) -> Result<()> {
        rule!(self.coverage, "Instr_ok/select-expl");
        let [t] = ts else {
            return Err(InvalidKind::SelectArity(ts.len() as u32));
        };
        let t = self.cx.valtype_ok(*t)?;
        self.pop_all(&[t, t, ValType::I32])?;
        self.push(t);
        Ok(())
    }

    pub(super) fn select_impl(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/select-impl");
        self.pop(ValType::I32)?;
        let second = self.pop_any()?;
        let first = self.pop_any()?;
        for t in [first, second] {
            if t != ValType::Bot && !t.is_num_or_vec() {
                return Err(InvalidKind::SelectOperand(t));
            }
        }
        let t = if first == ValType::Bot { second } else { first };
        self.matches(second, t)?;
        self.push(t);
        Ok(())
    }
}
