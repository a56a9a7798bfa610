//! How the host reads and writes the fields and elements of objects. Every access is checked.
//!
//! A wrong reference, a field that does not exist and a value of another storage type are each a
//! [`HeapFault`]. Callers have checked types before, so such a fault means that the heap is corrupt
//! or that this runtime is wrong.

use std::sync::Arc;

use super::fault::{AccessError, HeapFault, Referrer};
use super::layout::{Kind, TYPE_MASK, storage_bytes};
use super::layouts::TypeLayout;
use super::object_memory::{is_object, kind_of_tag};
use super::{GcRef, Heap};
use crate::types::{StorageKind, TypeId, ValKind};

/// The value of a field or element, by storage type. A float is given as its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A packed byte.
    I8(u8),
    /// A packed 16-bit number.
    I16(u16),
    /// i32 or f32.
    I32(u32),
    /// i64 or f64.
    I64(u64),
    /// v128.
    V128(u128),
    /// A reference into the heap, or null.
    Ref(Option<GcRef>),
    /// The number of a function, or 0 for null.
    Func(u32),
}

/// The header of an object, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its offset.
    pub object: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its type, or 0 for a reference of the host.
    pub type_id: u32,
    /// The last word of its header: length, number of the host object, or identity of the tag.
    pub word: u32,
    /// Size in bytes.
    pub size: u32,
}

impl Heap {
    /// Returns what `reference` refers to.
    ///
    /// # Errors
    /// The reference is no object.
    pub fn object(&mut self, reference: GcRef) -> Result<ObjectInfo, HeapFault> {
        self.guarded(|heap| heap.inspect(reference))
    }

    fn inspect(&mut self, reference: GcRef) -> Result<ObjectInfo, HeapFault> {
        let raw = reference.raw();
        if !is_object(raw) {
            return Err(HeapFault::NotAnObject { raw });
        }
        let range = self.collector.occupied(&mut self.memory);
        self.memory.check(raw, &range, || Referrer::Host)?;
        let tag = self.memory.tag(raw);
        let extent = self.memory.extent(raw, tag, range.end)?;
        Ok(ObjectInfo {
            object: raw,
            kind: kind_of_tag(tag).unwrap_or(Kind::Free),
            type_id: tag & TYPE_MASK,
            word: self.memory.header_word(raw),
            size: extent.size,
        })
    }

    fn expect(&mut self, reference: GcRef, kind: Kind) -> Result<ObjectInfo, HeapFault> {
        let info = self.inspect(reference)?;
        if info.kind == kind {
            Ok(info)
        } else {
            Err(HeapFault::WrongKind {
                object: info.object,
                found: info.kind,
            })
        }
    }

    /// Returns the type of a structure or array, or `None` for an i31 or a reference of the host.
    ///
    /// # Errors
    /// The reference is neither an i31 nor an object.
    pub fn type_of(&mut self, reference: GcRef) -> Result<Option<TypeId>, HeapFault> {
        if reference.is_i31() {
            return Ok(None);
        }
        let info = self.object(reference)?;
        Ok((info.type_id != 0).then_some(TypeId(info.type_id)))
    }

    /// Returns the length of an array.
    ///
    /// # Errors
    /// The reference is no array.
    pub fn array_len(&mut self, array: GcRef) -> Result<u32, HeapFault> {
        self.guarded(|heap| Ok(heap.expect(array, Kind::Array)?.word))
    }

    /// Returns the number of the host object that a reference of the host stands for.
    ///
    /// # Errors
    /// It is no reference of the host.
    pub fn extern_host(&mut self, reference: GcRef) -> Result<u32, HeapFault> {
        self.guarded(|heap| Ok(heap.expect(reference, Kind::Extern)?.word))
    }

    /// Returns the identity of an exception's tag.
    ///
    /// # Errors
    /// The reference is no exception.
    pub fn exception_tag(&mut self, exception: GcRef) -> Result<u32, HeapFault> {
        self.guarded(|heap| Ok(heap.expect(exception, Kind::Exception)?.word))
    }

    /// Returns the object, the slot and the storage type of a field of a structure or exception.
    fn field(&mut self, reference: GcRef, at: u32) -> Result<(u32, u32, StorageKind), HeapFault> {
        let info = self.inspect(reference)?;
        let object = info.object;
        if !matches!(info.kind, Kind::Struct | Kind::Exception) {
            return Err(HeapFault::WrongKind {
                object,
                found: info.kind,
            });
        }
        let layout = self.memory.layouts.layout(object, info.type_id)?;
        match (
            layout.fields.get(at as usize),
            layout.offsets.get(at as usize),
        ) {
            (Some(field), Some(&offset)) => Ok((object, object + offset, field.storage)),
            _ => Err(HeapFault::WrongField { object, at }),
        }
    }

    /// Returns the offset of an array, the layout of its type, and its length.
    pub(super) fn elements(
        &mut self,
        array: GcRef,
    ) -> Result<(u32, Arc<TypeLayout>, u32), HeapFault> {
        let info = self.expect(array, Kind::Array)?;
        let layout = self.memory.layouts.layout(info.object, info.type_id)?;
        Ok((info.object, layout, info.word))
    }

    fn element(&mut self, array: GcRef, at: u32) -> Result<(u32, u32, StorageKind), AccessError> {
        let (object, layout, len) = self.guarded(|heap| heap.elements(array))?;
        if at >= len {
            return Err(AccessError::OutOfBounds);
        }
        let storage = layout.fields[0].storage;
        let slot = object + layout.size + at * storage_bytes(storage);
        Ok((object, slot, storage))
    }

    pub(super) fn read(&self, slot: u32, storage: StorageKind) -> Stored {
        let space = &self.memory.space;
        match storage {
            StorageKind::I8 => Stored::I8(space.load(slot)),
            StorageKind::I16 => Stored::I16(space.load(slot)),
            StorageKind::Val(ValKind::I32 | ValKind::F32) => Stored::I32(space.load(slot)),
            StorageKind::Val(ValKind::I64 | ValKind::F64) => Stored::I64(space.load(slot)),
            StorageKind::Val(ValKind::V128) => Stored::V128(space.load(slot)),
            StorageKind::Val(ValKind::Ref(r)) if r.is_collected() => {
                Stored::Ref(GcRef::from_raw(space.load(slot)))
            }
            StorageKind::Val(ValKind::Ref(_)) => Stored::Func(space.load(slot)),
        }
    }

    /// Returns true if a slot of that storage type can hold the value.
    pub(super) fn fits(value: Stored, storage: StorageKind) -> bool {
        matches!(
            (value, storage),
            (Stored::I8(_), StorageKind::I8)
                | (Stored::I16(_), StorageKind::I16)
                | (
                    Stored::I32(_),
                    StorageKind::Val(ValKind::I32 | ValKind::F32)
                )
                | (
                    Stored::I64(_),
                    StorageKind::Val(ValKind::I64 | ValKind::F64)
                )
                | (Stored::V128(_), StorageKind::Val(ValKind::V128))
        ) || matches!((value, storage), (Stored::Ref(_), s) if super::layout::is_traced(s))
            || matches!((value, storage), (Stored::Func(_), StorageKind::Val(ValKind::Ref(r))) if !r.is_collected())
    }

    /// Writes a value that fits. `initial` says that the slot holds no reference yet.
    fn put(&mut self, slot: u32, value: Stored, initial: bool) -> Result<(), HeapFault> {
        let space = &mut self.memory.space;
        match value {
            Stored::I8(v) => space.store(slot, v),
            Stored::I16(v) => space.store(slot, v),
            Stored::I32(v) | Stored::Func(v) => space.store(slot, v),
            Stored::I64(v) => space.store(slot, v),
            Stored::V128(v) => space.store(slot, v),
            Stored::Ref(v) => {
                let new = GcRef::to_raw(v);
                self.increment(new, 1)?;
                let old = self.memory.space.word(slot);
                self.memory.space.set_word(slot, new);
                if !initial {
                    self.decrement(old)?;
                }
            }
        }
        Ok(())
    }

    fn put_checked(
        &mut self,
        (object, slot, storage): (u32, u32, StorageKind),
        at: u32,
        value: Stored,
        initial: bool,
    ) -> Result<(), HeapFault> {
        if Heap::fits(value, storage) {
            self.put(slot, value, initial)
        } else {
            Err(HeapFault::WrongField { object, at })
        }
    }

    /// Reads a field of a structure, or a value of an exception's payload.
    ///
    /// # Errors
    /// There is no such object or field.
    pub fn read_field(&mut self, reference: GcRef, at: u32) -> Result<Stored, HeapFault> {
        self.guarded(|heap| {
            let (_, slot, storage) = heap.field(reference, at)?;
            Ok(heap.read(slot, storage))
        })
    }

    /// Overwrites a field.
    ///
    /// # Errors
    /// There is no such object or field, or the value has another storage type.
    pub fn write_field(
        &mut self,
        reference: GcRef,
        at: u32,
        value: Stored,
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| {
            let field = heap.field(reference, at)?;
            heap.put_checked(field, at, value, false)
        })
    }

    /// Writes the first value of a field of a new object.
    ///
    /// # Errors
    /// As [`Heap::write_field`].
    pub fn init_field(
        &mut self,
        reference: GcRef,
        at: u32,
        value: Stored,
    ) -> Result<(), HeapFault> {
        self.guarded(|heap| {
            let field = heap.field(reference, at)?;
            heap.put_checked(field, at, value, true)
        })
    }

    /// Reads an element of an array.
    ///
    /// # Errors
    /// There is no such array or element.
    pub fn read_element(&mut self, array: GcRef, at: u32) -> Result<Stored, AccessError> {
        let (_, slot, storage) = self.element(array, at)?;
        Ok(self.read(slot, storage))
    }

    /// Overwrites an element of an array.
    ///
    /// # Errors
    /// There is no such array or element, or the value has another storage type.
    pub fn write_element(
        &mut self,
        array: GcRef,
        at: u32,
        value: Stored,
    ) -> Result<(), AccessError> {
        let element = self.element(array, at)?;
        Ok(self.guarded(|heap| heap.put_checked(element, at, value, false))?)
    }

    /// Writes the first value of an element of a new array.
    ///
    /// # Errors
    /// As [`Heap::write_element`].
    pub fn init_element(
        &mut self,
        array: GcRef,
        at: u32,
        value: Stored,
    ) -> Result<(), AccessError> {
        let element = self.element(array, at)?;
        Ok(self.guarded(|heap| heap.put_checked(element, at, value, true))?)
    }

    /// Returns the storage type of an array's elements.
    ///
    /// # Errors
    /// The reference is no array.
    pub fn element_storage(&mut self, array: GcRef) -> Result<StorageKind, HeapFault> {
        self.guarded(|heap| Ok(heap.elements(array)?.1.fields[0].storage))
    }
}
