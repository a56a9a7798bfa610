//! Branch instructions.
//!
//! `br` cuts the operand stack down as the side table says. The other functions decide whether to
//! branch.

use crate::execution::configurations::Store;
use crate::execution::halt::Halt;
use crate::execution::machine::Machine;
use crate::execution::types::ref_ok;
use crate::execution::values::InstanceAddr;
use crate::rules::rule;
use crate::syntax::{MapUses, RefType};
use crate::validation::Jump;

/// Takes a branch in a frame whose operands begin at `operands`.
#[inline(always)]
pub(crate) fn br(m: &mut Machine, jump: Jump, operands: u32) -> Result<(), Halt> {
    rule!(m, "Step_pure/br-label-zero");
    m.cut(
        operands as usize + jump.height as usize,
        jump.arity as usize,
    )
}

#[inline(always)]
pub(crate) fn br_if(m: &mut Machine) -> Result<bool, Halt> {
    let condition = m.pop_num::<u32>()?;
    if condition != 0 {
        rule!(m, "Step_pure/br_if-true");
    } else {
        rule!(m, "Step_pure/br_if-false");
    }
    Ok(condition != 0)
}

/// The operand, which selects one of `labels` labels or the default.
#[inline(always)]
pub(crate) fn br_table(m: &mut Machine, labels: usize) -> Result<u32, Halt> {
    let i = m.pop_num::<u32>()?;
    if (i as usize) < labels {
        rule!(m, "Step_pure/br_table-lt");
    } else {
        rule!(m, "Step_pure/br_table-ge");
    }
    Ok(i)
}

#[inline(always)]
pub(crate) fn br_on_null(m: &mut Machine) -> Result<bool, Halt> {
    let r = m.pop_ref()?;
    if r.is_null() {
        rule!(m, "Step_pure/br_on_null-null");
        Ok(true)
    } else {
        rule!(m, "Step_pure/br_on_null-addr");
        m.push(r)?;
        Ok(false)
    }
}

#[inline(always)]
pub(crate) fn br_on_non_null(m: &mut Machine) -> Result<bool, Halt> {
    let r = m.pop_ref()?;
    if r.is_null() {
        rule!(m, "Step_pure/br_on_non_null-null");
        Ok(false)
    } else {
        rule!(m, "Step_pure/br_on_non_null-addr");
        m.push(r)?;
        Ok(true)
    }
}

/// Whether the reference on top has the module's type `rt`.
#[inline]
pub(crate) fn top_ref_ok(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    rt: RefType,
) -> Result<bool, Halt> {
    let (rule, actual) = ref_ok(store, m.peek_ref()?)?;
    m.reach(rule);
    let expected = rt.close(&store.module_inst(instance)?.types);
    Ok(store.types.reftype_sub(actual, expected))
}

pub(crate) fn br_on_cast(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    to: RefType,
) -> Result<bool, Halt> {
    let succeeds = top_ref_ok(store, m, instance, to)?;
    if succeeds {
        rule!(m, "Step_read/br_on_cast-succeed");
    } else {
        rule!(m, "Step_read/br_on_cast-fail");
    }
    Ok(succeeds)
}

pub(crate) fn br_on_cast_fail(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    to: RefType,
) -> Result<bool, Halt> {
    let succeeds = top_ref_ok(store, m, instance, to)?;
    if succeeds {
        rule!(m, "Step_read/br_on_cast_fail-succeed");
    } else {
        rule!(m, "Step_read/br_on_cast_fail-fail");
    }
    Ok(!succeeds)
}
