//! Traps, exhausted resources and rejected modules, as data. They become text only when they are
//! shown.

use std::fmt;

/// Why execution trapped: every trap of the specification, and [`Trap::AllocationTooLarge`], which
/// the specification leaves to the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Trap {
    /// `unreachable`.
    Unreachable = 1,
    /// An integer divided by 0, or its remainder.
    IntegerDivideByZero = 2,
    /// A quotient or converted float that does not fit.
    IntegerOverflow = 3,
    /// NaN converted to an integer.
    InvalidConversionToInteger = 4,
    /// An address beyond the end of its memory.
    MemoryOutOfBounds = 5,
    /// An index or range beyond the end of its table.
    TableOutOfBounds = 6,
    /// An index or range beyond the end of its array.
    ArrayOutOfBounds = 7,
    /// `call_indirect` with an index outside of the table.
    UndefinedElement = 8,
    /// `call_indirect` of a null entry.
    UninitializedElement = 9,
    /// `call_indirect` of a function of another type.
    IndirectCallTypeMismatch = 10,
    /// A call through a null reference.
    NullFunctionReference = 11,
    /// Access to a field of null.
    NullStructReference = 12,
    /// Access to an element or to the length of null.
    NullArrayReference = 13,
    /// `i31.get_s` or `i31.get_u` of null.
    NullI31Reference = 14,
    /// `throw_ref` of null.
    NullExceptionReference = 15,
    /// `ref.as_non_null` of null.
    NullReference = 16,
    /// `ref.cast` to a type that the reference does not have.
    CastFailure = 17,
    /// A range beyond the end of an element segment.
    ElementSegmentOutOfBounds = 18,
    /// A range beyond the end of a data segment.
    DataSegmentOutOfBounds = 19,
    /// An array that is larger than any heap. No trap of the specification, which has no limit.
    AllocationTooLarge = 20,
}

impl Trap {
    /// Every trap, in the order of their codes, which begin at 1.
    pub const ALL: [Trap; 20] = [
        Trap::Unreachable,
        Trap::IntegerDivideByZero,
        Trap::IntegerOverflow,
        Trap::InvalidConversionToInteger,
        Trap::MemoryOutOfBounds,
        Trap::TableOutOfBounds,
        Trap::ArrayOutOfBounds,
        Trap::UndefinedElement,
        Trap::UninitializedElement,
        Trap::IndirectCallTypeMismatch,
        Trap::NullFunctionReference,
        Trap::NullStructReference,
        Trap::NullArrayReference,
        Trap::NullI31Reference,
        Trap::NullExceptionReference,
        Trap::NullReference,
        Trap::CastFailure,
        Trap::ElementSegmentOutOfBounds,
        Trap::DataSegmentOutOfBounds,
        Trap::AllocationTooLarge,
    ];

    /// Returns the code by which compiled code reports the trap.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the trap with that code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Trap> {
        if code == 0 || code as usize > Trap::ALL.len() {
            None
        } else {
            Some(Trap::ALL[code as usize - 1])
        }
    }

    /// Returns the words of the official test suite.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Trap::Unreachable => "unreachable",
            Trap::IntegerDivideByZero => "integer divide by zero",
            Trap::IntegerOverflow => "integer overflow",
            Trap::InvalidConversionToInteger => "invalid conversion to integer",
            Trap::MemoryOutOfBounds => "out of bounds memory access",
            Trap::TableOutOfBounds | Trap::ElementSegmentOutOfBounds => {
                "out of bounds table access"
            }
            Trap::ArrayOutOfBounds => "out of bounds array access",
            Trap::UndefinedElement => "undefined element",
            Trap::UninitializedElement => "uninitialized element",
            Trap::IndirectCallTypeMismatch => "indirect call type mismatch",
            Trap::NullFunctionReference => "null function reference",
            Trap::NullStructReference => "null structure reference",
            Trap::NullArrayReference => "null array reference",
            Trap::NullI31Reference => "null i31 reference",
            Trap::NullExceptionReference => "null exception reference",
            Trap::NullReference => "null reference",
            Trap::CastFailure => "cast failure",
            Trap::DataSegmentOutOfBounds => "out of bounds memory access",
            Trap::AllocationTooLarge => "allocation size too large",
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Trap {}

/// Which resource ran out. This is not behaviour of the program: another engine may have more of
/// the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exhausted {
    /// The call stack (`StoreConfig::stack_size`, or less if the thread has less).
    CallStack,
    /// The nested calls (`StoreConfig::call_depth`), or the nested entries from the host
    /// (`StoreConfig::host_nesting`).
    CallDepth,
    /// The collected heap (`StoreConfig::heap_limit`).
    GcHeap,
    /// Linear memory. The type, the implementation, the limiter or the system allows no more.
    Memory,
    /// A table. The type, the implementation or the limiter allows no more elements.
    Table,
    /// Fuel.
    Fuel,
    /// An epoch deadline passed.
    Epoch,
    /// The number of instances, memories or tables.
    Count,
}

/// Why a module or an instantiation was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The bytes are not a module.
    #[error("malformed at byte {offset:#x}: {message}")]
    Malformed {
        /// Position in the bytes.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// The module does not validate.
    #[error("invalid at byte {offset:#x}: {message}")]
    Invalid {
        /// Position in the bytes.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// The module is valid but exceeds a limit of this implementation.
    #[error("over a limit: {0}")]
    Limit(String),
    /// The module uses something that this implementation does not have.
    #[error("unsupported: {0}")]
    Unsupported(&'static str),
    /// The code generator refused what the translator made, which is a fault of this
    /// implementation.
    #[error("internal fault: {0}")]
    Internal(String),
}
