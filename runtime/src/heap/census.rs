//! Which objects are in a heap, by kind and type. Visits all of them from the start of the heap,
//! reachable or not.

use std::collections::BTreeMap;

use super::fault::HeapFault;
use super::layout::{Kind, TYPE_MASK};
use super::object_memory::{ObjectMemory, Resident, kind_of_tag};
use super::{Collector, Heap};

/// How many objects there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// The number of objects by kind and type. The type of a reference of the host is 0.
    pub objects: BTreeMap<(Kind, u32), u64>,
    /// The bytes that they take.
    pub bytes: u64,
}

impl Census {
    /// Returns how many objects there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.objects.values().sum()
    }

    /// Returns how many objects of a kind there are.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> u64 {
        let of_kind = self.objects.iter().filter(|((k, _), _)| *k == kind);
        of_kind.map(|(_, count)| count).sum()
    }
}

impl Heap {
    /// Counts the objects that exist, reachable or not. Collect first.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn census(&mut self) -> Result<Census, HeapFault> {
        let mut census = Census::default();
        // Neighbours are often alike: they are counted together.
        let mut alike = ((Kind::Free, 0), 0);
        self.guarded(|heap| {
            each_object(
                &mut heap.memory,
                &mut *heap.collector,
                &mut |_, kind, ty, _, size| {
                    census.bytes += u64::from(size);
                    if alike.0 == (kind, ty) {
                        alike.1 += 1;
                    } else {
                        *census.objects.entry(alike.0).or_insert(0) += alike.1;
                        alike = ((kind, ty), 1);
                    }
                },
            )
        })?;
        *census.objects.entry(alike.0).or_insert(0) += alike.1;
        census.objects.remove(&(Kind::Free, 0));
        Ok(census)
    }

    /// Visits every object that exists: offset, kind, type id, last word of the header.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn each_object(
        &mut self,
        visit: &mut dyn FnMut(u32, Kind, u32, u32),
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| {
            each_object(
                &mut heap.memory,
                &mut *heap.collector,
                &mut |at, kind, ty, word, _| {
                    visit(at, kind, ty, word);
                },
            )
        })
    }
}

/// Visits offset, kind, type id, last word of the header, and size of each object.
fn each_object(
    memory: &mut ObjectMemory,
    collector: &mut dyn Collector,
    visit: &mut dyn FnMut(u32, Kind, u32, u32, u32),
) -> Result<(), HeapFault> {
    let range = collector.occupied(memory);
    let mut next = range.start;
    while let Some(resident) = memory.resident(next, range.end)? {
        next = resident.end();
        let Resident::Object { at, tag, extent } = resident else {
            continue;
        };
        if let Some(kind) = kind_of_tag(tag) {
            let word = memory.header_word(at);
            visit(at, kind, tag & TYPE_MASK, word, extent.size);
        }
    }
    Ok(())
}
