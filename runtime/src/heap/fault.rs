//! What can be wrong with a heap, as data, and how allocation and access end badly.
//!
//! A [`HeapFault`] is never the behaviour of a program: it is corruption, found before it could do
//! harm. A store whose heap reported one is not to be used again. Text is made when it is shown.

use std::fmt;

use super::RootKind;
use super::layout::Kind;
use crate::types::HeapKind;

/// Where a reference was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Referrer {
    /// A root of that kind, the `at`-th one visited.
    Root {
        /// What kind of root.
        kind: RootKind,
        /// Its number in the order of the visit, over all kinds.
        at: u64,
    },
    /// In an object.
    Object {
        /// Offset of the object.
        object: u32,
        /// Offset of the slot in the heap.
        slot: u32,
    },
    /// The list of objects the stack may refer to.
    ZeroCountTable,
    /// The list of objects to be freed.
    DeadList,
    /// A link between free blocks.
    FreeList,
    /// Handed in by the host.
    Host,
}

/// Something impossible in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapFault {
    /// A reference that points at no object: misaligned or out of the part in use.
    BadReference {
        /// Where it was.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
    },
    /// A reference that points into an object, a free block or unused memory.
    Dangling {
        /// Where it was.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
    },
    /// A word that is no tag where an object should be.
    BadTag {
        /// Offset of the object.
        object: u32,
        /// The word.
        tag: u32,
    },
    /// A tag with a type that does not exist, or that is of another kind than the tag.
    BadType {
        /// Offset of the object.
        object: u32,
        /// The type's number.
        type_id: u32,
    },
    /// An object or block that reaches beyond the part in use.
    BadSize {
        /// Offset of the object.
        object: u32,
        /// Its size in bytes.
        size: u64,
    },
    /// An object of another kind than the operation needs.
    WrongKind {
        /// Offset of the object.
        object: u32,
        /// What it is.
        found: Kind,
    },
    /// An i31 where an object is needed.
    NotAnObject {
        /// The reference's bits.
        raw: u32,
    },
    /// A field that the type does not have, or a value of another storage type.
    WrongField {
        /// Offset of the object.
        object: u32,
        /// The field or element.
        at: u32,
    },
    /// A reference whose object does not have the declared type.
    WrongReferent {
        /// Where it was.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
        /// What was declared.
        declared: HeapKind,
    },
    /// Null in a place whose type has no null.
    Null {
        /// Where it was.
        referrer: Referrer,
    },
    /// A function's number that no function has.
    BadFunction {
        /// Offset of the object.
        object: u32,
        /// Offset of the slot in the heap.
        slot: u32,
        /// The number.
        number: u32,
    },
    /// Free memory that was written to.
    PoisonGone {
        /// Offset of the first byte that changed.
        at: u32,
        /// What it is now.
        found: u8,
    },
    /// Memory ready for allocation that is not zero.
    NotZero {
        /// Offset of the first byte.
        at: u32,
        /// What it is.
        found: u8,
    },
    /// A reference count that fell below zero or rose above its range.
    CountRange {
        /// Offset of the object.
        object: u32,
        /// The count before.
        count: u32,
    },
    /// A reference count that is not what the references say.
    Count(CountFault),
    /// An object to which no counted reference leads is not in the list of such objects.
    NotInZeroCountTable {
        /// Offset of the object.
        object: u32,
    },
    /// The list of objects the stack may refer to is longer or shorter than its recorded length.
    ZeroCountTableLength {
        /// As recorded.
        recorded: u32,
        /// As counted; capped at one above the number of objects.
        counted: u32,
    },
    /// An object says that it is in the list, but is not, or the other way round.
    ZeroCountTableMembership {
        /// Offset of the object.
        object: u32,
        /// What the object says.
        says: bool,
    },
    /// Compiled code used a reference that is none: the address is in the heap's reservation, where
    /// nothing is.
    WildAccess {
        /// Offset from the start of the heap.
        offset: u64,
    },
}

/// How a reference count differs from the references there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountFault {
    /// Offset of the object.
    pub object: u32,
    /// What it is.
    pub kind: Kind,
    /// Its type, if it has one.
    pub type_id: u32,
    /// The count it stores.
    pub stored: u32,
    /// References to it in objects.
    pub edges: u32,
    /// References to it in counted roots.
    pub roots: u32,
    /// Whether it is in the list of objects the stack may refer to (which counts once).
    pub in_table: bool,
    /// The kind of the last root that refers to it, if any does.
    pub root: Option<RootKind>,
    /// The last slot in the heap that refers to it, if any does.
    pub slot: Option<u32>,
}

impl CountFault {
    /// What the count should be.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.edges as u64 + self.roots as u64 + self.in_table as u64
    }
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Referrer::Root { kind, at } => write!(f, "root {at} ({kind:?})"),
            Referrer::Object { object, slot } => {
                write!(f, "object {object:#x} at +{}", slot.wrapping_sub(*object))
            }
            Referrer::ZeroCountTable => f.write_str("the zero-count table"),
            Referrer::DeadList => f.write_str("the list of objects to be freed"),
            Referrer::FreeList => f.write_str("the free list"),
            Referrer::Host => f.write_str("the host"),
        }
    }
}

impl fmt::Display for HeapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapFault::BadReference { referrer, raw } => {
                write!(f, "{referrer}: {raw:#x} is no reference")
            }
            HeapFault::Dangling { referrer, raw } => {
                write!(f, "{referrer}: {raw:#x} refers to no live object")
            }
            HeapFault::BadTag { object, tag } => write!(f, "object {object:#x}: bad tag {tag:#x}"),
            HeapFault::BadType { object, type_id } => {
                write!(f, "object {object:#x}: bad type {type_id}")
            }
            HeapFault::BadSize { object, size } => {
                write!(f, "object {object:#x}: size {size} reaches too far")
            }
            HeapFault::WrongKind { object, found } => {
                write!(f, "object {object:#x}: {found:?} is of the wrong kind")
            }
            HeapFault::NotAnObject { raw } => write!(f, "i31 {raw:#x} where an object is needed"),
            HeapFault::WrongField { object, at } => {
                write!(
                    f,
                    "object {object:#x}: no such field {at}, or of another type"
                )
            }
            HeapFault::WrongReferent {
                referrer,
                raw,
                declared,
            } => write!(f, "{referrer}: {raw:#x} is no {declared:?}"),
            HeapFault::Null { referrer } => write!(f, "{referrer}: null where there can be none"),
            HeapFault::BadFunction {
                object,
                slot,
                number,
            } => write!(
                f,
                "object {object:#x} at +{}: no function {number}",
                slot.wrapping_sub(*object)
            ),
            HeapFault::PoisonGone { at, found } => {
                write!(f, "free memory at {at:#x} was overwritten with {found:#x}")
            }
            HeapFault::NotZero { at, found } => {
                write!(f, "fresh memory at {at:#x} is {found:#x}, not zero")
            }
            HeapFault::CountRange { object, count } => {
                write!(f, "object {object:#x}: count {count} leaves its range")
            }
            HeapFault::Count(count) => write!(
                f,
                "object {:#x} ({:?}, type {}): counts {} but has {} edges, {} roots, {} in the zero-count table \
                 (last root {:?}, last slot {:x?})",
                count.object,
                count.kind,
                count.type_id,
                count.stored,
                count.edges,
                count.roots,
                u32::from(count.in_table),
                count.root,
                count.slot,
            ),
            HeapFault::NotInZeroCountTable { object } => write!(
                f,
                "object {object:#x} has no counted reference and is not in the zero-count table"
            ),
            HeapFault::ZeroCountTableLength { recorded, counted } => {
                write!(
                    f,
                    "the zero-count table has {counted} objects, not {recorded}"
                )
            }
            HeapFault::ZeroCountTableMembership { object, says } => write!(
                f,
                "object {object:#x} says {says} about being in the zero-count table, wrongly"
            ),
            HeapFault::WildAccess { offset } => write!(
                f,
                "compiled code accessed the heap at {offset:#x}, where nothing is"
            ),
        }
    }
}

impl std::error::Error for HeapFault {}

/// Why an object could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocError {
    /// The heap is full, even after a collection.
    Exhausted,
    /// No heap could ever hold it.
    TooLarge,
    /// The heap is corrupt.
    Fault(HeapFault),
}

impl From<HeapFault> for AllocError {
    fn from(fault: HeapFault) -> AllocError {
        AllocError::Fault(fault)
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AllocError::Exhausted => f.write_str("the collected heap is full"),
            AllocError::TooLarge => f.write_str("allocation size too large"),
            AllocError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for AllocError {}

/// Why an array could not be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The range is not in the array. Nothing was read or written.
    OutOfBounds,
    /// The heap is corrupt, or the value is not of the element's type.
    Fault(HeapFault),
}

impl From<HeapFault> for AccessError {
    fn from(fault: HeapFault) -> AccessError {
        AccessError::Fault(fault)
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessError::OutOfBounds => f.write_str("out of bounds array access"),
            AccessError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for AccessError {}
