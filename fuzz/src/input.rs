//! The bytes that a target gets: a base, which makes a program, and edits, which change it.
//!
//! Seeds, corpus files, libFuzzer and `replay` share one format:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | number of edits, modulo 8 |
//! | 5 each | an edit: what to do, and a seed for how |
//! | rest | the base: up to 16 bytes are a seed and are expanded; more are the choices themselves |
//!
//! So every byte string is an input. A mutated program has an input that is a few bytes longer than
//! the input of the program it came from. An edit changes nothing but its own place.

use crate::generate::SEED_BYTES;
use crate::generate::source::{expand, split_mix};

/// Most edits of one input.
pub const EDITS_MAX: usize = 7;
const EDIT_BYTES: usize = 5;
/// A base of at most this many bytes is a seed.
pub const SEED_BYTES_MAX: usize = 16;

/// A change to a program: see `mutate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which mutation, taken modulo their number.
    pub kind: u8,
    /// How.
    pub seed: u32,
}

/// A parsed input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Applied in order.
    pub edits: Vec<Edit>,
    /// What makes the program.
    pub base: Vec<u8>,
}

impl Input {
    /// Parses any bytes. The bytes of an edit that is cut off belong to the base.
    pub fn parse(bytes: &[u8]) -> Input {
        let Some((&first, rest)) = bytes.split_first() else {
            return Input {
                edits: Vec::new(),
                base: Vec::new(),
            };
        };
        let wanted = usize::from(first) % (EDITS_MAX + 1);
        let there = wanted.min(rest.len() / EDIT_BYTES);
        let (edits, base) = rest.split_at(there * EDIT_BYTES);
        let edits = edits
            .chunks_exact(EDIT_BYTES)
            .map(|c| Edit {
                kind: c[0],
                seed: u32::from_le_bytes([c[1], c[2], c[3], c[4]]),
            })
            .collect();
        Input {
            edits,
            base: base.to_vec(),
        }
    }

    /// Returns bytes from which this input is parsed again. At most [`EDITS_MAX`] edits are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let edits = &self.edits[..self.edits.len().min(EDITS_MAX)];
        let mut bytes = vec![edits.len() as u8];
        for edit in edits {
            bytes.push(edit.kind);
            bytes.extend(edit.seed.to_le_bytes());
        }
        bytes.extend(&self.base);
        bytes
    }

    /// Returns the input of a seed, without edits.
    pub fn of_seed(seed: u64) -> Input {
        Input {
            edits: Vec::new(),
            base: seed.to_le_bytes().to_vec(),
        }
    }

    /// Returns the seed whose input this is, if it is one's.
    pub fn seed(&self) -> Option<u64> {
        let seed = <[u8; 8]>::try_from(self.base.as_slice()).ok()?;
        self.edits.is_empty().then_some(u64::from_le_bytes(seed))
    }

    /// Returns the base as choices for a generator.
    pub fn choices(&self) -> Vec<u8> {
        if self.base.len() > SEED_BYTES_MAX {
            return self.base.clone();
        }
        expand(self.number(), SEED_BYTES)
    }

    /// Returns one number for the whole base, for decisions outside of the program such as the
    /// choice of an engine or a generator.
    pub fn number(&self) -> u64 {
        if let Ok(seed) = <[u8; 8]>::try_from(self.base.as_slice()) {
            return u64::from_le_bytes(seed);
        }
        self.words().fold(self.base.len() as u64, |state, word| {
            split_mix(&mut (state ^ word))
        })
    }

    /// Returns the base as numbers of eight bytes each. The last one is filled up with zeros.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        self.base.chunks(8).map(|bytes| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_survives_a_round_trip() {
        let input = Input {
            edits: vec![
                Edit { kind: 3, seed: 77 },
                Edit {
                    kind: 255,
                    seed: u32::MAX,
                },
            ],
            base: vec![1, 2, 3],
        };
        assert_eq!(Input::parse(&input.to_bytes()), input);
        assert_eq!(Input::parse(&Input::of_seed(9).to_bytes()).number(), 9);
        assert_eq!(Input::of_seed(9).seed(), Some(9));
        assert_eq!(input.seed(), None);
        for len in 0..40 {
            let bytes = vec![0xff; len];
            assert!(Input::parse(&bytes).to_bytes().len() <= len.max(1));
        }
    }
}
