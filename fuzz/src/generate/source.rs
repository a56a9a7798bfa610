//! Where choices come from: the bytes of an input, or a seed that is expanded into bytes.
//!
//! Always: a draw from `n` alternatives is uniform up to `n / 65536`. When the bytes are used up,
//! every draw is 0. Generators list the simplest alternative first, so short inputs make small
//! programs, and every generation ends.

use arbitrary::Unstructured;
use gcrucible_runtime::heap_ops::Words;

/// A supply of choices.
#[derive(Debug)]
pub struct Source<'a> {
    bytes: Unstructured<'a>,
}

impl<'a> Source<'a> {
    /// Draws from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Source<'a> {
        Source {
            bytes: Unstructured::new(bytes),
        }
    }

    /// Whether all further draws give 0.
    pub fn is_used_up(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Draws a number below `n`, or 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n <= 1 {
            return 0;
        }
        let draw: u16 = self.bytes.arbitrary().unwrap_or(0);
        (usize::from(draw) * n) >> 16
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: u32, high: u32) -> u32 {
        low + self.below((high - low) as usize + 1) as u32
    }

    /// Draws true in `percent` of 100 cases. Returns false once the bytes are used up.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) >= 100 - percent as usize
    }

    /// One of `items`, or `None` if there are none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).copied()
    }

    /// Draws a position with the given weights, or 0 if all weights are 0.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let mut draw = self.below(total as usize) as u32;
        for (at, &weight) in weights.iter().enumerate() {
            if draw < weight {
                return at;
            }
            draw -= weight;
        }
        0
    }

    /// Any 32 bits.
    pub fn bits32(&mut self) -> u32 {
        self.bytes.arbitrary().unwrap_or(0)
    }

    /// Any 64 bits.
    pub fn bits64(&mut self) -> u64 {
        self.bytes.arbitrary().unwrap_or(0)
    }
}

/// Expands a seed into `len` bytes, each word's little end first.
pub fn expand(seed: u64, len: usize) -> Vec<u8> {
    let words = Words(seed).take(len.div_ceil(8));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(len);
    bytes
}

/// Returns the next number of the sequence whose state is `state`.
pub fn split_mix(state: &mut u64) -> u64 {
    let mut words = Words(*state);
    let word = words.draw();
    *state = words.0;
    word
}
