//! Random operations straight on a heap, against a model that never collects. No WebAssembly is
//! involved.
//!
//! An operation is one 64-bit word, so any bytes are a program; [`Op`] says what a word means.
//! [`Driver`] carries a program out on a heap and on the model (`model`), half of the time through
//! the code that collectors emit (`emitted`, which interprets it). After every full collection
//! everything is compared: the graphs reachable from all roots, the census, the host objects that
//! died; and the heap verifies and audits itself.
//!
//! Always: a run depends on its setup and words only. Used by the tests of this package and by the
//! fuzz target `heap_ops`.

mod compare;
mod driver;
mod emitted;
mod model;
mod ranges;
mod record;
mod slots;
mod types;

pub use driver::{Driver, Totals};
pub use model::Mismatch;

use crate::config::{CollectorKind, Schedule};
use crate::planted::Planted;

/// What a run is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The collector.
    pub collector: CollectorKind,
    /// Its schedule.
    pub schedule: Schedule,
    /// Most bytes of heap.
    pub heap_limit: u64,
    /// After so many allocations one fails, as if the heap was full; then it begins again. Nothing
    /// is allocated inline then.
    pub fails_after: Option<u64>,
    /// Faults planted on purpose.
    pub planted: Planted,
}

/// An operation. Numbers are reduced to what there is: `slot % slots` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    /// A structure of the `ty`-th structure type; its references are taken from frame slots from
    /// `from` on.
    NewStruct {
        to: u8,
        ty: u8,
        from: u8,
    },
    /// An array; at first all elements are zero.
    NewArray {
        to: u8,
        ty: u8,
        len: u32,
    },
    NewExtern {
        to: u8,
    },
    NewException {
        to: u8,
        from: u8,
    },
    /// An i31 in a frame slot.
    SetI31 {
        to: u8,
        value: u32,
    },
    /// Null in frame slots.
    Forget {
        first: u8,
        count: u8,
    },
    WriteRoot {
        root: u8,
        from: u8,
    },
    ReadRoot {
        to: u8,
        root: u8,
    },
    WriteField {
        object: u8,
        field: u8,
        from: u8,
        number: u32,
    },
    ReadField {
        to: u8,
        object: u8,
        field: u8,
    },
    Fill {
        array: u8,
        at: u8,
        len: u8,
        from: u8,
        number: u32,
    },
    Copy {
        to: u8,
        from: u8,
        at: u8,
        start: u8,
        len: u8,
    },
    InitBytes {
        array: u8,
        at: u8,
        number: u32,
    },
    InitRefs {
        array: u8,
        at: u8,
        first: u8,
        len: u8,
    },
    TableFill {
        at: u8,
        len: u8,
        from: u8,
    },
    TableCopy {
        at: u8,
        start: u8,
        len: u8,
    },
    /// From the segment.
    TableInit {
        at: u8,
        start: u8,
        len: u8,
    },
    Point {
        kind: u8,
    },
    Collect,
}

impl Op {
    /// What a word means. Frequent operations have more numbers.
    #[must_use]
    pub fn from_word(word: u64) -> Op {
        let [kind, a, b, c, ..] = word.to_le_bytes();
        let d = (word >> 32) as u32;
        let [d0, d1, ..] = d.to_le_bytes();
        match kind {
            0..=47 => Op::NewStruct {
                to: a,
                ty: b,
                from: c,
            },
            48..=71 => Op::NewArray {
                to: a,
                ty: b,
                len: length(c, d),
            },
            72..=79 => Op::NewExtern { to: a },
            80..=85 => Op::NewException { to: a, from: b },
            86..=93 => Op::SetI31 { to: a, value: d },
            94..=101 => Op::Forget { first: a, count: b },
            102..=121 => Op::WriteRoot { root: a, from: b },
            122..=141 => Op::ReadRoot { to: a, root: b },
            142..=175 => Op::WriteField {
                object: a,
                field: b,
                from: c,
                number: d,
            },
            176..=205 => Op::ReadField {
                to: a,
                object: b,
                field: c,
            },
            206..=211 => Op::Fill {
                array: a,
                at: b,
                len: c,
                from: d0,
                number: d,
            },
            212..=219 => Op::Copy {
                to: a,
                from: b,
                at: c,
                start: d0,
                len: d1,
            },
            220..=223 => Op::InitBytes {
                array: a,
                at: b,
                number: d,
            },
            224..=229 => Op::InitRefs {
                array: a,
                at: b,
                first: c,
                len: d0,
            },
            230..=235 => Op::TableFill {
                at: a,
                len: b,
                from: c,
            },
            236..=241 => Op::TableCopy {
                at: a,
                start: b,
                len: c,
            },
            242..=247 => Op::TableInit {
                at: a,
                start: b,
                len: c,
            },
            248..=254 => Op::Point { kind: a },
            255 => Op::Collect,
        }
    }
}

/// Lengths are mostly small, sometimes large, rarely impossible.
fn length(class: u8, number: u32) -> u32 {
    match class {
        0..=239 => number % 12,
        240..=251 => number % 300,
        252..=254 => number % 6000,
        255 => u32::MAX - number % 1024,
    }
}

/// Carries out the program that `words` are.
///
/// # Errors
/// The first difference between heap and model, or fault of the heap.
pub fn run(setup: &Setup, words: impl IntoIterator<Item = u64>) -> Result<Totals, Mismatch> {
    let mut driver = Driver::new(setup.clone())?;
    for word in words {
        driver.step(Op::from_word(word))?;
    }
    driver.finish()
}

/// A generator of words: the same for the same seed, everywhere (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub struct Words(pub u64);

impl Iterator for Words {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(z ^ z >> 31)
    }
}
