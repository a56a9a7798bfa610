//! Counting: what happens when a reference is written, given up, or loaded into a frame. Emitted code and the host's functions side by
//! side; each pair must do the same.
//!
//! A write counts the new reference first, then stores it, then gives the old one up: nothing that is still referred to is ever
//! at zero, and whoever looks at the slot finds the new reference.

use super::alloc::free;
use super::{COUNT, Drc, LINK, LISTED};
use crate::heap::core::{Core, FIRST, is_object, kind_of_tag};
use crate::heap::emit::{Holds, Label, Op, Region, StoreWord};
use crate::heap::fault::{HeapFault, Place};
use crate::heap::layout::Kind;
use crate::heap::{Emit, Reg};
use crate::planted::Fault;

/// Checks that a live object begins at `raw`, as far as its header tells.
#[inline(always)]
pub(super) fn check(
    heap: &Drc,
    core: &Core,
    raw: u32,
    place: impl Fn() -> Place,
) -> Result<(), HeapFault> {
    core.check(raw, &(FIRST..heap.top), &place)?;
    match kind_of_tag(core.tag(raw)) {
        Some(Kind::Struct | Kind::Array | Kind::Extern | Kind::Exception) => Ok(()),
        _ => Err(HeapFault::Dangling {
            place: place(),
            raw,
        }),
    }
}

/// `times` more places refer to an object.
#[inline(always)]
pub(super) fn gain(heap: &Drc, core: &mut Core, raw: u32, times: u32) -> Result<(), HeapFault> {
    if !is_object(raw) {
        return Ok(());
    }
    check(heap, core, raw, || Place::Host)?;
    let count = core.space.word(raw + COUNT);
    match count.checked_add(times) {
        Some(more) if count != 0 => core.space.set_word(raw + COUNT, more),
        _ => return Err(HeapFault::CountRange { object: raw, count }),
    }
    Ok(())
}

fn emit_gain(emit: &mut dyn Emit, value: Reg, holds: Holds) {
    emit_if_object(emit, value, holds, &mut |emit| {
        let address = emit.object_address(value, COUNT);
        let count = emit.load(address, 0, Region::Header);
        let one = emit.constant(1);
        let more = emit.op(Op::Add, count, one);
        emit.store(address, 0, more, Region::Header);
    });
}

/// One place less refers to an object; at zero it is freed, and what only it referred to.
#[inline(always)]
pub(super) fn lose(heap: &mut Drc, core: &mut Core, raw: u32) -> Result<(), HeapFault> {
    if !is_object(raw) {
        return Ok(());
    }
    count_down(heap, core, raw, || Place::Host)?;
    if core.dead_list() == 0 {
        return Ok(());
    }
    bury(heap, core)
}

fn emit_lose(emit: &mut dyn Emit, value: Reg, holds: Holds) {
    emit_if_object(emit, value, holds, &mut |emit| {
        let address = emit.object_address(value, COUNT);
        let count = emit.load(address, 0, Region::Header);
        let one = emit.constant(1);
        let last = emit.op(Op::Eq, count, one);
        let alive = emit.label(0, false);
        let dead = emit.label(0, true);
        let done = emit.label(0, false);
        emit.branch(last, dead, alive);
        emit.bind(alive);
        let less = emit.op(Op::Sub, count, one);
        emit.store(address, 0, less, Region::Header);
        emit.jump(done, &[]);
        emit.bind(dead);
        emit_bury_later(emit, value, done);
        emit.bind(done);
    });
}

/// The last count is taken away. Goes to `done`.
fn emit_bury_later(emit: &mut dyn Emit, value: Reg, done: Label) {
    let address = emit.object_address(value, 0);
    let zero = emit.constant(0);
    emit.store(address, COUNT as i32, zero, Region::Header);
    let link = emit.load(address, LINK as i32, Region::Header);
    let add = emit.label(0, true);
    // Never in the stack list (D1); a heap where it is there nevertheless is found out by the next collection.
    emit.branch(link, done, add);
    emit.bind(add);
    let head = emit.load_word(StoreWord::DeadList);
    emit.store(address, LINK as i32, head, Region::Header);
    emit.store_word(StoreWord::DeadList, value);
    emit.jump(done, &[]);
}

/// Takes one count away; an object without any goes on the worklist of the dead.
#[inline(always)]
pub(super) fn count_down(
    heap: &mut Drc,
    core: &mut Core,
    raw: u32,
    place: impl Fn() -> Place,
) -> Result<(), HeapFault> {
    check(heap, core, raw, place)?;
    let count = core.space.word(raw + COUNT);
    if count > 1 {
        core.space.set_word(raw + COUNT, count - 1);
        return Ok(());
    }
    if count == 0 || core.space.word(raw + LINK) & LISTED != 0 {
        return Err(HeapFault::CountRange { object: raw, count });
    }
    core.space.set_word(raw + COUNT, 0);
    core.space.set_word(raw + LINK, core.dead_list());
    core.set_dead_list(raw);
    Ok(())
}

/// Frees the dead. They are linked through their own headers, so neither long chains nor large arrays need memory or stack.
pub(super) fn bury(heap: &mut Drc, core: &mut Core) -> Result<(), HeapFault> {
    loop {
        let object = core.dead_list();
        if object == 0 {
            return Ok(());
        }
        check(heap, core, object, || Place::DeadList)?;
        let count = core.space.word(object + COUNT);
        if count != 0 {
            return Err(HeapFault::CountRange { object, count });
        }
        core.set_dead_list(core.space.word(object + LINK));
        let tag = core.tag(object);
        let extent = core.extent(object, tag, heap.top)?;
        let shallow = core.planted.has(Fault::ReleaseIsShallow);
        core.each_slot(object, &extent, |core, slot| {
            let raw = core.space.word(slot);
            if is_object(raw) && !shallow {
                count_down(heap, core, raw, || Place::Object { object, slot })?;
            }
            Ok(())
        })?;
        if kind_of_tag(tag) == Some(Kind::Extern) {
            let host = core.header_word(object);
            core.dead_hosts.push(host);
        }
        free(heap, core, object, extent.size);
    }
}

/// A reference is loaded into a frame: its object must be in the stack list.
#[inline]
pub(super) fn expose(heap: &Drc, core: &mut Core, raw: u32) -> Result<(), HeapFault> {
    if !is_object(raw) {
        return Ok(());
    }
    check(heap, core, raw, || Place::Host)?;
    if core.space.word(raw + LINK) & LISTED != 0 {
        if core.planted.has(Fault::ExposeCountsAgain) {
            return gain(heap, core, raw, 1);
        }
        return Ok(());
    }
    gain(heap, core, raw, 1)?;
    let (head, len) = core.stack_list();
    core.space.set_word(raw + LINK, head | LISTED);
    core.set_stack_list(raw, len + 1);
    Ok(())
}

/// As [`expose`].
pub(super) fn emit_read(emit: &mut dyn Emit, value: Reg, holds: Holds) {
    emit_if_object(emit, value, holds, &mut |emit| {
        let address = emit.object_address(value, 0);
        let link = emit.load(address, LINK as i32, Region::Header);
        let done = emit.label(0, false);
        let add = emit.label(0, false);
        // Outside of a collection, a link is 0 exactly if the object is not in the list (D3).
        emit.branch(link, done, add);
        emit.bind(add);
        let one = emit.constant(1);
        let count = emit.load(address, COUNT as i32, Region::Header);
        let more = emit.op(Op::Add, count, one);
        emit.store(address, COUNT as i32, more, Region::Header);
        let head = emit.load_word(StoreWord::StackList);
        let listed = emit.constant(LISTED);
        let link = emit.op(Op::Or, head, listed);
        emit.store(address, LINK as i32, link, Region::Header);
        emit.store_word(StoreWord::StackList, value);
        let len = emit.load_word(StoreWord::StackListLen);
        let longer = emit.op(Op::Add, len, one);
        emit.store_word(StoreWord::StackListLen, longer);
        emit.jump(done, &[]);
        emit.bind(done);
    });
}

pub(super) fn emit_init(emit: &mut dyn Emit, address: Reg, region: Region, new: Reg, holds: Holds) {
    emit_gain(emit, new, holds);
    emit.store(address, 0, new, region);
}

pub(super) fn emit_write(
    emit: &mut dyn Emit,
    address: Reg,
    region: Region,
    new: Reg,
    holds: Holds,
) {
    if !holds.object {
        return emit.store(address, 0, new, region);
    }
    let old = emit.load(address, 0, region);
    emit_gain(emit, new, holds);
    emit.store(address, 0, new, region);
    emit_lose(emit, old, holds);
}

/// Emits `act` for a value that is an object, and nothing for null and i31.
fn emit_if_object(
    emit: &mut dyn Emit,
    value: Reg,
    holds: Holds,
    act: &mut dyn FnMut(&mut dyn Emit),
) {
    if !holds.object {
        return;
    }
    if !holds.null && !holds.i31 {
        return act(emit);
    }
    let yes = emit.label(0, false);
    let no = emit.label(0, false);
    let object = if holds.i31 {
        emit.is_object(value)
    } else {
        value
    };
    emit.branch(object, yes, no);
    emit.bind(yes);
    act(emit);
    emit.jump(no, &[]);
    emit.bind(no);
}
