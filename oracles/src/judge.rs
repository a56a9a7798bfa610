//! A case, the reference and an engine: one verdict.
//!
//! Always: the reference is the side called "expected". It runs once for each distinct list of answers to `live` (see
//! [`Sample`](crate::leak::Sample)), so that a case without such questions, or whose answers agree, runs it once for any number of engines.

use crate::case::Case;
use crate::compare::compare;
use crate::engine::{Engine, Run};
use crate::leak::frames::same_answers;
use crate::schedule::Schedule;
use crate::verdict::Verdict;

/// A case being judged: the reference's runs of it, kept for the next engine.
pub struct Judge<'a> {
    case: Case,
    reference: &'a dyn Engine,
    runs: Vec<Run>,
}

impl<'a> Judge<'a> {
    /// Nothing is run yet.
    pub fn new(case: Case, reference: &'a dyn Engine) -> Judge<'a> {
        Judge {
            case,
            reference,
            runs: Vec::new(),
        }
    }

    /// The case.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The reference's run with its own answers.
    pub fn expected(&mut self) -> &Run {
        if self.runs.is_empty() {
            self.runs.push(self.reference.run(&self.case, &[]));
        }
        &self.runs[0]
    }

    /// Runs the case on an engine, under the case's own schedule, and compares.
    pub fn judge(&mut self, engine: &dyn Engine) -> (Verdict, Run) {
        let schedule = self.case.schedule.clone();
        self.judge_under(engine, schedule)
    }

    /// Runs the case on an engine under another schedule, and compares. The reference, which has no collector, is not run again.
    pub fn judge_under(&mut self, engine: &dyn Engine, schedule: Schedule) -> (Verdict, Run) {
        let actual = engine.run(&self.case.under(schedule), &[]);
        let verdict = compare(self.expected_for(&actual), &actual);
        (verdict, actual)
    }

    /// The reference's run that went on with the same answers as `actual`.
    fn expected_for(&mut self, actual: &Run) -> &Run {
        self.expected();
        let same = |run: &Run| same_answers(&run.samples, &actual.samples);
        let index = self.runs.iter().position(same).unwrap_or_else(|| {
            let answers: Vec<u32> = actual.samples.iter().map(|sample| sample.answer).collect();
            self.runs.push(self.reference.run(&self.case, &answers));
            self.runs.len() - 1
        });
        &self.runs[index]
    }
}
