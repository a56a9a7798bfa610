//! What can be wrong with a heap, and the errors of allocation and access.
//!
//! A [`HeapFault`] is never the behaviour of a program: the heap is corrupt, and this was found
//! before it did harm. A store whose heap reported one cannot be used any more.

use std::fmt;

use super::RootKind;
use super::layout::Kind;
use crate::types::{HeapKind, TypeId, TypeNames};

/// Where a reference was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Referrer {
    /// In a root.
    Root {
        /// Its kind.
        kind: RootKind,
        /// Its number in the order in which the roots of all kinds are visited.
        at: u64,
    },
    /// In an object.
    Object {
        /// Offset of the object.
        object: u32,
        /// Offset of the slot in the heap.
        slot: u32,
    },
    /// In the zero-count table.
    ZeroCountTable,
    /// In the list of objects to be freed.
    DeadList,
    /// A link between free blocks.
    FreeList,
    /// The host passed it.
    Host,
}

/// Something impossible in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapFault {
    /// A reference that is misaligned, or outside the part in use.
    BadReference {
        /// Where it was found.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
    },
    /// A reference that points into an object, a free block or unused memory.
    Dangling {
        /// Where it was found.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
    },
    /// An object whose first word is no tag.
    BadTag {
        /// Offset of the object.
        object: u32,
        /// The word.
        tag: u32,
    },
    /// An object whose type does not exist, or is of another kind than its tag says.
    BadType {
        /// Offset of the object.
        object: u32,
        /// The type's number.
        type_id: u32,
    },
    /// An object or block that ends outside the part in use.
    BadSize {
        /// Offset of the object.
        object: u32,
        /// Its size in bytes.
        size: u64,
    },
    /// An object that is not of the kind that the operation needs.
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
    /// An access to a field that the type does not have, or with a value of another storage type.
    WrongField {
        /// Offset of the object.
        object: u32,
        /// The field or element.
        at: u32,
    },
    /// A reference to an object that does not have the declared type.
    WrongReferent {
        /// Where it was found.
        referrer: Referrer,
        /// Its bits.
        raw: u32,
        /// The declared type.
        declared: HeapKind,
    },
    /// Null in a place whose type has no null.
    Null {
        /// Where it was found.
        referrer: Referrer,
    },
    /// The number of a function that does not exist.
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
    /// A reference count that differs from the number of references.
    Count(CountFault),
    /// An object without counted references that is not in the zero-count table.
    NotInZeroCountTable {
        /// Offset of the object.
        object: u32,
    },
    /// The zero-count table is longer or shorter than its recorded length.
    ZeroCountTableLength {
        /// The recorded length.
        recorded: u32,
        /// The counted length. Counting stops at one more than the number of objects.
        counted: u32,
    },
    /// An object whose header is wrong about its being in the zero-count table.
    ZeroCountTableMembership {
        /// Offset of the object.
        object: u32,
        /// What the header says.
        says: bool,
    },
    /// Compiled code accessed an address in the heap's reservation at which there is no memory.
    WildAccess {
        /// The offset from the start of the heap.
        offset: u64,
    },
}

/// A reference count that differs from the number of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountFault {
    /// Offset of the object.
    pub object: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its type, if it has one.
    pub type_id: u32,
    /// The count it stores.
    pub stored: u32,
    /// References to it in objects.
    pub edges: u32,
    /// References to it in counted roots.
    pub roots: u32,
    /// Whether it is in the zero-count table, which counts once.
    pub in_table: bool,
    /// The kind of the last root that refers to it.
    pub root: Option<RootKind>,
    /// The last slot in the heap that refers to it.
    pub slot: Option<u32>,
}

impl CountFault {
    /// Returns what the count should be.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.edges as u64 + self.roots as u64 + self.in_table as u64
    }
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Referrer::Root { kind, at } => write!(f, "root {at} ({kind})"),
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
        self.write(f, &|_| None)
    }
}

/// A fault as text, with names of types.
struct Named<'a>(&'a HeapFault, TypeNames<'a>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, self.1)
    }
}

impl HeapFault {
    /// Returns the fault as text in which `names` names the types.
    pub fn named<'a>(&'a self, names: TypeNames<'a>) -> impl fmt::Display + 'a {
        Named(self, names)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        let name = |id: u32| names(TypeId(id)).unwrap_or_else(|| format!("type number {id}"));
        match self {
            HeapFault::BadReference { referrer, raw } => {
                write!(f, "{referrer}: {raw:#x} is no reference")
            }
            HeapFault::Dangling { referrer, raw } => {
                write!(f, "{referrer}: {raw:#x} refers to no live object")
            }
            HeapFault::BadTag { object, tag } => write!(f, "object {object:#x}: bad tag {tag:#x}"),
            HeapFault::BadType { object, type_id } => {
                write!(f, "object {object:#x}: {} is no type of it", name(*type_id))
            }
            HeapFault::BadSize { object, size } => {
                write!(f, "object {object:#x}: size {size} reaches too far")
            }
            HeapFault::WrongKind { object, found } => {
                write!(f, "object {object:#x}: {found} is of the wrong kind")
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
            } => match declared {
                HeapKind::Defined(id, _) => {
                    write!(f, "{referrer}: {raw:#x} does not have {}", name(id.0))
                }
                other => write!(f, "{referrer}: {raw:#x} is no {}", other.word()),
            },
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
            HeapFault::Count(count) => count.write(f, &name),
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

impl CountFault {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &dyn Fn(u32) -> String) -> fmt::Result {
        write!(f, "object {:#x} ({}", self.object, self.kind)?;
        if self.type_id != 0 {
            write!(f, " of {}", name(self.type_id))?;
        }
        write!(
            f,
            "): counts {} but has {} edges, {} roots, {} in the zero-count table",
            self.stored,
            self.edges,
            self.roots,
            u32::from(self.in_table)
        )?;
        if let Some(root) = self.root {
            write!(f, "; the last root is {root}")?;
        }
        match self.slot {
            Some(slot) => write!(f, "; the last slot is at {slot:#x}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HeapFault {}

/// Why an allocation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocError {
    /// The heap is full, even after a collection.
    Exhausted,
    /// The object is too large for any heap.
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

/// Why an access to an array failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The range is not in the array. Nothing was read or written.
    OutOfBounds,
    /// The heap is corrupt, or the value does not have the type of the elements.
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
