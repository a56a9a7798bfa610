//! Running a subject: engines, schedules, and what came of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{self, Engine, NoEngine, Pool, Run};
use gcrucible_oracles::finding::{Aspect, Finding};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::nondeterminism::Skip;
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;

use super::Subject;

/// The engines of a session. Made once, used for every input.
pub struct Rig {
    /// The expected side.
    pub reference: Box<dyn Engine>,
    /// The engines under test, each in one configuration.
    pub engines: Vec<Box<dyn Engine>>,
    /// All configurations, for targets that draw one.
    pub pool: Pool,
    /// Every rule and pair of rules seen so far.
    pub seen: RuleMap,
    /// The rules and pairs of the last input.
    pub last: RuleMap,
}

impl Rig {
    /// The engines that tests run by default and all configurations, with the named planted faults
    /// switched on in each.
    ///
    /// # Errors
    /// A fault's name is unknown, or planted faults are not built in.
    pub fn standard(planted: &[String]) -> Result<Rig, NoEngine> {
        let pool = Pool::new(planted)?;
        let reference = engine::reference();
        let mut names: Vec<String> = engine::names();
        names.retain(|name| *name != reference.name());
        for name in &mut names {
            for fault in planted {
                name.push_str(":+");
                name.push_str(fault);
            }
        }
        let find = |name: &String| engine::named(name);
        Ok(Rig {
            reference,
            engines: names.iter().map(find).collect::<Result<_, _>>()?,
            pool,
            seen: RuleMap::default(),
            last: RuleMap::default(),
        })
    }
}

/// Something an engine did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Equal for inputs that show the same fault.
    pub signature: String,
    /// One line.
    pub title: String,
    /// Everything a person needs.
    pub text: String,
    /// The engine that did it.
    pub engine: String,
    /// Lines of a script's header without which the script would not show it, by key.
    pub header: Vec<(&'static str, String)>,
    /// Where in the case it shows, if in one step of it.
    pub place: Option<Place>,
}

/// Where in a case a fault shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The step.
    pub step: usize,
    /// The comparison that found it; none when the engine broke.
    pub aspect: Option<Aspect>,
    /// What the engine answered to questions for live objects.
    pub answers: Vec<u32>,
}

impl Fault {
    /// An input that did not end within `seconds`.
    pub fn hang(seconds: u64) -> Fault {
        Fault::harness("hang", format!("no end within {seconds} s"))
    }

    /// A process that died.
    pub fn crash(how: &str) -> Fault {
        Fault::harness("process died", how.to_owned())
    }

    fn harness(signature: &str, title: String) -> Fault {
        Fault {
            signature: signature.to_owned(),
            text: title.clone(),
            title,
            engine: String::new(),
            header: Vec::new(),
            place: None,
        }
    }
}

/// How much one input exercised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Steps compared, over all engines and schedules.
    pub steps: u64,
    /// Collections that happened.
    pub collections: u64,
    /// Objects that the last engine was asked for.
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

/// What came of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// The first fault.
    pub fault: Option<Fault>,
    /// Why nothing was compared, if so.
    pub skipped: Option<String>,
    /// Counters.
    pub stats: Stats,
    /// What the target counts besides, by name.
    pub counts: BTreeMap<String, u64>,
}

impl Ran {
    /// What came of `run`; a panic is a fault of the harness itself.
    pub fn catching(run: impl FnOnce() -> Ran) -> Ran {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Ran::panicked(panic.as_ref()))
    }

    /// An input on which the harness itself panicked.
    pub fn panicked(panic: &(dyn Any + Send)) -> Ran {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let words: Vec<&str> = what
            .split(|c: char| !c.is_alphabetic())
            .filter(|w| w.len() > 1)
            .collect();
        let signature = format!("panic: {}", words[..words.len().min(10)].join(" "));
        Ran {
            fault: Some(Fault {
                text: what.to_owned(),
                title: what.lines().next().unwrap_or_default().to_owned(),
                ..Fault::harness(&signature, String::new())
            }),
            ..Ran::default()
        }
    }
}

/// A subject being judged.
pub struct Trial<'a> {
    subject: &'a Subject,
    judge: Judge<'a>,
    ran: Ran,
    compared: bool,
    skip: Option<Skip>,
}

impl<'a> Trial<'a> {
    /// Runs the reference. Gives the engines to try as well.
    pub fn new(subject: &'a Subject, rig: &'a mut Rig) -> (Trial<'a>, &'a [Box<dyn Engine>]) {
        let Rig {
            reference,
            engines,
            seen,
            last,
            pool: _,
        } = rig;
        let judge = Judge::new(subject.case.clone(), &**reference);
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
            skip: None,
        };
        (trial, engines)
    }

    /// Runs an engine under a schedule and compares. Gives the collection points it passed, or
    /// `None` once there is a fault.
    pub fn against(&mut self, engine: &dyn Engine, schedule: Schedule) -> Option<u64> {
        let schedule = spaced(schedule, self.judge.expected().totals.allocations);
        let (verdict, run) = self.judge.judge_under(engine, schedule.clone());
        let stats = &mut self.ran.stats;
        stats.collections += run.totals.collections;
        stats.allocations = run.totals.allocations;
        stats.collected_alive |= run.totals.collections > 0 && lived(self.judge.expected());
        match &verdict {
            Verdict::Agree(agreed, cut) => {
                stats.steps += agreed.steps;
                stats.live_checks += agreed.live_checks;
                stats.live_objects += agreed.objects;
                self.compared |= agreed.steps + agreed.loads > 0;
                self.skip = self.skip.or(*cut);
            }
            Verdict::Skipped(why) => self.skip = self.skip.or(Some(*why)),
            Verdict::Found(finding) => {
                self.ran.fault = Some(self.fault(&verdict, finding, engine, schedule));
                return None;
            }
        }
        Some(run.totals.points)
    }

    fn fault(
        &self,
        verdict: &Verdict,
        finding: &Finding,
        engine: &dyn Engine,
        schedule: Schedule,
    ) -> Fault {
        let case = self.judge.case().under(schedule);
        let text = report(
            verdict,
            &Context {
                case: &case,
                configuration: &engine.describe(),
                replay: "",
                program: &self.subject.to_string(),
            },
        );
        let mut header = vec![("schedule", format!("\"{}\"", case.schedule))];
        header.extend(case.limits.full_at.map(|at| ("full", at.to_string())));
        Fault {
            signature: finding.signature(),
            title: finding.title(),
            text,
            engine: engine.name(),
            header,
            place: place(finding),
        }
    }

    /// What came of it all.
    pub fn end(mut self) -> Ran {
        if !self.compared && self.ran.fault.is_none() {
            let why = self.skip.unwrap_or(Skip::NoSteps);
            self.ran.skipped = Some(why.to_string());
        }
        self.ran
    }
}

fn place(finding: &Finding) -> Option<Place> {
    let conditions = finding.conditions.as_ref();
    Some(Place {
        step: finding.step?,
        aspect: finding.aspect(),
        answers: conditions.map_or_else(Vec::new, |conditions| conditions.answers.clone()),
    })
}

/// Objects that the collections of one run may look at.
const OBJECTS_MAX: u64 = 1 << 20;

/// The schedule, with fewer collections where a program makes so many objects that collecting at
/// each of them takes longer than anybody waits: the time is the square of their number. The
/// reference has counted them, so this is a function of the program.
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
    use gcrucible_oracles::outcome::Outcome;
    let trapped = |s: &&engine::StepRun| matches!(s.observation.outcome, Outcome::Trapped(_));
    run.steps.iter().filter(trapped).count() as u64
}

/// Whether any object was reachable after some step.
fn lived(run: &Run) -> bool {
    run.steps.iter().any(|s| {
        let live = s.live.as_ref().ok().and_then(|l| l.reachable.as_ref());
        live.is_some_and(|census| census.total() > 0)
    })
}

/// One engine, drawn from the subject among all configurations, under the subject's own schedule if
/// it allows that.
pub fn one_engine(subject: &Subject, rig: &mut Rig) -> Ran {
    let engine = rig.pool.drawn(subject.draw(usize::MAX) as u64);
    let schedule = Some(subject.case.schedule.clone()).filter(|schedule| engine.allows(schedule));
    let (mut trial, _) = Trial::new(subject, rig);
    trial.against(engine.as_ref(), schedule.unwrap_or(Schedule::OnPressure));
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
