//! 4.3, Reference instructions.

use super::branch::top_ref_ok;
use super::trap::{Halt, Trap};
use crate::execution::configurations::Store;
use crate::execution::stack::Machine;
use crate::execution::values::{InstanceAddr, Ref};
use crate::rules::rule;
use crate::syntax::{FuncIdx, RefType};

#[inline(always)]
pub(super) fn null(m: &mut Machine) -> Result<(), Halt> {
    rule!(m.coverage, "Step_read/ref.null");
    m.push(Ref::Null);
    Ok(())
}

pub(super) fn func(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: FuncIdx,
) -> Result<(), Halt> {
    rule!(m.coverage, "Step_read/ref.func");
    m.push(Ref::Func(store.module_inst(instance)?.func_addr(x)?));
    Ok(())
}

#[inline(always)]
pub(super) fn is_null(m: &mut Machine) -> Result<(), Halt> {
    let is_null = m.pop_ref()?.is_null();
    if is_null {
        rule!(m.coverage, "Step_pure/ref.is_null-true");
    } else {
        rule!(m.coverage, "Step_pure/ref.is_null-false");
    }
    m.push(u32::from(is_null));
    Ok(())
}

#[inline(always)]
pub(super) fn as_non_null(m: &mut Machine) -> Result<(), Halt> {
    let r = m.pop_ref()?;
    if r.is_null() {
        rule!(m.coverage, "Step_pure/ref.as_non_null-null");
        return Err(Trap::NullReference.into());
    }
    rule!(m.coverage, "Step_pure/ref.as_non_null-addr");
    m.push(r);
    Ok(())
}

#[inline(always)]
pub(super) fn eq(m: &mut Machine) -> Result<(), Halt> {
    let (second, first) = (m.pop_ref()?, m.pop_ref()?);
    if first.is_null() && second.is_null() {
        rule!(m.coverage, "Step_pure/ref.eq-null");
    } else if first == second {
        rule!(m.coverage, "Step_pure/ref.eq-true");
    } else {
        rule!(m.coverage, "Step_pure/ref.eq-false");
    }
    m.push(u32::from(first == second));
    Ok(())
}

pub(super) fn test(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    rt: RefType,
) -> Result<(), Halt> {
    let succeeds = top_ref_ok(store, m, instance, rt)?;
    if succeeds {
        rule!(m.coverage, "Step_read/ref.test-true");
    } else {
        rule!(m.coverage, "Step_read/ref.test-false");
    }
    m.pop()?;
    m.push(u32::from(succeeds));
    Ok(())
}

pub(super) fn cast(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    rt: RefType,
) -> Result<(), Halt> {
    if !top_ref_ok(store, m, instance, rt)? {
        rule!(m.coverage, "Step_read/ref.cast-fail");
        return Err(Trap::CastFailure.into());
    }
    rule!(m.coverage, "Step_read/ref.cast-succeed");
    Ok(())
}
