//! The runtime's errors as outcomes. The match is exhaustive, so a new error must be classified
//! before anything compiles. A type is called by the name that a case knows it by: the runtime's
//! own numbers depend on what its engine has loaded before.

use gcrucible_runtime::embed::{Error, Exhausted, Rejected, Trap as TheirTrap};

use super::Names;
use crate::outcome::{Outcome, Resource, Trap, Why};

/// Returns the outcome of a step that makes no sense.
pub(super) fn misuse(what: &str) -> Outcome {
    Outcome::rejected(Why::Misuse, what)
}

/// Returns how a step ended. The caller has taken exceptions out of the error. An exception that is
/// still in it is a fault.
pub(super) fn outcome(error: &Error, names: &Names) -> Outcome {
    names.refused.note(error);
    match error {
        Error::Trap(info) => trapped(info.trap),
        Error::Exhausted(what) => Outcome::Exhausted(resource(*what)),
        Error::Thrown(_) => Outcome::Stuck("an exception where none can be".to_owned()),
        Error::Host(error) => Outcome::Crashed(format!("a host function failed: {error}")),
        Error::Link(_) => Outcome::rejected(Why::Unlinkable, text(error, names)),
        Error::Rejected(rejected) => match rejected {
            // The outcome names the class itself.
            Rejected::Malformed { offset, message } => {
                Outcome::rejected(Why::Malformed, format!("{message} (at byte {offset:#x})"))
            }
            Rejected::Invalid { offset, message } => {
                Outcome::rejected(Why::Invalid, format!("{message} (at byte {offset:#x})"))
            }
            Rejected::Limit(what) => Outcome::rejected(Why::Limit, what),
            // For example, the compiler's intermediate form did not pass its verifier.
            Rejected::Internal(_) => Outcome::Crashed(rejected.to_string()),
            Rejected::Unsupported(what) => Outcome::Unsupported((*what).to_owned()),
        },
        Error::Engine(error) => Outcome::Crashed(error.to_string()),
        Error::Misuse(what) => misuse(&what.to_string()),
        Error::Fault(fault) => Outcome::Crashed(fault.named(&|id| names.type_name(id)).to_string()),
    }
}

/// Returns an error for people.
pub(super) fn text(error: &Error, names: &Names) -> String {
    error.named(&|id| names.type_name(id))
}

fn resource(what: Exhausted) -> Resource {
    match what {
        Exhausted::CallDepth => Resource::CallDepth,
        Exhausted::CallStack => Resource::CallStack,
        Exhausted::GcHeap => Resource::Heap,
        // Too many instances, memories or tables. They count as memory, because they use up address
        // space.
        Exhausted::Memory | Exhausted::Count => Resource::Memory,
        Exhausted::Table => Resource::Table,
        Exhausted::Fuel | Exhausted::Epoch => Resource::Fuel,
    }
}

fn trapped(trap: TheirTrap) -> Outcome {
    Outcome::Trapped(match trap {
        TheirTrap::Unreachable => Trap::Unreachable,
        TheirTrap::IntegerDivideByZero => Trap::IntegerDivideByZero,
        TheirTrap::IntegerOverflow => Trap::IntegerOverflow,
        TheirTrap::InvalidConversionToInteger => Trap::InvalidConversionToInteger,
        TheirTrap::MemoryOutOfBounds | TheirTrap::DataSegmentOutOfBounds => {
            Trap::OutOfBoundsMemoryAccess
        }
        TheirTrap::TableOutOfBounds | TheirTrap::ElementSegmentOutOfBounds => {
            Trap::OutOfBoundsTableAccess
        }
        TheirTrap::ArrayOutOfBounds => Trap::OutOfBoundsArrayAccess,
        TheirTrap::UndefinedElement => Trap::UndefinedElement,
        TheirTrap::UninitializedElement => Trap::UninitializedElement,
        TheirTrap::IndirectCallTypeMismatch => Trap::IndirectCallTypeMismatch,
        TheirTrap::NullFunctionReference
        | TheirTrap::NullStructReference
        | TheirTrap::NullArrayReference
        | TheirTrap::NullI31Reference
        | TheirTrap::NullExceptionReference
        | TheirTrap::NullReference => Trap::NullReference,
        TheirTrap::CastFailure => Trap::CastFailure,
        // The specification has no such trap. An array that fits into no heap is a resource that
        // ran out.
        TheirTrap::AllocationTooLarge => return Outcome::Exhausted(Resource::Heap),
    })
}

/// Returns a trap that a host function raises.
pub(super) fn their_trap(trap: Trap) -> TheirTrap {
    match trap {
        Trap::Unreachable => TheirTrap::Unreachable,
        Trap::IntegerDivideByZero => TheirTrap::IntegerDivideByZero,
        Trap::IntegerOverflow => TheirTrap::IntegerOverflow,
        Trap::InvalidConversionToInteger => TheirTrap::InvalidConversionToInteger,
        Trap::OutOfBoundsMemoryAccess => TheirTrap::MemoryOutOfBounds,
        Trap::OutOfBoundsTableAccess => TheirTrap::TableOutOfBounds,
        Trap::UndefinedElement => TheirTrap::UndefinedElement,
        Trap::UninitializedElement => TheirTrap::UninitializedElement,
        Trap::IndirectCallTypeMismatch => TheirTrap::IndirectCallTypeMismatch,
        Trap::NullReference => TheirTrap::NullReference,
        Trap::CastFailure => TheirTrap::CastFailure,
        Trap::OutOfBoundsArrayAccess => TheirTrap::ArrayOutOfBounds,
    }
}
