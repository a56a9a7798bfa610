//! The collection: takes out of the stack list what no frame refers to any more, and what has
//! counted references again.

use super::alloc::close_run;
use super::barrier::{bury, count_header_down, header};
use super::{BACKUP_MIN, Drc, LIST_MIN, LISTED, ON_STACK, mark};
use crate::heap::core::{Core, is_object};
use crate::heap::fault::{HeapFault, Place};
use crate::heap::{Effort, Roots};
use crate::planted::planted;

/// Trims the list, frees what dies, and with a backup trace also cycles.
pub(super) fn collect(
    heap: &mut Drc,
    core: &mut Core,
    roots: &mut dyn Roots,
    effort: Effort,
) -> Result<(), HeapFault> {
    let (marked, visited) = mark_stack(heap, core, roots)?;
    trim(heap, core)?;
    bury(heap, core)?;
    unmark_stack(heap, core, &marked)?;
    let kept = core.stack_list().1;
    heap.list_max = kept.max(visited).saturating_mul(2).max(LIST_MIN);
    let traces = heap.cycles && !planted!(core.planted, CyclesAreKept);
    if traces && (effort == Effort::Full || heap.in_use(core) >= heap.backup_at) {
        mark::backup(heap, core, roots)?;
        heap.backup_at = (heap.in_use(core) * 2).max(BACKUP_MIN);
    }
    close_run(heap, core);
    core.stats.live_bytes = heap.in_use(core);
    Ok(())
}

/// Marks the objects that frames and temporaries refer to: which they are, and how many slots there
/// are.
fn mark_stack(
    heap: &Drc,
    core: &mut Core,
    roots: &mut dyn Roots,
) -> Result<(Vec<u32>, u32), HeapFault> {
    let mut marked = Vec::new();
    let mut visited = 0;
    let mut fault = None;
    roots.each_uncounted_root(&mut |kind, slot| {
        let place = Place::Root {
            kind,
            at: u64::from(visited),
        };
        visited += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        let again = planted!(core.planted, StackCountsAgain);
        match header(heap, core, *slot, || place) {
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

/// Takes the marks away.
fn unmark_stack(heap: &Drc, core: &mut Core, marked: &[u32]) -> Result<(), HeapFault> {
    for &object in marked {
        let mut header = header(heap, core, object, || Place::StackList)?;
        header.set_link(header.link() & !ON_STACK);
    }
    Ok(())
}

/// Walks the list and keeps what is marked and has no other count.
fn trim(heap: &mut Drc, core: &mut Core) -> Result<(), HeapFault> {
    let (mut at, recorded) = core.stack_list();
    let (mut head, mut kept) = (0, 0);
    let mut counted = 0;
    while at != 0 {
        if counted == recorded {
            counted += 1;
            return Err(HeapFault::ListLength { recorded, counted });
        }
        counted += 1;
        let mut object = header(heap, core, at, || Place::StackList)?;
        let link = object.link();
        if link & LISTED == 0 {
            return Err(HeapFault::Membership {
                object: at,
                says: false,
            });
        }
        if link & ON_STACK != 0 && object.count() == 1 {
            object.set_link(head | LISTED | ON_STACK);
            head = at;
            kept += 1;
        } else {
            object.set_link(link & ON_STACK);
            count_header_down(&mut heap.dead, object, at)?;
        }
        at = link & !7;
    }
    if counted != recorded {
        return Err(HeapFault::ListLength { recorded, counted });
    }
    core.set_stack_list(head, kept);
    Ok(())
}
