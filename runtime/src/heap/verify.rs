//! Checks a whole heap. Shares no code with any tracer: it has its own way through the heap, and
//! takes the fields of an object from their declarations.
//!
//! It checks that
//! - objects and free blocks fill the occupied part without a gap;
//! - each tag, type and size is possible;
//! - each reference, in objects and in roots, is null, an i31 or the start of an object, and has
//!   the declared type;
//! - the number of each function exists;
//! - free memory is poisoned, if the configuration asks for poison;
//! - memory that is ready for allocation is zero.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::fault::{HeapFault, Referrer};
use super::layout::{KIND_MASK, KIND_SHIFT, Kind, OBJECT_ALIGN, TYPE_MASK, storage_bytes};
use super::layouts::TypeLayout;
use super::object_memory::{FIRST, ObjectMemory};
use super::space::POISON;
use super::{Collector, Heap, RootKind, Roots};
use crate::types::{FieldKind, HeapKind, RefKind, StorageKind, ValKind};

/// An object of the heap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its offset.
    pub object: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its declared type.
    pub type_id: u32,
    /// The number of elements of an array.
    pub len: u32,
    /// The position of its type's layout in the inventory, plus one. It is 0 for a reference of the
    /// host.
    layout: u32,
}

/// Answers quickly whether an object begins at an offset. It has one bit for each unit of
/// alignment, and the number of bits before each word.
#[derive(Debug, Default)]
struct Starts {
    first: u32,
    words: Vec<(u64, u32)>,
}

impl Starts {
    fn new(range: &Range<u32>, objects: &[Found]) -> Starts {
        let units = (range.end - range.start) / OBJECT_ALIGN;
        let mut words = vec![(0, 0); units as usize / 64 + 1];
        for (position, found) in objects.iter().enumerate() {
            let unit = (found.object - range.start) / OBJECT_ALIGN;
            let word: &mut (u64, u32) = &mut words[unit as usize / 64];
            if word.0 == 0 {
                word.1 = position as u32;
            }
            word.0 |= 1 << (unit % 64);
        }
        Starts {
            first: range.start,
            words,
        }
    }

    fn position(&self, at: u32) -> Option<usize> {
        let offset = at.checked_sub(self.first)?;
        let unit = offset / OBJECT_ALIGN;
        let &(bits, before) = self.words.get(unit as usize / 64)?;
        let bit = 1u64 << (unit % 64);
        let is_start = offset.is_multiple_of(OBJECT_ALIGN) && bits & bit != 0;
        is_start.then(|| before as usize + (bits & (bit - 1)).count_ones() as usize)
    }
}

/// Every object of a heap, in the order of their offsets, and the free blocks between them.
#[derive(Debug)]
pub(super) struct Inventory {
    /// The objects.
    pub objects: Vec<Found>,
    /// The layouts of their types.
    layouts: Vec<Arc<TypeLayout>>,
    /// The positions of these layouts, by type.
    by_type: BTreeMap<u32, u32>,
    /// The type that was looked up last, and its position. Neighbours often have the same type.
    last: (u32, u32),
    starts: Starts,
    free: Vec<Range<u32>>,
}

/// A slot that holds a reference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Its offset in the heap.
    pub at: u32,
    /// Its declared type.
    pub ty: RefKind,
}

impl Inventory {
    /// Finds all objects and free blocks of a heap.
    pub(super) fn take(
        memory: &mut ObjectMemory,
        collector: &mut dyn Collector,
    ) -> Result<Inventory, HeapFault> {
        let range = collector.occupied(memory);
        let hole = memory.bump()..memory.region_end();
        let mut inventory = Inventory {
            objects: Vec::new(),
            layouts: Vec::new(),
            by_type: BTreeMap::new(),
            last: (0, 0),
            starts: Starts::default(),
            free: Vec::new(),
        };
        let mut at = range.start;
        while at < range.end {
            if !hole.is_empty() && at == hole.start {
                at = hole.end;
                continue;
            }
            let size = inventory.step(memory, at, range.end)?;
            let next = u64::from(at) + size;
            let into_hole = !hole.is_empty() && at < hole.start && next > u64::from(hole.start);
            if size == 0 || !size.is_multiple_of(8) || next > u64::from(range.end) || into_hole {
                return Err(HeapFault::BadSize { object: at, size });
            }
            at = next as u32;
        }
        if at != range.end && at != hole.end {
            let size = u64::from(range.end - range.start);
            return Err(HeapFault::BadSize { object: at, size });
        }
        inventory.starts = Starts::new(&range, &inventory.objects);
        Ok(inventory)
    }

    /// Records the object or free block at `at`. Returns its size.
    fn step(&mut self, memory: &mut ObjectMemory, at: u32, end: u32) -> Result<u64, HeapFault> {
        let tag: u32 = memory.space.load(at);
        let type_id = tag & TYPE_MASK;
        let kind = match (tag & KIND_MASK) >> KIND_SHIFT {
            0 if tag == 0 => {
                let size: u32 = memory.space.load(at + 4);
                self.free.push(at..at.saturating_add(size));
                return Ok(u64::from(size));
            }
            1 => Kind::Struct,
            2 => Kind::Array,
            3 => Kind::Extern,
            4 => Kind::Exception,
            _ => return Err(HeapFault::BadTag { object: at, tag }),
        };
        if u64::from(at) + u64::from(memory.header_bytes) > u64::from(end) {
            let size = u64::from(memory.header_bytes);
            return Err(HeapFault::BadSize { object: at, size });
        }
        let mut found = Found {
            object: at,
            kind,
            type_id,
            len: 0,
            layout: 0,
        };
        let bytes = if kind == Kind::Extern {
            if type_id != 0 {
                return Err(HeapFault::BadTag { object: at, tag });
            }
            u64::from(memory.header_bytes)
        } else {
            found.layout = self.layout(memory, at, type_id)?;
            let layout = &self.layouts[found.layout as usize - 1];
            if layout.kind != kind {
                return Err(HeapFault::BadType {
                    object: at,
                    type_id,
                });
            }
            let mut bytes = u64::from(layout.size);
            if kind == Kind::Array {
                found.len = memory.space.load(at + memory.header_bytes - 4);
                let element = storage_bytes(layout.fields[0].storage);
                bytes += u64::from(found.len) * u64::from(element);
            }
            bytes.next_multiple_of(8)
        };
        self.objects.push(found);
        Ok(bytes)
    }

    /// Returns the position of a type's layout, plus one.
    fn layout(
        &mut self,
        memory: &mut ObjectMemory,
        object: u32,
        type_id: u32,
    ) -> Result<u32, HeapFault> {
        if self.last.0 == type_id && self.last.1 != 0 {
            return Ok(self.last.1);
        }
        let position = match self.by_type.get(&type_id) {
            Some(&position) => position,
            None => {
                self.layouts.push(memory.layouts.layout(object, type_id)?);
                let position = self.layouts.len() as u32;
                self.by_type.insert(type_id, position);
                position
            }
        };
        self.last = (type_id, position);
        Ok(position)
    }

    fn layout_of(&self, found: &Found) -> Option<&TypeLayout> {
        let at = found.layout.checked_sub(1)?;
        self.layouts.get(at as usize).map(|layout| &**layout)
    }

    /// Returns the position of the object that begins at `at`.
    pub(super) fn position(&self, at: u32) -> Option<usize> {
        self.starts.position(at)
    }

    /// Calls `visit` for each slot of an object that holds a reference, including those of
    /// functions.
    pub(super) fn each_slot(
        &self,
        found: &Found,
        mut visit: impl FnMut(Slot) -> Result<(), HeapFault>,
    ) -> Result<(), HeapFault> {
        let Some(layout) = self.layout_of(found) else {
            return Ok(());
        };
        let reference = |field: &FieldKind| match field.storage {
            StorageKind::Val(ValKind::Ref(ty)) => Some(ty),
            _ => None,
        };
        if found.kind == Kind::Array {
            if let Some(ty) = reference(&layout.fields[0]) {
                for element in 0..found.len {
                    let at = found.object + layout.size + element * 4;
                    visit(Slot { at, ty })?;
                }
            }
            return Ok(());
        }
        for (field, offset) in layout.fields.iter().zip(&layout.offsets) {
            if let Some(ty) = reference(field) {
                let at = found.object + offset;
                visit(Slot { at, ty })?;
            }
        }
        Ok(())
    }

    /// Checks one reference that is not null.
    fn check(&self, raw: u32, ty: RefKind, referrer: Referrer) -> Result<(), HeapFault> {
        let wrong = HeapFault::WrongReferent {
            referrer,
            raw,
            declared: ty.heap,
        };
        if raw & 1 == 1 {
            return match ty.heap {
                HeapKind::Any | HeapKind::Eq | HeapKind::I31 | HeapKind::Extern => Ok(()),
                _ => Err(wrong),
            };
        }
        if raw & 7 != 0 {
            return Err(HeapFault::BadReference { referrer, raw });
        }
        let Some(position) = self.position(raw) else {
            return Err(HeapFault::Dangling { referrer, raw });
        };
        let found = self.objects[position];
        let fits = match (ty.heap, found.kind) {
            (HeapKind::Any | HeapKind::Extern, kind) => kind != Kind::Exception,
            (HeapKind::Eq, kind) => matches!(kind, Kind::Struct | Kind::Array),
            (HeapKind::Struct, kind) => kind == Kind::Struct,
            (HeapKind::Array, kind) => kind == Kind::Array,
            (HeapKind::Exn, kind) => kind == Kind::Exception,
            (HeapKind::Defined(id, _), Kind::Struct | Kind::Array) => self
                .layout_of(&found)
                .is_some_and(|layout| layout.chain.contains(&id)),
            _ => false,
        };
        if fits { Ok(()) } else { Err(wrong) }
    }
}

impl Heap {
    /// Checks the whole heap and all roots: see the module.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.guarded(|heap| verify(&mut heap.memory, &mut *heap.collector, roots))
    }

    /// Compares reference counts with the references that exist, if the collector counts.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn audit(&mut self, roots: &mut dyn Roots) -> Result<(), HeapFault> {
        self.guarded(|heap| heap.collector.audit(&mut heap.memory, roots))
    }
}

fn verify(
    memory: &mut ObjectMemory,
    collector: &mut dyn Collector,
    roots: &mut dyn Roots,
) -> Result<(), HeapFault> {
    let inventory = Inventory::take(memory, collector)?;
    let functions = memory.funcrefs_len();
    for found in &inventory.objects {
        inventory.each_slot(found, |slot| {
            let raw: u32 = memory.space.load(slot.at);
            let object = found.object;
            let referrer = Referrer::Object {
                object,
                slot: slot.at,
            };
            if raw == 0 {
                return if slot.ty.nullable {
                    Ok(())
                } else {
                    Err(HeapFault::Null { referrer })
                };
            }
            if slot.ty.is_collected() {
                return inventory.check(raw, slot.ty, referrer);
            }
            if raw < functions {
                Ok(())
            } else {
                Err(HeapFault::BadFunction {
                    object,
                    slot: slot.at,
                    number: raw,
                })
            }
        })?;
    }
    verify_roots(&inventory, roots)?;
    verify_free(memory, collector, &inventory)
}

fn verify_roots(inventory: &Inventory, roots: &mut dyn Roots) -> Result<(), HeapFault> {
    let mut at = 0;
    let mut fault = None;
    roots.each_root(&mut |kind, slot| {
        let referrer = Referrer::Root { kind, at };
        at += 1;
        if *slot == 0 || *slot & 1 == 1 || fault.is_some() {
            return;
        }
        if *slot & 7 != 0 {
            fault = Some(HeapFault::BadReference {
                referrer,
                raw: *slot,
            });
        } else {
            match inventory.position(*slot).map(|at| inventory.objects[at]) {
                None => {
                    fault = Some(HeapFault::Dangling {
                        referrer,
                        raw: *slot,
                    })
                }
                Some(found) => {
                    let exception = found.kind == Kind::Exception;
                    if kind == RootKind::PendingException && !exception {
                        fault = Some(HeapFault::WrongReferent {
                            referrer,
                            raw: *slot,
                            declared: HeapKind::Exn,
                        });
                    }
                }
            }
        }
    });
    fault.map_or(Ok(()), Err)
}

fn verify_free(
    memory: &ObjectMemory,
    collector: &dyn Collector,
    inventory: &Inventory,
) -> Result<(), HeapFault> {
    let region = memory.bump().max(FIRST)..memory.region_end();
    if let Some(at) = first_other(memory, &region, 0) {
        let found = memory.space.load(at);
        return Err(HeapFault::NotZero { at, found });
    }
    if !memory.poison {
        return Ok(());
    }
    for block in &inventory.free {
        // The first sixteen bytes belong to the free list.
        let rest = block.end.min(block.start + 16)..block.end;
        check_poison(memory, &rest)?;
    }
    check_poison(memory, &collector.idle(memory))
}

fn check_poison(memory: &ObjectMemory, range: &Range<u32>) -> Result<(), HeapFault> {
    match first_other(memory, range, POISON) {
        None => Ok(()),
        Some(at) => Err(HeapFault::PoisonGone {
            at,
            found: memory.space.load(at),
        }),
    }
}

/// Returns the offset of the first byte in `range` that is not `byte`.
fn first_other(memory: &ObjectMemory, range: &Range<u32>, byte: u8) -> Option<u32> {
    if range.is_empty() {
        return None;
    }
    let bytes = memory.space.bytes(range.start, range.end - range.start);
    // A quick test that all bytes are alike: the first is right, and each equals the one before.
    if bytes[0] == byte && bytes[1..] == bytes[..bytes.len() - 1] {
        return None;
    }
    let other = bytes.iter().position(|&b| b != byte)?;
    Some(range.start + other as u32)
}
