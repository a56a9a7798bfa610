//! Runs a subject on engines, under schedules, and returns what was found.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_oracles::engine::{Engine, Later, Run, StepRun, Traits};
use gcrucible_oracles::finding::{Conditions, Finding};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::known_faults::KnownFault;
use gcrucible_oracles::leak::Live;
use gcrucible_oracles::nondeterminism::{Skip, Used};
use gcrucible_oracles::outcome::Outcome;
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;

use super::rig::Rig;
use super::subject::Subject;

/// How much one input exercised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Modules whose acceptance was compared, over all engines and schedules.
    pub loads: u64,
    /// Steps compared, over all engines and schedules.
    pub steps: u64,
    /// Collections that happened.
    pub collections: u64,
    /// Objects that the last engine allocated.
    pub allocations: u64,
    /// Exact live counts checked.
    pub live_checks: u64,
    /// Pairs of objects matched.
    pub live_objects: u64,
    /// Whether something was collected while objects lived.
    pub collected_alive: bool,
    /// Steps of the reference that trapped.
    pub traps: u64,
    /// Steps of the reference.
    pub reference_steps: u64,
    /// Rules, and pairs of rules, of the specification that no earlier input of this session
    /// reached.
    pub new_rules: u64,
}

impl Stats {
    /// Adds what a further run of the same input exercised.
    pub fn add(&mut self, other: Stats) {
        self.loads += other.loads;
        self.steps += other.steps;
        self.collections += other.collections;
        self.live_checks += other.live_checks;
        self.live_objects += other.live_objects;
        self.collected_alive |= other.collected_alive;
        self.traps += other.traps;
        self.reference_steps += other.reference_steps;
        self.new_rules += other.new_rules;
    }
}

/// The result of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// The first thing that went wrong.
    pub finding: Option<Finding>,
    /// Why nothing was compared, if nothing was.
    pub skipped: Option<String>,
    /// Counters.
    pub stats: Stats,
    /// Differences that were permitted.
    pub permitted: Used,
    /// Live objects on which both sides agreed, by collector.
    pub live: BTreeMap<&'static str, u64>,
    /// Other things that the target counts, by name.
    pub counts: BTreeMap<String, u64>,
    /// Counts that are still to come, of engines that count later.
    pub waiting: Vec<Waiting>,
    /// Why no further input can be run: an engine does not start any more.
    pub unavailable: Option<String>,
}

impl Ran {
    /// Returns what `run` returns. A panic is a fault of the harness itself.
    pub fn catching(run: impl FnOnce() -> Ran) -> Ran {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Ran::panicked(panic.as_ref()))
    }

    /// Returns true if anything was compared. An input is skipped, shows a finding, or was
    /// compared.
    pub fn is_compared(&self) -> bool {
        self.skipped.is_none() && self.stats.steps + self.stats.loads > 0
    }

    /// An input on which the harness itself panicked.
    pub fn panicked(panic: &(dyn Any + Send)) -> Ran {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Ran {
            finding: Some(Finding::panicked(what)),
            ..Ran::default()
        }
    }
}

/// A count that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The engine, by its name among [`Rig::late`].
    pub engine: String,
    /// The engine's choices.
    pub traits: Traits,
    /// The run.
    pub later: Later,
    /// The last step.
    pub step: usize,
    /// What should live after it.
    pub expected: Live,
    /// The conditions of the run.
    pub conditions: Conditions,
}

/// A subject being judged.
pub struct Trial<'a> {
    subject: &'a Subject,
    judge: Judge<'a>,
    ran: Ran,
    compared: bool,
    /// Whether a known fault ended a comparison.
    is_known: bool,
    skip: Option<Skip>,
}

impl<'a> Trial<'a> {
    /// Runs the reference. Also returns the engines to compare it with.
    pub fn new(subject: &'a Subject, rig: &'a mut Rig) -> (Trial<'a>, &'a [Box<dyn Engine>]) {
        let spares = rig.asks_others();
        let Rig {
            reference,
            engines,
            seen,
            last,
            pool: _,
            are_named: _,
            asked: _,
            examined: _,
            known_faults: _,
            defers: _,
            late: _,
        } = rig;
        let judge = if spares {
            Judge::sparing(subject.case.clone(), &**reference)
        } else {
            Judge::new(subject.case.clone(), &**reference)
        };
        let mut ran = Ran::default();
        let expected = judge.expected();
        ran.stats.new_rules = seen.merge(&expected.rules);
        *last = expected.rules.clone();
        ran.stats.reference_steps = expected.steps.len() as u64;
        ran.stats.traps = traps(expected);
        let trial = Trial {
            subject,
            judge,
            ran,
            compared: false,
            is_known: false,
            skip: None,
        };
        (trial, engines)
    }

    /// Runs an engine under a schedule and compares. Returns the number of collection points that
    /// it passed, or `None` if there is a finding.
    pub fn against(&mut self, engine: &dyn Engine, schedule: Schedule) -> Option<u64> {
        let schedule = self.spaced(schedule);
        let (verdict, run) = self.judge.judge_under(engine, schedule.clone());
        if let Some(why) = engine.unavailable() {
            self.unavailable(why);
            return None;
        }
        self.count(engine, &verdict, &run);
        if let Verdict::Found(finding) = verdict {
            self.found(*finding, engine, schedule);
            return None;
        }
        Some(run.totals.points)
    }

    /// Returns the schedule, with fewer collections if the program allocates many objects.
    pub(super) fn spaced(&self, schedule: Schedule) -> Schedule {
        spaced(schedule, self.judge.expected().totals.allocations)
    }

    /// Returns true if the case has steps that are compared.
    pub(super) fn has_steps(&self) -> bool {
        !self.judge.case().steps.is_empty()
    }

    /// Runs an engine and compares, without counting anything.
    pub(super) fn asked(&mut self, engine: &dyn Engine, schedule: Schedule) -> Verdict {
        self.judge.judge_under(engine, schedule).0
    }

    /// Runs an engine that the user named and compares. Counts what was compared, in total and for
    /// this engine. Returns a finding without recording it.
    pub(super) fn compared(&mut self, engine: &dyn Engine, schedule: Schedule) -> Option<Finding> {
        let (verdict, run) = self.judge.judge_under(engine, schedule.clone());
        self.count(engine, &verdict, &run);
        self.wait(&verdict, &run, schedule);
        let ended = match &verdict {
            Verdict::Agree(_, None) => "agree".to_owned(),
            Verdict::Agree(_, Some(skip)) => format!("agree until {skip}"),
            Verdict::Skipped(skip) => format!("skipped: {skip}"),
            Verdict::Found(_) => "found".to_owned(),
        };
        let counts = &mut self.ran.counts;
        *counts
            .entry(format!("{}: {ended}", engine.name()))
            .or_default() += 1;
        verdict.finding().cloned()
    }

    /// Takes note of a count that is still to come, if everything before it was compared.
    fn wait(&mut self, verdict: &Verdict, run: &Run, schedule: Schedule) {
        let expected = self.judge.expected();
        let last = expected.steps.last().map(|step| &step.live);
        if let (Some(later), Verdict::Agree(agreed, _)) = (run.later, verdict)
            && agreed.steps == expected.steps.len() as u64
            && let Some(Ok(live)) = last
        {
            self.ran.waiting.push(Waiting {
                engine: run.engine.clone(),
                traits: run.traits,
                later,
                step: run.steps.len() - 1,
                expected: live.clone(),
                conditions: Conditions {
                    schedule,
                    full_at: self.judge.case().limits.full_at,
                    answers: run.samples.iter().map(|sample| sample.answer).collect(),
                },
            });
        }
    }

    /// Takes a finding for the result, with its report.
    pub(super) fn found(&mut self, finding: Finding, engine: &dyn Engine, schedule: Schedule) {
        let verdict = Verdict::Found(Box::new(finding.clone()));
        self.ran.finding = Some(Finding {
            text: self.report(&verdict, engine, schedule),
            ..finding
        });
    }

    /// Counts a fault of an engine that is known.
    pub(super) fn known(&mut self, engine: &dyn Engine, fault: &KnownFault) {
        let link = match fault.link.as_str() {
            "" => String::new(),
            link => format!(" ({link})"),
        };
        let what = format!("{}: known: {}{link}", engine.name(), fault.says);
        *self.ran.counts.entry(what).or_default() += 1;
        self.is_known = true;
    }

    /// Marks the result as void, because an engine does not start any more.
    pub(super) fn unavailable(&mut self, why: String) {
        self.ran.unavailable = Some(why);
    }

    fn count(&mut self, engine: &dyn Engine, verdict: &Verdict, run: &Run) {
        let stats = &mut self.ran.stats;
        stats.collections += run.totals.collections;
        stats.allocations = run.totals.allocations;
        let has_collected = run.totals.collections > 0 || run.later.is_some();
        stats.collected_alive |= has_collected && lived(self.judge.expected());
        match verdict {
            Verdict::Agree(agreed, cut) => {
                stats.loads += agreed.loads;
                stats.steps += agreed.steps;
                stats.live_checks += agreed.live_checks;
                stats.live_objects += agreed.objects;
                let collector = engine.collector().unwrap_or("of another engine");
                *self.ran.live.entry(collector).or_default() += agreed.objects;
                self.ran.permitted.add(&agreed.permitted);
                // Modules are accepted nearly always. So a case with steps is compared if one of
                // them is.
                let compared = match self.subject.case.steps.as_slice() {
                    [] => agreed.loads,
                    _ => agreed.steps,
                };
                self.compared |= compared > 0;
                self.skip = self.skip.or(*cut);
                if let Some(skip) = cut {
                    let ended = format!("ended early: {skip}");
                    *self.ran.counts.entry(ended).or_default() += 1;
                }
            }
            Verdict::Skipped(why) => self.skip = self.skip.or(Some(*why)),
            Verdict::Found(_) => {}
        }
    }

    /// The verdict in words.
    fn report(&self, verdict: &Verdict, engine: &dyn Engine, schedule: Schedule) -> String {
        let case = self.judge.case().under(schedule);
        let context = Context {
            case: &case,
            configuration: &engine.describe(),
        };
        report(verdict, &context)
    }

    /// Returns the result of all comparisons.
    pub fn end(mut self) -> Ran {
        if !self.compared && self.ran.finding.is_none() {
            let why = self.skip.unwrap_or(Skip::NoSteps).to_string();
            let known = || "a known fault of the engine".to_owned();
            self.ran.skipped = Some(if self.is_known { known() } else { why });
        }
        self.ran
    }
}

/// How many objects all collections of one run together may visit.
const OBJECTS_MAX: u64 = 1 << 20;

/// Returns the schedule with fewer collections if the program allocates many objects. A collection
/// at each allocation costs time proportional to the square of their number. The reference has
/// counted them, so the result is a function of the program.
fn spaced(schedule: Schedule, allocations: u64) -> Schedule {
    let apart = allocations
        .saturating_mul(allocations)
        .div_ceil(OBJECTS_MAX);
    match schedule {
        Schedule::Every if apart > 1 => Schedule::EveryNth(apart),
        Schedule::EveryNth(n) => Schedule::EveryNth(n.max(apart)),
        other => other,
    }
}

fn traps(run: &Run) -> u64 {
    let trapped = |s: &&StepRun| matches!(s.observation.outcome, Outcome::Trapped(_));
    run.steps.iter().filter(trapped).count() as u64
}

/// Returns true if any object was reachable after some step.
fn lived(run: &Run) -> bool {
    run.steps.iter().any(|s| {
        let live = s.live.as_ref().ok().and_then(|l| l.reachable.as_ref());
        live.is_some_and(|census| census.total() > 0)
    })
}

/// Runs one engine. The subject determines which of all configurations. It runs under the subject's
/// own schedule if it allows that one.
pub fn one_engine(subject: &Subject, rig: &mut Rig) -> Ran {
    let engine = rig.pool.drawn(subject.draw(usize::MAX) as u64);
    let schedule = engine.fitting(&subject.case.schedule);
    let (mut trial, _) = Trial::new(subject, rig);
    trial.against(engine.as_ref(), schedule);
    trial.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_many_objects_are_collected_less_often() {
        assert_eq!(spaced(Schedule::Every, 1000), Schedule::Every);
        assert_eq!(spaced(Schedule::Every, 10_000), Schedule::EveryNth(96));
        assert_eq!(spaced(Schedule::EveryNth(3), 10), Schedule::EveryNth(3));
        assert_eq!(
            spaced(Schedule::EveryNth(3), 1 << 13),
            Schedule::EveryNth(64)
        );
        assert_eq!(
            spaced(Schedule::At(vec![1]), u64::MAX),
            Schedule::At(vec![1])
        );
    }
}
