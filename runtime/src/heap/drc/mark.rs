//! The backup trace: marks everything that is reachable from all roots, and frees the rest. The
//! rest is unreachable cycles and the objects to which they refer.
//!
//! It runs right after the zero-count table was trimmed, so every object in the table is reachable.

use super::alloc::{close_run, sweep};
use super::barrier::{add_to_table, header};
use super::{COUNT, Drc, IN_TABLE, LINK, MARKED};
use crate::heap::Roots;
use crate::heap::fault::{HeapFault, Referrer};
use crate::heap::layout::Kind;
use crate::heap::object_memory::{FIRST, ObjectMemory, Resident, is_object, kind_of_tag};

/// How many elements of an array are visited at a time. With this the worklist stays small even if
/// arrays are large.
const SLICE: u32 = 256;

/// An object to visit, from an element on.
struct Pending {
    object: u32,
    from: u32,
}

/// Marks and frees.
pub(super) fn backup(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
) -> Result<(), HeapFault> {
    memory.stats.full_collections += 1;
    close_run(drc, memory);
    let mut pending = Vec::new();
    mark_roots(drc, memory, roots, &mut pending)?;
    while let Some(next) = pending.pop() {
        mark_children(drc, memory, &next, &mut pending)?;
    }
    let top = drc.top;
    uncount_garbage(drc, memory)?;
    sweep(drc, memory, |memory, object, tag| {
        let link = memory.space.word(object + LINK);
        if link & MARKED != 0 {
            memory.space.set_word(object + LINK, link & !MARKED);
            return Ok(false);
        }
        if link & IN_TABLE != 0 {
            return Err(HeapFault::ZeroCountTableMembership { object, says: true });
        }
        debug_assert!(object < top);
        if kind_of_tag(tag) == Some(Kind::Extern) {
            let host = memory.header_word(object);
            memory.dead_hosts.push(host);
        }
        Ok(true)
    })
}

fn mark(memory: &mut ObjectMemory, object: u32, pending: &mut Vec<Pending>) {
    let link = memory.space.word(object + LINK);
    if link & MARKED == 0 {
        memory.space.set_word(object + LINK, link | MARKED);
        pending.push(Pending { object, from: 0 });
    }
}

fn mark_roots(
    drc: &Drc,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
    pending: &mut Vec<Pending>,
) -> Result<(), HeapFault> {
    let mut fault = None;
    let mut at = 0;
    roots.each_root(&mut |kind, slot| {
        let referrer = Referrer::Root { kind, at };
        at += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        match header(drc, memory, *slot, || referrer) {
            Ok(_) => mark(memory, *slot, pending),
            Err(found) => fault = Some(found),
        }
    });
    fault.map_or(Ok(()), Err)
}

fn mark_children(
    drc: &Drc,
    memory: &mut ObjectMemory,
    next: &Pending,
    pending: &mut Vec<Pending>,
) -> Result<(), HeapFault> {
    let object = next.object;
    let tag = memory.tag(object);
    let extent = memory.extent(object, tag, drc.top)?;
    let scan = extent.scan;
    let visit = |memory: &mut ObjectMemory, slot: u32, pending: &mut Vec<Pending>| {
        let raw = memory.space.word(slot);
        if is_object(raw) {
            header(drc, memory, raw, || Referrer::Object { object, slot })?;
            mark(memory, raw, pending);
        }
        Ok(())
    };
    for at in scan.first..scan.first + scan.count {
        let slot = object + memory.layouts.edge(at);
        visit(memory, slot, pending)?;
    }
    let elements = memory.traced_elements(&scan, extent.len);
    let end = elements.min(next.from + SLICE);
    if end < elements {
        pending.push(Pending { object, from: end });
    }
    for at in next.from..end {
        visit(memory, object + scan.size + at * 4, pending)?;
    }
    Ok(())
}

/// Decrements the counts of live objects for the references from garbage.
fn uncount_garbage(drc: &Drc, memory: &mut ObjectMemory) -> Result<(), HeapFault> {
    let mut next = FIRST;
    while let Some(resident) = memory.resident(next, drc.top)? {
        next = resident.end();
        let Resident::Object { at, extent, .. } = resident else {
            continue;
        };
        if memory.space.word(at + LINK) & MARKED != 0 {
            continue;
        }
        memory.each_slot(at, &extent, |memory, slot| {
            let raw = memory.space.word(slot);
            if !is_object(raw) {
                return Ok(());
            }
            header(drc, memory, raw, || Referrer::Object { object: at, slot })?;
            if memory.space.word(raw + LINK) & MARKED == 0 {
                return Ok(());
            }
            match (
                memory.space.word(raw + COUNT),
                memory.space.word(raw + LINK),
            ) {
                // Now only frames refer to it.
                (1, MARKED) => {
                    add_to_table(memory, raw);
                    let link = memory.space.word(raw + LINK);
                    memory.space.set_word(raw + LINK, link | MARKED);
                }
                (count @ (0 | 1), _) => {
                    return Err(HeapFault::CountRange { object: raw, count });
                }
                (count, _) => memory.space.set_word(raw + COUNT, count - 1),
            }
            Ok(())
        })?;
    }
    Ok(())
}
