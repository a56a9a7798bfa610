//! Where things are in an object: the only definition, used by the compiler and by every collector.
//!
//! ```text
//! offset 0            tag: type id (bits 0..24) and kind (bits 24..28); bits 28..32 are the collector's
//! ...                 the collector's words, if any (drc: reference count at 4, list link at 8)
//! HEADER - 4          arrays: length; externs: number of the host object; exceptions: identity of the tag; structures: the
//!                     collector's, if it wants it
//! HEADER              fields or elements
//! ```
//!
//! `HEADER` is 8 or 16 bytes, fixed by the collector
//! ([`CollectorTraits::header_bytes`](super::CollectorTraits)). Objects are aligned to 8 and
//! their size is a multiple of 8. References are 4 bytes; function references are stored as the
//! 4-byte number of the function in the store (never as a pointer); v128 needs no alignment beyond
//! 8.

use crate::planted::{Planted, planted};
use crate::types::{FieldKind, StorageKind, ValKind};

/// What an object is. In the tag's bits 24..28.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Free memory; the rest of the tag is 0, the size in bytes is at offset 4.
    Free = 0,
    /// A structure; the id is its type.
    Struct = 1,
    /// An array; the id is its type.
    Array = 2,
    /// A reference of the host; the id is 0.
    Extern = 3,
    /// An exception; the id is the tag's function type.
    Exception = 4,
    /// An object that has moved; its new place is at offset 4 (moving collectors only).
    Forwarded = 5,
}

/// Mask of the type id in a tag.
pub const TYPE_MASK: u32 = 0x00ff_ffff;
/// Position of the kind in a tag.
pub const KIND_SHIFT: u32 = 24;
/// Mask of the kind in a tag, in place.
pub const KIND_MASK: u32 = 0x0f00_0000;
/// Offset of the tag.
pub const TAG_OFFSET: u32 = 0;
/// First bytes of every heap, never mapped: a small field of null faults instead of being read.
pub const NULL_PAGE_BYTES: u32 = 4096;
/// Alignment of objects, and the unit of their sizes.
pub const OBJECT_ALIGN: u32 = 8;

/// The tag of a new object.
#[must_use]
pub const fn tag(kind: Kind, type_id: u32) -> u32 {
    assert!(type_id <= TYPE_MASK);
    (kind as u32) << KIND_SHIFT | type_id
}

/// Bytes that a storage type takes in an object.
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

/// Whether a storage type holds a reference that collectors trace.
#[must_use]
pub const fn is_traced(storage: StorageKind) -> bool {
    matches!(storage, StorageKind::Val(v) if v.is_collected())
}

/// Layout of a structure (or of an exception's payload): computed field by field in declaration
/// order, so that a subtype's fields begin with exactly its supertype's (fault: Wasmtime #10463).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// Offset of each field from the start of the object.
    pub offsets: Box<[u32]>,
    /// Offsets of the fields that are traced, ascending.
    pub traced: Box<[u32]>,
    /// Size of the object in bytes, header included, a multiple of 8.
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

/// Layout of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayLayout {
    /// Offset of the length.
    pub len_offset: u32,
    /// Offset of the first element.
    pub base: u32,
    /// Bytes of one element.
    pub element_bytes: u32,
    /// Whether elements are traced.
    pub traced: bool,
}

impl ArrayLayout {
    /// The layout of elements behind a header.
    #[must_use]
    pub fn new(header_bytes: u32, element: FieldKind) -> ArrayLayout {
        ArrayLayout {
            len_offset: header_bytes - 4,
            base: header_bytes,
            element_bytes: storage_bytes(element.storage),
            traced: is_traced(element.storage),
        }
    }

    /// Size in bytes of an array of `len` elements, header included, a multiple of 8. Cannot
    /// overflow.
    #[must_use]
    pub const fn size(&self, len: u32) -> u64 {
        (self.base as u64 + len as u64 * self.element_bytes as u64)
            .next_multiple_of(OBJECT_ALIGN as u64)
    }
}
