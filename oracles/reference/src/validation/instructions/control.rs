//! Block, branch and function instructions.

use super::{BlockKind, Body, InvalidKind, Result, Types};
use crate::rules::rule;
use crate::syntax::{
    BlockType, BrOnCast, BrTable, DefTypeId, FuncIdx, FuncType, LabelIdx, RefType, TableIdx,
    TypeIdx, ValType,
};

impl<'c> Body<'c> {
    /// `Blocktype_ok`.
    pub(super) fn blocktype_ok(&self, bt: BlockType) -> Result<(Types<'c>, Types<'c>)> {
        Ok(match bt {
            BlockType::Empty => (Types::Many(&[]), Types::Many(&[])),
            BlockType::Val(t) => (Types::Many(&[]), Types::One(self.cx.valtype_ok(t)?)),
            BlockType::Idx(x) => {
                let (_, ft) = self.cx.func_type(x)?;
                (Types::Many(&ft.params), Types::Many(&ft.results))
            }
        })
    }

    // Blocks

    pub(super) fn block(&mut self, bt: BlockType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/block");
        let (params, results) = self.blocktype_ok(bt)?;
        self.pop_all(params.as_slice())?;
        self.open(BlockKind::Block, params, results);
        Ok(())
    }

    pub(super) fn loop_(&mut self, bt: BlockType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/loop");
        let (params, results) = self.blocktype_ok(bt)?;
        self.pop_all(params.as_slice())?;
        self.open(BlockKind::Loop, params, results);
        Ok(())
    }

    pub(super) fn if_(&mut self, bt: BlockType) -> Result<()> {
        rule!(self.coverage, "Instr_ok/if");
        let (params, results) = self.blocktype_ok(bt)?;
        self.pop(ValType::I32)?;
        self.pop_all(params.as_slice())?;
        let skip = self.table.jumps.len() as u32;
        self.open(BlockKind::If(skip), params, results);
        // The jump keeps the parameters. `else_` or `end` finds out where it leads.
        let jump = self.add_jump(self.frames.len() - 1);
        self.table.jumps[jump as usize].arity = params.as_slice().len() as u32;
        self.set_first(jump);
        Ok(())
    }

    pub(super) fn else_(&mut self) -> Result<()> {
        let mut frame = self.close()?;
        let BlockKind::If(skip) = frame.kind else {
            return Err(InvalidKind::Unbalanced);
        };
        frame.patches.retain(|id| *id != skip);
        self.table.jumps[skip as usize].target = self.at + 1;
        self.open(BlockKind::Else, frame.params, frame.results);
        let innermost = self.frames.len() - 1;
        let done = self.add_jump(innermost);
        self.set_first(done);
        // Branches in the first branch lead to the same end.
        self.frames[innermost].patches.append(&mut frame.patches);
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<()> {
        let frame = self.close()?;
        let (params, results) = (frame.params, frame.results);
        if let BlockKind::If(_) = frame.kind {
            // The absent `else` branch passes the parameters through.
            let (params, results) = (params.as_slice(), results.as_slice());
            if params.len() != results.len() {
                return Err(if params.len() < results.len() {
                    InvalidKind::Underflow
                } else {
                    InvalidKind::Leftover((params.len() - results.len()) as u32)
                });
            }
            params
                .iter()
                .zip(results)
                .try_for_each(|(p, r)| self.matches(*p, *r))?;
        }
        self.patch(frame);
        if !self.frames.is_empty() {
            self.push_all(results.as_slice());
        }
        Ok(())
    }

    // Branches

    /// The types of label `l` and a jump there.
    fn branch(&mut self, l: LabelIdx) -> Result<Types<'c>> {
        let to = self.label(l)?;
        let jump = self.add_jump(to);
        self.set_first(jump);
        Ok(self.frames[to].label())
    }

    pub(super) fn br(&mut self, l: LabelIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br");
        let ts = self.branch(l)?;
        self.pop_all(ts.as_slice())?;
        self.unreachable();
        Ok(())
    }

    pub(super) fn br_if(&mut self, l: LabelIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_if");
        let ts = self.branch(l)?;
        self.pop(ValType::I32)?;
        self.pop_all(ts.as_slice())?;
        self.push_all(ts.as_slice());
        Ok(())
    }

    pub(super) fn br_table(&mut self, table: &BrTable) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_table");
        self.pop(ValType::I32)?;
        let default = self.label(table.default)?;
        let arity = self.frames[default].label().as_slice().len();
        let first = self.table.jumps.len() as u32;
        let mut checked = std::collections::BTreeSet::new();
        for l in table.labels.iter().chain([&table.default]) {
            let to = self.label(*l)?;
            let ts = self.frames[to].label();
            if ts.as_slice().len() != arity {
                let found = ts.as_slice().len() as u32;
                return Err(InvalidKind::LabelArity {
                    expected: arity as u32,
                    found,
                });
            }
            if checked.insert(to) {
                self.top_matches(ts.as_slice())?;
            }
            self.add_jump(to);
        }
        self.set_first(first);
        self.unreachable();
        Ok(())
    }

    /// Whether the topmost operands could be taken as `ts`. They stay.
    fn top_matches(&self, ts: &[ValType]) -> Result<()> {
        let frame = self.frame();
        let mut operands = self.operands[frame.height..].iter().rev();
        for t in ts.iter().rev() {
            match operands.next() {
                Some(found) => self.matches(*found, *t)?,
                None if frame.unreachable => {}
                None => return Err(InvalidKind::Underflow),
            }
        }
        Ok(())
    }

    /// Splits off the reference type at the end of the types of label `l`.
    fn label_ref<'t>(ts: &'t Types<'c>, l: LabelIdx) -> Result<(&'t [ValType], RefType)> {
        match ts.as_slice() {
            [rest @ .., ValType::Ref(rt)] => Ok((rest, *rt)),
            _ => Err(InvalidKind::LabelReference(l)),
        }
    }

    pub(super) fn br_on_null(&mut self, l: LabelIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_on_null");
        let ts = self.branch(l)?;
        let rt = self.pop_ref()?;
        self.pop_all(ts.as_slice())?;
        self.push_all(ts.as_slice());
        self.push_non_null(rt);
        Ok(())
    }

    pub(super) fn br_on_non_null(&mut self, l: LabelIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_on_non_null");
        let ts = self.branch(l)?;
        let (rest, rt) = Self::label_ref(&ts, l)?;
        self.pop(RefType {
            nullable: true,
            heap: rt.heap,
        })?;
        self.pop_all(rest)?;
        self.push_all(rest);
        Ok(())
    }

    /// The premises that both casts share. Takes the operands and returns the label's types and the
    /// closed cast types.
    fn cast_branch(&mut self, cast: &BrOnCast) -> Result<(Types<'c>, RefType, RefType)> {
        let ts = self.branch(cast.label)?;
        let (rest, _) = Self::label_ref(&ts, cast.label)?;
        let from = self.cx.reftype_ok(cast.from)?;
        let to = self.cx.reftype_ok(cast.to)?;
        if !self.cx.store.reftype_sub(to, from) {
            return Err(InvalidKind::Cast(from, to));
        }
        self.pop(from)?;
        self.pop_all(rest)?;
        self.push_all(rest);
        Ok((ts, from, to))
    }

    pub(super) fn br_on_cast(&mut self, cast: &BrOnCast) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_on_cast");
        let (ts, from, to) = self.cast_branch(cast)?;
        let (_, rt) = Self::label_ref(&ts, cast.label)?;
        self.ref_matches(to, rt)?;
        self.push(from.difference(to));
        Ok(())
    }

    pub(super) fn br_on_cast_fail(&mut self, cast: &BrOnCast) -> Result<()> {
        rule!(self.coverage, "Instr_ok/br_on_cast_fail");
        let (ts, from, to) = self.cast_branch(cast)?;
        let (_, rt) = Self::label_ref(&ts, cast.label)?;
        self.ref_matches(from.difference(to), rt)?;
        self.push(to);
        Ok(())
    }

    // Functions

    fn apply(&mut self, ft: &FuncType) -> Result<()> {
        self.pop_all(&ft.params)?;
        self.push_all(&ft.results);
        Ok(())
    }

    fn tail_apply(&mut self, ft: &FuncType) -> Result<()> {
        let returns = self.returns.ok_or(InvalidKind::NotConstant)?;
        if !self.cx.store.resulttype_sub(&ft.results, returns) {
            return Err(InvalidKind::TailCallResults);
        }
        self.pop_all(&ft.params)?;
        self.unreachable();
        Ok(())
    }

    /// The premises of an indirect call. Takes the table index.
    fn indirect(&mut self, x: TableIdx, y: TypeIdx) -> Result<&'c FuncType> {
        let tt = self.cx.table(x)?;
        self.ref_matches(tt.elem, RefType::FUNCREF)?;
        let (_, ft) = self.cx.func_type(y)?;
        self.pop(tt.addr.val_type())?;
        Ok(ft)
    }

    /// The premises of a call through a reference. Takes the reference.
    fn through_ref(&mut self, x: TypeIdx) -> Result<&'c FuncType> {
        let (dt, ft): (DefTypeId, &'c FuncType) = self.cx.func_type(x)?;
        self.pop(RefType::def(true, dt))?;
        Ok(ft)
    }

    pub(super) fn call(&mut self, x: FuncIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/call");
        let ft = self.cx.expand_func(self.cx.func(x)?)?;
        self.apply(ft)
    }

    pub(super) fn call_ref(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/call_ref");
        let ft = self.through_ref(x)?;
        self.apply(ft)
    }

    pub(super) fn call_indirect(&mut self, x: TableIdx, y: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/call_indirect");
        let ft = self.indirect(x, y)?;
        self.apply(ft)
    }

    pub(super) fn return_(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/return");
        let returns = self.returns.ok_or(InvalidKind::NotConstant)?;
        let jump = self.add_jump(0);
        self.set_first(jump);
        self.pop_all(returns)?;
        self.unreachable();
        Ok(())
    }

    pub(super) fn return_call(&mut self, x: FuncIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/return_call");
        let ft = self.cx.expand_func(self.cx.func(x)?)?;
        self.tail_apply(ft)
    }

    pub(super) fn return_call_ref(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/return_call_ref");
        let ft = self.through_ref(x)?;
        self.tail_apply(ft)
    }

    pub(super) fn return_call_indirect(&mut self, x: TableIdx, y: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/return_call_indirect");
        let ft = self.indirect(x, y)?;
        self.tail_apply(ft)
    }
}
