//! The free blocks of a heap, by size. The links are in the blocks:
//!
//! ```text
//! 0 tag 0 (Kind::Free)    4 size    8 next block of the same bin, or 0    12 unused    16.. poison
//! ```
//!
//! Invariants:
//! - **F1** The size of every block in a bin is a multiple of 8, and at least [`BLOCK_MIN`]. A
//!   smaller block is in no bin. It is found again when neighbours are merged.
//! - **F2** `filled` has the bit of a bin set if and only if the bin has a block.
//!
//! Not here: merging neighbours, which visits the whole heap (`drc::alloc`).

use super::fault::{HeapFault, Referrer};
use super::layout::OBJECT_ALIGN;
use super::object_memory::ObjectMemory;

/// The smallest block that a bin can hold.
pub const BLOCK_MIN: u32 = 16;
/// Each size up to this one has its own bin.
const EXACT_MAX: u32 = 512;
/// The number of bins of one size.
const EXACT: usize = ((EXACT_MAX - BLOCK_MIN) / OBJECT_ALIGN + 1) as usize;
/// The number of bins for each power of two above.
const PARTS: usize = 4;
/// The number of bins: those of one size, then those for the powers 2^9 to 2^31.
const BINS: usize = EXACT + PARTS * 23;
/// How many blocks in a bin of several sizes are tried before a larger bin is.
const TRIES: u32 = 8;

/// A free block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Offset.
    pub at: u32,
    /// Size in bytes.
    pub size: u32,
}

/// The bins.
#[derive(Debug)]
pub struct FreeList {
    heads: [u32; BINS],
    filled: [u64; BINS.div_ceil(64)],
    bytes: u64,
}

impl Default for FreeList {
    fn default() -> FreeList {
        FreeList {
            heads: [0; BINS],
            filled: [0; BINS.div_ceil(64)],
            bytes: 0,
        }
    }
}

/// Returns the bin of blocks of `size` bytes, which is at least [`BLOCK_MIN`].
const fn bin(size: u32) -> usize {
    if size <= EXACT_MAX {
        ((size - BLOCK_MIN) / OBJECT_ALIGN) as usize
    } else {
        let power = size.ilog2();
        let part = (size >> (power - 2)) as usize & (PARTS - 1);
        EXACT + (power as usize - 9) * PARTS + part
    }
}

impl FreeList {
    /// Returns the bytes in all blocks, including those that are too small for a bin.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets all blocks.
    pub fn clear(&mut self) {
        *self = FreeList::default();
    }

    /// Adds a free block. The caller has poisoned it.
    pub fn insert(&mut self, memory: &mut ObjectMemory, block: Block) {
        debug_assert!(block.size.is_multiple_of(OBJECT_ALIGN) && block.size != 0);
        memory.space.set_word(block.at, 0);
        memory.space.set_word(block.at + 4, block.size);
        self.bytes += u64::from(block.size);
        if block.size >= BLOCK_MIN {
            let bin = bin(block.size);
            memory.space.set_word(block.at + 8, self.heads[bin]);
            self.heads[bin] = block.at;
            self.filled[bin / 64] |= 1 << (bin % 64);
        }
    }

    /// Removes and returns a block of at least `size` bytes. Its size is near the smallest possible
    /// one.
    ///
    /// # Errors
    /// A link or header was overwritten.
    pub fn take(
        &mut self,
        memory: &mut ObjectMemory,
        size: u32,
    ) -> Result<Option<Block>, HeapFault> {
        let size = size.max(BLOCK_MIN);
        let own = bin(size);
        if let Some(block) = self.search(memory, own, size, TRIES)? {
            return Ok(Some(block));
        }
        match self.next_filled(own + 1) {
            Some(larger) => self.pop(memory, larger),
            None => self.search(memory, own, size, u32::MAX),
        }
    }

    /// Removes and returns a block of at least `size` bytes. Its size is near the largest there is.
    ///
    /// # Errors
    /// A link or header was overwritten.
    pub fn take_large(
        &mut self,
        memory: &mut ObjectMemory,
        size: u32,
    ) -> Result<Option<Block>, HeapFault> {
        let Some(largest) = self.last_filled() else {
            return Ok(None);
        };
        if largest > bin(size.max(BLOCK_MIN)) {
            self.pop(memory, largest)
        } else {
            self.search(memory, largest, size, TRIES)
        }
    }

    fn next_filled(&self, from: usize) -> Option<usize> {
        if from >= BINS {
            return None;
        }
        let first = self.filled[from / 64] & (u64::MAX << (from % 64));
        if first != 0 {
            return Some(from / 64 * 64 + first.trailing_zeros() as usize);
        }
        let later = (from / 64 + 1..self.filled.len()).find(|&word| self.filled[word] != 0)?;
        Some(later * 64 + self.filled[later].trailing_zeros() as usize)
    }

    fn last_filled(&self) -> Option<usize> {
        let word = self.filled.iter().rposition(|&word| word != 0)?;
        Some(word * 64 + 63 - self.filled[word].leading_zeros() as usize)
    }

    fn pop(&mut self, memory: &mut ObjectMemory, bin: usize) -> Result<Option<Block>, HeapFault> {
        self.search(memory, bin, 0, 1)
    }

    /// Removes and returns the first block of a bin that has at least `size` bytes, among the first
    /// `tries`.
    fn search(
        &mut self,
        memory: &mut ObjectMemory,
        from: usize,
        size: u32,
        tries: u32,
    ) -> Result<Option<Block>, HeapFault> {
        let mut before = 0;
        let mut at = self.heads[from];
        for _ in 0..tries {
            if at == 0 {
                return Ok(None);
            }
            let found = header(memory, at, from)?;
            let next = memory.space.word(at + 8);
            if found >= size {
                if before != 0 {
                    memory.space.set_word(before + 8, next);
                } else {
                    self.heads[from] = next;
                    if next == 0 {
                        self.filled[from / 64] &= !(1 << (from % 64));
                    }
                }
                self.bytes -= u64::from(found);
                return Ok(Some(Block { at, size: found }));
            }
            before = at;
            at = next;
        }
        Ok(None)
    }
}

/// Returns the size of the block at `at`, to which a head or link of the bin `from` refers.
fn header(memory: &ObjectMemory, at: u32, from: usize) -> Result<u32, HeapFault> {
    let bad = HeapFault::BadReference {
        referrer: Referrer::FreeList,
        raw: at,
    };
    let end = u64::from(at) + u64::from(BLOCK_MIN);
    if !at.is_multiple_of(OBJECT_ALIGN) || end > memory.space.accessible() {
        return Err(bad);
    }
    let size = memory.space.word(at + 4);
    let in_bin = size >= BLOCK_MIN && size.is_multiple_of(OBJECT_ALIGN) && bin(size) == from;
    let fits = u64::from(at) + u64::from(size) <= memory.space.accessible();
    if memory.space.word(at) == 0 && in_bin && fits {
        Ok(size)
    } else {
        Err(bad)
    }
}
