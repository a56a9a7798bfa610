//! Structures, arrays and exceptions: how the host makes, reads and writes them.
//!
//! The allocation of an object may collect, because handles root its arguments. Nothing collects
//! between the allocation and the first values of the fields.

use super::engine::Engine;
use super::error::{Error, Misuse};
use super::handles::Tag;
use super::reference::{ArrayRef, ExnRef, Reference, Rooted, StructRef};
use super::store::AsContextMut;
use super::types::{ArrayType, StructType};
use super::val::{Val, arity, from_stored, kind_of, mismatch, to_stored};
use crate::heap::GcRef;
use crate::instance::TagId;
use crate::instance::store::StoreOpaque;
use crate::planted::planted;
use crate::types::{FieldKind, StorageKind, TypeId, ValKind};

/// Checks that `val` can be stored in a field or element of that type.
fn check(store: &mut StoreOpaque, val: &Val, storage: StorageKind) -> Result<(), Error> {
    let ty = match storage {
        StorageKind::I8 | StorageKind::I16 => ValKind::I32,
        StorageKind::Val(ty) => ty,
    };
    let own = kind_of(store, val)?;
    if store.engine.registry.val_matches(own, ty) {
        Ok(())
    } else {
        Err(mismatch(store, ty, own))
    }
}

fn same_engine(store: &StoreOpaque, engine: &Engine) -> Result<(), Error> {
    if Engine::same(&Engine::from_data(&store.engine), engine) {
        Ok(())
    } else {
        Err(Misuse::WrongEngine.into())
    }
}

/// The type of a live structure or array.
fn type_id(store: &mut StoreOpaque, reference: GcRef) -> Result<TypeId, Error> {
    let id = store.heap()?.type_of(reference)?;
    id.ok_or_else(|| Misuse::Stale.into())
}

impl StructRef {
    /// Makes a new structure with these fields. A collection point.
    ///
    /// # Errors
    /// `Misuse` when the values do not match. [`Error::Exhausted`] when the heap is full.
    pub fn new(
        mut store: impl AsContextMut,
        ty: &StructType,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        same_engine(store, ty.engine())?;
        let kinds = ty.field_kinds();
        arity(kinds.len(), fields.len())?;
        for (kind, val) in kinds.iter().zip(fields) {
            check(store, val, kind.storage)?;
        }
        store.keep_types(ty.keep());
        let object = store.alloc_struct(ty.id())?;
        for ((at, kind), val) in (0..).zip(kinds).zip(fields) {
            let stored = to_stored(store, val, kind.storage)?;
            store.heap()?.init_field(object, at, stored)?;
        }
        Rooted::new(store, object)
    }

    /// Returns its type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ty(&self, mut store: impl AsContextMut) -> Result<StructType, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let id = type_id(store, reference)?;
        let engine = Engine::from_data(&store.engine);
        StructType::from_id(&engine, id).ok_or_else(|| Misuse::Stale.into())
    }

    /// Returns a field. A packed field is zero-extended.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or an index out of bounds.
    pub fn field(&self, mut store: impl AsContextMut, at: usize) -> Result<Val, Error> {
        let ty = self.ty(&mut store)?;
        let kind = ty.field_kinds().get(at).ok_or(Misuse::OutOfBounds)?;
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let stored = store.heap()?.read_field(reference, at as u32)?;
        from_stored(store, stored, kind.storage)
    }

    /// Returns all fields.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>, Error> {
        let count = self.ty(&mut store)?.field_kinds().len();
        (0..count).map(|at| self.field(&mut store, at)).collect()
    }

    /// Writes a field.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, an immutable field, an index out of
    /// bounds, or a value that does not match.
    pub fn set_field(
        &self,
        mut store: impl AsContextMut,
        at: usize,
        value: impl Into<Val>,
    ) -> Result<(), Error> {
        let ty = self.ty(&mut store)?;
        let kind = ty.field_kinds().get(at).ok_or(Misuse::OutOfBounds)?;
        if !kind.mutable {
            return Err(Misuse::Immutable.into());
        }
        let store = store.as_context_mut().opaque_mut();
        let stored = to_stored(store, &value.into(), kind.storage)?;
        let reference = self.root().get(store)?;
        store.heap()?.write_field(reference, at as u32, stored)?;
        store.drop_dead_hosts();
        Ok(())
    }
}

impl ArrayRef {
    /// Makes a new array of `len` equal elements. A collection point.
    ///
    /// # Errors
    /// `Misuse` when the value does not match. [`Error::Exhausted`] when the heap is full. A trap
    /// when no heap could hold the array.
    pub fn new(
        mut store: impl AsContextMut,
        ty: &ArrayType,
        element: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        planted!(store.planted(), FailedHostArrayStays => {
            if check(store, element, ty.element_kind().storage).is_err() {
                let object = store.alloc_array(ty.id(), len)?;
                store.count_once_more(object.raw())?;
            }
        });
        let kind = ArrayRef::checked(store, ty, std::slice::from_ref(element))?;
        let object = store.alloc_array(ty.id(), len)?;
        let stored = to_stored(store, element, kind.storage)?;
        for at in 0..len {
            let heap = store.heap()?;
            heap.init_element(object, at, stored)
                .map_err(crate::execute::Raised::from)?;
        }
        Rooted::new(store, object)
    }

    /// Makes a new array of these elements. A collection point.
    ///
    /// # Errors
    /// As [`ArrayRef::new`].
    pub fn new_fixed(
        mut store: impl AsContextMut,
        ty: &ArrayType,
        elements: &[Val],
    ) -> Result<Rooted<ArrayRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let kind = ArrayRef::checked(store, ty, elements)?;
        let len = u32::try_from(elements.len()).map_err(|_| Misuse::OutOfBounds)?;
        let object = store.alloc_array(ty.id(), len)?;
        for (at, element) in (0..).zip(elements) {
            let stored = to_stored(store, element, kind.storage)?;
            let heap = store.heap()?;
            heap.init_element(object, at, stored)
                .map_err(crate::execute::Raised::from)?;
        }
        Rooted::new(store, object)
    }

    fn checked(
        store: &mut StoreOpaque,
        ty: &ArrayType,
        elements: &[Val],
    ) -> Result<FieldKind, Error> {
        same_engine(store, ty.engine())?;
        let kind = ty.element_kind();
        for element in elements {
            check(store, element, kind.storage)?;
        }
        store.keep_types(ty.keep());
        Ok(kind)
    }

    /// Returns its type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ty(&self, mut store: impl AsContextMut) -> Result<ArrayType, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let id = type_id(store, reference)?;
        let engine = Engine::from_data(&store.engine);
        ArrayType::from_id(&engine, id).ok_or_else(|| Misuse::Stale.into())
    }

    /// Returns the number of its elements.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn len(&self, mut store: impl AsContextMut) -> Result<u32, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        Ok(store.heap()?.array_len(reference)?)
    }

    /// Returns an element. A packed element is zero-extended.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or an index out of bounds.
    pub fn get(&self, mut store: impl AsContextMut, at: u32) -> Result<Val, Error> {
        let storage = self.ty(&mut store)?.element_kind().storage;
        if at >= self.len(&mut store)? {
            return Err(Misuse::OutOfBounds.into());
        }
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let heap = store.heap()?;
        let stored = heap
            .read_element(reference, at)
            .map_err(crate::execute::Raised::from)?;
        from_stored(store, stored, storage)
    }

    /// Returns all elements.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn elems(&self, mut store: impl AsContextMut) -> Result<Vec<Val>, Error> {
        let len = self.len(&mut store)?;
        (0..len).map(|at| self.get(&mut store, at)).collect()
    }

    /// Writes an element.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, an immutable element, an index out
    /// of bounds, or a value that does not match.
    pub fn set(
        &self,
        mut store: impl AsContextMut,
        at: u32,
        value: impl Into<Val>,
    ) -> Result<(), Error> {
        let kind = self.ty(&mut store)?.element_kind();
        if !kind.mutable {
            return Err(Misuse::Immutable.into());
        }
        if at >= self.len(&mut store)? {
            return Err(Misuse::OutOfBounds.into());
        }
        let store = store.as_context_mut().opaque_mut();
        let stored = to_stored(store, &value.into(), kind.storage)?;
        let reference = self.root().get(store)?;
        let heap = store.heap()?;
        heap.write_element(reference, at, stored)
            .map_err(crate::execute::Raised::from)?;
        store.drop_dead_hosts();
        Ok(())
    }
}

impl ExnRef {
    /// Makes a new exception of a tag with this payload. A collection point.
    ///
    /// # Errors
    /// `Misuse` when the values do not match. [`Error::Exhausted`] when the heap is full.
    pub fn new(
        mut store: impl AsContextMut,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let id = tag.id(store)?;
        let kinds = store.sig(store.tag(id).ty)?.params;
        arity(kinds.len(), fields.len())?;
        for (kind, val) in kinds.iter().zip(fields) {
            check(store, val, StorageKind::Val(*kind))?;
        }
        let object = store.alloc_exception(id)?;
        for ((at, kind), val) in (0..).zip(&kinds).zip(fields) {
            let stored = to_stored(store, val, StorageKind::Val(*kind))?;
            store.heap()?.init_field(object, at, stored)?;
        }
        Rooted::new(store, object)
    }

    /// Returns its tag.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn tag(&self, mut store: impl AsContextMut) -> Result<Tag, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let id = store.heap()?.exception_tag(reference)?;
        Ok(Tag::from_id(store, TagId(id)))
    }

    /// Returns a value of the payload.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or an index out of bounds.
    pub fn field(&self, mut store: impl AsContextMut, at: usize) -> Result<Val, Error> {
        let tag = self.tag(&mut store)?;
        let store = store.as_context_mut().opaque_mut();
        let id = tag.id(store)?;
        let sig = store.sig(store.tag(id).ty)?;
        let kind = *sig.params.get(at).ok_or(Misuse::OutOfBounds)?;
        let reference = self.root().get(store)?;
        let stored = store.heap()?.read_field(reference, at as u32)?;
        from_stored(store, stored, StorageKind::Val(kind))
    }

    /// Returns the payload.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>, Error> {
        let tag = self.tag(&mut store)?;
        let count = {
            let store = store.as_context_mut().opaque_mut();
            let id = tag.id(store)?;
            store.sig(store.tag(id).ty)?.params.len()
        };
        (0..count).map(|at| self.field(&mut store, at)).collect()
    }
}
