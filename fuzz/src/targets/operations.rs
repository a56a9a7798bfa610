//! Random operations on heaps, as a list. The target `heap_ops` runs them in place of a case.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_runtime::embed::{CollectorKind, Planted, Schedule};
use gcrucible_runtime::heap_ops::{self as ops, Op, Setup, Totals, Words};

use crate::generate::source::split_mix;
use crate::input::{Input, SEED_BYTES_MAX};

/// How many operations the input of a seed makes.
const SEED_OPERATIONS: usize = 2000;
/// How many operations may be run to reduce one list.
const REDUCTION_OPERATIONS: usize = 2_000_000;

/// A list of operations, and the settings of the heaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations {
    schedule: Schedule,
    heap_limit: u64,
    fails_after: Option<u64>,
    words: Vec<u64>,
}

impl Operations {
    /// Returns how many operations there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Returns the names of the instructions that do the same, each once.
    pub(super) fn names(&self) -> Vec<String> {
        let named = |&word: &u64| match Op::from_word(word) {
            Op::NewStruct { .. } => Some("struct.new"),
            Op::NewArray { .. } => Some("array.new"),
            Op::NewExtern { .. } => Some("host extern"),
            Op::NewException { .. } => Some("throw"),
            Op::WriteField { .. } => Some("struct.set"),
            Op::ReadField { .. } => Some("struct.get"),
            Op::Fill { .. } => Some("array.fill"),
            Op::Copy { .. } => Some("array.copy"),
            Op::InitBytes { .. } => Some("array.init_data"),
            Op::InitRefs { .. } => Some("array.init_elem"),
            Op::TableFill { .. } => Some("table.fill"),
            Op::TableCopy { .. } => Some("table.copy"),
            Op::TableInit { .. } => Some("table.init"),
            Op::WriteRoot { .. } => Some("global.set"),
            Op::SetI31 { .. } => Some("ref.i31"),
            Op::Forget { .. } | Op::ReadRoot { .. } | Op::Point { .. } | Op::Collect => None,
        };
        let names: BTreeSet<&str> = self.words.iter().filter_map(named).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Returns the operations that an input stands for.
    pub(super) fn of(input: &Input) -> Operations {
        let mut number = input.number();
        let mut words: Vec<u64> = if input.base.len() > SEED_BYTES_MAX {
            input.words().collect()
        } else {
            Words(number).take(SEED_OPERATIONS).collect()
        };
        for edit in &input.edits {
            let at = edit.seed as usize % words.len().max(1);
            let fresh = Words(edit.seed.into()).take(usize::from(edit.kind) % 16);
            for (word, fresh) in words.iter_mut().skip(at).zip(fresh) {
                *word = fresh;
            }
        }
        let mut draw = |n: u64| split_mix(&mut number) % n;
        Operations {
            schedule: match draw(8) {
                0 => Schedule::Every,
                1 => Schedule::EveryNth(2 + draw(60)),
                2 => {
                    let apart = 1 + draw(9);
                    Schedule::At((0..200).map(|at| at * apart).collect())
                }
                _ => Schedule::OnPressure,
            },
            heap_limit: match draw(3) {
                0 => 192 << 10,
                _ => 8 << 20,
            },
            fails_after: match draw(4) {
                0 => Some(3 + draw(200)),
                _ => None,
            },
            words,
        }
    }

    /// Runs the operations on a collector. A panic is a fault as well: a heap panics on an access
    /// outside of its memory.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(super) fn run(&self, collector: CollectorKind, planted: Planted) -> Result<Totals, String> {
        let setup = Setup {
            collector,
            schedule: self.schedule.clone(),
            heap_limit: self.heap_limit,
            fails_after: self.fails_after,
            planted,
        };
        let run = || ops::run(&setup, self.words.iter().copied());
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(totals)) => Ok(totals),
            Ok(Err(mismatch)) => Err(mismatch.to_string()),
            Err(panic) => Err(format!("panic: {}", first_line(&*panic))),
        }
    }

    /// Returns a shorter list that shows the same fault. Removes smaller and smaller pieces as long
    /// as the fault stays.
    pub(super) fn reduced(&self, fails: impl Fn(&Operations) -> bool) -> Operations {
        let mut least = self.clone();
        let mut budget = REDUCTION_OPERATIONS;
        let mut piece = least.words.len().div_ceil(2);
        while piece > 0 {
            let mut at = 0;
            while at < least.words.len() {
                let mut shorter = least.clone();
                let end = (at + piece).min(shorter.words.len());
                shorter.words.drain(at..end);
                if budget < shorter.words.len() {
                    return least;
                }
                budget -= shorter.words.len();
                if fails(&shorter) {
                    least = shorter;
                } else {
                    at += piece;
                }
            }
            piece /= 2;
        }
        least
    }
}

/// The first line of a panic's message.
fn first_line(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next())
        .unwrap_or("no message")
}

impl fmt::Display for Operations {
    /// Returns one line for each operation: the word that encodes it, and the operation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "schedule = {:?}", self.schedule)?;
        writeln!(f, "heap = {} bytes", self.heap_limit)?;
        if let Some(after) = self.fails_after {
            writeln!(f, "an allocation fails after {after}")?;
        }
        for &word in &self.words {
            writeln!(f, "{word:#018x}  {:?}", Op::from_word(word))?;
        }
        Ok(())
    }
}

#[test]
fn a_list_is_reduced_to_what_matters() {
    let operations = Operations::of(&Input::of_seed(3));
    let copies = |of: &Operations| {
        let copies = of
            .words
            .iter()
            .filter(|word| matches!(Op::from_word(**word), Op::TableCopy { .. }));
        copies.count()
    };
    assert!(copies(&operations) > 3);
    let least = operations.reduced(|shorter| copies(shorter) >= 2);
    assert_eq!((copies(&least), least.words.len()), (2, 2));
    assert!(least.to_string().contains("TableCopy"));
}
