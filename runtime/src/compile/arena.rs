//! Memory for machine code: one reservation for each engine, mapped twice, never writable and
//! executable at once.
//!
//! Invariants that unsafe code argues from:
//! - **I1** Both views of an [`Arena`] map the same [`CODE_ARENA_BYTES`] of one anonymous file, one
//!   readable and writable, the other readable and executable, until the arena is dropped.
//!   Everything in it can be reached by a 32-bit displacement.
//! - **I2** Blocks do not overlap. A [`Block`] owns a range of the arena until it is dropped.
//! - **I3** The bytes of a block are written only through `&mut Block`, before anyone knows an
//!   address in it.
//! - **I4** Whoever may run code of a block keeps the block alive while it does.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags};

use crate::limits::CODE_ARENA_BYTES;

/// Blocks begin and end on a multiple of this: a cache line.
pub const BLOCK_ALIGN: u32 = 64;

/// What fills memory without code: `int3`.
const FILLER: u8 = 0xcc;

/// An engine's memory for code.
#[derive(Debug)]
pub struct Arena {
    write: View,
    execute: View,
    free: Mutex<FreeList>,
}

impl Arena {
    /// Makes a new, empty arena. Takes address space, but no memory yet.
    ///
    /// # Errors
    ///
    /// The system's error when it has no address space left.
    pub fn new() -> std::io::Result<Arc<Arena>> {
        let file = rustix::fs::memfd_create("gcrucible-code", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, u64::from(CODE_ARENA_BYTES))?;
        Ok(Arc::new(Arena {
            write: View::new(&file, ProtFlags::READ | ProtFlags::WRITE)?,
            execute: View::new(&file, ProtFlags::READ | ProtFlags::EXEC)?,
            free: Mutex::new(FreeList::new(CODE_ARENA_BYTES)),
        }))
    }

    /// Returns a block of at least `bytes` bytes, or `None` when there is no room.
    #[must_use]
    pub fn allocate(self: &Arc<Arena>, bytes: usize) -> Option<Block> {
        let bytes = u32::try_from(bytes.max(1)).ok()?;
        let len = bytes.checked_next_multiple_of(BLOCK_ALIGN)?;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let start = free.take(len)?;
        Some(Block {
            arena: Arc::clone(self),
            start,
            len,
        })
    }

    /// Returns the bytes that are in no block.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.ranges.values().map(|&len| u64::from(len)).sum()
    }
}

/// One mapping of the whole file.
#[derive(Debug)]
struct View(NonNull<u8>);

// SAFETY: a view is an address range with a lifetime. I2 and I3 decide who may access which bytes.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    fn new(file: &std::os::fd::OwnedFd, protection: ProtFlags) -> std::io::Result<View> {
        // SAFETY: a new mapping at an address the system chooses; it can invalidate no reference.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                CODE_ARENA_BYTES as usize,
                protection,
                MapFlags::SHARED | MapFlags::NORESERVE,
                file,
                0,
            )
        }?;
        NonNull::new(base.cast::<u8>())
            .map(View)
            .ok_or_else(|| std::io::Error::other("mapping at address zero"))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made in `new`, and by I1 and I4 nobody uses it any more.
        // Unmapping a whole mapping cannot fail.
        let _ = unsafe {
            rustix::mm::munmap(self.0.as_ptr().cast::<c_void>(), CODE_ARENA_BYTES as usize)
        };
    }
}

/// A range of an arena.
#[derive(Debug)]
pub struct Block {
    arena: Arc<Arena>,
    start: u32,
    len: u32,
}

impl Block {
    /// Returns the address at which the block's code runs.
    #[must_use]
    pub fn base(&self) -> *const u8 {
        self.arena
            .execute
            .0
            .as_ptr()
            .wrapping_add(self.start as usize)
            .cast_const()
    }

    /// Returns the addresses of its code.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let base = self.base().addr();
        base..base + self.len as usize
    }

    /// Writes `code` at the start of the block and fills the rest with traps.
    ///
    /// # Panics
    ///
    /// When `code` is longer than the block.
    pub fn write(&mut self, code: &[u8]) {
        assert!(code.len() <= self.len as usize, "code passes its block");
        let to = self.writable();
        // SAFETY: I2: the block's range belongs to this value alone, and `code` is not longer;
        // `code` is ordinary memory and the two do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), to, code.len()) };
        self.fill(code.len());
    }

    fn writable(&mut self) -> *mut u8 {
        self.arena
            .write
            .0
            .as_ptr()
            .wrapping_add(self.start as usize)
    }

    fn fill(&mut self, from: usize) {
        let rest = self.len as usize - from;
        let to = self.writable().wrapping_add(from);
        // SAFETY: I2: `from..len` is inside of the block, which belongs to this value alone.
        unsafe { std::ptr::write_bytes(to, FILLER, rest) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // By I4 nothing runs here any more. A stray jump must trap rather than run a part of new
        // code.
        self.fill(0);
        let mut free = self
            .arena
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.give(self.start, self.len);
    }
}

/// Free ranges by their start. Neighbours are always merged.
#[derive(Debug)]
struct FreeList {
    ranges: BTreeMap<u32, u32>,
}

impl FreeList {
    fn new(len: u32) -> FreeList {
        FreeList {
            ranges: BTreeMap::from([(0, len)]),
        }
    }

    /// The lowest range that is long enough. Low addresses are likely to have memory already.
    fn take(&mut self, len: u32) -> Option<u32> {
        let (&start, &have) = self.ranges.iter().find(|&(_, &have)| have >= len)?;
        self.ranges.remove(&start);
        if have > len {
            self.ranges.insert(start + len, have - len);
        }
        Some(start)
    }

    fn give(&mut self, start: u32, len: u32) {
        let (mut start, mut len) = (start, len);
        if let Some((&before, &before_len)) = self.ranges.range(..start).next_back() {
            debug_assert!(before + before_len <= start, "a block was freed twice");
            if before + before_len == start {
                self.ranges.remove(&before);
                (start, len) = (before, before_len + len);
            }
        }
        if let Some(&after_len) = self.ranges.get(&(start + len)) {
            self.ranges.remove(&(start + len));
            len += after_len;
        }
        self.ranges.insert(start, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_blocks_merge_to_the_whole_again() {
        let arena = Arena::new().expect("address space");
        let all = arena.free_bytes();
        let mut blocks: Vec<_> = (1..50)
            .map(|k| arena.allocate(k * 37).expect("room"))
            .collect();
        let mut ranges: Vec<_> = blocks.iter().map(Block::range).collect();
        ranges.sort_by_key(|r| r.start);
        assert!(ranges.windows(2).all(|w| w[0].end <= w[1].start));
        // Every third first, so that all cases of merging occur.
        for keep in [3, 2, 1] {
            let mut at = 0;
            blocks.retain(|_| {
                at += 1;
                at % keep != 0
            });
        }
        assert!(blocks.is_empty());
        assert_eq!(arena.free_bytes(), all);
        let free = arena.free.lock().expect("not poisoned");
        assert_eq!(free.ranges.len(), 1);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let arena = Arena::new().expect("address space");
        assert!(arena.allocate(usize::MAX).is_none());
        assert!(arena.allocate(CODE_ARENA_BYTES as usize + 1).is_none());
        assert!(arena.allocate(CODE_ARENA_BYTES as usize).is_some());
    }
}
