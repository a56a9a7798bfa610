//! Supertype displays: one row for each type id, in one address range. Compiled code reads them
//! without a lock.
//!
//! In the row of a type of depth d, `row[i]` for i < d is the id of its supertype of depth i.
//! `row[d]` is its own id. The other entries are 0. So a cast to a type T of depth d takes one
//! comparison: `row[d] == T`.
//!
//! Invariants that unsafe code argues from:
//! - **P1** The range has `TypeId::MAX + 1` rows of [`DISPLAY_ENTRIES`] aligned words and stays
//!   mapped, readable and writable, until the value is dropped. Pages that nobody wrote read as
//!   zero.
//! - **P2** Only `Displays::write` and `Displays::clear` write, through atomics. A row is complete
//!   before its id is handed out.

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::TypeId;
use crate::limits::{DISPLAY_ENTRIES, DISPLAY_ROW_BYTES};

/// Bytes of the whole range.
const RANGE_BYTES: usize = (TypeId::MAX as usize + 1) * DISPLAY_ROW_BYTES as usize;

/// The rows of all types of one registry.
#[derive(Debug)]
pub struct Displays {
    base: *mut u32,
}

// SAFETY: by P2 every access after construction is atomic, so the range may be shared.
unsafe impl Send for Displays {}
// SAFETY: as above.
unsafe impl Sync for Displays {}

impl Displays {
    /// Reserves the address range. Only rows that are written use memory.
    ///
    /// # Errors
    /// The operating system's error when it refuses 4 GiB of address space.
    pub fn new() -> std::io::Result<Displays> {
        // SAFETY: a new private mapping at an address the system chooses touches no existing
        // memory.
        let base = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                RANGE_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        Ok(Displays { base: base.cast() })
    }

    /// Returns the address of row 0, for compiled code.
    #[must_use]
    pub fn base(&self) -> *const u32 {
        self.base
    }

    /// One entry of a row.
    fn entry(&self, id: TypeId, depth: u32) -> &AtomicU32 {
        assert!(id.0 <= TypeId::MAX && depth < DISPLAY_ENTRIES);
        let at = id.0 as usize * DISPLAY_ENTRIES as usize + depth as usize;
        // SAFETY: in range by the assertion and P1.
        let word = unsafe { self.base.add(at) };
        // SAFETY: aligned and mapped by P1, only accessed atomically by P2.
        unsafe { AtomicU32::from_ptr(word) }
    }

    /// Returns the id of the supertype of `id` at a depth, or `id` itself at its own depth. `None`
    /// if there is no such supertype.
    #[must_use]
    pub fn ancestor(&self, id: TypeId, depth: u32) -> Option<TypeId> {
        if id.0 == 0 || id.0 > TypeId::MAX || depth >= DISPLAY_ENTRIES {
            return None;
        }
        match self.entry(id, depth).load(Ordering::Relaxed) {
            0 => None,
            ancestor => Some(TypeId(ancestor)),
        }
    }

    /// Writes the row of a type of depth `depth` with that direct supertype.
    pub(super) fn write(&self, id: TypeId, supertype: Option<TypeId>, depth: u32) {
        for at in 0..depth {
            let ancestor = supertype.and_then(|s| self.ancestor(s, at));
            let word = ancestor.map_or(0, |a| a.0);
            self.entry(id, at).store(word, Ordering::Relaxed);
        }
        self.entry(id, depth).store(id.0, Ordering::Relaxed);
    }

    /// Clears the row of a type that no longer exists.
    pub(super) fn clear(&self, id: TypeId, depth: u32) {
        for at in 0..=depth {
            self.entry(id, at).store(0, Ordering::Relaxed);
        }
    }
}

impl Drop for Displays {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` (P1), and no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.base.cast(), RANGE_BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}
