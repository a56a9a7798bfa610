//! Element segments of an instance.
//!
//! Invariant **Q1**: the `VmSegment` of a [`Segment::Refs`] describes exactly its items. That of a
//! [`Segment::Funcs`] describes nothing.
//!
//! Specification: `eleminst`.

use std::ptr::{self, NonNull};

use crate::abi::vmctx::{VmFuncRef, VmSegment};

/// The items of an element segment.
#[derive(Debug)]
pub enum Segment {
    /// References into the collected heap.
    Refs(Vec<u32>),
    /// Functions.
    Funcs(Vec<*mut VmFuncRef>),
}

impl Segment {
    /// Returns the number of items. A dropped segment has none.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Segment::Refs(items) => items.len(),
            Segment::Funcs(items) => items.len(),
        }
    }

    /// Returns true if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the segment's record, so that compiled code finds the items.
    ///
    /// # Safety
    /// `vm` is the segment's record, valid for writes.
    pub(super) unsafe fn publish(&mut self, vm: NonNull<VmSegment>) {
        let record = match self {
            Segment::Refs(items) => VmSegment {
                base: items.as_mut_ptr(),
                len: items.len() as u64,
            },
            Segment::Funcs(_) => VmSegment {
                base: ptr::null_mut(),
                len: 0,
            },
        };
        // SAFETY: the caller's promise.
        unsafe { vm.write(record) };
    }
}
