//! A fuzz target, as data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::features::Edges;
use super::named;
use super::rig::Rig;
use super::run::Ran;
use super::subject::Subject;
use crate::generate::Without;
use crate::input::Input;

/// A fuzz target.
#[derive(Debug)]
pub struct Target {
    /// Its name, on the command line and as a file.
    pub name: &'static str,
    /// What it hunts, in one line.
    pub hunts: &'static str,
    /// How many inputs it gets in each round of a run over several targets. A target that runs a
    /// program many times gets few, so that all targets get a fair share of time.
    pub share: u32,
    /// What guides libFuzzer beside the rules of the specification.
    pub edges: Edges,
    /// Makes the subject of an input. Callers use [`Target::subject`] or [`Target::plain`].
    pub subject: fn(&Input, Without) -> Subject,
    /// Changes the subject for engines that the user named. [`Target::check`] does not run then, so
    /// what it does with a subject has to be in the subject.
    pub for_named: Option<fn(Subject) -> Subject>,
    /// Runs and compares, on engines of the target's choice. Callers use [`Target::judge`].
    pub check: fn(&Subject, &mut Rig) -> Ran,
}

impl Target {
    /// Runs an input. Returns a fault of an engine as [`Ran::finding`]. A panic is a fault of the
    /// harness itself.
    pub fn run(&self, bytes: &[u8], rig: &mut Rig) -> Ran {
        self.judge(&self.subject(&Input::parse(bytes), rig), rig)
    }

    /// Runs a subject: on the engines that the user named, or else on those of the target's choice.
    pub fn judge(&self, subject: &Subject, rig: &mut Rig) -> Ran {
        if rig.are_named {
            return named::each(subject, rig);
        }
        (self.check)(subject, rig)
    }

    /// Runs the input of a seed.
    pub fn run_seed(&self, seed: u64, rig: &mut Rig) -> Ran {
        let subject = self.subject(&Input::of_seed(seed), rig);
        self.judge(&subject, rig)
    }

    /// Runs an input, as [`Target::run`] does. Returns a panic as a finding, and the subject unless
    /// making it panicked.
    pub fn run_caught(&self, bytes: &[u8], rig: &mut Rig) -> (Option<Subject>, Ran) {
        let make = || self.subject(&Input::parse(bytes), rig);
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok(subject) => {
                let ran = Ran::catching(|| self.judge(&subject, rig));
                (Some(subject), ran)
            }
            Err(panic) => (None, Ran::panicked(panic.as_ref())),
        }
    }

    /// Returns the bytes of a seed's input.
    pub fn input_of_seed(&self, seed: u64) -> Vec<u8> {
        Input::of_seed(seed).to_bytes()
    }

    /// Returns the subject of an input as the engines of a rig get it.
    pub fn subject(&self, input: &Input, rig: &Rig) -> Subject {
        let subject = rig.prepared((self.subject)(input, rig.without()));
        match self.for_named {
            Some(changed) if rig.are_named => changed(subject),
            _ => subject,
        }
    }

    /// Returns the subject of an input as our own engines get it.
    pub fn plain(&self, input: &Input) -> Subject {
        (self.subject)(input, Without::default())
    }

    /// Returns an input as a person reads it.
    pub fn print(&self, bytes: &[u8]) -> String {
        self.plain(&Input::parse(bytes)).to_string()
    }

    /// The smoke test of every target: a few seeds, no finding, and most inputs compared.
    ///
    /// # Panics
    /// Something was found, or too little was compared.
    #[cfg(test)]
    #[track_caller]
    pub(super) fn smoke(&self, seeds: u64) {
        let mut rig = Rig::standard(&[]).expect("engines start");
        let mut compared = 0;
        let (mut steps, mut traps) = (0, 0);
        for seed in 0..seeds {
            let ran = self.run_seed(seed, &mut rig);
            if let Some(finding) = ran.finding {
                let title = finding.title();
                panic!("{} --seed {seed}: {title}\n{}", self.name, finding.text);
            }
            // Nothing is discarded uncounted.
            assert!(
                ran.is_compared() != ran.skipped.is_some(),
                "{} --seed {seed}: {ran:?}",
                self.name
            );
            compared += u64::from(ran.skipped.is_none());
            steps += ran.stats.reference_steps;
            traps += ran.stats.traps;
        }
        let name = self.name;
        assert!(traps * 4 <= steps, "{name}: {traps} of {steps} steps trap");
        let enough = compared * 10 >= seeds * 8;
        assert!(enough, "{name}: {compared} of {seeds} compared");
    }
}
