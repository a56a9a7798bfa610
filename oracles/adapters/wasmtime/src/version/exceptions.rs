//! Exceptions, in versions that have them.

use wasmtime::{
    AsContextMut, Config, Error, ExnRef, Result, StoreContextMut, ThrownException, Val,
};

use super::{Owned, keep};

/// Proposals that this version lacks.
pub const LACKS: &[&str] = &[];

/// An exception that is kept.
pub type Exception = Owned<ExnRef>;

/// Allows exceptions.
pub fn configure(config: &mut Config) {
    config.wasm_exceptions(true);
}

/// The null reference of the hierarchy.
pub fn null() -> Option<Val> {
    Some(Val::ExnRef(None))
}

/// Keeps an exception if a value is one.
///
/// # Errors
///
/// The reference is of another store, or its scope has ended.
pub fn kept(value: &Val, store: impl AsContextMut) -> Result<Option<Exception>> {
    match value {
        Val::ExnRef(Some(exception)) => keep(*exception, store).map(Some),
        _ => Ok(None),
    }
}

/// A reference to an exception that is kept.
pub fn value(exception: &Exception, store: impl AsContextMut) -> Val {
    Val::ExnRef(Some(exception.to_rooted(store)))
}

/// Whether a call ended by an exception.
pub fn is_thrown(error: &Error) -> bool {
    error.is::<ThrownException>()
}

/// Takes the exception by which a call ended.
///
/// # Errors
///
/// As for [`keep`].
pub fn taken<T: 'static>(store: &mut StoreContextMut<'_, T>) -> Result<Option<Exception>> {
    let exception = store.take_pending_exception();
    exception
        .map(|exception| keep(exception, &mut *store))
        .transpose()
}

/// The error that throws an exception again.
pub fn thrown_again<T: 'static>(
    exception: &Exception,
    store: &mut StoreContextMut<'_, T>,
) -> Error {
    let exception = exception.to_rooted(&mut *store);
    match store.throw::<()>(exception) {
        Ok(()) => Error::msg("throwing an exception returned"),
        Err(thrown) => thrown.into(),
    }
}
