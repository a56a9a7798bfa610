//! Roots: how handles are made and read, and scopes.

use std::marker::PhantomData;
use std::sync::Arc;

use super::error::{Error, Misuse};
use super::reference::{OwnedRooted, Reference, Release, Root, RootIndex, Rooted};
use super::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::heap::GcRef;
use crate::instance::store::StoreOpaque;

impl Root {
    /// Makes a new root in the innermost scope. Nothing may have collected since the caller
    /// obtained `reference`.
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<Root, Error> {
        let root = store.contents.handles.root(&mut store.heap, reference)?;
        Ok(Root {
            store: store.id(),
            index: RootIndex::Scoped(root),
        })
    }

    /// Returns the reference that it holds now.
    pub(crate) fn get(self, store: &StoreOpaque) -> Result<GcRef, Error> {
        if self.store != store.id() {
            return Err(Misuse::WrongStore.into());
        }
        let reference = match self.index {
            RootIndex::Scoped(root) => store.contents.handles.get(root),
            RootIndex::Owned(at) => store.contents.handles.owned(at),
        };
        reference.ok_or_else(|| Misuse::Stale.into())
    }
}

impl<T: Reference> Rooted<T> {
    /// Makes a new root in the innermost scope for a reference of that kind.
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<Rooted<T>, Error> {
        Ok(Rooted {
            root: Root::new(store, reference)?,
            kind: PhantomData,
        })
    }

    /// Returns a root that is independent of scopes.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn to_owned_rooted(&self, mut store: impl AsContextMut) -> Result<OwnedRooted<T>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root.get(store)?;
        OwnedRooted::new(store, reference)
    }

    /// Returns true if both refer to the same object, or are equal i31.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl Reference,
        b: &impl Reference,
    ) -> Result<bool, Error> {
        let context = store.as_context();
        let store = context.opaque();
        Ok(a.root().get(store)? == b.root().get(store)?)
    }
}

impl<T: Reference> OwnedRooted<T> {
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<OwnedRooted<T>, Error> {
        let (at, dropped) = store.contents.handles.own(&mut store.heap, reference)?;
        Ok(OwnedRooted {
            root: Root {
                store: store.id(),
                index: RootIndex::Owned(at),
            },
            release: Arc::new(Release { at, dropped }),
            kind: PhantomData,
        })
    }

    /// Returns a root in the innermost scope for the same object.
    ///
    /// # Errors
    /// `Misuse` for a handle of another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Result<Rooted<T>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root.get(store)?;
        Rooted::new(store, reference)
    }
}

/// A scope of roots. A [`Rooted`] that is made in the scope is valid until the scope ends.
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn main() -> Result<(), Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let outside = ExternRef::new(&mut store, "outside")?;
/// let (inside, owned) = {
///     let mut scope = RootScope::new(&mut store);
///     let inside = ExternRef::new(&mut scope, "inside")?;
///     (inside, ExternRef::new(&mut scope, "owned")?.to_owned_rooted(&mut scope)?)
/// };
/// store.gc()?;
/// assert_eq!(outside.get::<&str>(&mut store)?, "outside");
/// assert_eq!(owned.get::<&str>(&mut store)?, "owned");
/// assert!(matches!(inside.get::<&str>(&mut store), Err(Error::Misuse(Misuse::Stale))));
/// assert_eq!(store.stats().hosts_dropped, 1);
/// # Ok(())
/// # }
/// ```
pub struct RootScope<C: AsContextMut> {
    store: C,
    depth: usize,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope.
    pub fn new(store: C) -> RootScope<C> {
        let depth = store.as_context().opaque().contents.handles.enter();
        RootScope { store, depth }
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        let store = self.store.as_context_mut().opaque_mut();
        // A corrupt heap remembers the fault and reports it at the next operation.
        let _ = store.contents.handles.exit(&mut store.heap, self.depth);
        store.drop_dead_hosts();
    }
}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}
