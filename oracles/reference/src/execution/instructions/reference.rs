//! Reference instructions.

use super::branch::top_ref_ok;
use crate::execution::configurations::Store;
use crate::execution::halt::{Halt, Trap};
use crate::execution::machine::Machine;
use crate::execution::values::{InstanceAddr, Ref};
use crate::rules::rule;
use crate::syntax::{FuncIdx, RefType};

#[inline(always)]
pub(crate) fn null(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_read/ref.null");
    m.push(Ref::Null)
}

pub(crate) fn func(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: FuncIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/ref.func");
    m.push(Ref::Func(store.module_inst(instance)?.func_addr(x)?))
}

#[inline(always)]
pub(crate) fn is_null(m: &mut Machine) -> Result<(), Halt> {
    if m.pop_ref()?.is_null() {
        rule!(m, "Step_pure/ref.is_null-true");
        m.push(1u32)
    } else {
        rule!(m, "Step_pure/ref.is_null-false");
        m.push(0u32)
    }
}

#[inline(always)]
pub(crate) fn as_non_null(m: &mut Machine) -> Result<(), Halt> {
    let r = m.pop_ref()?;
    if r.is_null() {
        rule!(m, "Step_pure/ref.as_non_null-null");
        return Err(Trap::NullReference.into());
    }
    rule!(m, "Step_pure/ref.as_non_null-addr");
    m.push(r)
}

#[inline(always)]
pub(crate) fn eq(m: &mut Machine) -> Result<(), Halt> {
    let (second, first) = (m.pop_ref()?, m.pop_ref()?);
    if first.is_null() && second.is_null() {
        rule!(m, "Step_pure/ref.eq-null");
    } else if first == second {
        rule!(m, "Step_pure/ref.eq-true");
    } else {
        rule!(m, "Step_pure/ref.eq-false");
    }
    m.push(u32::from(first == second))
}

pub(crate) fn test(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    rt: RefType,
) -> Result<(), Halt> {
    let succeeds = top_ref_ok(store, m, instance, rt)?;
    if succeeds {
        rule!(m, "Step_read/ref.test-true");
    } else {
        rule!(m, "Step_read/ref.test-false");
    }
    m.pop()?;
    m.push(u32::from(succeeds))
}

pub(crate) fn cast(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    rt: RefType,
) -> Result<(), Halt> {
    if !top_ref_ok(store, m, instance, rt)? {
        rule!(m, "Step_read/ref.cast-fail");
        return Err(Trap::CastFailure.into());
    }
    rule!(m, "Step_read/ref.cast-succeed");
    Ok(())
}
