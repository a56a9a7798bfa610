//! A case, the reference and an engine: one verdict.
//!
//! Always: the reference is the side called "expected". It runs once for each distinct list of
//! answers to `live` (see [`Sample`](crate::leak::Sample)), so that a case without such questions,
//! or whose answers agree, runs it once for any number of engines. It runs first: a step on which
//! it uses up its budget is not given to an engine at all, since that engine might never return.

use crate::case::Case;
use crate::compare::compare;
use crate::engine::{Engine, Run};
use crate::finding::Conditions;
use crate::leak::frames::same_answers;
use crate::nondeterminism::Skip;
use crate::outcome::{Outcome, Resource};
use crate::schedule::Schedule;
use crate::verdict::Verdict;

/// A case being judged: the reference's runs of it, kept for the next engine.
pub struct Judge<'a> {
    /// Without the steps that do not end in time.
    case: Case,
    reference: &'a dyn Engine,
    runs: Vec<Run>,
    /// Whether steps were taken away.
    endless: bool,
}

impl<'a> Judge<'a> {
    /// Runs the case on the reference.
    pub fn new(mut case: Case, reference: &'a dyn Engine) -> Judge<'a> {
        let mut run = reference.run(&case, &[]);
        let fuel = Outcome::Exhausted(Resource::Fuel);
        let end = run
            .steps
            .iter()
            .position(|step| step.observation.outcome == fuel);
        if let Some(end) = end {
            run.steps.truncate(end);
            case.steps.truncate(end);
        }
        Judge {
            case,
            reference,
            runs: vec![run],
            endless: end.is_some(),
        }
    }

    /// The case, without steps on which the reference used up its budget.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The reference's run with its own answers.
    pub fn expected(&self) -> &Run {
        &self.runs[0]
    }

    /// Runs the case on an engine, under the case's own schedule, and compares.
    pub fn judge(&mut self, engine: &dyn Engine) -> (Verdict, Run) {
        let schedule = self.case.schedule.clone();
        self.judge_under(engine, schedule)
    }

    /// Runs the case on an engine under another schedule, and compares. The reference, which has no
    /// collector, is not run again.
    pub fn judge_under(&mut self, engine: &dyn Engine, schedule: Schedule) -> (Verdict, Run) {
        let endless = Skip::Exhausted(Resource::Fuel);
        let actual = engine.run(&self.case.under(schedule.clone()), &[]);
        let verdict = match compare(self.expected_for(&actual), &actual) {
            Verdict::Agree(stats, None) if self.endless => Verdict::Agree(stats, Some(endless)),
            Verdict::Skipped(Skip::NoSteps) if self.endless => Verdict::Skipped(endless),
            Verdict::Found(mut finding) => {
                finding.conditions = Some(Conditions {
                    schedule,
                    full_at: self.case.limits.full_at,
                    answers: actual.samples.iter().map(|sample| sample.answer).collect(),
                });
                Verdict::Found(finding)
            }
            verdict => verdict,
        };
        (verdict, actual)
    }

    /// The reference's run that went on with the same answers as `actual`.
    fn expected_for(&mut self, actual: &Run) -> &Run {
        let same = |run: &Run| same_answers(&run.samples, &actual.samples);
        let index = self.runs.iter().position(same).unwrap_or_else(|| {
            let answers: Vec<u32> = actual.samples.iter().map(|sample| sample.answer).collect();
            self.runs.push(self.reference.run(&self.case, &answers));
            self.runs.len() - 1
        });
        &self.runs[index]
    }
}
