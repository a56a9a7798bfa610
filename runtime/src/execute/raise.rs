//! What can end an activation early.
//!
//! The body of a libcall and a function of the host run inside of [`guard`], which turns a panic
//! into an error. How the error ends the activation is in [`landing`](super::landing).

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::backtrace::Backtrace;
use crate::error::{Exhausted, Trap};
use crate::heap::{AccessError, AllocError, GcRef, HeapFault};

/// What ends an activation, other than returning.
pub enum Raised {
    /// A trap.
    Trap(Trap),
    /// A resource ran out.
    Exhausted(Exhausted),
    /// An exception, with the identity of its tag. `VmStore::pending_exception` is its root while
    /// it is outside of wasm frames.
    Exception(GcRef, u32),
    /// A host function failed.
    Host(Box<dyn Error + Send + Sync>),
    /// A host function panicked.
    Panic(Box<dyn Any + Send>),
    /// The runtime found its own state broken. The store cannot be used after that.
    Fault(HeapFault),
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raised::Trap(trap) => write!(f, "Trap({trap:?})"),
            Raised::Exhausted(which) => write!(f, "Exhausted({which:?})"),
            Raised::Exception(object, tag) => write!(f, "Exception({object:?}, tag {tag})"),
            Raised::Host(error) => write!(f, "Host({error:?})"),
            Raised::Panic(_) => f.write_str("Panic"),
            Raised::Fault(fault) => write!(f, "Fault({fault:?})"),
        }
    }
}

impl From<Trap> for Raised {
    fn from(trap: Trap) -> Raised {
        Raised::Trap(trap)
    }
}

impl From<Exhausted> for Raised {
    fn from(which: Exhausted) -> Raised {
        Raised::Exhausted(which)
    }
}

impl From<HeapFault> for Raised {
    fn from(fault: HeapFault) -> Raised {
        Raised::Fault(fault)
    }
}

impl From<AllocError> for Raised {
    fn from(error: AllocError) -> Raised {
        match error {
            AllocError::Exhausted => Exhausted::GcHeap.into(),
            AllocError::TooLarge => Trap::AllocationTooLarge.into(),
            AllocError::Fault(fault) => fault.into(),
        }
    }
}

impl From<AccessError> for Raised {
    fn from(error: AccessError) -> Raised {
        match error {
            AccessError::OutOfBounds => Trap::ArrayOutOfBounds.into(),
            AccessError::Fault(fault) => fault.into(),
        }
    }
}

/// An activation that ended early.
#[derive(Debug)]
pub struct Ended {
    /// Why. Never [`Raised::Panic`], because a panic continues above the landing.
    pub why: Raised,
    /// The wasm frames at that moment. Empty for errors of host functions.
    pub backtrace: Backtrace,
}

/// An activation that ended before any wasm frame was on the stack.
impl From<Raised> for Ended {
    fn from(why: Raised) -> Ended {
        Ended {
            why,
            backtrace: Backtrace::default(),
        }
    }
}

/// Runs `body`. A panic in it becomes an error.
///
/// # Errors
///
/// What `body` returns, or [`Raised::Panic`].
pub fn guard<T>(body: impl FnOnce() -> Result<T, Raised>) -> Result<T, Raised> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => Err(Raised::Panic(payload)),
    }
}
