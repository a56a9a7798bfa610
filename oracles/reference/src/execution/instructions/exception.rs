//! Exceptions.
//!
//! `throw_ref` gives [`Halt::Throw`]. Then [`unwind`] looks for a handler, frame by frame. Handlers
//! are ranges in the side table of a body, the innermost first.

use std::rc::Rc;

use super::branch;
use crate::execution::configurations::Store;
use crate::execution::halt::{Halt, OrStuck, Stuck, Trap};
use crate::execution::heap::Exception;
use crate::execution::machine::Frame;
use crate::execution::machine::Machine;
use crate::execution::values::{ExnAddr, InstanceAddr, Ref};
use crate::rules::rule;
use crate::syntax::{Catch, TagIdx};
use crate::validation::Jump;

pub(crate) fn throw(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TagIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/throw");
    let tag = store.module_inst(instance)?.tag_addr(x)?;
    let ty = store.tags.get(tag.index()).or_stuck(Stuck::Address)?.ty;
    let ft = store.types.expand_func(ty).or_stuck(Stuck::Address)?;
    let first = m.top(ft.params.len())?;
    let exception = store.heap.add_exception(tag, m.values_from(first))?;
    m.truncate(first);
    m.push(Ref::Exn(exception))?;
    throw_ref(m)
}

pub(crate) fn throw_ref(m: &mut Machine) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_read/throw_ref-null");
            Err(Trap::NullExceptionReference.into())
        }
        Ref::Exn(a) => Err(Halt::Throw(a)),
        _ => Err(Stuck::OperandType.into()),
    }
}

#[inline]
pub(crate) fn try_table(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_read/try_table");
    Ok(())
}

#[inline]
pub(crate) fn handler_vals(m: &mut Machine) {
    rule!(m, "Step_pure/handler-vals");
}

/// Looks for a handler of the exception at `a`, from the frame on top down to the one at depth
/// `floor`. Branches to the first one that catches it. If there is none, all these frames are gone,
/// and the exception is still on its way.
pub(crate) fn unwind(store: &Store, m: &mut Machine, floor: usize, a: ExnAddr) -> Result<(), Halt> {
    let exception = store.heap.exception(a)?;
    while m.depth() > floor {
        let frame = m.frame()?;
        if let Some((catch, jump)) = handler(store, m, frame, exception)? {
            m.truncate(frame.operands as usize + jump.height as usize);
            if let Catch::Catch(..) | Catch::CatchRef(..) = catch {
                m.push_all(exception.fields.iter().copied())?;
            }
            if let Catch::CatchRef(..) | Catch::CatchAllRef(_) = catch {
                m.push_all([Ref::Exn(a)].into_iter())?;
            }
            branch::br(m, jump, frame.operands)?;
            let top = m.frame_mut()?;
            top.position = jump.target;
            return Ok(());
        }
        rule!(m, "Step_read/throw_ref-frame");
        m.pop_frame()?;
        m.truncate(frame.base as usize);
    }
    Err(Halt::Throw(a))
}

/// The first clause, of the handlers around the frame's position, that catches `exception`.
fn handler(
    store: &Store,
    m: &mut Machine,
    frame: Frame,
    exception: &Exception,
) -> Result<Option<(Catch, Jump)>, Halt> {
    let instance = store.module_inst(frame.instance)?;
    let module = Rc::clone(&instance.module);
    let (_, side) = module.code(frame.code as usize).or_stuck(Stuck::Index)?;
    m.charge_values(side.handlers.len() as u64)?;
    for handler in side.handlers_at(frame.position as usize) {
        for (catch, jump) in &handler.catches {
            let catches = match *catch {
                Catch::Catch(x, _) | Catch::CatchRef(x, _) => {
                    instance.tag_addr(x)? == exception.tag
                }
                Catch::CatchAll(_) | Catch::CatchAllRef(_) => true,
            };
            match (catches, catch) {
                (false, _) => rule!(m, "Step_read/throw_ref-handler-next"),
                (_, Catch::Catch(..)) => rule!(m, "Step_read/throw_ref-handler-catch"),
                (_, Catch::CatchRef(..)) => {
                    rule!(m, "Step_read/throw_ref-handler-catch_ref");
                }
                (_, Catch::CatchAll(_)) => {
                    rule!(m, "Step_read/throw_ref-handler-catch_all");
                }
                (_, Catch::CatchAllRef(_)) => {
                    rule!(m, "Step_read/throw_ref-handler-catch_all_ref");
                }
            }
            if catches {
                return Ok(Some((*catch, *jump)));
            }
        }
        rule!(m, "Step_read/throw_ref-handler-empty");
    }
    Ok(None)
}
