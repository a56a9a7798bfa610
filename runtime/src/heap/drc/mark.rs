//! The backup trace: marks what is reachable from all roots and frees the rest, which can only be
//! cycles and what they refer to.
//!
//! Runs right after the stack list was trimmed, so that everything in the list is reachable.

use super::alloc::{close_run, sweep};
use super::barrier::{header, list};
use super::{COUNT, Drc, LINK, LISTED, MARKED};
use crate::heap::Roots;
use crate::heap::core::{Core, FIRST, is_object, kind_of_tag};
use crate::heap::fault::{HeapFault, Place};
use crate::heap::layout::Kind;

/// Elements of an array that are looked at before anything else is: the worklist stays small
/// however large arrays are.
const SLICE: u32 = 256;

/// An object to look at, from an element on.
struct Pending {
    object: u32,
    from: u32,
}

/// Marks and frees.
pub(super) fn backup(
    heap: &mut Drc,
    core: &mut Core,
    roots: &mut dyn Roots,
) -> Result<(), HeapFault> {
    core.stats.full_collections += 1;
    close_run(heap, core);
    let mut pending = Vec::new();
    mark_roots(heap, core, roots, &mut pending)?;
    while let Some(next) = pending.pop() {
        mark_children(heap, core, &next, &mut pending)?;
    }
    let top = heap.top;
    give_up_edges(heap, core)?;
    sweep(heap, core, |core, object, tag| {
        let link = core.space.word(object + LINK);
        if link & MARKED != 0 {
            core.space.set_word(object + LINK, link & !MARKED);
            return Ok(false);
        }
        if link & LISTED != 0 {
            return Err(HeapFault::Membership { object, says: true });
        }
        debug_assert!(object < top);
        if kind_of_tag(tag) == Some(Kind::Extern) {
            let host = core.header_word(object);
            core.dead_hosts.push(host);
        }
        Ok(true)
    })
}

fn mark(core: &mut Core, object: u32, pending: &mut Vec<Pending>) {
    let link = core.space.word(object + LINK);
    if link & MARKED == 0 {
        core.space.set_word(object + LINK, link | MARKED);
        pending.push(Pending { object, from: 0 });
    }
}

fn mark_roots(
    heap: &Drc,
    core: &mut Core,
    roots: &mut dyn Roots,
    pending: &mut Vec<Pending>,
) -> Result<(), HeapFault> {
    let mut fault = None;
    let mut at = 0;
    roots.each_root(&mut |kind, slot| {
        let place = Place::Root { kind, at };
        at += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        match header(heap, core, *slot, || place) {
            Ok(_) => mark(core, *slot, pending),
            Err(found) => fault = Some(found),
        }
    });
    fault.map_or(Ok(()), Err)
}

fn mark_children(
    heap: &Drc,
    core: &mut Core,
    next: &Pending,
    pending: &mut Vec<Pending>,
) -> Result<(), HeapFault> {
    let object = next.object;
    let tag = core.tag(object);
    let extent = core.extent(object, tag, heap.top)?;
    let walk = extent.walk;
    let visit = |core: &mut Core, slot: u32, pending: &mut Vec<Pending>| {
        let raw = core.space.word(slot);
        if is_object(raw) {
            header(heap, core, raw, || Place::Object { object, slot })?;
            mark(core, raw, pending);
        }
        Ok(())
    };
    for at in walk.first..walk.first + walk.count {
        let slot = object + core.layouts.edge(at);
        visit(core, slot, pending)?;
    }
    let elements = core.traced_elements(&walk, extent.len);
    let end = elements.min(next.from + SLICE);
    if end < elements {
        pending.push(Pending { object, from: end });
    }
    for at in next.from..end {
        visit(core, object + walk.size + at * 4, pending)?;
    }
    Ok(())
}

/// References from garbage to live objects are no longer counted.
fn give_up_edges(heap: &Drc, core: &mut Core) -> Result<(), HeapFault> {
    let end = heap.top;
    let mut at = FIRST;
    while at < end {
        if at == core.bump() && core.region_end() > at {
            at = core.region_end();
            continue;
        }
        let tag = core.tag(at);
        if kind_of_tag(tag) == Some(Kind::Free) {
            let size = core.space.word(at + 4);
            if tag != 0 || size == 0 || size > end - at {
                return Err(HeapFault::BadTag { object: at, tag });
            }
            at += size;
            continue;
        }
        let extent = core.extent(at, tag, end)?;
        if core.space.word(at + LINK) & MARKED == 0 {
            core.each_slot(at, &extent, |core, slot| {
                let raw = core.space.word(slot);
                if !is_object(raw) {
                    return Ok(());
                }
                header(heap, core, raw, || Place::Object { object: at, slot })?;
                if core.space.word(raw + LINK) & MARKED == 0 {
                    return Ok(());
                }
                match (core.space.word(raw + COUNT), core.space.word(raw + LINK)) {
                    // Only frames still refer to it.
                    (1, MARKED) => {
                        list(core, raw);
                        let link = core.space.word(raw + LINK);
                        core.space.set_word(raw + LINK, link | MARKED);
                    }
                    (count @ (0 | 1), _) => {
                        return Err(HeapFault::CountRange { object: raw, count });
                    }
                    (count, _) => core.space.set_word(raw + COUNT, count - 1),
                }
                Ok(())
            })?;
        }
        at += extent.size;
    }
    Ok(())
}
