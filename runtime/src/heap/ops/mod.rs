//! Random operations on a heap, compared with a model that never collects. No WebAssembly is
//! involved.
//!
//! An operation is one 64-bit word, so any bytes are a program. [`Op`] says what a word means.
//! [`Driver`] carries out a program on a heap and on the model (`model`). Half of the time it uses
//! the code that collectors emit, which `emitted` interprets. After a full collection the heap
//! verifies and audits itself, and `compare` compares the graphs that are reachable from all roots,
//! the census, and the host objects that died.
//!
//! Always: a run depends only on its setup and its words.
//!
//! Test equipment: only the cargo feature `heap-ops` compiles it. The tests of this package
//! (`tests/heap_model.rs`) and the fuzz target `heap_ops` switch it on.
//!
//! Reading order: `record`, `slots`, `types`, `model`, `emitted`, `driver`, `compare`, `ranges`.

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

/// What is chosen for a run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The collector.
    pub collector: CollectorKind,
    /// Its schedule.
    pub schedule: Schedule,
    /// The limit of the heap in bytes.
    pub heap_limit: u64,
    /// If set, an allocation fails after this many others, again and again, as if the heap was
    /// full. No allocation is inline then.
    pub fails_after: Option<u64>,
    /// Faults planted on purpose.
    pub planted: Planted,
}

/// An operation. A number that selects something is taken modulo how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    /// Allocates a structure of the `ty`-th structure type. Its references are those in the slots
    /// of the frame from `from` on.
    NewStruct {
        to: u8,
        ty: u8,
        from: u8,
    },
    /// Allocates an array whose elements are zero.
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
    /// Puts an i31 into a slot of the frame.
    SetI31 {
        to: u8,
        value: u32,
    },
    /// Puts null into slots of the frame.
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
    /// Copies references from the segment to the table.
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
    /// Returns the operation that a word means. A frequent operation has more numbers.
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

/// Returns a length: usually a small one, sometimes a large one, rarely an impossible one.
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
/// The first difference between heap and model, or the first fault of the heap.
pub fn run(setup: &Setup, words: impl IntoIterator<Item = u64>) -> Result<Totals, Mismatch> {
    let mut driver = Driver::new(setup.clone())?;
    for word in words {
        driver.step(Op::from_word(word))?;
    }
    driver.finish()
}

/// Pseudo-random words: always the same for a seed (SplitMix64, Steele, Lea, Flood 2014).
#[derive(Clone, Copy, Debug)]
pub struct Words(pub u64);

impl Words {
    /// From one state to the next.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// Returns the word at a position of the sequence of `seed`. The sequence begins at position 1.
    /// Different positions have different words.
    #[must_use]
    pub fn at(seed: u64, position: u64) -> u64 {
        let mut z = seed.wrapping_add(position.wrapping_mul(Words::STEP));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns the next word.
    pub fn draw(&mut self) -> u64 {
        let word = Words::at(self.0, 1);
        self.0 = self.0.wrapping_add(Words::STEP);
        word
    }
}

impl Iterator for Words {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        Some(self.draw())
    }
}
