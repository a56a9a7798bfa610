//! The collection. It keeps an object in the zero-count table if only frames refer to it, and takes
//! all others out.

use super::alloc::{close_run, free, merge};
use super::barrier::{decrement_header, decrement_while_collecting, header, out_of_range};
use super::{Drc, IN_TABLE, ON_STACK, backup_min, mark, table_min};
use crate::heap::fault::{HeapFault, Referrer};
use crate::heap::layout::Kind;
use crate::heap::object_memory::{ObjectMemory, is_object, kind_of_tag};
use crate::heap::{CollectionKind, Roots};
use crate::planted::planted;

/// A full collection merges neighbours if more bytes are unmerged than this and than are in use.
/// Otherwise whoever visits the heap after each collection would visit every block ever freed.
const MERGE_MIN: u64 = 4 << 10;

/// Trims the table, frees the objects that die, and, with a backup trace, cycles.
pub(super) fn collect(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
    collection: CollectionKind,
) -> Result<(), HeapFault> {
    let (marked, visited) = mark_stack(drc, memory, roots)?;
    trim(drc, memory)?;
    free_dead(drc, memory)?;
    unmark_stack(drc, memory, &marked)?;
    let kept = memory.zero_count_table().1;
    let least = table_min(memory.collection_bytes);
    drc.table_max = kept.max(visited).saturating_mul(2).max(least);
    let traces = drc.cycles && !planted!(memory.planted, CyclesAreKept);
    if traces && (collection == CollectionKind::Full || drc.in_use(memory) >= drc.backup_at) {
        mark::backup(drc, memory, roots)?;
        drc.backup_at = (drc.in_use(memory) * 2).max(backup_min(memory.collection_bytes));
    }
    close_run(drc, memory);
    let in_use = drc.in_use(memory);
    if collection == CollectionKind::Full && drc.unmerged >= in_use.max(MERGE_MIN) {
        merge(drc, memory)?;
    }
    memory.stats.live_bytes = in_use;
    Ok(())
}

/// Marks the objects to which frames and temporaries refer. Returns these objects, and the number
/// of slots visited.
fn mark_stack(
    drc: &Drc,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
) -> Result<(Vec<u32>, u32), HeapFault> {
    let mut marked = Vec::new();
    let mut visited = 0;
    let mut fault = None;
    roots.each_uncounted_root(&mut |kind, slot| {
        let referrer = Referrer::Root {
            kind,
            at: u64::from(visited),
        };
        visited += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        let again = planted!(memory.planted, StackCountsAgain);
        match header(drc, memory, *slot, || referrer) {
            Ok(mut header) if header.link() & ON_STACK == 0 => {
                header.set_link(header.link() | ON_STACK);
                marked.push(*slot);
            }
            Ok(mut header) if again => header.set_count(header.count() + 1),
            Ok(_) => {}
            Err(found) => fault = Some(found),
        }
    });
    fault.map_or(Ok((marked, visited)), Err)
}

/// Clears the marks.
fn unmark_stack(drc: &Drc, memory: &mut ObjectMemory, marked: &[u32]) -> Result<(), HeapFault> {
    for &object in marked {
        let mut header = header(drc, memory, object, || Referrer::ZeroCountTable)?;
        header.set_link(header.link() & !ON_STACK);
    }
    Ok(())
}

/// Keeps the objects of the table that are marked and have no other count. Decrements the counts of
/// all others.
fn trim(drc: &mut Drc, memory: &mut ObjectMemory) -> Result<(), HeapFault> {
    let (mut at, recorded) = memory.zero_count_table();
    let (mut head, mut kept) = (0, 0);
    let mut counted = 0;
    while at != 0 {
        if counted == recorded {
            counted += 1;
            return Err(HeapFault::ZeroCountTableLength { recorded, counted });
        }
        counted += 1;
        let mut object = header(drc, memory, at, || Referrer::ZeroCountTable)?;
        let link = object.link();
        if link & IN_TABLE == 0 {
            return Err(HeapFault::ZeroCountTableMembership {
                object: at,
                says: false,
            });
        }
        if link & ON_STACK != 0 && object.count() == 1 {
            object.set_link(head | IN_TABLE | ON_STACK);
            head = at;
            kept += 1;
        } else {
            object.set_link(link & ON_STACK);
            decrement_header(&mut drc.dead, object, at)?;
        }
        at = link & !7;
    }
    if counted != recorded {
        return Err(HeapFault::ZeroCountTableLength { recorded, counted });
    }
    memory.set_zero_count_table(head, kept);
    Ok(())
}

/// Frees the objects in the list of the dead, and the objects that die with them. The list is
/// linked through the headers of the objects, so neither long chains nor large arrays need memory
/// or stack.
fn free_dead(drc: &mut Drc, memory: &mut ObjectMemory) -> Result<(), HeapFault> {
    loop {
        let object = drc.dead;
        if object == 0 {
            return Ok(());
        }
        let header = header(drc, memory, object, || Referrer::DeadList)?;
        if header.count() != 0 {
            return Err(out_of_range(object, &header));
        }
        drc.dead = header.link();
        let tag = header.tag();
        let extent = memory.extent(object, tag, drc.top)?;
        let shallow = planted!(memory.planted, ReleaseIsShallow);
        memory.each_slot(object, &extent, |memory, slot| {
            let raw = memory.space.word(slot);
            if is_object(raw) && !shallow {
                decrement_while_collecting(drc, memory, raw, || Referrer::Object { object, slot })?;
            }
            Ok(())
        })?;
        if kind_of_tag(tag) == Some(Kind::Extern) {
            let host = memory.header_word(object);
            memory.dead_hosts.push(host);
        }
        free(drc, memory, object, extent.size);
    }
}
