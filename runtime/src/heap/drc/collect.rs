//! The collection: takes out of the stack list what no frame refers to any more.

use super::alloc::close_run;
use super::barrier::{bury, check, count_down};
use super::{BACKUP_MIN, Drc, LINK, LIST_MIN, LISTED, ON_STACK, mark};
use crate::heap::core::{Core, is_object};
use crate::heap::fault::{HeapFault, Place};
use crate::heap::{Effort, Roots};
use crate::planted::Fault;

/// Trims the list, frees what dies, and with a backup trace also cycles.
pub(super) fn collect(
    heap: &mut Drc,
    core: &mut Core,
    roots: &mut dyn Roots,
    effort: Effort,
) -> Result<(), HeapFault> {
    let visited = mark_stack(heap, core, roots)?;
    let kept = trim(heap, core)?;
    bury(heap, core)?;
    heap.list_max = kept.max(visited).saturating_mul(2).max(LIST_MIN);
    let traces = heap.cycles && !core.planted.has(Fault::CyclesAreKept);
    if traces && (effort == Effort::Full || heap.in_use(core) >= heap.backup_at) {
        mark::backup(heap, core, roots)?;
        heap.backup_at = (heap.in_use(core) * 2).max(BACKUP_MIN);
    }
    close_run(heap, core);
    core.stats.live_bytes = heap.in_use(core);
    Ok(())
}

/// Marks the objects that frames and temporaries refer to; how many slots there are.
fn mark_stack(heap: &Drc, core: &mut Core, roots: &mut dyn Roots) -> Result<u32, HeapFault> {
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
        if let Err(found) = check(heap, core, *slot, || place) {
            fault = Some(found);
            return;
        }
        let link = core.space.word(*slot + LINK);
        if link & LISTED == 0 {
            fault = Some(HeapFault::NotListed {
                place,
                object: *slot,
            });
            return;
        }
        core.space.set_word(*slot + LINK, link | ON_STACK);
    });
    fault.map_or(Ok(visited), Err)
}

/// Walks the list and keeps what is marked; how many that are.
fn trim(heap: &mut Drc, core: &mut Core) -> Result<u32, HeapFault> {
    let (mut at, recorded) = core.stack_list();
    let (mut head, mut kept) = (0, 0);
    let mut counted = 0;
    while at != 0 {
        if counted == recorded {
            counted += 1;
            return Err(HeapFault::ListLength { recorded, counted });
        }
        counted += 1;
        check(heap, core, at, || Place::StackList)?;
        let link = core.space.word(at + LINK);
        if link & LISTED == 0 {
            return Err(HeapFault::Membership {
                object: at,
                says: false,
            });
        }
        if link & ON_STACK != 0 {
            core.space.set_word(at + LINK, head | LISTED);
            head = at;
            kept += 1;
        } else {
            core.space.set_word(at + LINK, 0);
            count_down(heap, core, at, || Place::StackList)?;
        }
        at = link & !7;
    }
    if counted != recorded {
        return Err(HeapFault::ListLength { recorded, counted });
    }
    core.set_stack_list(head, kept);
    Ok(kept)
}
