//! Parametric instructions. All are pure.

use crate::execution::halt::{Halt, Trap};
use crate::execution::machine::Machine;
use crate::rules::rule;

#[cold]
pub(crate) fn unreachable(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/unreachable");
    Err(Trap::Unreachable.into())
}

#[inline(always)]
pub(crate) fn nop(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/nop");
    Ok(())
}

#[inline(always)]
pub(crate) fn drop(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/drop");
    m.pop()?;
    Ok(())
}

#[inline(always)]
pub(crate) fn select(m: &mut Machine) -> Result<(), Halt> {
    let condition = m.pop_num::<u32>()?;
    let second = m.pop()?;
    if condition != 0 {
        rule!(m, "Step_pure/select-true");
    } else {
        rule!(m, "Step_pure/select-false");
        m.pop()?;
        m.push(second)?;
    }
    Ok(())
}
