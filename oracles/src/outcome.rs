//! How a step ends. The enums are closed, so that a new way to end must be classified before
//! anything compiles.
//!
//! Always: four kinds of end are kept apart. Behaviour is [`Outcome::Returned`],
//! [`Outcome::Trapped`], [`Outcome::Threw`] and [`Outcome::Rejected`]. A resource that ran out is
//! [`Outcome::Exhausted`]. A missing feature is [`Outcome::Unsupported`]. A fault of the engine is
//! [`Outcome::Stuck`] or [`Outcome::Crashed`]. Texts inside are for people and are never compared.
//!
//! Not here: which pairs of outcomes may differ (`nondeterminism`).

use std::fmt;

use crate::value::{Ref, Value};

/// Why execution trapped: every trap of the specification that `.wast` scripts tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trap {
    /// `unreachable` was executed.
    Unreachable,
    /// Integer division or remainder by zero.
    IntegerDivideByZero,
    /// An integer result is not representable (signed division, float to integer).
    IntegerOverflow,
    /// Conversion of a NaN to an integer.
    InvalidConversionToInteger,
    /// A load, store, bulk memory operation or active data segment out of bounds.
    OutOfBoundsMemoryAccess,
    /// A table access, bulk table operation or active element segment out of bounds.
    OutOfBoundsTableAccess,
    /// `call_indirect` through an index beyond the end of the table.
    UndefinedElement,
    /// `call_indirect` through a null element.
    UninitializedElement,
    /// `call_indirect` to a function of another type.
    IndirectCallTypeMismatch,
    /// An instruction that needs an object got null.
    NullReference,
    /// `ref.cast` to a type the value does not have.
    CastFailure,
    /// An array access or bulk array operation out of bounds.
    OutOfBoundsArrayAccess,
}

impl Trap {
    /// Every trap, in a fixed order.
    pub const ALL: [Trap; 12] = [
        Trap::Unreachable,
        Trap::IntegerDivideByZero,
        Trap::IntegerOverflow,
        Trap::InvalidConversionToInteger,
        Trap::OutOfBoundsMemoryAccess,
        Trap::OutOfBoundsTableAccess,
        Trap::UndefinedElement,
        Trap::UninitializedElement,
        Trap::IndirectCallTypeMismatch,
        Trap::NullReference,
        Trap::CastFailure,
        Trap::OutOfBoundsArrayAccess,
    ];

    /// Returns the words the official scripts use for this trap.
    pub fn message(self) -> &'static str {
        match self {
            Trap::Unreachable => "unreachable",
            Trap::IntegerDivideByZero => "integer divide by zero",
            Trap::IntegerOverflow => "integer overflow",
            Trap::InvalidConversionToInteger => "invalid conversion to integer",
            Trap::OutOfBoundsMemoryAccess => "out of bounds memory access",
            Trap::OutOfBoundsTableAccess => "out of bounds table access",
            Trap::UndefinedElement => "undefined element",
            Trap::UninitializedElement => "uninitialized element",
            Trap::IndirectCallTypeMismatch => "indirect call type mismatch",
            Trap::NullReference => "null reference",
            Trap::CastFailure => "cast failure",
            Trap::OutOfBoundsArrayAccess => "out of bounds array access",
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// A resource that ran out (specification, appendix "Implementation Limitations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The number of nested calls, which is compared with an engine that counts them.
    CallDepth,
    /// The space for frames.
    CallStack,
    /// The heap of garbage-collected objects, including one allocation too large for any heap.
    Heap,
    /// Linear memory.
    Memory,
    /// Table elements.
    Table,
    /// The budget of executed steps.
    Fuel,
}

impl Resource {
    /// Every resource, in a fixed order.
    pub const ALL: [Resource; 6] = [
        Resource::CallDepth,
        Resource::CallStack,
        Resource::Heap,
        Resource::Memory,
        Resource::Table,
        Resource::Fuel,
    ];
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::CallDepth => "call depth",
            Resource::CallStack => "call stack",
            Resource::Heap => "heap",
            Resource::Memory => "memory",
            Resource::Table => "table",
            Resource::Fuel => "fuel",
        })
    }
}

/// At which stage a module, or a step, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The bytes are not a module (specification, chapter "Binary Format").
    Malformed,
    /// The module is not valid (chapter "Validation").
    Invalid,
    /// An import is missing or does not match (section "Instantiation").
    Unlinkable,
    /// An implementation limit on the module itself.
    Limit,
    /// The step makes no sense: its instance, export or argument does not exist or does not fit.
    Misuse,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Malformed => "malformed",
            Why::Invalid => "invalid",
            Why::Unlinkable => "unlinkable",
            Why::Limit => "over a limit",
            Why::Misuse => "misused",
        })
    }
}

/// A refusal. The stage is compared. The detail is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The stage.
    pub why: Why,
    /// The engine's own words.
    pub detail: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.why, self.detail)
    }
}

/// Why an engine was not asked, or why its state could not be observed. It is no fault of the
/// engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unasked {
    /// The case uses a proposal that the engine lacks.
    Proposal,
    /// The case imports a function of the host whose values do not cross the engine's boundary.
    Boundary,
    /// The case has an allocation that must fail, which cannot be asked of every engine.
    FullHeap,
    /// No probe can be made for a type or an export of the module.
    Unreadable,
    /// There is more to observe than a probe has room for.
    TooMuch,
}

impl Unasked {
    /// Every reason, in a fixed order.
    pub const ALL: [Unasked; 5] = [
        Unasked::Proposal,
        Unasked::Boundary,
        Unasked::FullHeap,
        Unasked::Unreadable,
        Unasked::TooMuch,
    ];
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unasked::Proposal => "a proposal that the engine lacks",
            Unasked::Boundary => "values that do not cross the engine's boundary",
            Unasked::FullHeap => "an allocation that must fail",
            Unasked::Unreadable => "a module that no probe can be made for",
            Unasked::TooMuch => "more than a probe has room for",
        })
    }
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned these values. A step without results returns none.
    Returned(Vec<Value>),
    /// It trapped.
    Trapped(Trap),
    /// It trapped by one of these, and the engine does not say by which. Empty if the engine's
    /// words match no known trap.
    TrappedByAny(Vec<Trap>),
    /// It ended with an uncaught exception: a node of the graph observed with it.
    Threw(Ref),
    /// It ran out of a resource.
    Exhausted(Resource),
    /// The module or the step was refused.
    Rejected(Rejection),
    /// The engine does not offer this feature.
    Unsupported(String),
    /// The engine was not asked, or its state could not be observed.
    Unasked(Unasked),
    /// The engine reached a state that its own rules exclude. The text describes it. Always a
    /// fault.
    Stuck(String),
    /// The engine's process or thread died, or one of its own checks failed (heap verification,
    /// audit). Always a fault.
    Crashed(String),
}

impl Outcome {
    /// Returns a refusal at `why` with the engine's words.
    pub fn rejected(why: Why, detail: impl Into<String>) -> Outcome {
        Outcome::Rejected(Rejection {
            why,
            detail: detail.into(),
        })
    }

    /// Returns the variant's name, for counters.
    pub fn kind(&self) -> &'static str {
        match self {
            Outcome::Returned(_) => "returned",
            Outcome::Trapped(_) | Outcome::TrappedByAny(_) => "trapped",
            Outcome::Threw(_) => "threw",
            Outcome::Exhausted(_) => "exhausted",
            Outcome::Rejected(_) => "rejected",
            Outcome::Unsupported(_) => "unsupported",
            Outcome::Unasked(_) => "not asked",
            Outcome::Stuck(_) => "stuck",
            Outcome::Crashed(_) => "crashed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Returned(values) => {
                f.write_str("returned (")?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    value.fmt(f)?;
                }
                f.write_str(")")
            }
            Outcome::Trapped(trap) => write!(f, "trapped: {trap}"),
            Outcome::TrappedByAny(traps) if traps.is_empty() => f.write_str("trapped: unknown"),
            Outcome::TrappedByAny(traps) => {
                f.write_str("trapped: ")?;
                for (index, trap) in traps.iter().enumerate() {
                    let or = if index > 0 { " or " } else { "" };
                    write!(f, "{or}{trap}")?;
                }
                Ok(())
            }
            Outcome::Threw(exception) => write!(f, "threw {exception}"),
            Outcome::Exhausted(resource) => write!(f, "exhausted: {resource}"),
            Outcome::Rejected(rejection) => write!(f, "rejected, {rejection}"),
            Outcome::Unsupported(feature) => write!(f, "unsupported: {feature}"),
            Outcome::Unasked(why) => write!(f, "not asked: {why}"),
            Outcome::Stuck(what) => write!(f, "stuck: {what}"),
            Outcome::Crashed(what) => write!(f, "crashed: {what}"),
        }
    }
}
