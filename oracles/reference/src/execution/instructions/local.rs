//! 4.3, Local instructions.

use super::trap::{Halt, OrStuck, Stuck};
use crate::execution::stack::Machine;
use crate::rules::rule;
use crate::syntax::LocalIdx;

/// Locals are values of the stack, counted from the frame's `base`.
#[inline(always)]
fn position(base: u32, x: LocalIdx) -> usize {
    base as usize + x.index()
}

#[inline(always)]
pub(super) fn get(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m.coverage, "Step_read/local.get");
    let value = *m.values.get(position(base, x)).or_stuck(Stuck::Index)?;
    m.push(value);
    Ok(())
}

#[inline(always)]
pub(super) fn set(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m.coverage, "Step/local.set");
    let value = m.pop()?;
    *m.values.get_mut(position(base, x)).or_stuck(Stuck::Index)? = value;
    Ok(())
}

#[inline(always)]
pub(super) fn tee(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m.coverage, "Step_pure/local.tee");
    let value = *m.values.last().or_stuck(Stuck::OperandMissing)?;
    m.push(value);
    set(m, base, x)
}
