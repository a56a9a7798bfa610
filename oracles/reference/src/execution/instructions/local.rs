//! 4.3, Local instructions.

use super::trap::{Halt, OrStuck, Stuck};
use crate::execution::machine::Machine;
use crate::execution::stack::Slot;
use crate::rules::rule;
use crate::syntax::LocalIdx;

/// Locals are values of the stack, counted from the frame's `base`.
#[inline(always)]
fn position(base: u32, x: LocalIdx) -> usize {
    base as usize + x.index()
}

#[inline(always)]
pub(super) fn get(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m, "Step_read/local.get");
    let value = m.slot(position(base, x));
    m.push(value.or_stuck(Stuck::Index)?)
}

/// `local.set` with this value on top.
#[inline(always)]
fn assign(m: &mut Machine, base: u32, x: LocalIdx, value: Slot) -> Result<(), Halt> {
    rule!(m, "Step/local.set");
    let local = m.slot_mut(position(base, x));
    *local.or_stuck(Stuck::Index)? = value;
    Ok(())
}

#[inline(always)]
pub(super) fn set(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    let value = m.pop()?;
    assign(m, base, x, value)
}

/// The value that `local.set` takes is a second one, which need not be pushed.
#[inline(always)]
pub(super) fn tee(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m, "Step_pure/local.tee");
    let value = m.top_slot();
    assign(m, base, x, value.or_stuck(Stuck::OperandMissing)?)
}
