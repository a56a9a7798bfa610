//! Function instructions: calls, tail calls and returns.
//!
//! The `Step_read` rules find out which function is called. [`call_ref_func`] makes its frame and
//! [`leave`] removes it. A host function has no frame: it runs where a frame would be made.

use super::{reference, table};
use crate::execution::configurations::Store;
use crate::execution::halt::{Halt, Misuse, OrStuck, Stuck, Trap};
use crate::execution::machine::Frame;
use crate::execution::machine::Machine;
use crate::execution::types::val_ok;
use crate::execution::values::{FuncAddr, InstanceAddr, Ref, Value};
use crate::rules::rule;
use crate::syntax::{FuncIdx, HeapType, RefType, TableIdx, TypeIdx, TypeUse};

#[inline(always)]
pub(crate) fn call(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: FuncIdx,
) -> Result<FuncAddr, Halt> {
    rule!(m, "Step_read/call");
    store.module_inst(instance)?.func_addr(x)
}

pub(crate) fn return_call(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: FuncIdx,
) -> Result<FuncAddr, Halt> {
    rule!(m, "Step_read/return_call");
    store.module_inst(instance)?.func_addr(x)
}

/// The function that a reference on top of the stack refers to.
fn callee(m: &mut Machine) -> Result<Option<FuncAddr>, Halt> {
    match m.pop_ref()? {
        Ref::Null => Ok(None),
        Ref::Func(a) => Ok(Some(a)),
        _ => Err(Stuck::OperandType.into()),
    }
}

pub(crate) fn call_ref(m: &mut Machine) -> Result<FuncAddr, Halt> {
    callee(m)?.ok_or_else(|| {
        rule!(m, "Step_read/call_ref-null");
        Trap::NullFunctionReference.into()
    })
}

pub(crate) fn return_call_ref(m: &mut Machine) -> Result<FuncAddr, Halt> {
    callee(m)?.ok_or_else(|| {
        rule!(m, "Step_read/return_call_ref-frame-null");
        Trap::NullFunctionReference.into()
    })
}

/// `(TABLE.GET x) (REF.CAST (REF NULL yy))`, with the traps that scripts expect of an indirect
/// call.
fn table_element(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
    y: TypeIdx,
) -> Result<(), Halt> {
    table::get(store, m, instance, x).map_err(|halt| match halt {
        Halt::Trap(_) => Trap::UndefinedElement.into(),
        other => other,
    })?;
    let expected = RefType {
        nullable: true,
        heap: HeapType::Use(TypeUse::Idx(y)),
    };
    reference::cast(store, m, instance, expected).map_err(|halt| match halt {
        Halt::Trap(_) => Trap::IndirectCallTypeMismatch.into(),
        other => other,
    })
}

/// A null element is called like a null reference, but scripts expect another trap.
fn uninitialized(halt: Halt) -> Halt {
    match halt {
        Halt::Trap(_) => Trap::UninitializedElement.into(),
        other => other,
    }
}

pub(crate) fn call_indirect(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
    y: TypeIdx,
) -> Result<FuncAddr, Halt> {
    rule!(m, "Step_pure/call_indirect");
    table_element(store, m, instance, x, y)?;
    call_ref(m).map_err(uninitialized)
}

pub(crate) fn return_call_indirect(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
    y: TypeIdx,
) -> Result<FuncAddr, Halt> {
    rule!(m, "Step_pure/return_call_indirect");
    table_element(store, m, instance, x, y)?;
    return_call_ref(m).map_err(uninitialized)
}

/// `call_ref` of a function, as far as rules go: makes the frame of a function of a module.
#[inline]
pub(crate) fn call_ref_func(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    code: u32,
    (params, arity): (u32, u32),
) -> Result<(), Halt> {
    rule!(m, "Step_read/call_ref-func");
    let module = &store.module_inst(instance)?.module;
    let (func, side) = module.code(code as usize).or_stuck(Stuck::Index)?;
    let locals: u64 = func.locals.iter().map(|run| u64::from(run.count)).sum();
    m.admit(locals + u64::from(side.max_height()))?;
    let base = m.top(params as usize)?;
    for run in &func.locals {
        m.push_n(Value::default_of(run.ty), run.count as usize);
    }
    m.charge_values(locals)?;
    let frame = Frame {
        instance,
        code,
        position: 0,
        base: base as u32,
        operands: m.height() as u32,
        arity,
    };
    m.push_frame(frame, side.max_height());
    Ok(())
}

/// Whether a host function gave what its type promises.
pub(crate) fn check_results(store: &Store, a: FuncAddr, results: &[Value]) -> Result<(), Halt> {
    let ft = store.types.expand_func(store.func(a)?.ty);
    let types = &ft.or_stuck(Stuck::Address)?.results;
    let fit = |(value, t): (&Value, _)| val_ok(store, *value, t);
    if results.len() == types.len() && results.iter().zip(types.iter().copied()).all(fit) {
        Ok(())
    } else {
        Err(Misuse::Results.into())
    }
}

/// The body has been executed to its end: the frame disappears, its results stay.
#[inline(always)]
pub(crate) fn frame_vals(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/frame-vals");
    let frame = m.frame()?;
    if m.height() != frame.operands as usize + frame.arity as usize {
        return Err(Stuck::OperandHeight.into());
    }
    leave(m)
}

#[inline(always)]
pub(crate) fn r#return(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/return-frame");
    leave(m)
}

/// Removes the frame on top and moves its results to where its arguments were.
#[inline(always)]
fn leave(m: &mut Machine) -> Result<(), Halt> {
    let frame = m.pop_frame()?;
    m.cut(frame.base as usize, frame.arity as usize)
}

/// Removes the frame on top for a tail call of `a`, whose arguments take its place.
pub(crate) fn return_call_ref_frame_addr(
    store: &Store,
    m: &mut Machine,
    a: FuncAddr,
) -> Result<(), Halt> {
    rule!(m, "Step_read/return_call_ref-frame-addr");
    let params = store.func(a)?.params;
    let frame = m.pop_frame()?;
    m.cut(frame.base as usize, params as usize)
}
