//! Address space for linear memories, recycled through a pool, and zeroed records of variable size.
//!
//! Invariants that unsafe code argues from:
//! - **M1** A [`Reservation`] owns `reserved + GUARD_BYTES` bytes of address space from `base` on,
//!   of which exactly the first `accessible` can be read and written, until it is dropped.
//! - **M2** In a reservation that the pool hands out, what is accessible or is made accessible is
//!   zero.
//! - **M3** A [`Record`] owns its zero-initialised allocation, aligned to 16 bytes, and does not
//!   move it until it is dropped.

use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap,
};

use crate::error::Exhausted;
use crate::execute::Raised;
use crate::limits::GUARD_BYTES;

/// Most reservations that a pool keeps.
const KEPT_MAX: usize = 64;

/// Address space for one memory.
#[derive(Debug)]
pub struct Reservation {
    base: NonNull<c_void>,
    reserved: usize,
    accessible: usize,
}

// SAFETY: M1: the address space belongs to this value alone.
unsafe impl Send for Reservation {}
// SAFETY: shared references allow no access to the memory.
unsafe impl Sync for Reservation {}

/// The system refused address space or memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<NoMemory> for Raised {
    fn from(_: NoMemory) -> Raised {
        Raised::Exhausted(Exhausted::Memory)
    }
}

impl Reservation {
    fn map(reserved: usize) -> Result<Reservation, NoMemory> {
        let total = reserved.checked_add(GUARD_BYTES as usize).ok_or(NoMemory)?;
        // SAFETY: a new private mapping at an address the system chooses touches no existing
        // memory.
        let base = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                total,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }
        .map_err(|_| NoMemory)?;
        Ok(Reservation {
            base: NonNull::new(base).ok_or(NoMemory)?,
            reserved,
            accessible: 0,
        })
    }

    /// First byte.
    #[must_use]
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr().cast()
    }

    /// Returns the bytes that can become accessible.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.reserved
    }

    /// Makes the first `bytes` bytes accessible. `bytes` never shrinks. New bytes read as zero.
    ///
    /// # Errors
    /// `bytes` is more than is reserved, or the system refuses.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        if bytes > self.reserved {
            return Err(NoMemory);
        }
        if bytes > self.accessible {
            // SAFETY: M1: the range is ours and only becomes more accessible.
            unsafe {
                mprotect(
                    self.base.as_ptr(),
                    bytes,
                    MprotectFlags::READ | MprotectFlags::WRITE,
                )
            }
            .map_err(|_| NoMemory)?;
            self.accessible = bytes;
        }
        Ok(())
    }

    /// Makes exactly the first `bytes` bytes accessible, even if more bytes of a recycled
    /// reservation are.
    ///
    /// # Errors
    /// As [`grow`](Reservation::grow).
    fn fit(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let Some(surplus) = self.accessible.checked_sub(bytes).filter(|n| *n > 0) else {
            return self.grow(bytes);
        };
        let start = self.base.as_ptr().wrapping_byte_add(bytes);
        // SAFETY: M1; nobody uses the memory yet.
        unsafe { mprotect(start, surplus, MprotectFlags::empty()) }.map_err(|_| NoMemory)?;
        self.accessible = bytes;
        Ok(())
    }

    /// Gives the content of all accessible memory back to the system, after which it reads as zero.
    /// The memory stays accessible, because the next one is probably as large. Returns false if the
    /// system refuses.
    fn clean(&mut self) -> bool {
        // SAFETY: M1; whoever used the memory has given the reservation up.
        let gone = unsafe { madvise(self.base.as_ptr(), self.accessible, Advice::LinuxDontNeed) };
        gone.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: M1: mapped with this size by `map`; nobody uses it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr(), self.reserved + GUARD_BYTES as usize) };
        debug_assert!(unmapped.is_ok());
    }
}

/// An engine's recycled reservations.
#[derive(Debug, Default)]
pub struct MemoryPool {
    kept: Mutex<Vec<Reservation>>,
}

impl MemoryPool {
    /// Returns a reservation of `reserved` bytes, of which the first `accessible` can be used and
    /// are zero.
    ///
    /// # Errors
    /// The system has no address space or memory left.
    pub fn take(&self, reserved: usize, accessible: usize) -> Result<Reservation, NoMemory> {
        let known = self.find(reserved, accessible);
        let mut reservation = known.map_or_else(|| Reservation::map(reserved), Ok)?;
        reservation.fit(accessible)?;
        Ok(reservation)
    }

    /// Returns a recycled reservation, preferably with the same amount of accessible memory.
    fn find(&self, reserved: usize, accessible: usize) -> Option<Reservation> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |r: &Reservation| r.reserved == reserved;
        let same = |r: &Reservation| fits(r) && r.accessible == accessible;
        let at = kept
            .iter()
            .position(same)
            .or_else(|| kept.iter().position(fits))?;
        Some(kept.swap_remove(at))
    }

    /// Takes a reservation back.
    pub fn give(&self, mut reservation: Reservation) {
        if reservation.accessible > 0 && !reservation.clean() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(reservation);
        }
    }
}

/// Zeroed memory for a record that compiled code and the host share.
#[derive(Debug)]
pub struct Record {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: M3: the memory belongs to this value alone; accesses are the users' responsibility.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// Makes a record of `bytes` zeroed bytes.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(bytes: usize) -> Result<Record, NoMemory> {
        let layout = Layout::from_size_align(bytes.max(16), 16).map_err(|_| NoMemory)?;
        // SAFETY: the size is not zero.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        Ok(Record {
            start: NonNull::new(start).ok_or(NoMemory)?,
            layout,
        })
    }

    /// Makes a record that holds `value`. Its type needs an alignment of at most 16 bytes and no
    /// destructor.
    ///
    /// # Errors
    /// There is no memory.
    pub fn holding<T>(value: T) -> Result<Record, NoMemory> {
        const { assert!(align_of::<T>() <= 16 && !std::mem::needs_drop::<T>()) };
        let record = Record::new(size_of::<T>())?;
        // SAFETY: M3: large and aligned enough.
        unsafe { record.start.cast::<T>().write(value) };
        Ok(record)
    }

    /// First byte.
    #[must_use]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // SAFETY: M3: allocated with this layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}
