//! An adapter of the engine protocol for Wasmtime through its C interface. It loads the shared
//! library of any version from 36 on at run time. Nothing is compiled for it.
//!
//! ```text
//! file -> Library (symbols, version, sizes) -> Session (store, instances, handles) -> answers
//! ```
//!
//! Reading order: `library`, `value`, `words`, `session`, `host`, `answers`.
//!
//! Invariants that unsafe code argues from:
//! - **W1** A `Library` holds the shared library open as long as its function pointers
//!   live, and each pointer has the type that this version of the C interface declares.
//! - **W2** A store, and what belongs to it, is used on one thread, and only while its
//!   `Session` lives.
//! - **W3** Values that are given to the library lie in a `Values`, whose elements have the
//!   size that this version of the library uses.

mod library;

mod value;

pub mod words;

mod session;

mod host;

mod answers;

use std::io;
use std::path::Path;

use gcrucible_protocol::serve::{ServeError, serve};

pub use library::LoadError;

/// What can be chosen beside the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether Cranelift optimises for speed. Otherwise it does not optimise.
    pub speed: bool,
    /// Whether registers are allocated in one pass, in versions that have this.
    pub single_pass: bool,
}

/// Why an adapter ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The shared library is not usable.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The pipe failed, or a line is no request.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves the protocol on standard input and output.
///
/// # Errors
///
/// The library cannot be loaded, the pipe fails, or a line is no request.
pub fn run(library: &Path, options: Options) -> Result<(), AdapterError> {
    let mut adapter = answers::WasmtimeC::new(library, options)?;
    serve(&mut adapter, io::stdin().lock(), io::stdout().lock())?;
    Ok(())
}
