//! Local and global instructions.

use super::{Body, InvalidKind, Result, Space};
use crate::rules::rule;
use crate::syntax::{GlobalIdx, LocalIdx, ValType};

impl Body<'_> {
    /// `C.LOCALS[x]`, its type.
    fn local(&self, x: LocalIdx) -> Result<ValType> {
        let run = self
            .locals
            .partition_point(|(end, _)| *end <= u64::from(x.0));
        let (_, t) = self
            .locals
            .get(run)
            .ok_or(InvalidKind::Unknown(Space::Local, x.0))?;
        Ok(*t)
    }

    /// Whether `C.LOCALS[x]`, which is of type `t`, is set: by its default value, as a parameter,
    /// or by assignment.
    fn is_set(&self, x: LocalIdx, t: ValType) -> bool {
        // Local_ok/set, Local_ok/unset
        t.defaultable() || x.0 < self.params || self.set.contains(&x)
    }

    /// The local is set from here to the end of the block.
    fn mark_set(&mut self, x: LocalIdx, t: ValType) {
        if !self.is_set(x, t) {
            self.set.insert(x);
            self.newly_set.push(x);
        }
    }

    pub(super) fn local_get(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.get");
        let t = self.local(x)?;
        if !self.is_set(x, t) {
            return Err(InvalidKind::UnsetLocal(x.0));
        }
        self.push(t);
        Ok(())
    }

    pub(super) fn local_set(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.set");
        let t = self.local(x)?;
        self.pop(t)?;
        self.mark_set(x, t);
        Ok(())
    }

    pub(super) fn local_tee(&mut self, x: LocalIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/local.tee");
        let t = self.local(x)?;
        self.pop(t)?;
        self.mark_set(x, t);
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
