//! Local and global instructions.

use super::{Body, InvalidKind, Result, Space};
use crate::rules::rule;
use crate::syntax::{GlobalIdx, LocalIdx, ValType};

impl Body<'_> {
    /// `C.LOCALS[x]`, its type.
    fn local(&self, x: LocalIdx) -> Result<ValType> {
        self.locals
            .get(x.index())
            .copied()
            .ok_or(InvalidKind::Unknown(Space::Local, x.0))
    }

    /// The local is set from here to the end of the block.
    fn mark_set(&mut self, x: LocalIdx) {
        if !std::mem::replace(&mut self.set[x.index()], true) {
            self.newly_set.push(x.0);
        }
    }

    pub(super) fn local_get(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.get");
        let t = self.local(x)?;
        if !self.set[x.index()] {
            return Err(InvalidKind::UnsetLocal(x.0));
        }
        self.push(t);
        Ok(())
    }

    pub(super) fn local_set(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.set");
        self.pop(self.local(x)?)?;
        self.mark_set(x);
        Ok(())
    }

    pub(super) fn local_tee(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.tee");
        let t = self.local(x)?;
        self.pop(t)?;
        self.mark_set(x);
        self.push(t);
        Ok(())
    }

    pub(super) fn global_get(&mut self, x: GlobalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/global.get");
        self.push(self.cx.global(x)?.val);
        Ok(())
    }

    pub(super) fn global_set(&mut self, x: GlobalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/global.set");
        let gt = self.cx.global(x)?;
        if !gt.mutable {
            return Err(InvalidKind::Immutable);
        }
        self.pop(gt.val).map(drop)
    }
}
