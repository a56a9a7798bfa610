//! Where things are in an object. The compiler and every collector use this one definition.
//!
//! ```text
//! 0             tag: type id (bits 0..24), kind (bits 24..28), the collector's (bits 28..32)
//! ...           words of the collector (drc: reference count at 4, link at 8)
//! HEADER - 4    array: length         reference of the host: number of the host object
//!               structure: unused     exception: identity of the tag
//! HEADER        fields or elements
//! ```
//!
//! The collector determines `HEADER`: 8 or 16 bytes
//! ([`CollectorTraits::header_bytes`](super::CollectorTraits)). Objects are aligned to 8, and their
//! size is a multiple of 8. A reference takes 4 bytes. A function reference is the 4-byte number of
//! the function in the store, never a pointer. A v128 is aligned to 8.

use std::fmt;

use crate::planted::{Planted, planted};
use crate::types::{FieldKind, StorageKind, ValKind};

/// What an object is: bits 24..28 of its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Free memory. The rest of the tag is 0, and the size in bytes is at offset 4.
    Free = 0,
    /// A structure. The type id is its type.
    Struct = 1,
    /// An array. The type id is its type.
    Array = 2,
    /// A reference of the host. The type id is 0.
    Extern = 3,
    /// An exception. The type id is the function type of its tag.
    Exception = 4,
    /// An object that has moved. Its new offset is at offset 4.
    Forwarded = 5,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Free => "free memory",
            Kind::Struct => "a structure",
            Kind::Array => "an array",
            Kind::Extern => "a host object",
            Kind::Exception => "an exception",
            Kind::Forwarded => "an object that has moved",
        })
    }
}

/// The mask of the type id in a tag.
pub const TYPE_MASK: u32 = 0x00ff_ffff;
/// The position of the kind in a tag.
pub const KIND_SHIFT: u32 = 24;
/// The mask of the kind in a tag.
pub const KIND_MASK: u32 = 0x0f00_0000;
/// The offset of the tag.
pub const TAG_OFFSET: u32 = 0;
/// The bytes at the start of every heap that are never accessible, so that an access to a field of
/// null faults.
pub const NULL_PAGE_BYTES: u32 = 4096;
/// The alignment of objects. Their sizes are multiples of it.
pub const OBJECT_ALIGN: u32 = 8;

/// Returns the tag of a new object.
#[must_use]
pub const fn tag(kind: Kind, type_id: u32) -> u32 {
    assert!(type_id <= TYPE_MASK);
    (kind as u32) << KIND_SHIFT | type_id
}

/// Returns how many bytes a storage type takes in an object.
#[must_use]
pub const fn storage_bytes(storage: StorageKind) -> u32 {
    match storage {
        StorageKind::I8 => 1,
        StorageKind::I16 => 2,
        StorageKind::Val(ValKind::I32 | ValKind::F32 | ValKind::Ref(_)) => 4,
        StorageKind::Val(ValKind::I64 | ValKind::F64) => 8,
        StorageKind::Val(ValKind::V128) => 16,
    }
}

/// Returns true if a slot of the storage type holds a reference that collectors trace.
#[must_use]
pub const fn is_traced(storage: StorageKind) -> bool {
    matches!(storage, StorageKind::Val(v) if v.is_collected())
}

/// The layout of a structure, or of an exception's payload. Fields are laid out in the order of
/// their declaration, so the layout of a subtype extends that of its supertype (fault: Wasmtime
/// #10463).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// The offset of each field from the start of the object.
    pub offsets: Box<[u32]>,
    /// The offsets of the traced fields, ascending.
    pub traced: Box<[u32]>,
    /// The size of the object in bytes, header included. It is a multiple of 8.
    pub size: u32,
}

impl StructLayout {
    /// Lays fields out behind a header. Every field is aligned to its size, to 8 bytes at most.
    #[must_use]
    pub fn new(
        planted: Planted,
        header_bytes: u32,
        fields: impl IntoIterator<Item = StorageKind>,
    ) -> StructLayout {
        let mut fields: Vec<_> = fields.into_iter().enumerate().collect();
        if planted!(planted, LayoutReferencesFirst) {
            fields.sort_by_key(|(_, storage)| !is_traced(*storage));
        }
        let mut at = header_bytes;
        let mut offsets = vec![0; fields.len()];
        let mut traced = Vec::new();
        for (position, storage) in fields {
            let bytes = storage_bytes(storage);
            at = at.next_multiple_of(bytes.min(OBJECT_ALIGN));
            offsets[position] = at;
            if is_traced(storage) {
                traced.push(at);
            }
            at += bytes;
        }
        StructLayout {
            offsets: offsets.into(),
            traced: traced.into(),
            size: at.next_multiple_of(OBJECT_ALIGN),
        }
    }
}

/// The layout of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayLayout {
    /// The offset of the length.
    pub len_offset: u32,
    /// The offset of the first element.
    pub base: u32,
    /// The size of an element in bytes.
    pub element_bytes: u32,
    /// Whether elements are traced.
    pub traced: bool,
}

impl ArrayLayout {
    /// Lays elements out behind a header.
    #[must_use]
    pub fn new(header_bytes: u32, element: FieldKind) -> ArrayLayout {
        ArrayLayout {
            len_offset: header_bytes - 4,
            base: header_bytes,
            element_bytes: storage_bytes(element.storage),
            traced: is_traced(element.storage),
        }
    }

    /// Returns the size in bytes of an array of `len` elements, header included. It is a multiple
    /// of 8, and cannot overflow.
    #[must_use]
    pub const fn size(&self, len: u32) -> u64 {
        (self.base as u64 + len as u64 * self.element_bytes as u64)
            .next_multiple_of(OBJECT_ALIGN as u64)
    }
}
