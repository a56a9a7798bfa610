//! The collection: forwards the roots, and then the references in the copies.

use std::ops::Range;

use super::Copying;
use crate::heap::Roots;
use crate::heap::fault::{HeapFault, Referrer};
use crate::heap::layout::{KIND_SHIFT, Kind};
use crate::heap::object_memory::{ObjectMemory, is_object};
use crate::planted::planted;

/// The soft limit is this many times the work of the last collection.
const GROWTH: u64 = 4;
/// The cost of visiting a root, as a number of bytes copied.
const ROOT_COST: u64 = 8;

const FORWARDED: u32 = (Kind::Forwarded as u32) << KIND_SHIFT;

/// A collection under way.
struct Move {
    /// The part in use of the half that objects are moved from.
    from: Range<u32>,
    /// The offset of the first copy.
    start: u32,
    /// The offset of the next copy.
    free: u32,
    /// The end of the memory for copies.
    end: u32,
}

/// Moves the reachable objects to the other half.
pub(super) fn collect(
    copying: &mut Copying,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
) -> Result<(), HeapFault> {
    let from = copying.current..memory.bump();
    let used = from.end - from.start;
    // C1: the other half is as large as this one, so the copies fit.
    if memory
        .space
        .ensure(u64::from(copying.other) + u64::from(used))
        .is_err()
    {
        // The system is out of memory. Nothing was moved, and the allocation that asked fails.
        return Ok(());
    }
    let mut moving = Move {
        from,
        start: copying.other,
        free: copying.other,
        end: copying.other + used,
    };
    let visited = forward_roots(&mut moving, memory, roots)?;
    scan(&mut moving, memory, copying.other)?;
    let live = moving.free - copying.other;
    memory.space.touch(copying.other..moving.free);
    sort_externs(copying, memory);
    if memory.poison {
        let written = written(memory, copying.current, copying.half);
        memory.space.poison(written);
    }
    std::mem::swap(&mut copying.current, &mut copying.other);
    // Old contents of this half are cleared when the bump region grows over them.
    planted!(
        memory.planted,
        RegionEndStale,
        wrong: memory.set_region_stale(moving.free),
        sound: memory.set_region(moving.free, moving.free)
    );
    let work = u64::from(live) + visited * ROOT_COST;
    let soft = (work * GROWTH)
        .max(u64::from(memory.collection_bytes))
        .min(u64::from(copying.half));
    copying.soft = soft as u32;
    memory.stats.full_collections += 1;
    memory.stats.live_bytes = u64::from(live);
    Ok(())
}

fn forward_roots(
    moving: &mut Move,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
) -> Result<u64, HeapFault> {
    let mut visited = 0;
    let mut fault = None;
    roots.each_root(&mut |kind, slot| {
        let referrer = Referrer::Root { kind, at: visited };
        visited += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        match moving.forward(memory, *slot, || referrer) {
            Ok(to) => *slot = to,
            Err(found) => fault = Some(found),
        }
    });
    fault.map_or(Ok(visited), Err)
}

/// How many slots wait for their referents to arrive in the cache.
const AHEAD: usize = 8;

/// A short queue of slots whose referents were prefetched.
#[derive(Default)]
struct Ahead {
    /// Each slot, and the object it is in.
    slots: [(u32, u32); AHEAD],
    next: usize,
    len: usize,
}

impl Ahead {
    /// Adds a slot. Forwards the oldest one if the queue is full.
    #[inline(always)]
    fn push(
        &mut self,
        moving: &mut Move,
        memory: &mut ObjectMemory,
        object: u32,
        slot: u32,
    ) -> Result<(), HeapFault> {
        if self.len == AHEAD {
            self.pop(moving, memory)?;
        }
        self.slots[(self.next + self.len) % AHEAD] = (object, slot);
        self.len += 1;
        Ok(())
    }

    /// Forwards the oldest slot.
    #[inline(always)]
    fn pop(&mut self, moving: &mut Move, memory: &mut ObjectMemory) -> Result<(), HeapFault> {
        let (object, slot) = self.slots[self.next];
        self.next = (self.next + 1) % AHEAD;
        self.len -= 1;
        let raw = memory.space.word(slot);
        let to = moving.forward(memory, raw, || Referrer::Object { object, slot })?;
        memory.space.set_word(slot, to);
        Ok(())
    }
}

/// Forwards the references in the copies from `at` on, until no copy is left.
fn scan(moving: &mut Move, memory: &mut ObjectMemory, mut at: u32) -> Result<(), HeapFault> {
    let mut ahead = Ahead::default();
    loop {
        while at < moving.free {
            let tag = memory.tag(at);
            let extent = memory.extent(at, tag, moving.free)?;
            let object = at;
            memory.each_slot(object, &extent, |memory, slot| {
                let raw = memory.space.word(slot);
                if !is_object(raw) {
                    return Ok(());
                }
                memory.space.prefetch(raw);
                ahead.push(moving, memory, object, slot)
            })?;
            at += extent.size;
        }
        if ahead.len == 0 {
            return Ok(());
        }
        ahead.pop(moving, memory)?;
    }
}

impl Move {
    /// Returns the new offset of an object. Moves the object if it was not moved yet.
    #[inline(always)]
    fn forward(
        &mut self,
        memory: &mut ObjectMemory,
        raw: u32,
        referrer: impl Fn() -> Referrer,
    ) -> Result<u32, HeapFault> {
        memory.check(raw, &self.from, &referrer)?;
        let tag = memory.tag(raw);
        if tag == FORWARDED {
            let to = memory.space.word(raw + 4);
            // A corrupt object may look like one that was forwarded.
            memory.check(to, &(self.start..self.free), referrer)?;
            return Ok(to);
        }
        let extent = memory.extent(raw, tag, self.from.end)?;
        let to = self.free;
        if extent.size > self.end - to {
            // Only objects that overlap are together larger than the half.
            let size = u64::from(extent.size);
            return Err(HeapFault::BadSize { object: raw, size });
        }
        memory.space.copy_object(raw, to, extent.size);
        memory.space.set_word(raw, FORWARDED);
        memory.space.set_word(raw + 4, to);
        self.free = to + extent.size;
        Ok(to)
    }
}

/// Finds the references of the host that did not move. Their host objects are dead.
fn sort_externs(copying: &mut Copying, memory: &mut ObjectMemory) {
    copying.externs.retain_mut(|object| {
        if memory.tag(*object) == FORWARDED {
            *object = memory.space.word(*object + 4);
            return true;
        }
        let host = memory.header_word(*object);
        memory.dead_hosts.push(host);
        false
    });
}

/// Returns the part of the half that begins at `start` that was ever written to.
fn written(memory: &ObjectMemory, start: u32, half: u32) -> Range<u32> {
    let mut range = start..start;
    for dirty in memory.space.dirty() {
        let end = dirty.end.min(start + half);
        if dirty.start.max(start) < end {
            range.end = range.end.max(end);
        }
    }
    range
}

/// Returns the part of the other half that was ever written to.
pub(super) fn idle(copying: &Copying, memory: &ObjectMemory) -> Range<u32> {
    written(memory, copying.other, copying.half)
}
