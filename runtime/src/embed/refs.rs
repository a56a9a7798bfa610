//! References below `any` and `extern`, and i31.

use std::any::Any;

use super::engine::Engine;
use super::error::{Error, Misuse};
use super::reference::{AnyRef, ArrayRef, EqRef, ExternRef, Reference, Rooted, StructRef};
use super::store::{AsContext, AsContextMut};
use super::types::HeapType;
use super::val::{heap_kind, object_kind};
use crate::heap::GcRef;
use crate::heap::layout::Kind;
use crate::types::Top;

/// A 31-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct I31(u32);

impl I31 {
    /// Makes the integer, if it fits into 31 bits unsigned.
    #[must_use]
    pub const fn new_u32(value: u32) -> Option<I31> {
        if value >> 31 == 0 {
            Some(I31(value))
        } else {
            None
        }
    }

    /// Makes the integer, if it fits into 31 bits signed.
    #[must_use]
    pub const fn new_i32(value: i32) -> Option<I31> {
        if value >= -(1 << 30) && value < 1 << 30 {
            Some(I31::wrapping_u32(value as u32))
        } else {
            None
        }
    }

    /// Returns the low 31 bits of a value, as in `ref.i31`.
    #[must_use]
    pub const fn wrapping_u32(value: u32) -> I31 {
        I31(value & 0x7fff_ffff)
    }

    /// Returns the integer, zero-extended.
    #[must_use]
    pub const fn get_u32(self) -> u32 {
        self.0
    }

    /// Returns the integer, sign-extended.
    #[must_use]
    pub const fn get_i32(self) -> i32 {
        ((self.0 << 1) as i32) >> 1
    }
}

impl AnyRef {
    /// Returns a reference to an i31.
    ///
    /// # Errors
    /// Only if the store's heap is corrupt.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> Result<Rooted<AnyRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        Rooted::new(store, GcRef::from_i31(value.0))
    }

    /// `any.convert_extern`: the same reference, internalised.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn convert_extern(
        mut store: impl AsContextMut,
        external: &ExternRef,
    ) -> Result<Rooted<AnyRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = external.root().get(store)?;
        Rooted::new(store, reference)
    }

    /// Returns its most precise type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ty(&self, mut store: impl AsContextMut) -> Result<HeapType, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let kind = heap_kind(store, reference, Top::Any)?;
        Ok(HeapType::from_kind(&Engine::from_data(&store.engine), kind))
    }

    /// Returns true if it is a value of that type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or a type of another engine.
    pub fn matches_ty(&self, mut store: impl AsContextMut, ty: &HeapType) -> Result<bool, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let own = heap_kind(store, reference, Top::Any)?;
        let kind = ty.kind(&Engine::from_data(&store.engine))?;
        Ok(store.engine.registry.heap_matches(own, kind))
    }

    /// Returns the integer, if it is an i31.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>, Error> {
        let context = store.as_context();
        let reference = self.root().get(context.opaque())?;
        Ok(reference.as_i31().map(I31))
    }

    /// Returns the same reference as a structure, if it is one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_struct(&self, store: impl AsContextMut) -> Result<Option<Rooted<StructRef>>, Error> {
        as_kind(self, store, &[Kind::Struct])
    }

    /// Returns the same reference as an array, if it is one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_array(&self, store: impl AsContextMut) -> Result<Option<Rooted<ArrayRef>>, Error> {
        as_kind(self, store, &[Kind::Array])
    }

    /// Returns the same reference as a reference of the host, if it is an internalised one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_extern(&self, store: impl AsContextMut) -> Result<Option<Rooted<ExternRef>>, Error> {
        as_kind(self, store, &[Kind::Extern])
    }

    /// Returns the same reference as a reference below `eq`, if it is one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_eqref(&self, mut store: impl AsContextMut) -> Result<Option<Rooted<EqRef>>, Error> {
        if self.as_i31(&store)?.is_some() {
            let store = store.as_context_mut().opaque_mut();
            let reference = self.root().get(store)?;
            return Rooted::new(store, reference).map(Some);
        }
        as_kind(self, store, &[Kind::Struct, Kind::Array])
    }
}

/// The same reference as another kind of reference, if its object is of one of these kinds.
fn as_kind<T: Reference>(
    from: &impl Reference,
    mut store: impl AsContextMut,
    kinds: &[Kind],
) -> Result<Option<Rooted<T>>, Error> {
    let store = store.as_context_mut().opaque_mut();
    let reference = from.root().get(store)?;
    if reference.is_i31() || !kinds.contains(&object_kind(store, reference)?) {
        return Ok(None);
    }
    Rooted::new(store, reference).map(Some)
}

impl EqRef {
    /// Returns a reference to an i31.
    ///
    /// # Errors
    /// Only if the store's heap is corrupt.
    pub fn from_i31(store: impl AsContextMut, value: I31) -> Result<Rooted<EqRef>, Error> {
        AnyRef::from_i31(store, value).map(Rooted::cast)
    }

    /// Returns its most precise type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ty(&self, mut store: impl AsContextMut) -> Result<HeapType, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        let kind = heap_kind(store, reference, Top::Any)?;
        Ok(HeapType::from_kind(&Engine::from_data(&store.engine), kind))
    }

    /// Returns the same reference as a structure, if it is one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_struct(&self, store: impl AsContextMut) -> Result<Option<Rooted<StructRef>>, Error> {
        as_kind(self, store, &[Kind::Struct])
    }

    /// Returns the same reference as an array, if it is one.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_array(&self, store: impl AsContextMut) -> Result<Option<Rooted<ArrayRef>>, Error> {
        as_kind(self, store, &[Kind::Array])
    }

    /// Returns the integer, if it is an i31.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>, Error> {
        let context = store.as_context();
        let reference = self.root().get(context.opaque())?;
        Ok(reference.as_i31().map(I31))
    }
}

impl ExternRef {
    /// Makes a reference to a new host object. The object is dropped after the collection that
    /// frees the reference, or with the store. A collection point.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when the collected heap is full.
    pub fn new<V: Any + Send + Sync>(
        mut store: impl AsContextMut,
        value: V,
    ) -> Result<Rooted<ExternRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = store.alloc_extern(Box::new(value))?;
        Rooted::new(store, reference)
    }

    /// `extern.convert_any`: the same reference, externalised.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn convert_any(
        mut store: impl AsContextMut,
        internal: &AnyRef,
    ) -> Result<Rooted<ExternRef>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = internal.root().get(store)?;
        Rooted::new(store, reference)
    }

    /// The number of the host object in its store. `None` for an externalised internal reference.
    fn number(&self, store: &mut impl AsContextMut) -> Result<Option<u32>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root().get(store)?;
        if reference.is_i31() || object_kind(store, reference)? != Kind::Extern {
            return Ok(None);
        }
        Ok(Some(store.heap()?.extern_host(reference)?))
    }

    /// Returns the host object. `None` for an externalised internal reference.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn data<'a, C: AsContextMut>(
        &self,
        store: &'a mut C,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>, Error> {
        let Some(number) = self.number(store)? else {
            return Ok(None);
        };
        let store = store.as_context_mut().opaque_mut();
        Ok(store.hosts.get(number))
    }

    /// Returns the host object. `None` for an externalised internal reference.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn data_mut<'a, C: AsContextMut>(
        &self,
        store: &'a mut C,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>, Error> {
        let Some(number) = self.number(store)? else {
            return Ok(None);
        };
        let store = store.as_context_mut().opaque_mut();
        Ok(store.hosts.get_mut(number))
    }

    /// Returns a copy of the host object, if it is a `V`.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or an object of another type.
    pub fn get<V: Any + Clone>(&self, mut store: impl AsContextMut) -> Result<V, Error> {
        let data = self.data(&mut store)?;
        let value = data.and_then(|data| data.downcast_ref::<V>());
        value.cloned().ok_or_else(|| {
            Misuse::Type {
                expected: std::any::type_name::<V>().to_string(),
                found: "another host object".to_string(),
            }
            .into()
        })
    }
}
