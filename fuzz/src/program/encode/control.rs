//! Control instructions with bodies: blocks, loops, conditionals and exception handlers.

use wasm_encoder as enc;
use wasm_encoder::{BlockType, Instruction};

use super::code::Code;
use super::spaces::{Context, Dangling};
use crate::program::ops::{Catch, Expr, LabelId};
use crate::program::types::Ty;

impl Code {
    /// `block` or `loop`, whose opening instruction `open` makes.
    pub(super) fn block(
        &mut self,
        cx: &mut Context<'_>,
        open: fn(BlockType) -> Instruction<'static>,
        (label, params, body): (LabelId, &[Ty], &[Expr]),
        results: &[Ty],
    ) -> Result<(), Dangling> {
        self.put(open(cx.block_type(params, results)?));
        self.body(cx, label, body)?;
        self.put(Instruction::End);
        Ok(())
    }

    /// `if`, without an empty `else`.
    pub(super) fn conditional(
        &mut self,
        cx: &mut Context<'_>,
        (label, then, els): (LabelId, &[Expr], &[Expr]),
        results: &[Ty],
    ) -> Result<(), Dangling> {
        self.put(Instruction::If(cx.block_type(&[], results)?));
        self.body(cx, label, then)?;
        if !els.is_empty() {
            self.put(Instruction::Else);
            self.body(cx, label, els)?;
        }
        self.put(Instruction::End);
        Ok(())
    }

    /// `try_table`
    pub(super) fn handler(
        &mut self,
        cx: &mut Context<'_>,
        (label, catches, body): (LabelId, &[Catch], &[Expr]),
        results: &[Ty],
    ) -> Result<(), Dangling> {
        let ty = cx.block_type(&[], results)?;
        let catches = catches
            .iter()
            .map(|c| self.catch(cx, c))
            .collect::<Result<Vec<_>, _>>()?;
        self.put(Instruction::TryTable(ty, catches.into()));
        self.body(cx, label, body)?;
        self.put(Instruction::End);
        Ok(())
    }

    fn body(
        &mut self,
        cx: &mut Context<'_>,
        label: LabelId,
        body: &[Expr],
    ) -> Result<(), Dangling> {
        self.labels.push(label);
        let done = body.iter().try_for_each(|e| self.expr(cx, e));
        self.labels.pop();
        done
    }

    fn catch(&self, cx: &Context<'_>, catch: &Catch) -> Result<enc::Catch, Dangling> {
        let label = self.depth(catch.label)?;
        Ok(match (catch.tag, catch.with_exn) {
            (None, false) => enc::Catch::All { label },
            (None, true) => enc::Catch::AllRef { label },
            (Some(tag), false) => enc::Catch::One {
                tag: cx.tag(tag)?,
                label,
            },
            (Some(tag), true) => enc::Catch::OneRef {
                tag: cx.tag(tag)?,
                label,
            },
        })
    }
}
