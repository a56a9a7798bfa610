//! References to objects of the collected heap, as handles.
//!
//! A [`Rooted`] is valid until its scope ends: a [`RootScope`](super::RootScope), a call of a host
//! function, or the store. An [`OwnedRooted`] is valid until it is dropped. Both dereference to the
//! kind of reference that they hold. A handle holds the position of a root, never the reference's
//! bits. The operations of handles are in `rooted`, `refs` and `object`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};

use crate::instance::handles::{Dropped, ScopedRoot};
use crate::instance::store::StoreId;

/// A position among a store's roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    pub(super) store: StoreId,
    pub(super) index: RootIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RootIndex {
    /// In a scope.
    Scoped(ScopedRoot),
    /// Owned by a handle.
    Owned(u32),
}

/// A kind of reference: [`AnyRef`], [`EqRef`], [`ExternRef`], [`StructRef`], [`ArrayRef`] or
/// [`ExnRef`].
pub trait Reference: Sized + fmt::Debug + sealed::Sealed {
    #[doc(hidden)]
    fn from_root(root: &Root) -> &Self;
    #[doc(hidden)]
    fn root(&self) -> Root;
}

mod sealed {
    /// Keeps [`Reference`](super::Reference) closed.
    pub trait Sealed {}
}

macro_rules! reference {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name(Root);

        impl sealed::Sealed for $name {}

        impl Reference for $name {
            fn from_root(root: &Root) -> &$name {
                // SAFETY: `repr(transparent)`: the same layout and validity, the same lifetime.
                unsafe { &*std::ptr::from_ref(root).cast::<$name>() }
            }

            fn root(&self) -> Root {
                self.0
            }
        }
    )* };
}

reference! {
    /// A non-null reference below `any`: structure, array, i31, or an internalised reference of the
    /// host.
    AnyRef;
    /// A non-null reference below `eq`: structure, array or i31.
    EqRef;
    /// A non-null reference below `extern`: a host object, or an externalised internal reference.
    ExternRef;
    /// A non-null reference to a structure.
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new(&Config::optimised())?;
    /// let mut store = Store::new(&engine, ());
    /// let node = StructType::with_finality_and_supertype(
    ///     &engine,
    ///     false,
    ///     None,
    ///     [FieldType::new(Mutability::Var, StorageType::ValType(ValType::I64))],
    /// )?;
    /// let object = StructRef::new(&mut store, &node, &[Val::I64(1)])?;
    /// object.set_field(&mut store, 0, 2i64)?;
    /// assert_eq!(object.field(&mut store, 0)?.i64(), Some(2));
    /// assert!(matches!(object.set_field(&mut store, 1, 2i64), Err(Error::Misuse(Misuse::OutOfBounds))));
    /// assert!(object.ty(&mut store)? == node);
    /// # Ok(())
    /// # }
    /// ```
    StructRef;
    /// A non-null reference to an array.
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new(&Config::optimised())?;
    /// let mut store = Store::new(&engine, ());
    /// let words = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I16))?;
    /// let array = ArrayRef::new_fixed(&mut store, &words, &[Val::I32(1), Val::I32(-1)])?;
    /// assert_eq!(array.get(&mut store, 1)?.i32(), Some(0xffff));
    /// array.set(&mut store, 1, 7i32)?;
    /// let values: Vec<_> = array.elems(&mut store)?.iter().filter_map(Val::i32).collect();
    /// assert_eq!(values, [1, 7]);
    /// # Ok(())
    /// # }
    /// ```
    ArrayRef;
    /// A non-null reference to an exception. A host function throws an exception by returning it as
    /// its error:
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn wat(text: &str) -> Vec<u8> {
    /// #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
    /// #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
    /// # }
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new(&Config::optimised())?;
    /// let mut store = Store::new(&engine, ());
    /// let payload = FuncType::new(&engine, [ValType::I32], [])?;
    /// let tag = Tag::new(&mut store, &payload)?;
    /// let throw = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| -> Result<(), Error> {
    ///     let exception = ExnRef::new(&mut caller, &tag, &[Val::I32(42)])?;
    ///     Err(Error::Thrown(exception.to_owned_rooted(&mut caller)?))
    /// })?;
    /// let module = Module::new(&engine, wat(r#"(module
    ///     (import "h" "e" (tag $e (param i32))) (import "h" "throw" (func $throw))
    ///     (func (export "catch") (result i32)
    ///       (block $caught (result i32)
    ///         (try_table (catch $e $caught) (call $throw))
    ///         (i32.const 0))))"#))?;
    /// let instance = Instance::new(&mut store, &module, &[tag.into(), throw.into()])?;
    /// let catch = instance.get_typed_func::<(), i32>(&store, "catch")?;
    /// assert_eq!(catch.call(&mut store, ())?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ExnRef;
}

/// A reference that is valid until its scope ends.
pub struct Rooted<T> {
    pub(super) root: Root,
    pub(super) kind: PhantomData<fn() -> T>,
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
    /// Returns the same root as a reference of another kind. The caller knows that it is of that
    /// kind.
    pub(crate) fn cast<U>(self) -> Rooted<U> {
        Rooted {
            root: self.root,
            kind: PhantomData,
        }
    }
}

/// Releases an owned root when it is dropped.
#[derive(Debug)]
pub(super) struct Release {
    /// Its position among the owned roots.
    pub at: u32,
    /// The positions to be released.
    pub dropped: Dropped,
}

impl Drop for Release {
    fn drop(&mut self) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.push(self.at);
    }
}

/// A reference that is valid until this handle and all its clones are dropped. After that, the
/// store releases the object at its next collection or when it makes the next owned root.
pub struct OwnedRooted<T> {
    pub(super) root: Root,
    pub(super) release: Arc<Release>,
    pub(super) kind: PhantomData<fn() -> T>,
}

impl<T> Clone for OwnedRooted<T> {
    fn clone(&self) -> OwnedRooted<T> {
        OwnedRooted {
            root: self.root,
            release: Arc::clone(&self.release),
            kind: PhantomData,
        }
    }
}

impl<T> fmt::Debug for OwnedRooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedRooted({})", self.release.at)
    }
}

impl<T: Reference> Deref for OwnedRooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::from_root(&self.root)
    }
}

macro_rules! upcast {
    ($($from:ident -> $to:ident, $method:ident;)*) => { $(
        impl Rooted<$from> {
            #[doc = concat!("The same root as a [`", stringify!($to), "`].")]
            #[must_use]
            pub fn $method(self) -> Rooted<$to> {
                self.cast()
            }
        }

        impl From<Rooted<$from>> for Rooted<$to> {
            fn from(from: Rooted<$from>) -> Rooted<$to> {
                from.cast()
            }
        }
    )* };
}

upcast! {
    StructRef -> AnyRef, to_anyref;
    StructRef -> EqRef, to_eqref;
    ArrayRef -> AnyRef, to_anyref;
    ArrayRef -> EqRef, to_eqref;
    EqRef -> AnyRef, to_anyref;
}
