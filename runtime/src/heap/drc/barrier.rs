//! Counting: what happens when a reference is written or overwritten. Each function of the host has
//! an emitted counterpart beside it, which must do the same.
//!
//! The count of the new referent is incremented before that of the old one is decremented, so the
//! count of an object to which something refers is never 0. An object whose last counted reference
//! goes is put into the zero-count table, since a frame may have loaded that reference before.

use super::{COUNT, Drc, HEADER_BYTES, IN_TABLE, LINK, ON_STACK};
use crate::heap::emit::{Holds, Op, Region, Slot, StoreWord};
use crate::heap::fault::{HeapFault, Referrer};
use crate::heap::layout::{Kind, TAG_OFFSET};
use crate::heap::object_memory::{FIRST, ObjectMemory, is_object, kind_of_tag};
use crate::heap::{Emit, Reg};
use crate::planted::planted;

/// The words of an object's header.
pub(super) struct HeaderWords<'a>(&'a mut [u32; HEADER_BYTES as usize / 4]);

impl HeaderWords<'_> {
    pub(super) fn tag(&self) -> u32 {
        self.0[TAG_OFFSET as usize / 4]
    }

    pub(super) fn count(&self) -> u32 {
        self.0[COUNT as usize / 4]
    }

    pub(super) fn set_count(&mut self, count: u32) {
        self.0[COUNT as usize / 4] = count;
    }

    pub(super) fn link(&self) -> u32 {
        self.0[LINK as usize / 4]
    }

    pub(super) fn set_link(&mut self, link: u32) {
        self.0[LINK as usize / 4] = link;
    }
}

/// Returns the header of the object that begins at `raw`. Its tag must be that of a live object.
#[inline(always)]
pub(super) fn header<'a>(
    drc: &Drc,
    memory: &'a mut ObjectMemory,
    raw: u32,
    referrer: impl Fn() -> Referrer,
) -> Result<HeaderWords<'a>, HeapFault> {
    memory.check(raw, &(FIRST..drc.top), &referrer)?;
    let header = HeaderWords(memory.space.words_mut(raw));
    match kind_of_tag(header.tag()) {
        Some(Kind::Struct | Kind::Array | Kind::Extern | Kind::Exception) => Ok(header),
        _ => Err(HeapFault::Dangling {
            referrer: referrer(),
            raw,
        }),
    }
}

/// Adds `times` to the count of an object.
#[inline(always)]
pub(super) fn increment(
    drc: &Drc,
    memory: &mut ObjectMemory,
    raw: u32,
    times: u32,
) -> Result<(), HeapFault> {
    if !is_object(raw) {
        return Ok(());
    }
    let mut header = header(drc, memory, raw, || Referrer::Host)?;
    match header.count().checked_add(times) {
        Some(more) if header.count() != 0 => header.set_count(more),
        _ => return Err(out_of_range(raw, &header)),
    }
    Ok(())
}

fn emit_increment(emit: &mut dyn Emit, value: Reg, times: u32, holds: Holds) {
    emit_if_object(emit, value, holds, &mut |emit| {
        let address = emit.object_address(value);
        let count = emit.load(address, COUNT as i32, Region::Header);
        let times = emit.constant(times);
        let more = emit.op(Op::Add, count, times);
        emit.store(address, COUNT as i32, more, Region::Header);
    });
}

/// Subtracts 1 from the count of an object. If the count is 1 it stays, and now stands for the
/// zero-count table, into which the object goes.
#[inline(always)]
pub(super) fn decrement(drc: &Drc, memory: &mut ObjectMemory, raw: u32) -> Result<(), HeapFault> {
    if !is_object(raw) {
        return Ok(());
    }
    let mut header = header(drc, memory, raw, || Referrer::Host)?;
    if decrement_unless_one(&mut header, raw)? {
        add_to_table(memory, raw);
    }
    Ok(())
}

fn emit_decrement(emit: &mut dyn Emit, value: Reg, holds: Holds) {
    emit_if_object(emit, value, holds, &mut |emit| {
        let address = emit.object_address(value);
        let count = emit.load(address, COUNT as i32, Region::Header);
        let one = emit.constant(1);
        let last = emit.op(Op::Eq, count, one);
        let fewer = emit.label(0, false);
        let unreferenced = emit.label(0, true);
        let done = emit.label(0, false);
        emit.branch(last, unreferenced, fewer);
        emit.bind(fewer);
        let less = emit.op(Op::Sub, count, one);
        emit.store(address, COUNT as i32, less, Region::Header);
        emit.jump(done, &[]);
        emit.bind(unreferenced);
        let link = emit.load(address, LINK as i32, Region::Header);
        let (add, wrong) = (emit.label(0, true), emit.label(0, true));
        emit.branch(link, wrong, add);
        emit.bind(add);
        emit_add_to_table(emit, address, value);
        emit.jump(done, &[]);
        // The object is already in the table, so its only count is that of the table (D1). The
        // overwritten reference was never counted. The next collection reports the count 0.
        emit.bind(wrong);
        let zero = emit.constant(0);
        emit.store(address, COUNT as i32, zero, Region::Header);
        emit.jump(done, &[]);
        emit.bind(done);
    });
}

/// Puts an object into the zero-count table. It is not in the table yet, and its count already
/// includes the table.
#[inline(always)]
pub(super) fn add_to_table(memory: &mut ObjectMemory, raw: u32) {
    let (head, len) = memory.zero_count_table();
    memory.space.set_word(raw + LINK, head | IN_TABLE);
    memory.set_zero_count_table(raw, len + 1);
}

/// Emits [`add_to_table`].
pub(super) fn emit_add_to_table(emit: &mut dyn Emit, address: Reg, object: Reg) {
    let head = emit.load_word(StoreWord::ZeroCountTable);
    let in_table = emit.constant(IN_TABLE);
    let link = emit.op(Op::Or, head, in_table);
    emit.store(address, LINK as i32, link, Region::Header);
    emit.store_word(StoreWord::ZeroCountTable, object);
    let len = emit.load_word(StoreWord::ZeroCountTableLen);
    let one = emit.constant(1);
    let longer = emit.op(Op::Add, len, one);
    emit.store_word(StoreWord::ZeroCountTableLen, longer);
}

/// Decrements the count of an object during a collection. If the count was 1, the object goes into
/// the zero-count table if a frame refers to it, and else into the list of the dead.
#[inline(always)]
pub(super) fn decrement_while_collecting(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    raw: u32,
    referrer: impl Fn() -> Referrer,
) -> Result<(), HeapFault> {
    let ignored = planted!(memory.planted, ReleaseIgnoresStack);
    let header = header(drc, memory, raw, referrer)?;
    if (header.count(), header.link()) == (1, ON_STACK) && !ignored {
        add_to_table(memory, raw);
        return Ok(());
    }
    decrement_header(&mut drc.dead, header, raw)
}

/// The same for an object to which no frame refers, or whose count is more than 1.
#[inline(always)]
pub(super) fn decrement_header(
    dead: &mut u32,
    mut header: HeaderWords<'_>,
    raw: u32,
) -> Result<(), HeapFault> {
    if decrement_unless_one(&mut header, raw)? {
        header.set_count(0);
        header.set_link(*dead);
        *dead = raw;
    }
    Ok(())
}

/// Decrements the count unless it is 1. Returns true if it was 1. The caller decides what happens
/// then.
#[inline(always)]
fn decrement_unless_one(header: &mut HeaderWords<'_>, raw: u32) -> Result<bool, HeapFault> {
    match (header.count(), header.link() & !ON_STACK) {
        (1, 0) => Ok(true),
        // The only count of an object in the table is that of the table (D1).
        (0 | 1, _) => Err(out_of_range(raw, header)),
        (count, _) => {
            header.set_count(count - 1);
            Ok(false)
        }
    }
}

#[cold]
pub(super) fn out_of_range(object: u32, header: &HeaderWords<'_>) -> HeapFault {
    let count = header.count();
    HeapFault::CountRange { object, count }
}

pub(super) fn emit_init(emit: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
    emit_increment(emit, new, 1, holds);
    slot.store(emit, new);
}

pub(super) fn emit_write(emit: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds) {
    if !holds.object {
        return slot.store(emit, new);
    }
    let old = slot.load(emit);
    slot.store(emit, new);
    emit.defer_count(new, 1, holds);
    emit.defer_count(old, -1, holds);
}

/// Emits the sum of the changes to one count that [`emit_write`] asked for.
pub(super) fn emit_count(emit: &mut dyn Emit, value: Reg, by: i32, holds: Holds) {
    match u32::try_from(by) {
        Ok(more) => emit_increment(emit, value, more, holds),
        Err(_) => (by..0).for_each(|_| emit_decrement(emit, value, holds)),
    }
}

/// Emits `act`, and a jump over it for null and i31.
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
