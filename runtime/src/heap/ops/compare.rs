//! The comparison of heap and model after a full collection: graphs, census, host objects.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::driver::{Driver, check_number};
use super::model::{MismatchKind, Ref, position};
use crate::config::Schedule;
use crate::heap::layout::Kind;
use crate::heap::{GcRef, Stored};

/// With more objects than this a run begins again with an empty heap. A heap that leaks would make
/// every comparison slow.
const OBJECTS_MAX: u64 = 3000;

impl Driver {
    /// Collects everything and compares everything.
    pub(super) fn collect(&mut self) -> Result<(), MismatchKind> {
        self.heap.collect(&mut self.slots)?;
        if self.setup.schedule == Schedule::OnPressure {
            // With any other schedule the heap has checked itself.
            self.heap.verify(&mut self.slots)?;
            self.heap.audit(&mut self.slots)?;
        }
        self.compare_graphs()?;
        let traits = self.heap.traits();
        let reached = self.model.reach(&self.refs);
        if traits.reclaims {
            let mut kept = reached;
            if !traits.reclaims_cycles {
                self.model.add_cycles(&mut kept);
            }
            self.model.remove(&kept);
            self.compare_census(&self.model.census())?;
            self.compare_hosts()?;
        } else {
            self.compare_census(&self.model.made.clone())?;
            self.model.remove(&reached);
        }
        if self.weight > OBJECTS_MAX {
            self.restart()?;
        }
        Ok(())
    }

    fn compare_census(
        &mut self,
        expected: &BTreeMap<(Kind, u32), u64>,
    ) -> Result<(), MismatchKind> {
        let census = self.heap.census()?;
        (self.weight, self.compared_at) = (census.total(), self.totals.steps);
        let found = census.objects;
        let mut keys: BTreeSet<(Kind, u32)> = found.keys().copied().collect();
        keys.extend(expected.keys());
        for of in keys {
            let count = |map: &BTreeMap<_, u64>| map.get(&of).copied().unwrap_or(0);
            let (found, expected) = (count(&found), count(expected));
            if found != expected {
                return Err(MismatchKind::Census {
                    of,
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }

    fn compare_hosts(&mut self) -> Result<(), MismatchKind> {
        for number in self.heap.take_dead_hosts() {
            if !self.hosts.remove(&number) {
                return Err(MismatchKind::HostObject { number });
            }
        }
        let alive: BTreeSet<u32> = self.model.hosts().collect();
        match self.hosts.symmetric_difference(&alive).next() {
            None => Ok(()),
            Some(&number) => Err(MismatchKind::HostObject { number }),
        }
    }

    /// Follows both graphs side by side from the roots. Compares identity, kinds, types, lengths
    /// and values.
    fn compare_graphs(&mut self) -> Result<(), MismatchKind> {
        let mut partners = vec![0u32; self.model.positions()];
        let mut taken = HashSet::new();
        let mut pending = Vec::new();
        let mut pair = |raw: u32, reference: Ref, pending: &mut Vec<(GcRef, Ref)>| {
            let confused = MismatchKind::Reference {
                found: raw,
                expected: reference,
            };
            let (Some(at), Some(found)) = (position(reference), GcRef::from_raw(raw)) else {
                return if raw == reference {
                    Ok(())
                } else {
                    Err(confused)
                };
            };
            if partners[at] == 0 && !found.is_i31() && taken.insert(raw) {
                partners[at] = raw;
                pending.push((found, reference));
            }
            if partners[at] == raw {
                Ok(())
            } else {
                Err(confused)
            }
        };
        for (&raw, &reference) in self.slots.0.iter().zip(&self.refs) {
            pair(raw, reference, &mut pending)?;
        }
        while let Some((found, reference)) = pending.pop() {
            let Some(object) = self.model.get(reference) else {
                continue;
            };
            self.totals.compared += 1;
            let info = self.heap.object(found)?;
            let is = (info.kind, info.type_id, info.word);
            let should_be = (object.kind, object.ty, object.word);
            if is != should_be {
                return Err(MismatchKind::Object {
                    object: found.raw(),
                    found: is,
                    expected: should_be,
                });
            }
            for (at, &expected) in object.values.iter().enumerate() {
                let value = if object.kind == Kind::Array {
                    self.heap.read_element(found, at as u32)?
                } else {
                    self.heap.read_field(found, at as u32)?
                };
                match value {
                    Stored::Ref(value) => {
                        pair(GcRef::to_raw(value), expected as Ref, &mut pending)?;
                    }
                    other => check_number(found, at, other, expected)?,
                }
            }
        }
        Ok(())
    }
}
