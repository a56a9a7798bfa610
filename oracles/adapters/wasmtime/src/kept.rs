//! References that are kept until they are released.

use wasmtime::{AnyRef, ExternRef, Result, StoreContextMut, Val};

use crate::version::exceptions::{self, Exception};
use crate::version::{Owned, keep, release};

/// A reference that is kept until it is released.
pub enum Kept {
    /// One that needs no root: null, or a function.
    Plain(Val),
    /// One in the hierarchy `any`.
    Any(Owned<AnyRef>),
    /// One in the hierarchy `extern`.
    Extern(Owned<ExternRef>),
    /// An exception.
    Exception(Exception),
}

impl Kept {
    /// Keeps a reference.
    ///
    /// # Errors
    ///
    /// The engine does not know the reference.
    pub fn new<T: 'static>(value: &Val, store: &mut StoreContextMut<'_, T>) -> Result<Kept> {
        if let Some(exception) = exceptions::kept(value, &mut *store)? {
            return Ok(Kept::Exception(exception));
        }
        Ok(match value {
            Val::AnyRef(Some(reference)) => Kept::Any(keep(*reference, store)?),
            Val::ExternRef(Some(reference)) => Kept::Extern(keep(*reference, store)?),
            plain => Kept::Plain(*plain),
        })
    }

    /// The reference.
    pub fn value<T: 'static>(&self, store: &mut StoreContextMut<'_, T>) -> Val {
        match self {
            Kept::Plain(value) => *value,
            Kept::Any(reference) => Val::AnyRef(Some(reference.to_rooted(store))),
            Kept::Extern(reference) => Val::ExternRef(Some(reference.to_rooted(store))),
            Kept::Exception(exception) => exceptions::value(exception, store),
        }
    }

    /// Keeps it no longer.
    pub fn release<T: 'static>(self, store: &mut StoreContextMut<'_, T>) {
        match self {
            Kept::Plain(_) => {}
            Kept::Any(reference) => release(reference, store),
            Kept::Extern(reference) => release(reference, store),
            Kept::Exception(exception) => release(exception, store),
        }
    }
}
