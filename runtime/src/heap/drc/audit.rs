//! Checks invariants D1 to D3: compares every count with the references that exist, and the
//! zero-count table with the headers of objects.
//!
//! The verifier finds the references. No code of the collector is used.

use super::{COUNT, Drc, IN_TABLE, LINK};
use crate::heap::fault::{CountFault, HeapFault, Referrer};
use crate::heap::object_memory::{ObjectMemory, is_object};
use crate::heap::verify::Inventory;
use crate::heap::{RootKind, Roots};

/// What refers to one object.
#[derive(Clone, Copy, Default)]
struct Referrers {
    edges: u32,
    roots: u32,
    in_table: bool,
    root: Option<RootKind>,
    slot: Option<u32>,
}

/// Reports the first object whose count is wrong.
pub(super) fn audit(
    drc: &mut Drc,
    memory: &mut ObjectMemory,
    roots: &mut dyn Roots,
) -> Result<(), HeapFault> {
    let inventory = Inventory::take(memory, drc)?;
    let mut referrers = vec![Referrers::default(); inventory.objects.len()];
    count_edges(memory, &inventory, &mut referrers)?;
    walk_list(memory, &inventory, &mut referrers)?;
    count_roots(&inventory, roots, &mut referrers)?;
    for (found, refs) in inventory.objects.iter().zip(&referrers) {
        let object = found.object;
        let says: u32 = memory.space.load(object + LINK);
        if (says & IN_TABLE != 0) != refs.in_table || (!refs.in_table && says != 0) {
            return Err(HeapFault::ZeroCountTableMembership {
                object,
                says: says != 0,
            });
        }
        let count = CountFault {
            object,
            kind: found.kind,
            type_id: found.type_id,
            stored: memory.space.load(object + COUNT),
            edges: refs.edges,
            roots: refs.roots,
            in_table: refs.in_table,
            root: refs.root,
            slot: refs.slot,
        };
        if u64::from(count.stored) != count.expected() {
            return Err(HeapFault::Count(count));
        }
        if count.stored == 0 {
            return Err(HeapFault::NotInZeroCountTable { object });
        }
    }
    Ok(())
}

fn count_edges(
    memory: &ObjectMemory,
    inventory: &Inventory,
    referrers: &mut [Referrers],
) -> Result<(), HeapFault> {
    for found in &inventory.objects {
        inventory.each_slot(found, |slot| {
            let raw: u32 = memory.space.load(slot.at);
            if !slot.ty.is_collected() || !is_object(raw) {
                return Ok(());
            }
            let referrer = Referrer::Object {
                object: found.object,
                slot: slot.at,
            };
            let at = inventory.position(raw);
            let at = at.ok_or(HeapFault::Dangling { referrer, raw })?;
            referrers[at].edges += 1;
            referrers[at].slot = Some(slot.at);
            Ok(())
        })?;
    }
    Ok(())
}

fn walk_list(
    memory: &ObjectMemory,
    inventory: &Inventory,
    referrers: &mut [Referrers],
) -> Result<(), HeapFault> {
    let (mut at, recorded) = memory.zero_count_table();
    let mut counted = 0;
    while at != 0 {
        let referrer = Referrer::ZeroCountTable;
        let found = inventory.position(at);
        let found = found.ok_or(HeapFault::Dangling { referrer, raw: at })?;
        counted += 1;
        if referrers[found].in_table || counted > recorded {
            return Err(HeapFault::ZeroCountTableLength { recorded, counted });
        }
        referrers[found].in_table = true;
        let link: u32 = memory.space.load(at + LINK);
        at = link & !7;
    }
    if counted == recorded {
        Ok(())
    } else {
        Err(HeapFault::ZeroCountTableLength { recorded, counted })
    }
}

fn count_roots(
    inventory: &Inventory,
    roots: &mut dyn Roots,
    referrers: &mut [Referrers],
) -> Result<(), HeapFault> {
    let mut fault = None;
    let mut visited = 0;
    roots.each_root(&mut |kind, slot| {
        let referrer = Referrer::Root { kind, at: visited };
        visited += 1;
        if !is_object(*slot) || fault.is_some() {
            return;
        }
        let Some(at) = inventory.position(*slot) else {
            fault = Some(HeapFault::Dangling {
                referrer,
                raw: *slot,
            });
            return;
        };
        if kind.is_counted() {
            referrers[at].roots += 1;
            referrers[at].root = Some(kind);
        }
    });
    fault.map_or(Ok(()), Err)
}
