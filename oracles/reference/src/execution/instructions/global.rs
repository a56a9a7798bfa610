//! Global instructions.

use crate::execution::configurations::Store;
use crate::execution::halt::Halt;
use crate::execution::machine::Machine;
use crate::execution::values::InstanceAddr;
use crate::rules::rule;
use crate::syntax::GlobalIdx;

#[inline]
pub(crate) fn get(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: GlobalIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/global.get");
    m.push(store.global(instance, x)?.value)
}

#[inline]
pub(crate) fn set(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: GlobalIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/global.set");
    let value = m.pop_value()?;
    store.global_mut(instance, x)?.value = value;
    Ok(())
}
