//! Exception instructions.

use super::{BlockKind, Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::{AbsHeapType, Catch, RefType, TagIdx, TryTable, ValType};

/// `REF EXN`, what `catch_ref` and `catch_all_ref` deliver.
const EXN: ValType = ValType::Ref(RefType::abs(false, AbsHeapType::Exn));

impl<'c> Body<'c> {
    /// `Expand: C.TAGS[x] ~~ FUNC t* -> eps`.
    fn tag_fields(&self, x: TagIdx) -> Result<&'c [ValType]> {
        Ok(&self.cx.expand_func(self.cx.tag(x)?)?.params)
    }

    pub(super) fn throw(&mut self, x: TagIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/throw");
        self.pop_all(self.tag_fields(x)?)?;
        self.unreachable();
        Ok(())
    }

    pub(super) fn throw_ref(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/throw_ref");
        self.pop(RefType::EXNREF)?;
        self.unreachable();
        Ok(())
    }

    pub(super) fn try_table(&mut self, table: &TryTable) -> Result<()> {
        rule!(self.coverage, "Instr_ok/try_table");
        let (params, results) = self.blocktype_ok(table.ty)?;
        // Clauses are outside the block: their labels do not count it.
        let mut catches = Vec::new();
        for catch in &table.catches {
            self.catch_ok(*catch)?;
            let to = self.label(catch.label())?;
            catches.push((*catch, self.add_jump(to)));
        }
        self.pop_all(params.as_slice())?;
        self.open(BlockKind::TryTable(catches), params, results);
        Ok(())
    }

    /// `Catch_ok`.
    fn catch_ok(&self, catch: Catch) -> Result<()> {
        let (fields, reference) = match catch {
            Catch::Catch(x, _) => (self.tag_fields(x)?, None),
            Catch::CatchRef(x, _) => (self.tag_fields(x)?, Some(EXN)),
            Catch::CatchAll(_) => (&[][..], None),
            Catch::CatchAllRef(_) => (&[][..], Some(EXN)),
        };
        let label = self.frames[self.label(catch.label())?].label();
        let label = label.as_slice();
        let pushed = fields.len() + usize::from(reference.is_some());
        if pushed != label.len() {
            return Err(InvalidKind::LabelArity {
                expected: pushed as u32,
                found: label.len() as u32,
            });
        }
        fields
            .iter()
            .copied()
            .chain(reference)
            .zip(label)
            .try_for_each(|(t, l)| self.matches(t, *l))
    }
}
