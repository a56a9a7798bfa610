//! Handles on objects of the collected heap.
//!
//! [`Rooted`] is good until its scope ends (a [`RootScope`], a call of a host function, or else the
//! store), [`OwnedRooted`] until it is dropped. Both dereference to the kind of reference they
//! hold; that value holds a position, never the reference's bits, and cannot be copied out.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};

use super::error::{Error, Misuse};
use super::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::heap::GcRef;
use crate::instance::handles::{Dropped, ScopedRoot};
use crate::instance::store::{StoreId, StoreOpaque};

/// A position among a store's roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    store: StoreId,
    index: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    Scoped(ScopedRoot),
    Owned(u32),
}

impl Root {
    /// A new root in the innermost scope. Nothing may have collected since `reference` was
    /// obtained.
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<Root, Error> {
        let root = store.contents.handles.root(&mut store.heap, reference)?;
        Ok(Root {
            store: store.id(),
            index: Index::Scoped(root),
        })
    }

    /// What it refers to now.
    pub(crate) fn get(self, store: &StoreOpaque) -> Result<GcRef, Error> {
        if self.store != store.id() {
            return Err(Misuse::WrongStore.into());
        }
        let reference = match self.index {
            Index::Scoped(root) => store.contents.handles.get(root),
            Index::Owned(at) => store.contents.handles.owned(at),
        };
        reference.ok_or_else(|| Misuse::Stale.into())
    }
}

/// A kind of reference. Implemented by [`AnyRef`](super::AnyRef) and its like, and by nothing else.
pub trait Reference: Sized + fmt::Debug + sealed::Sealed {
    #[doc(hidden)]
    fn from_root(root: &Root) -> &Self;
    #[doc(hidden)]
    fn root(&self) -> Root;
}

pub(super) mod sealed {
    /// Keeps [`Reference`](super::Reference) closed.
    pub trait Sealed {}
}

macro_rules! reference {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name($crate::embed::rooted::Root);

        impl $crate::embed::rooted::sealed::Sealed for $name {}

        impl $crate::embed::rooted::Reference for $name {
            fn from_root(root: &$crate::embed::rooted::Root) -> &$name {
                // SAFETY: `repr(transparent)`: the same layout and validity, the same lifetime.
                unsafe { &*std::ptr::from_ref(root).cast::<$name>() }
            }

            fn root(&self) -> $crate::embed::rooted::Root {
                self.0
            }
        }
    )* };
}

pub(super) use reference;

/// A reference that is good until its scope ends.
pub struct Rooted<T> {
    root: Root,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Rooted<T> {
    fn clone(&self) -> Rooted<T> {
        *self
    }
}

impl<T> Copy for Rooted<T> {}

impl<T> fmt::Debug for Rooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rooted({:?})", self.root.index)
    }
}

impl<T: Reference> Deref for Rooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::from_root(&self.root)
    }
}

impl<T: Reference> Rooted<T> {
    /// A new root in the innermost scope for a reference of that kind.
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<Rooted<T>, Error> {
        Ok(Rooted {
            root: Root::new(store, reference)?,
            kind: PhantomData,
        })
    }

    /// The same root as a reference of another kind, which it is known to be.
    pub(crate) fn cast<U>(self) -> Rooted<U> {
        Rooted {
            root: self.root,
            kind: PhantomData,
        }
    }

    /// A root that is independent of scopes.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or one of another store.
    pub fn to_owned_rooted(&self, mut store: impl AsContextMut) -> Result<OwnedRooted<T>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root.get(store)?;
        OwnedRooted::new(store, reference)
    }

    /// Whether both refer to the same object, or are equal i31.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or one of another store.
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

/// Gives its position back when it is dropped.
#[derive(Debug)]
struct Keep {
    at: u32,
    dropped: Dropped,
}

impl Drop for Keep {
    fn drop(&mut self) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.push(self.at);
    }
}

/// A reference that is good until this handle and all its clones are dropped. What it refers to is
/// released at the store's next collection or new owned root after that.
pub struct OwnedRooted<T> {
    root: Root,
    keep: Arc<Keep>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for OwnedRooted<T> {
    fn clone(&self) -> OwnedRooted<T> {
        OwnedRooted {
            root: self.root,
            keep: Arc::clone(&self.keep),
            kind: PhantomData,
        }
    }
}

impl<T> fmt::Debug for OwnedRooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedRooted({})", self.keep.at)
    }
}

impl<T: Reference> Deref for OwnedRooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::from_root(&self.root)
    }
}

impl<T: Reference> OwnedRooted<T> {
    pub(crate) fn new(store: &mut StoreOpaque, reference: GcRef) -> Result<OwnedRooted<T>, Error> {
        let (at, dropped) = store.contents.handles.own(&mut store.heap, reference)?;
        Ok(OwnedRooted {
            root: Root {
                store: store.id(),
                index: Index::Owned(at),
            },
            keep: Arc::new(Keep { at, dropped }),
            kind: PhantomData,
        })
    }

    /// A root in the innermost scope for the same object.
    ///
    /// # Errors
    /// `Misuse` for a handle of another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Result<Rooted<T>, Error> {
        let store = store.as_context_mut().opaque_mut();
        let reference = self.root.get(store)?;
        Rooted::new(store, reference)
    }
}

/// A scope: [`Rooted`]s made inside of it end with it.
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
        // A corrupt heap poisons itself and says so at the next operation.
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
