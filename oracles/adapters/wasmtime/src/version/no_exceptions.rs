//! Exceptions, in versions that do not have them: there is none.

use wasmtime::{AsContextMut, Config, Error, ExternRef, Result, StoreContextMut, Val};

use super::Owned;

/// Proposals that this version lacks.
pub const LACKS: &[&str] = &["exceptions"];

/// An exception that is kept. There is none; the type only has to be one that can be released.
pub type Exception = Owned<ExternRef>;

/// Does nothing.
pub fn configure(_config: &mut Config) {}

/// There is no such value.
pub fn null() -> Option<Val> {
    None
}

/// Returns nothing.
///
/// # Errors
///
/// None; versions that have exceptions have errors.
pub fn kept(_value: &Val, _store: impl AsContextMut) -> Result<Option<Exception>> {
    Ok(None)
}

/// Is never called, because no exception is ever kept.
pub fn value(exception: &Exception, store: impl AsContextMut) -> Val {
    Val::ExternRef(Some(exception.to_rooted(store)))
}

/// Whether a call ended by an exception: never.
pub fn is_thrown(_error: &Error) -> bool {
    false
}

/// Returns nothing.
///
/// # Errors
///
/// None; versions that have exceptions have errors.
pub fn taken<T: 'static>(_store: &mut StoreContextMut<'_, T>) -> Result<Option<Exception>> {
    Ok(None)
}

/// Is never called, because no exception is ever kept.
pub fn thrown_again<T: 'static>(
    _exception: &Exception,
    _store: &mut StoreContextMut<'_, T>,
) -> Error {
    Error::msg("this version has no exceptions")
}
