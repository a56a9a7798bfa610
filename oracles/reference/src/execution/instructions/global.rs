//! 4.3, Global instructions.

use super::trap::Halt;
use crate::execution::configurations::Store;
use crate::execution::machine::Machine;
use crate::execution::values::InstanceAddr;
use crate::rules::rule;
use crate::syntax::GlobalIdx;

#[inline(always)]
pub(super) fn get(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: GlobalIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/global.get");
    m.push(store.global(instance, x)?.value)
}

#[inline(always)]
pub(super) fn set(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: GlobalIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/global.set");
    let slot = m.pop()?;
    store.global_mut(instance, x)?.value = m.value(slot);
    Ok(())
}
