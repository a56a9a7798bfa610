//! Local instructions.

use crate::execution::halt::{Halt, OrStuck, Stuck};
use crate::execution::machine::Machine;
use crate::execution::machine::Slot;
use crate::rules::rule;
use crate::syntax::LocalIdx;

#[inline(always)]
pub(crate) fn get(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m, "Step_read/local.get");
    let value = m.local(base, x);
    m.push(value.or_stuck(Stuck::Index)?)
}

/// `local.set` with this value on top.
#[inline(always)]
fn assign(m: &mut Machine, base: u32, x: LocalIdx, value: Slot) -> Result<(), Halt> {
    rule!(m, "Step/local.set");
    m.set_local(base, x, value)
}

#[inline(always)]
pub(crate) fn set(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    let value = m.pop()?;
    assign(m, base, x, value)
}

/// The value that `local.set` takes is a second one, which need not be pushed.
#[inline(always)]
pub(crate) fn tee(m: &mut Machine, base: u32, x: LocalIdx) -> Result<(), Halt> {
    rule!(m, "Step_pure/local.tee");
    let value = m.peek();
    assign(m, base, x, value.or_stuck(Stuck::OperandMissing)?)
}
