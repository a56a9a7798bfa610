//! A case, the reference and an engine: one verdict.
//!
//! Always: the reference is the side called "expected". It runs first. If a step uses up its
//! budget, that step and all later ones are not given to an engine, which might never return from
//! it. The reference runs once for each distinct list of answers to `live` (see
//! [`Sample`](crate::leak::Sample)). So one run serves any number of engines if the case asks no
//! such question.

use crate::case::Case;
use crate::compare::compare;
use crate::engine::{Engine, Run};
use crate::finding::Conditions;
use crate::leak::frames::same_answers;
use crate::nondeterminism::{Row, Skip};
use crate::outcome::{Outcome, Resource};
use crate::schedule::Schedule;
use crate::verdict::Verdict;

/// A case that is being judged. It keeps the reference's runs for the next engine.
pub struct Judge<'a> {
    /// Without the steps from which on nothing is compared.
    case: Case,
    reference: &'a dyn Engine,
    runs: Vec<Run>,
    /// The resource that ran out in the first step that was taken away.
    ended: Option<Resource>,
}

impl<'a> Judge<'a> {
    /// Runs the case on the reference.
    pub fn new(case: Case, reference: &'a dyn Engine) -> Judge<'a> {
        Judge::up_to(case, reference, |resource| resource == Resource::Fuel)
    }

    /// The same for engines that need not share our limits. Nothing is compared from the step on in
    /// which the reference runs out of a resource, so nobody is asked for it.
    pub fn sparing(case: Case, reference: &'a dyn Engine) -> Judge<'a> {
        Judge::up_to(case, reference, |_| true)
    }

    /// Runs the case on the reference, up to a step in which such a resource runs out.
    fn up_to(
        mut case: Case,
        reference: &'a dyn Engine,
        ends: impl Fn(Resource) -> bool,
    ) -> Judge<'a> {
        let mut run = reference.run(&case, &[]);
        let ended = run.steps.iter().map(|step| match step.observation.outcome {
            Outcome::Exhausted(resource) if ends(resource) => Some(resource),
            _ => None,
        });
        let end = ended.enumerate().find_map(|(at, end)| Some((at, end?)));
        if let Some((at, _)) = end {
            run.steps.truncate(at);
            case.steps.truncate(at);
        }
        Judge {
            case,
            reference,
            runs: vec![run],
            ended: end.map(|(_, resource)| resource),
        }
    }

    /// Returns the case, without the steps that the reference could not finish within its budget.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Returns the reference's run with its own answers.
    pub fn expected(&self) -> &Run {
        &self.runs[0]
    }

    /// Runs the case on an engine, under the case's own schedule, and compares.
    pub fn judge(&mut self, engine: &dyn Engine) -> (Verdict, Run) {
        let schedule = self.case.schedule.clone();
        self.judge_under(engine, schedule)
    }

    /// Runs the case on an engine under another schedule, and compares. The schedule means nothing
    /// to the reference, so it is not run again.
    pub fn judge_under(&mut self, engine: &dyn Engine, schedule: Schedule) -> (Verdict, Run) {
        let ended = self.ended.map(Skip::Exhausted);
        // A program on an engine that cannot be asked gets the answers that the reference gave.
        let answers: Vec<u32> = match engine.traits().outside {
            Some(_) => self.expected().samples.iter().map(|s| s.answer).collect(),
            None => Vec::new(),
        };
        let actual = engine.run(&self.case.under(schedule.clone()), &answers);
        let verdict = match compare(self.expected_for(&actual), &actual) {
            Verdict::Agree(mut stats, None) if ended.is_some() => {
                stats.permitted.count(Row::RESOURCE);
                Verdict::Agree(stats, ended)
            }
            Verdict::Skipped(Skip::NoSteps) => Verdict::Skipped(ended.unwrap_or(Skip::NoSteps)),
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

    /// The reference's run that was given the answers of `actual`.
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
