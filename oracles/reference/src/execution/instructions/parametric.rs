//! 4.3, Polymorphic instructions. All pure.

use super::trap::{Halt, Trap};
use crate::execution::machine::Machine;
use crate::rules::rule;

#[cold]
pub(super) fn unreachable(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/unreachable");
    Err(Trap::Unreachable.into())
}

#[inline(always)]
pub(super) fn nop(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/nop");
    Ok(())
}

#[inline(always)]
pub(super) fn drop(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/drop");
    m.pop()?;
    Ok(())
}

#[inline(always)]
pub(super) fn select(m: &mut Machine) -> Result<(), Halt> {
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
