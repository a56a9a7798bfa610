//! The one gate of the reducer: a smaller program passes if it is valid and shows the same finding.

use gcrucible_oracles::finding::Finding;

use crate::program::Program;
use crate::targets::subject::case_of;
use crate::targets::{Ran, Rig, Subject, Target};

/// Decides whether a program still shows the finding.
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
        if !(self.go_on)() {
            self.attempts_max = self.attempts;
            return false;
        }
        self.attempts += 1;
        let subject = self.rig.prepared(subject_of(program.clone(), self.number));
        let signature = self.finding.signature();
        let found = (0..self.tries).find_map(|_| {
            let found = check(self.target, &subject, self.rig);
            found.filter(|finding| finding.signature() == signature)
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

/// Returns a changed program as a subject of the same input.
pub(super) fn subject_of(program: Program, number: u64) -> Subject {
    Subject {
        case: case_of(&program),
        program: Some(program),
        operations: None,
        number,
    }
}

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
        let rate = finding
            .rate
            .map_or(1, |rate| rate.of.div_ceil(rate.shown.max(1)));
        let needed = if run.max(rate) == 1 {
            1
        } else {
            2 * run.max(rate)
        };
        Some((finding, needed.min(TRIES_MAX)))
    })
}

/// Returns what the target finds in a subject.
fn check(target: &Target, subject: &Subject, rig: &mut Rig) -> Option<Finding> {
    Ran::catching(|| target.judge(subject, rig)).finding
}
