//! Table and element instructions.

use super::{Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::{ElemIdx, TableIdx, ValType};

impl Body<'_> {
    pub(super) fn table_get(&mut self, x: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.get");
        let tt = self.cx.table(x)?;
        self.pop(tt.addr.val_type())?;
        self.push(tt.elem);
        Ok(())
    }

    pub(super) fn table_set(&mut self, x: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.set");
        let tt = self.cx.table(x)?;
        self.pop_all(&[tt.addr.val_type(), tt.elem.into()])
    }

    pub(super) fn table_size(&mut self, x: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.size");
        self.push(self.cx.table(x)?.addr.val_type());
        Ok(())
    }

    pub(super) fn table_grow(&mut self, x: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.grow");
        let tt = self.cx.table(x)?;
        self.pop_all(&[tt.elem.into(), tt.addr.val_type()])?;
        self.push(tt.addr.val_type());
        Ok(())
    }

    pub(super) fn table_fill(&mut self, x: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.fill");
        let tt = self.cx.table(x)?;
        self.pop_all(&[tt.addr.val_type(), tt.elem.into(), tt.addr.val_type()])
    }

    pub(super) fn table_copy(&mut self, x1: TableIdx, x2: TableIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.copy");
        let to = self.cx.table(x1)?;
        let from = self.cx.table(x2)?;
        if !self.cx.store.reftype_sub(from.elem, to.elem) {
            return Err(InvalidKind::Elements);
        }
        let count = to.addr.min(from.addr);
        self.pop_all(&[to.addr.val_type(), from.addr.val_type(), count.val_type()])
    }

    pub(super) fn table_init(&mut self, x: TableIdx, y: ElemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/table.init");
        let tt = self.cx.table(x)?;
        if !self.cx.store.reftype_sub(self.cx.elem(y)?, tt.elem) {
            return Err(InvalidKind::Elements);
        }
        self.pop_all(&[tt.addr.val_type(), ValType::I32, ValType::I32])
    }

    pub(super) fn elem_drop(&mut self, x: ElemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/elem.drop");
        self.cx.elem(x).map(drop)
    }
}
