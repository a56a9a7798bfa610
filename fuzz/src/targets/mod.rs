//! Input -> verdict. The list of targets, through which everything goes: the command line, replay,
//! smoke tests, libFuzzer.
//!
//! A target says what it makes of an input (a [`Subject`]) and what it does with that (a plan:
//! which engines, under which schedules). Running a plan is the same for all and lives in `run`;
//! comparing lives in `oracles`.
//!
//! To add a target: a file here with `TARGET` and a smoke test, a line in [`TARGETS`], and a file
//! in `fuzz_targets`.
//!
//! Reading order: `subject`, `run`, the targets, `libfuzzer`.

pub mod libfuzzer;
pub mod run;
pub mod subject;

pub mod collectors;
pub mod const_eval;
pub mod differential;
pub mod exceptions;
pub mod heap_ops;
pub mod sweep;
pub mod table_ops;
pub mod types;
pub mod validate;

pub use run::{Fault, Ran, Rig, Stats};
pub use subject::Subject;

use crate::input::Input;

/// A fuzz target.
#[derive(Debug)]
pub struct Target {
    /// Its name, on the command line and as a file.
    pub name: &'static str,
    /// What it hunts, in one line.
    pub hunts: &'static str,
    /// Inputs it gets in each round of a run over several targets. Targets that run a program many
    /// times get few, so that time is shared rather than inputs.
    pub share: u32,
    /// What an input means to it.
    pub subject: fn(&Input) -> Subject,
    /// Runs and compares.
    pub check: fn(&Subject, &mut Rig) -> Ran,
}

/// Every target.
pub static TARGETS: &[&Target] = &[
    &differential::TARGET,
    &collectors::TARGET,
    &sweep::TARGET,
    &const_eval::TARGET,
    &table_ops::TARGET,
    &exceptions::TARGET,
    &types::TARGET,
    &validate::TARGET,
    &heap_ops::TARGET,
];

/// One round of a run over `targets`: positions in it, each as often as its [`Target::share`],
/// spread out evenly.
pub fn round(targets: &[&Target]) -> Vec<usize> {
    let length: u32 = targets.iter().map(|t| t.share).sum();
    let mut round = Vec::new();
    let mut had = vec![0; targets.len()];
    for place in 1..=length {
        // The turn goes to whoever is furthest behind its share.
        let behind = |&t: &usize| {
            i64::from(place * targets[t].share) - i64::from(length) * i64::from(had[t])
        };
        if let Some(next) = (0..targets.len()).rev().max_by_key(behind) {
            had[next] += 1;
            round.push(next);
        }
    }
    round
}

/// The target with this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().copied().find(|t| t.name == name)
}

impl Target {
    /// Runs an input. A fault of an engine comes back as [`Ran::fault`]; a panic is a fault of the
    /// harness itself.
    pub fn run(&self, bytes: &[u8], rig: &mut Rig) -> Ran {
        let subject = (self.subject)(&Input::parse(bytes));
        (self.check)(&subject, rig)
    }

    /// Runs the input of a seed.
    pub fn run_seed(&self, seed: u64, rig: &mut Rig) -> Ran {
        let subject = (self.subject)(&Input::of_seed(seed));
        (self.check)(&subject, rig)
    }

    /// The bytes of a seed's input.
    pub fn input_of_seed(&self, seed: u64) -> Vec<u8> {
        Input::of_seed(seed).to_bytes()
    }

    /// The subject of an input, for printing and reducing.
    pub fn subject_of(&self, bytes: &[u8]) -> Subject {
        (self.subject)(&Input::parse(bytes))
    }

    /// An input as a person reads it.
    pub fn print(&self, bytes: &[u8]) -> String {
        self.subject_of(bytes).to_string()
    }
}

#[test]
fn a_round_gives_each_target_its_share() {
    let round = round(TARGETS);
    for (at, target) in TARGETS.iter().enumerate() {
        let turns = round.iter().filter(|&&t| t == at).count();
        assert_eq!(turns, target.share as usize, "{}", target.name);
    }
    // The first target has the largest share: it never waits long.
    assert!(round.windows(8).all(|row| row.contains(&0)), "{round:?}");
}

/// What the smoke tests of all targets do: a few seeds, no fault, and most inputs compared.
///
/// # Panics
/// A fault was found, or too little was compared.
#[cfg(test)]
fn smoke(target: &Target, seeds: u64) {
    let mut rig = Rig::standard(&[]).expect("engines start");
    let mut compared = 0;
    let (mut steps, mut traps) = (0, 0);
    for seed in 0..seeds {
        let ran = target.run_seed(seed, &mut rig);
        if let Some(fault) = ran.fault {
            panic!(
                "{} --seed {seed}: {}\n{}",
                target.name, fault.title, fault.text
            );
        }
        compared += u64::from(ran.skipped.is_none());
        steps += ran.stats.reference_steps;
        traps += ran.stats.traps;
    }
    assert!(
        traps * 4 <= steps,
        "{}: {traps} of {steps} steps trap",
        target.name
    );
    assert!(
        compared * 10 >= seeds * 8,
        "{}: {compared} of {seeds} compared",
        target.name
    );
}
