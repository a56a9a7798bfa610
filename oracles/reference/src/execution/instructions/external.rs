//! External reference instructions. All are pure: conversion wraps a reference or unwraps it.

use crate::execution::halt::{Halt, OrStuck, Stuck};
use crate::execution::machine::Machine;
use crate::execution::values::Ref;
use crate::rules::rule;

pub(crate) fn extern_convert_any(m: &mut Machine) -> Result<(), Halt> {
    let r = m.pop_ref()?;
    if r.is_null() {
        rule!(m, "Step_pure/extern.convert_any-null");
        m.push(Ref::Null)?;
    } else {
        rule!(m, "Step_pure/extern.convert_any-addr");
        m.push(Ref::Extern(r.internal().or_stuck(Stuck::OperandType)?))?;
    }
    Ok(())
}

pub(crate) fn any_convert_extern(m: &mut Machine) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_pure/any.convert_extern-null");
            m.push(Ref::Null)
        }
        Ref::Extern(internal) => {
            rule!(m, "Step_pure/any.convert_extern-addr");
            m.push(Ref::from(internal))
        }
        _ => Err(Stuck::OperandType.into()),
    }
}
