//! Block instructions. Validation has computed where blocks end, so a block that is entered changes
//! nothing on the stack.

use super::exception;
use crate::execution::halt::Halt;
use crate::execution::machine::Machine;
use crate::rules::rule;
use crate::validation::SideTable;

#[inline(always)]
pub(crate) fn block(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_read/block");
    Ok(())
}

#[inline(always)]
pub(crate) fn r#loop(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_read/loop");
    Ok(())
}

/// Returns true if the first branch is entered. Otherwise execution takes the jump of the `if`.
#[inline(always)]
pub(crate) fn r#if(m: &mut Machine) -> Result<bool, Halt> {
    let condition = m.pop_num::<u32>()?;
    if condition != 0 {
        rule!(m, "Step_pure/if-true");
    } else {
        rule!(m, "Step_pure/if-false");
    }
    block(m)?;
    Ok(condition != 0)
}

/// The end of a block that was not left by a branch: the label, or handler and label, disappear.
#[inline(always)]
pub(crate) fn end(m: &mut Machine, side: &SideTable, position: usize) {
    rule!(m, "Step_pure/label-vals");
    // Handlers are in the order in which their blocks end.
    let closed = side
        .handlers
        .binary_search_by_key(&position, |handler| handler.end as usize);
    if closed.is_ok() {
        exception::handler_vals(m);
    }
}
