//! The memory of one heap, and the pool in which an engine keeps memory to use again. The memory is
//! a reservation that contains every 32-bit offset. It is made accessible in steps.
//!
//! Invariants that unsafe code argues from:
//! - **S1** `base` points at a mapping of `accessible` bytes. All but the first page are readable
//!   and writable. Only this `Space` accesses them, and compiled code of its store while no
//!   function of `Space` runs.
//! - **S2** Every access through a `Space` is checked against `accessible`.
//! - **S3** Bytes outside the two dirty ranges are zero.
//!
//! Under Miri a mapping is a plain allocation. Not here: what the bytes mean.

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::layout::NULL_PAGE_BYTES;
use crate::limits::{GUARD_BYTES, HEAP_RESERVATION_BYTES};

/// The pattern of freed memory.
pub const POISON: u8 = 0x5a;
/// The unit in which memory is made accessible.
const PAGE: u64 = 4096;
/// The size of the first step in which memory is made accessible. Each later step doubles what is
/// accessible.
const FIRST_STEP: u64 = 1 << 20;
/// How many bytes at the start of a dirty range are cleared. The rest is given back to the system.
/// Clearing a few bytes is cheaper than page faults.
const CLEAR_MAX: u64 = 256 << 10;
/// The size of a large page in bytes.
#[cfg(not(miri))]
const LARGE_PAGE: u64 = 2 << 20;
/// A dirty range of at least this size gets large pages for the memory behind it.
#[cfg(not(miri))]
const LARGE_FROM: u32 = 2 << 20;
/// How many reservations a pool keeps. Others are given back to the system.
const POOL_MAX: usize = 64;
/// The size of a reservation in bytes.
#[cfg(not(miri))]
const RESERVED: usize = (HEAP_RESERVATION_BYTES + GUARD_BYTES) as usize;

mod sealed {
    pub trait Sealed {}
}

/// A plain number in heap memory.
pub trait Scalar: sealed::Sealed + Copy {}

macro_rules! scalars {
    ($($ty:ty),*) => { $( impl sealed::Sealed for $ty {} impl Scalar for $ty {} )* };
}
scalars!(u8, u16, u32, u64, u128);

/// A mapping: address space whose first `accessible` bytes can be used.
struct Mapping {
    base: NonNull<u8>,
    accessible: usize,
    /// The ranges that were written to since the mapping was clean.
    dirty: [Range<u32>; 2],
    /// Where the part with large pages ends, for each dirty range.
    large: [u32; 2],
}

// SAFETY: S1: the mapping belongs to this value alone.
unsafe impl Send for Mapping {}

/// The system refused memory, or the limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

#[cfg(not(miri))]
impl Mapping {
    fn reserve(_limit: u64) -> Result<Mapping, NoMemory> {
        use rustix::mm::{MapFlags, ProtFlags};
        // SAFETY: a new anonymous mapping at an address of the system's choice touches no existing
        // memory.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                RESERVED,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }
        .map_err(|_| NoMemory)?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(NoMemory)?;
        Ok(Mapping {
            base,
            accessible: NULL_PAGE_BYTES as usize,
            dirty: [0..0, 0..0],
            large: [0; 2],
        })
    }

    fn make_accessible(&mut self, end: usize) -> Result<(), NoMemory> {
        use rustix::mm::MprotectFlags;
        debug_assert!(end <= RESERVED && end.is_multiple_of(PAGE as usize));
        let at = self.accessible.max(NULL_PAGE_BYTES as usize);
        let len = end - at;
        // SAFETY: S1: `at` is inside of the reservation.
        let start = unsafe { self.base.add(at) };
        // SAFETY: the range is inside of the reservation, which is ours; it only becomes more
        // accessible.
        unsafe {
            rustix::mm::mprotect(
                start.as_ptr().cast(),
                len,
                MprotectFlags::READ | MprotectFlags::WRITE,
            )
        }
        .map_err(|_| NoMemory)?;
        self.accessible = end;
        Ok(())
    }

    /// Tells the system which size of pages suits a range.
    fn advise(&mut self, range: Range<u64>, advice: rustix::mm::Advice) {
        // SAFETY: S1: the start is inside of the mapping.
        let at = unsafe { self.base.add(range.start as usize) };
        let len = (range.end - range.start) as usize;
        // SAFETY: S1: the range is ours; the advice changes no contents.
        let advised: Result<(), rustix::io::Errno> =
            unsafe { rustix::mm::madvise(at.as_ptr().cast(), len, advice) };
        // A system without large pages refuses. Then the pages stay small.
        let _ = advised;
    }

    /// Asks for large pages behind a dirty range that has grown: that memory is likely to be used
    /// too. This saves most page faults of a large heap, and costs a small heap nothing.
    fn foresee(&mut self, at: usize) {
        let (start, end) = (self.dirty[at].start, self.dirty[at].end);
        if end - start < LARGE_FROM || end <= self.large[at] {
            return;
        }
        let from = u64::from(end.max(self.large[at])).next_multiple_of(LARGE_PAGE);
        let until = from + u64::from(end - start).max(LARGE_PAGE * 4);
        let until = until.min(self.accessible as u64);
        if from < until {
            self.advise(from..until, rustix::mm::Advice::LinuxHugepage);
            self.large[at] = u32::try_from(until).unwrap_or(u32::MAX);
        }
    }

    /// Makes every byte zero again. Returns false if the system refuses.
    fn clean(&mut self) -> bool {
        if self.large != [0; 2] {
            // The next heap may be small, and should not pay for large pages.
            let all = u64::from(NULL_PAGE_BYTES)..self.accessible as u64;
            self.advise(all, rustix::mm::Advice::LinuxNoHugepage);
            self.large = [0; 2];
        }
        for range in std::mem::replace(&mut self.dirty, [0..0, 0..0]) {
            let (start, end) = (u64::from(range.start), u64::from(range.end));
            let middle = end.min((start + CLEAR_MAX).next_multiple_of(PAGE));
            // SAFETY: S1: dirty ranges are accessible.
            let at = unsafe { self.base.add(start as usize) };
            // SAFETY: S1, as above; nothing refers to the memory.
            unsafe { at.as_ptr().write_bytes(0, (middle - start) as usize) };
            if middle < end {
                let len = (end.next_multiple_of(PAGE) - middle) as usize;
                // SAFETY: S1: `middle` is inside of the mapping.
                let at = unsafe { self.base.add(middle as usize) };
                // SAFETY: S1: the pages are ours and hold nothing of use; they read as zero
                // afterwards.
                let given_back = unsafe {
                    rustix::mm::madvise(at.as_ptr().cast(), len, rustix::mm::Advice::LinuxDontNeed)
                };
                if given_back.is_err() {
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(not(miri))]
impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: S1: nothing refers to the mapping any more.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), RESERVED) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(miri)]
impl Mapping {
    fn layout(bytes: usize) -> std::alloc::Layout {
        std::alloc::Layout::from_size_align(bytes.max(PAGE as usize), PAGE as usize)
            .expect("a heap's limit is far below the address space")
    }

    fn reserve(limit: u64) -> Result<Mapping, NoMemory> {
        let bytes = (limit.next_multiple_of(PAGE) as usize).max(NULL_PAGE_BYTES as usize);
        // SAFETY: the layout has a size above 0.
        let base = unsafe { std::alloc::alloc_zeroed(Mapping::layout(bytes)) };
        Ok(Mapping {
            base: NonNull::new(base).ok_or(NoMemory)?,
            accessible: bytes,
            dirty: [0..0, 0..0],
            large: [0; 2],
        })
    }

    fn make_accessible(&mut self, _end: usize) -> Result<(), NoMemory> {
        Err(NoMemory)
    }

    fn foresee(&mut self, _at: usize) {
        self.large = [0; 2];
    }

    fn clean(&mut self) -> bool {
        self.dirty = [0..0, 0..0];
        // SAFETY: S1; nothing refers to the memory.
        unsafe { self.base.as_ptr().write_bytes(0, self.accessible) };
        true
    }
}

#[cfg(miri)]
impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; nothing refers to it any more.
        unsafe { std::alloc::dealloc(self.base.as_ptr(), Mapping::layout(self.accessible)) };
    }
}

/// The reservations that an engine keeps to use again. All their bytes are zero.
#[derive(Default)]
pub struct SpacePool {
    free: Mutex<Vec<Mapping>>,
}

impl fmt::Debug for SpacePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpacePool").finish_non_exhaustive()
    }
}

impl SpacePool {
    /// Makes an empty pool.
    #[must_use]
    pub fn new() -> Arc<SpacePool> {
        Arc::default()
    }

    fn take(&self) -> Option<Mapping> {
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn give_back(&self, mut mapping: Mapping) {
        // Under Miri the size of a mapping is the limit of its first owner, so others cannot use
        // it.
        if cfg!(miri) || !mapping.clean() {
            return;
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOL_MAX {
            free.push(mapping);
        }
    }
}

/// The memory of one heap.
pub struct Space {
    mapping: Option<Mapping>,
    base: NonNull<u8>,
    accessible: usize,
    limit: u64,
    pool: Arc<SpacePool>,
}

// SAFETY: S1: the memory belongs to this value alone.
unsafe impl Send for Space {}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space")
            .field("accessible", &self.accessible)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Space {
    /// Takes a reservation from the pool, or makes one. At most `limit` bytes of it are used. A
    /// former owner with a larger limit may have made more accessible.
    ///
    /// # Errors
    /// The system has no address space left.
    pub fn new(pool: Arc<SpacePool>, limit: u64) -> Result<Space, NoMemory> {
        let limit = limit.min(HEAP_RESERVATION_BYTES);
        let mapping = match pool.take() {
            Some(mapping) => mapping,
            None => Mapping::reserve(limit)?,
        };
        Ok(Space {
            base: mapping.base,
            // Pages that a former owner made accessible stay accessible.
            accessible: mapping.accessible,
            limit,
            mapping: Some(mapping),
            pool,
        })
    }

    /// Returns the address at which the reservation begins.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Returns how many bytes can be used at most.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns how many bytes can be used now.
    #[must_use]
    pub fn accessible(&self) -> u64 {
        self.accessible as u64
    }

    /// Makes the bytes below `end` accessible.
    ///
    /// # Errors
    /// `end` is over the limit, or the system refuses. Nothing was changed.
    pub fn ensure(&mut self, end: u64) -> Result<(), NoMemory> {
        if end > self.limit {
            return Err(NoMemory);
        }
        if end <= self.accessible as u64 {
            return Ok(());
        }
        let step = (self.accessible as u64 * 2)
            .max(FIRST_STEP)
            .min(self.limit.next_multiple_of(PAGE))
            .max(end.next_multiple_of(PAGE));
        let Some(mapping) = &mut self.mapping else {
            return Err(NoMemory);
        };
        mapping.make_accessible(step as usize)?;
        self.accessible = mapping.accessible;
        Ok(())
    }

    /// Makes the bytes of an accessible range zero, and records that it will be written to. Costs
    /// nothing where it was never written to.
    pub fn prepare(&mut self, range: Range<u32>) {
        let Some(mapping) = &self.mapping else { return };
        for dirty in mapping.dirty.clone() {
            let (start, end) = (dirty.start.max(range.start), dirty.end.min(range.end));
            if start < end {
                self.bytes_mut(start, end - start).fill(0);
            }
        }
        self.touch(range);
    }

    /// Records that `range` will be written to.
    pub fn touch(&mut self, range: Range<u32>) {
        let Some(mapping) = &mut self.mapping else {
            return;
        };
        if range.start >= range.end {
            return;
        }
        let [low, high] = &mut mapping.dirty;
        let in_low = low.start >= low.end || (range.start <= low.end && range.end >= low.start);
        let part = if in_low { low } else { high };
        *part = if part.start >= part.end {
            range
        } else {
            part.start.min(range.start)..part.end.max(range.end)
        };
        mapping.foresee(usize::from(!in_low));
    }

    /// Returns the ranges that were ever written to.
    #[must_use]
    pub fn dirty(&self) -> [Range<u32>; 2] {
        match &self.mapping {
            Some(mapping) => mapping.dirty.clone(),
            None => [0..0, 0..0],
        }
    }

    /// Fills `range` with the pattern of freed memory.
    pub fn poison(&mut self, range: Range<u32>) {
        self.bytes_mut(range.start, range.end - range.start)
            .fill(POISON);
    }

    #[inline(always)]
    fn address(&self, at: u32, bytes: usize) -> *mut u8 {
        // One comparison for both ends: below the first page it wraps.
        let in_page = (at as usize).wrapping_sub(NULL_PAGE_BYTES as usize);
        assert!(
            in_page.saturating_add(bytes) <= self.accessible - NULL_PAGE_BYTES as usize,
            "heap access outside of its memory"
        );
        // SAFETY: S1 and the check above: inside of the accessible part of the mapping.
        unsafe { self.base.as_ptr().add(at as usize) }
    }

    /// Reads a number.
    ///
    /// # Panics
    /// `at` is not accessible. Callers check references first.
    #[inline(always)]
    #[must_use]
    pub fn load<T: Scalar>(&self, at: u32) -> T {
        let address = self.address(at, size_of::<T>()).cast::<T>();
        // SAFETY: S1: the bytes are readable, and every pattern is a number.
        unsafe { address.read_unaligned() }
    }

    /// Writes a number.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[inline(always)]
    pub fn store<T: Scalar>(&mut self, at: u32, value: T) {
        let address = self.address(at, size_of::<T>()).cast::<T>();
        // SAFETY: S1: the bytes are writable.
        unsafe { address.write_unaligned(value) }
    }

    /// Reads a 32-bit word.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[inline(always)]
    #[must_use]
    pub fn word(&self, at: u32) -> u32 {
        self.load(at)
    }

    /// Writes a 32-bit word.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[inline(always)]
    pub fn set_word(&mut self, at: u32, value: u32) {
        self.store(at, value);
    }

    /// Borrows a few 32-bit words.
    ///
    /// # Panics
    /// As [`Space::load`], or when `at` is no multiple of 4.
    #[inline(always)]
    #[must_use]
    pub fn words_mut<const N: usize>(&mut self, at: u32) -> &mut [u32; N] {
        assert!(at.is_multiple_of(4), "words at an odd place");
        let address = self.address(at, size_of::<[u32; N]>());
        // SAFETY: S1: readable and writable, the borrow is exclusive, every pattern is a number;
        // `base` is aligned to a page.
        unsafe { &mut *address.cast::<[u32; N]>() }
    }

    /// Borrows bytes.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[must_use]
    pub fn bytes(&self, at: u32, len: u32) -> &[u8] {
        let start = self.address(at, len as usize);
        // SAFETY: S1: readable; nothing writes to it during the borrow.
        unsafe { std::slice::from_raw_parts(start, len as usize) }
    }

    /// Borrows bytes for writing.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[must_use]
    pub fn bytes_mut(&mut self, at: u32, len: u32) -> &mut [u8] {
        let start = self.address(at, len as usize);
        // SAFETY: S1: writable; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(start, len as usize) }
    }

    /// Copies bytes as if through a buffer.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[inline]
    pub fn copy(&mut self, from: u32, to: u32, len: u32) {
        let source = self.address(from, len as usize);
        let target = self.address(to, len as usize);
        // SAFETY: S1: both ranges are accessible; `copy` allows overlap.
        unsafe { source.copy_to(target, len as usize) };
    }

    /// Copies an object to a place that does not overlap it, in words of 8 bytes.
    ///
    /// # Panics
    /// As [`Space::load`].
    #[inline(always)]
    pub fn copy_object(&mut self, from: u32, to: u32, len: u32) {
        let source = self.address(from, len as usize);
        let target = self.address(to, len as usize);
        let words = len as usize / 8;
        if words > 8 {
            // SAFETY: S1: both ranges are accessible; `copy_to` allows overlap.
            unsafe { source.copy_to(target, words * 8) };
            return;
        }
        let (source, target) = (source.cast::<u64>(), target.cast::<u64>());
        // Most objects are small. A call would cost more than the copy.
        for at in 0..words {
            // SAFETY: S1: below `words`, inside of the range checked above.
            let word = unsafe { source.add(at) };
            // SAFETY: S1, as above.
            let place = unsafe { target.add(at) };
            // SAFETY: S1: readable.
            let value = unsafe { word.read_unaligned() };
            // SAFETY: S1: writable.
            unsafe { place.write_unaligned(value) };
        }
    }

    /// Tells the processor that the memory at `at` will be needed soon. Every offset is allowed.
    #[inline(always)]
    pub fn prefetch(&self, at: u32) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let address = self.base.as_ptr().wrapping_add(at as usize).cast::<i8>();
            // SAFETY: a prefetch never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let _ = at;
    }

    /// Makes sure that the reservation is not used again: after a fault nothing is known about its
    /// contents.
    pub fn discard(&mut self) {
        self.pool = SpacePool::new();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            self.pool.give_back(mapping);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_stay_inside_and_limits_hold() {
        let mut space = Space::new(SpacePool::new(), 64 << 10).unwrap();
        space.ensure(64 << 10).unwrap();
        assert_eq!(space.ensure((64 << 10) + 1), Err(NoMemory));
        space.prepare(4096..8192);
        space.store::<u64>(5000, 0x0102_0304_0506_0708);
        assert_eq!(space.load::<u16>(5000), 0x0708);
        space.copy(5000, 5004, 8);
        assert_eq!(space.word(5004), 0x0506_0708);
        space.prepare(5000..6000);
        assert_eq!(space.load::<u64>(5004), 0);
        assert_eq!(space.dirty()[0], 4096..8192);
    }

    #[cfg(not(miri))]
    #[test]
    fn recycled_reservations_are_zero() {
        let pool = SpacePool::new();
        for _ in 0..3 {
            let mut space = Space::new(Arc::clone(&pool), 8 << 20).unwrap();
            space.ensure(8 << 20).unwrap();
            assert!(space.bytes(4096, (8 << 20) - 4096).iter().all(|&b| b == 0));
            space.prepare(4096..3 << 20);
            space.poison(4096..3 << 20);
            space.prepare(4 << 20..5 << 20);
            space.poison(4 << 20..5 << 20);
        }
    }
}
