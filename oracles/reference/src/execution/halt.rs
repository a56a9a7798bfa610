//! Traps, and the other ways in which execution can end early. They are never confused:
//!
//! - [`Trap`]: the program did it. The specification's `TRAP`, with the reason scripts ask for.
//! - [`Halt::Throw`]: the program did it. An exception that nobody caught.
//! - [`Exhausted`]: a limit of the store is reached. The specification allows this anywhere, so it
//!   is never compared.
//! - [`Stuck`]: impossible in valid code. The validator or this interpreter is wrong.
//! - [`Misuse`]: the embedder gave something of the wrong type.
//!
//! The rules `trap-instrs`, `trap-label` and `trap-handler` carry a trap outwards. Here `Result`
//! does.

use std::fmt;
use std::hint::cold_path;

use crate::numerics::Undefined;

use super::limits::Exhausted;
use super::values::ExnAddr;

/// `TRAP`, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trap {
    /// `unreachable` was executed.
    Unreachable,
    /// Integer division or remainder by zero.
    IntegerDivideByZero,
    /// A quotient or a truncated float does not fit.
    IntegerOverflow,
    /// A NaN was truncated to an integer.
    InvalidConversionToInteger,
    /// Access beyond the end of a memory or data segment.
    OutOfBoundsMemoryAccess,
    /// Access beyond the end of a table or element segment.
    OutOfBoundsTableAccess,
    /// Access beyond the end of an array.
    OutOfBoundsArrayAccess,
    /// `call_indirect` beyond the end of the table.
    UndefinedElement,
    /// `call_indirect` through a null element.
    UninitializedElement,
    /// `call_indirect` to a function of another type.
    IndirectCallTypeMismatch,
    /// `ref.as_non_null` of null.
    NullReference,
    /// `call_ref` of null.
    NullFunctionReference,
    /// Structure access through null.
    NullStructureReference,
    /// Array access through null.
    NullArrayReference,
    /// `i31.get` of null.
    NullI31Reference,
    /// `throw_ref` of null.
    NullExceptionReference,
    /// `ref.cast` to a type the reference does not have.
    CastFailure,
}

impl Trap {
    /// Returns the words in which the official scripts expect this trap.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Trap::Unreachable => "unreachable",
            Trap::IntegerDivideByZero => "integer divide by zero",
            Trap::IntegerOverflow => "integer overflow",
            Trap::InvalidConversionToInteger => "invalid conversion to integer",
            Trap::OutOfBoundsMemoryAccess => "out of bounds memory access",
            Trap::OutOfBoundsTableAccess => "out of bounds table access",
            Trap::OutOfBoundsArrayAccess => "out of bounds array access",
            Trap::UndefinedElement => "undefined element",
            Trap::UninitializedElement => "uninitialized element",
            Trap::IndirectCallTypeMismatch => "indirect call type mismatch",
            Trap::NullReference => "null reference",
            Trap::NullFunctionReference => "null function reference",
            Trap::NullStructureReference => "null structure reference",
            Trap::NullArrayReference => "null array reference",
            Trap::NullI31Reference => "null i31 reference",
            Trap::NullExceptionReference => "null exception reference",
            Trap::CastFailure => "cast failure",
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl From<Undefined> for Trap {
    fn from(reason: Undefined) -> Trap {
        match reason {
            Undefined::DivideByZero => Trap::IntegerDivideByZero,
            Undefined::Overflow => Trap::IntegerOverflow,
            Undefined::NotANumber => Trap::InvalidConversionToInteger,
        }
    }
}

/// What no rule covers, although the code is valid: a fault of the validator or of this
/// interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stuck {
    /// The operand stack is empty.
    OperandMissing,
    /// An operand is of another type than the instruction takes.
    OperandType,
    /// The operand stack does not have the height validation computed.
    OperandHeight,
    /// An index is not in its index space.
    Index,
    /// An address is not in the store.
    Address,
    /// Execution has left the body.
    Position,
    /// An instruction that is not constant, in a constant expression.
    NotConstant,
    /// An operator that the shape does not have.
    Shape,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stuck::OperandMissing => "operand missing",
            Stuck::OperandType => "operand of another type",
            Stuck::OperandHeight => "unexpected height of the operand stack",
            Stuck::Index => "index outside its space",
            Stuck::Address => "address outside the store",
            Stuck::Position => "no instruction at this position",
            Stuck::NotConstant => "instruction is not constant",
            Stuck::Shape => "no such operator for this shape",
        })
    }
}

/// What the embedder did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Misuse {
    /// Arguments do not match the function's parameters.
    Arguments,
    /// A host function returned something else than its type says.
    Results,
    /// A value does not have the type of the place it was meant for.
    ValueType,
    /// The global or field is not mutable.
    Immutable,
    /// The type is not the kind of type the operation needs.
    WrongType,
    /// Nothing is at this address.
    NoSuchAddress,
    /// The object has no such field.
    NoSuchField,
    /// The type is not a valid one: its least size exceeds its greatest, or what its address type
    /// can express.
    InvalidType,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misuse::Arguments => "arguments do not match the function type",
            Misuse::Results => "results of a host function do not match its type",
            Misuse::ValueType => "value of another type",
            Misuse::Immutable => "not mutable",
            Misuse::WrongType => "type of another kind",
            Misuse::NoSuchAddress => "no such address",
            Misuse::NoSuchField => "no such field",
            Misuse::InvalidType => "type is not valid",
        })
    }
}

/// Why execution did not run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Halt {
    /// A trap.
    Trap(Trap),
    /// An exception that was not caught.
    Throw(ExnAddr),
    /// A limit of the embedding.
    Exhausted(Exhausted),
    /// A fault of this crate.
    Stuck(Stuck),
    /// A fault of the embedder.
    Misuse(Misuse),
}

/// A `Result<(), Halt>` is returned for every instruction.
const _: () = assert!(size_of::<Result<(), Halt>>() == 8);

macro_rules! halt_from {
    ($($reason:ident),*) => {$(
        impl From<$reason> for Halt {
            #[inline]
            fn from(reason: $reason) -> Halt {
                cold_path();
                Halt::$reason(reason)
            }
        }
    )*};
}
halt_from!(Trap, Exhausted, Stuck, Misuse);

/// What is there in valid code.
pub(crate) trait OrStuck<T> {
    /// Returns the value, or [`Stuck`] without one.
    fn or_stuck(self, what: Stuck) -> Result<T, Halt>;
}

impl<T> OrStuck<T> for Option<T> {
    #[inline]
    fn or_stuck(self, what: Stuck) -> Result<T, Halt> {
        match self {
            Some(value) => Ok(value),
            None => Err(what.into()),
        }
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Halt::Trap(trap) => write!(f, "trap: {trap}"),
            Halt::Throw(exception) => write!(f, "uncaught exception {}", exception.0),
            Halt::Exhausted(which) => which.fmt(f),
            Halt::Stuck(what) => write!(f, "stuck: {what}"),
            Halt::Misuse(what) => write!(f, "misuse by the embedder: {what}"),
        }
    }
}

impl std::error::Error for Halt {}
