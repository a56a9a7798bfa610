//! Errors, as data.

use std::error::Error as StdError;
use std::fmt;

use super::display::{Named, Text};
use super::extern_types::ExternType;
use super::reference::{ExnRef, OwnedRooted};
use crate::config::ConfigError;
use crate::error::{Exhausted, Rejected, Trap};
use crate::execute::{Backtrace, Raised};
use crate::heap::HeapFault;
use crate::instance::engine::EngineError;
use crate::instance::mapping::NoMemory;
use crate::types::TypeNames;

/// A trap and its backtrace.
#[derive(Clone, Debug)]
pub struct TrapInfo {
    /// The trap.
    pub trap: Trap,
    /// The wasm functions that were active.
    pub backtrace: Backtrace,
}

/// An import that could not be satisfied, and why.
#[derive(Clone, Debug)]
pub struct LinkError {
    /// Position in the module's imports.
    pub import: usize,
    /// The module it is imported from.
    pub module: Box<str>,
    /// Its name there.
    pub name: Box<str>,
    /// The type with which it is imported.
    pub expected: ExternType,
    /// The type of the entity that was given, with current sizes, if it does not match. `None` if
    /// none was given.
    pub found: Option<ExternType>,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &|_| None)
    }
}

impl Text for LinkError {
    fn write(&self, f: &mut fmt::Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        let LinkError {
            module,
            name,
            expected,
            ..
        } = self;
        let expected = Named(expected, names);
        match &self.found {
            None => write!(f, "unknown import {module:?} {name:?}: expected {expected}"),
            Some(found) => write!(
                f,
                "incompatible import type of {module:?} {name:?}: expected {expected}, found {}",
                Named(found, names)
            ),
        }
    }
}

/// A request of the embedder that is not valid. It has had no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A handle of another store.
    WrongStore,
    /// A type or module of another engine.
    WrongEngine,
    /// A rooted reference whose scope has ended.
    Stale,
    /// A value of another type than expected. Both types are text.
    Type {
        /// The expected type.
        expected: String,
        /// The type that was given.
        found: String,
    },
    /// Another number of values than expected.
    Arity {
        /// The expected number.
        expected: usize,
        /// The number that was given.
        found: usize,
    },
    /// A global, field or element that cannot be written.
    Immutable,
    /// A position out of bounds.
    OutOfBounds,
    /// A name that is defined already (`Linker`), or a name that does not exist.
    Name(String),
    /// A setting contradicts itself or the engine's configuration.
    Config(ConfigError),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::WrongStore => f.write_str("handle of another store"),
            Misuse::WrongEngine => f.write_str("type or module of another engine"),
            Misuse::Stale => f.write_str("reference whose root scope has ended"),
            Misuse::Type { expected, found } => {
                write!(f, "type mismatch: expected {expected}, found {found}")
            }
            Misuse::Arity { expected, found } => {
                write!(f, "expected {expected} values, found {found}")
            }
            Misuse::Immutable => f.write_str("immutable"),
            Misuse::OutOfBounds => f.write_str("out of bounds"),
            Misuse::Name(name) => f.write_str(name),
            Misuse::Config(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// Why an operation failed.
#[derive(Debug)]
pub enum Error {
    /// WebAssembly trapped.
    Trap(TrapInfo),
    /// A resource ran out.
    Exhausted(Exhausted),
    /// An exception was not caught. A host function that returns this error throws the exception.
    Thrown(OwnedRooted<ExnRef>),
    /// A host function failed.
    Host(Box<dyn StdError + Send + Sync>),
    /// An import is missing or does not match.
    Link(Box<LinkError>),
    /// A module was refused.
    Rejected(Rejected),
    /// An engine could not be made.
    Engine(EngineError),
    /// The embedder's request is not valid.
    Misuse(Misuse),
    /// The runtime found that its own state is corrupt, which is a fault of this package. The store
    /// refuses to run anything after that.
    Fault(HeapFault),
}

impl Error {
    /// Returns a failure of the host with that message.
    pub fn host(message: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Host(message.into())
    }

    /// Returns the error as text in which `names` names the types. Its `Display` shows the numbers
    /// that types have in their engine, which may be others in the next run.
    #[must_use]
    pub fn named(&self, names: TypeNames<'_>) -> String {
        match self {
            Error::Link(error) => Named(&**error, names).to_string(),
            Error::Fault(fault) => format!("fault of the runtime: {}", fault.named(names)),
            other => other.to_string(),
        }
    }

    /// Returns the trap, if the error is one.
    #[must_use]
    pub fn trap(&self) -> Option<Trap> {
        match self {
            Error::Trap(info) => Some(info.trap),
            _ => None,
        }
    }

    pub(crate) fn type_mismatch(expected: impl fmt::Display, found: impl fmt::Display) -> Error {
        Error::Misuse(Misuse::Type {
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Trap(info) => {
                writeln!(f, "{}", info.trap)?;
                info.backtrace.fmt(f)
            }
            Error::Exhausted(which) => write!(f, "exhausted: {which:?}"),
            Error::Thrown(_) => f.write_str("uncaught exception"),
            Error::Host(error) => error.fmt(f),
            Error::Link(error) => error.fmt(f),
            Error::Rejected(rejected) => rejected.fmt(f),
            Error::Engine(error) => error.fmt(f),
            Error::Misuse(misuse) => misuse.fmt(f),
            Error::Fault(fault) => write!(f, "fault of the runtime: {fault}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Trap(info) => Some(&info.trap),
            Error::Host(error) => Some(&**error),
            Error::Rejected(rejected) => Some(rejected),
            Error::Engine(error) => Some(error),
            Error::Exhausted(_)
            | Error::Thrown(_)
            | Error::Link(_)
            | Error::Misuse(_)
            | Error::Fault(_) => None,
        }
    }
}

impl From<Trap> for Error {
    fn from(trap: Trap) -> Error {
        Error::Trap(TrapInfo {
            trap,
            backtrace: Backtrace::default(),
        })
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Error {
        Error::Misuse(misuse)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Error {
        Error::Misuse(Misuse::Config(error))
    }
}

impl From<Rejected> for Error {
    fn from(rejected: Rejected) -> Error {
        Error::Rejected(rejected)
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Error {
        Error::Engine(error)
    }
}

impl From<HeapFault> for Error {
    fn from(fault: HeapFault) -> Error {
        Error::Fault(fault)
    }
}

impl From<NoMemory> for Error {
    fn from(_: NoMemory) -> Error {
        Error::Exhausted(Exhausted::Memory)
    }
}

impl From<Box<dyn StdError + Send + Sync>> for Error {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Error {
        Error::Host(error)
    }
}

/// For operations that run no WebAssembly code, so that no exception can occur.
impl From<Raised> for Error {
    fn from(raised: Raised) -> Error {
        match raised {
            Raised::Trap(trap) => trap.into(),
            Raised::Exhausted(which) => Error::Exhausted(which),
            Raised::Host(error) => match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(error) => Error::Host(error),
            },
            Raised::Panic(payload) => std::panic::resume_unwind(payload),
            Raised::Fault(fault) => Error::Fault(fault),
            Raised::Exception(object, _) => Error::Fault(HeapFault::BadReference {
                referrer: crate::heap::Referrer::Host,
                raw: object.raw(),
            }),
        }
    }
}

/// Returns what an error of a host function raises in wasm if the store cannot be accessed. An
/// exception is then a failure of the host like any other.
pub(crate) fn into_raised_without_store(error: Error) -> Raised {
    match error {
        Error::Trap(info) => Raised::Trap(info.trap),
        Error::Exhausted(which) => Raised::Exhausted(which),
        Error::Fault(fault) => Raised::Fault(fault),
        Error::Host(error) => Raised::Host(error),
        other => Raised::Host(Box::new(other)),
    }
}
