//! The one gate of the reducer: a smaller subject passes if it shows the same finding. A program
//! also has to be valid.

use gcrucible_oracles::finding::{Finding, Rate};

use crate::program::Program;
use crate::targets::rig::Asked;
use crate::targets::subject::case_of;
use crate::targets::{Ran, Rig, Subject, Target};

/// Decides whether a smaller subject still shows the finding.
pub struct Gate<'a> {
    pub(super) target: &'static Target,
    pub(super) rig: &'a mut Rig,
    pub(super) number: u64,
    pub(super) finding: Finding,
    /// How often a program is run before it counts as one that does not show the finding.
    pub(super) tries: u32,
    pub(super) attempts: u32,
    pub(super) attempts_max: u32,
    pub(super) go_on: &'a mut dyn FnMut() -> bool,
}

impl Gate<'_> {
    /// Returns true if there is an attempt left.
    pub(super) fn is_open(&self) -> bool {
        self.attempts < self.attempts_max
    }

    /// Whether a program is valid and shows the same finding.
    fn holds(&mut self, program: &Program) -> bool {
        if !self.is_open() || program.validate().is_err() {
            return false;
        }
        let subject = self.rig.prepared(subject_of(program.clone(), self.number));
        self.shows(&subject)
    }

    /// Whether a subject shows the same finding, if there is an attempt left.
    pub(super) fn shows(&mut self, subject: &Subject) -> bool {
        if !self.is_open() {
            return false;
        }
        if !(self.go_on)() {
            self.attempts_max = self.attempts;
            return false;
        }
        self.attempts += 1;
        let signature = self.finding.signature();
        let found = (0..self.tries).find_map(|_| {
            let found = check(self.target, subject, self.rig)?;
            if found.is_slow() {
                self.attempts = self
                    .attempts
                    .saturating_add(SLOW_COSTS)
                    .min(self.attempts_max);
            }
            (found.signature() == signature).then_some(found)
        });
        match found {
            Some(finding) => {
                self.finding = finding;
                true
            }
            None => false,
        }
    }

    /// Applies `edit` if the changed program passes. Returns true if it did.
    pub(super) fn attempt(
        &mut self,
        program: &mut Program,
        edit: impl FnOnce(&mut Program),
    ) -> bool {
        let mut changed = program.clone();
        edit(&mut changed);
        let passes = self.holds(&changed);
        if passes {
            *program = changed;
        }
        passes
    }
}

/// Returns how much is asked about a program that may show this finding.
pub(super) fn asked(finding: &Finding) -> Asked {
    match finding.engine.as_str() {
        "" => Asked::Named,
        name => Asked::Only(name.to_owned()),
    }
}

/// Returns a changed program as a subject of the same input, and the finding that it shows, if it
/// is valid and this is the same finding on the same engine.
pub(super) fn shows(
    target: &Target,
    program: Program,
    number: u64,
    finding: &Finding,
    rig: &mut Rig,
) -> Option<(Subject, Finding)> {
    program.validate().ok()?;
    let subject = rig.prepared(subject_of(program, number));
    let before = std::mem::replace(&mut rig.asked, asked(finding));
    let found = check(target, &subject, rig);
    rig.asked = before;
    let found = found.filter(|found| found.signature() == finding.signature());
    Some((subject, found?))
}

/// Returns a changed program as a subject of the same input.
pub(super) fn subject_of(program: Program, number: u64) -> Subject {
    Subject {
        case: case_of(&program),
        program: Some(program),
        operations: None,
        number,
    }
}

/// How many attempts a program counts for that takes a whole time limit.
const SLOW_COSTS: u32 = 60;

/// The most runs of an unchanged program until it shows a finding.
const FIRST_TRIES: u32 = 24;

/// The most runs of a changed program.
const TRIES_MAX: u32 = 12;

/// Returns what the target finds in a subject, and how often a changed program has to be run. An
/// engine in a process of its own may show a finding in one run of several.
pub fn first(target: &Target, subject: &Subject, rig: &mut Rig) -> Option<(Finding, u32)> {
    let tries = if rig.asks_others() { FIRST_TRIES } else { 1 };
    (1..=tries).find_map(|run| {
        let finding = check(target, subject, rig)?;
        let tries = tries_for(&finding, run);
        Some((finding, tries))
    })
}

/// Returns how often a changed program has to be run, if the unchanged one was run `runs` times
/// until it showed the finding.
pub(super) fn tries_for(finding: &Finding, runs: u32) -> u32 {
    let rate = |rate: Rate| rate.of.div_ceil(rate.shown.max(1));
    match finding.rate.map_or(1, rate).max(runs) {
        1 => 1,
        runs => (2 * runs).min(TRIES_MAX),
    }
}

/// Returns what the target finds in a subject.
fn check(target: &Target, subject: &Subject, rig: &mut Rig) -> Option<Finding> {
    Ran::catching(|| target.judge(subject, rig)).finding
}
