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
    pub(super) attempts: u32,
    pub(super) attempts_max: u32,
    pub(super) go_on: &'a mut dyn FnMut() -> bool,
}

impl Gate<'_> {
    /// Whether there is an attempt left.
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
        match check(self.target, &subject, self.rig) {
            Some(finding) if finding.signature() == self.finding.signature() => {
                self.finding = finding;
                true
            }
            _ => false,
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

/// A changed program as a subject of the same input.
pub(super) fn subject_of(program: Program, number: u64) -> Subject {
    Subject {
        case: case_of(&program),
        program: Some(program),
        operations: None,
        number,
    }
}

/// What the target finds in a subject.
pub(super) fn check(target: &Target, subject: &Subject, rig: &mut Rig) -> Option<Finding> {
    Ran::catching(|| target.judge(subject, rig)).finding
}
