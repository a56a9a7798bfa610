//! 4.3, Exceptions.
//!
//! `throw_ref` becomes [`Halt::Throw`] and is carried outwards by [`unwind`], which looks for a
//! handler frame by frame. Handlers are ranges of a body's side table, the innermost first.

use std::rc::Rc;

use super::trap::{Halt, OrStuck, Stuck, Trap};
use crate::execution::configurations::Store;
use crate::execution::heap::Exception;
use crate::execution::machine::Machine;
use crate::execution::stack::Frame;
use crate::execution::values::{ExnAddr, InstanceAddr, Ref};
use crate::rules::rule;
use crate::syntax::{Catch, TagIdx};
use crate::validation::Jump;

pub(super) fn throw(
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

pub(super) fn throw_ref(m: &mut Machine) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_read/throw_ref-null");
            Err(Trap::NullExceptionReference.into())
        }
        Ref::Exn(a) => Err(Halt::Throw(a)),
        _ => Err(Stuck::OperandType.into()),
    }
}

#[inline(always)]
pub(super) fn try_table(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_read/try_table");
    Ok(())
}

#[inline(always)]
pub(super) fn handler_vals(m: &mut Machine) {
    rule!(m, "Step_pure/handler-vals");
}

/// Looks for a handler of the exception at `a`, from the frame on top down to the one at depth
/// `floor`. The first that catches it is branched to; without one, all these frames are gone and
/// the exception goes on.
pub(super) fn unwind(store: &Store, m: &mut Machine, floor: usize, a: ExnAddr) -> Result<(), Halt> {
    let exception = store.heap.exception(a)?;
    while m.depth() > floor {
        let frame = m.frame()?;
        if let Some((catch, jump)) = handler(store, m, frame, exception)? {
            m.truncate(frame.operands as usize + jump.height as usize);
            m.reserve(exception.fields.len() + 1);
            match catch {
                Catch::Catch(..) => m.push_all(&exception.fields)?,
                Catch::CatchRef(..) => {
                    m.push_all(&exception.fields)?;
                    m.push(Ref::Exn(a))?;
                }
                Catch::CatchAll(_) => {}
                Catch::CatchAllRef(_) => m.push(Ref::Exn(a))?,
            }
            super::branch::br(m, jump, frame.operands)?;
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
    m.charge(side.handlers.len() as u64 / 8)?;
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
