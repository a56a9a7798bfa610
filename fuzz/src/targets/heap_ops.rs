//! Random operations straight on the heaps, every collector against a model that never collects; no
//! WebAssembly, and no engine.
//!
//! The declared exception to "a target makes a case": a case here is a list of operations
//! ([`Operations`]), because what is tested lies below anything a program could say. The model, and
//! the comparison with it, are `runtime::heap::ops`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_oracles::engine::runtime::RuntimeConfig;
use gcrucible_runtime::config::{CollectorKind, Schedule};
use gcrucible_runtime::heap::ops::{self, Op, Setup, Totals, Words};
use gcrucible_runtime::planted::Planted;

use super::run::Fault;
use super::{Ran, Rig, Subject, Target};
use crate::generate::source::split_mix;
use crate::input::{Input, SEED_BYTES_MAX};

/// See the module.
pub static TARGET: Target = Target {
    name: "heap_ops",
    hunts: "random operations straight on the heaps, every collector against a model",
    share: 2,
    subject: test_case,
    check,
};

/// How many operations the input of a seed makes.
const SEED_OPERATIONS: usize = 2000;
/// How many operations a list that shows a fault may cost to be reduced.
const REDUCTION_OPERATIONS: usize = 2_000_000;

/// A list of operations, and what the heaps are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations {
    schedule: Schedule,
    heap_limit: u64,
    fails_after: Option<u64>,
    words: Vec<u64>,
}

impl Operations {
    fn of(input: &Input) -> Operations {
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

    /// Runs the operations on a collector. A fault may also show as an access outside of the heap's
    /// memory, which a heap refuses by panicking.
    fn run(&self, collector: CollectorKind, planted: Planted) -> Result<Totals, String> {
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
            Err(panic) => Err(Ran::panicked(&*panic)
                .fault
                .map_or_else(String::new, |fault| format!("panic: {}", fault.title))),
        }
    }

    /// A shorter list that shows the same fault: ever smaller pieces are left out as long as that
    /// does not change the fault.
    fn reduced(&self, fails: impl Fn(&Operations) -> bool) -> Operations {
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

impl fmt::Display for Operations {
    /// One line for each operation: the word it is read from, and what it says.
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

fn test_case(input: &Input) -> Subject {
    Subject {
        operations: Some(Operations::of(input)),
        ..Subject::bytes(input, Vec::new())
    }
}

/// Collectors, with planted faults, of the engines of a session; all collectors if no engine has
/// any.
fn collectors(rig: &Rig) -> Vec<(CollectorKind, Planted)> {
    let mut found = Vec::new();
    for config in rig
        .engines
        .iter()
        .filter_map(|e| RuntimeConfig::named(&e.name()).ok())
    {
        let of = (config.collector, config.planted());
        if !found.contains(&of) {
            found.push(of);
        }
    }
    if found.is_empty() {
        found.extend(CollectorKind::ALL.map(|kind| (kind, Planted::NONE)));
    }
    found
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = Ran::default();
    let Some(operations) = &subject.operations else {
        return ran;
    };
    for (collector, planted) in collectors(rig) {
        match operations.run(collector, planted) {
            Ok(totals) => {
                let stats = &mut ran.stats;
                stats.steps += totals.steps;
                stats.collections += totals.collections;
                stats.live_checks += 1;
                stats.live_objects += totals.compared;
                stats.collected_alive |= totals.collections > 0 && totals.compared > 0;
            }
            Err(what) => {
                ran.fault = Some(fault(operations, collector, planted, &what));
                break;
            }
        }
    }
    ran
}

fn fault(operations: &Operations, collector: CollectorKind, planted: Planted, what: &str) -> Fault {
    let signature = signature(what);
    let least = operations.reduced(|shorter| {
        let ran = shorter.run(collector, planted);
        ran.is_err_and(|what| self::signature(&what) == signature)
    });
    let shown = least.run(collector, planted).err().unwrap_or_default();
    let name = collector.name();
    Fault {
        title: format!("{name}: {what}"),
        text: format!(
            "{name}: {shown}\n\n{} of {} operations:\n{least}",
            least.words.len(),
            operations.words.len(),
        ),
        signature: format!("heap: {signature}"),
        engine: format!("runtime:{name}"),
        header: Vec::new(),
        place: None,
    }
}

/// What does not change from one list to another: the words after the operation, without numbers.
fn signature(what: &str) -> String {
    let what = what.split_once("): ").map_or(what, |(_, what)| what);
    let words = what.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = words.filter(|w| w.len() > 2).take(6).collect();
    words.join(" ")
}

#[test]
fn smoke() {
    super::smoke(&TARGET, 20);
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

/// Faults in collectors and barriers are found here too, and the list that is left is short.
#[cfg(feature = "planted")]
#[test]
fn planted_faults_are_found() {
    for (fault, most) in [
        ("release-is-shallow", 40),
        ("inline-write-no-barrier", 40),
        ("table-fill-null-memset", 40),
        ("globals-are-no-roots", 40),
        ("exceptions-not-traced", 60),
        ("array-copy-forward", 60),
        ("array-size-wraps", 60),
    ] {
        let mut rig = Rig::standard(&[fault.to_owned()]).expect("engines start");
        let found = (0..200).find_map(|seed| TARGET.run_seed(seed, &mut rig).fault);
        let found = found.unwrap_or_else(|| panic!("{fault} is not found"));
        let lines = found
            .text
            .lines()
            .filter(|line| line.starts_with("0x"))
            .count();
        println!("{fault}: {lines} operations: {}", found.title);
        assert!(lines <= most, "{fault}: {}", found.text);
    }
}
