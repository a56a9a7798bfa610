//! What programs execute: rules of the specification on the reference, and instructions on each
//! collector of the runtime, with and without collections.

use std::collections::{BTreeMap, BTreeSet};

use gcrucible_oracles::case::Step;
use gcrucible_oracles::engine::reference::rule_names;
use gcrucible_oracles::engine::{Engine, NoEngine, named, reference};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::outcome::Outcome;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;
use gcrucible_runtime::embed::CollectorKind;

use crate::program::Program;
use crate::targets::subject::case_of;

/// Counts over many programs.
#[derive(Clone, Debug, Default)]
pub struct Executed {
    /// The number of programs in which the reference applied each rule, by number of the rule.
    pub rules: Vec<u64>,
    /// The number of programs that executed each of the generator's pieces to its end, and of those
    /// in which an instantiation failed.
    pub pieces: BTreeMap<&'static str, u64>,
    /// The same programs on each collector.
    pub collectors: Vec<OnCollector>,
    /// Titles of findings. There must be none.
    pub findings: Vec<String>,
}

/// What programs executed on one collector. A program counts if it was compared to its end.
#[derive(Clone, Debug, Default)]
pub struct OnCollector {
    /// The collector.
    pub collector: &'static str,
    /// Programs compared.
    pub programs: u64,
    /// Programs that collected at every point.
    pub at_every_point: u64,
    /// Collection points passed. A schedule that collects when memory is short counts none.
    pub points: u64,
    /// Collections.
    pub collections: u64,
    /// Live objects compared.
    pub live_objects: u64,
    /// By instruction.
    pub instructions: BTreeMap<&'static str, Instruction>,
}

/// One instruction on one collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Instruction {
    /// Programs in which it was executed.
    pub programs: u64,
    /// Those of them in which something was collected.
    pub collected: u64,
    /// Those of them that collected at every point.
    pub at_every_point: u64,
}

/// The engines that execute programs.
pub struct Engines {
    reference: Box<dyn Engine>,
    collectors: Vec<(&'static str, Box<dyn Engine>)>,
}

impl Engines {
    /// Returns the reference, and the runtime with each collector.
    ///
    /// # Errors
    /// An engine does not start.
    pub fn new() -> Result<Engines, NoEngine> {
        let of = |kind: CollectorKind| {
            let name = kind.name();
            Ok((name, named(&format!("runtime:{name}"))?))
        };
        Ok(Engines {
            reference: reference(),
            collectors: CollectorKind::ALL
                .into_iter()
                .map(of)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Executed {
    /// Runs one program on all engines, under its own schedule.
    pub fn add(&mut self, program: &Program, engines: &Engines) {
        let mut judge = Judge::new(case_of(program), &*engines.reference);
        for piece in executed_pieces(program, &judge) {
            *self.pieces.entry(piece).or_default() += 1;
        }
        let names: Vec<&'static str> = rule_names().collect();
        self.rules.resize(names.len(), 0);
        let reached = judge.expected().rules.reached();
        let instructions: BTreeSet<&'static str> = reached
            .iter()
            .filter_map(|&rule| instruction(names[rule]))
            .collect();
        for rule in reached {
            self.rules[rule] += 1;
        }
        self.collectors
            .resize_with(engines.collectors.len(), OnCollector::default);
        let pairs = self.collectors.iter_mut().zip(&engines.collectors);
        for (on, (collector, engine)) in pairs {
            on.collector = collector;
            let schedule = engine.fitting(&judge.case().schedule);
            let is_every = schedule == Schedule::Every;
            let (verdict, run) = judge.judge_under(engine.as_ref(), schedule);
            match verdict {
                Verdict::Found(finding) => self.findings.push(finding.title()),
                Verdict::Agree(agreed, None) => {
                    on.programs += 1;
                    on.at_every_point += u64::from(is_every);
                    on.points += run.totals.points;
                    on.collections += run.totals.collections;
                    on.live_objects += agreed.objects;
                    for name in &instructions {
                        let counts = on.instructions.entry(name).or_default();
                        counts.programs += 1;
                        counts.collected += u64::from(run.totals.collections > 0);
                        counts.at_every_point += u64::from(is_every);
                    }
                }
                Verdict::Agree(_, Some(_)) | Verdict::Skipped(_) => {}
            }
        }
    }
}

/// The instruction that a rule of execution is about: `array.copy` of `Step_read/array.copy-gt`.
/// None for rules of validation.
pub fn instruction(rule: &'static str) -> Option<&'static str> {
    let (relation, name) = rule.split_once('/')?;
    let is_step = relation.starts_with("Step") && relation != "Steps";
    is_step.then(|| name.split('-').next().unwrap_or(name))
}

/// The pieces in functions that returned or trapped, and how instantiations failed.
fn executed_pieces(program: &Program, judge: &Judge<'_>) -> BTreeSet<&'static str> {
    let steps = judge.case().steps.iter().zip(&judge.expected().steps);
    let mut pieces = BTreeSet::new();
    for (step, run) in steps {
        let outcome = &run.observation.outcome;
        let export = match (step, outcome) {
            (Step::Invoke { export, .. }, _) => export,
            (Step::Instantiate { .. }, Outcome::Rejected(_)) => {
                pieces.insert("instantiate: rejected");
                continue;
            }
            (Step::Instantiate { .. }, Outcome::Trapped(_)) => {
                pieces.insert("instantiate: trapped");
                continue;
            }
            _ => continue,
        };
        let of_step = program.kinds.iter().filter(|(of, _)| of == export);
        // What may trap is alone in its function; all else is executed if the function returns.
        let ended = |piece: &str| match outcome {
            Outcome::Returned(_) => true,
            Outcome::Trapped(_) | Outcome::Exhausted(_) => MAY_TRAP.contains(&piece),
            _ => false,
        };
        pieces.extend(
            of_step
                .map(|&(_, piece)| piece)
                .filter(|piece| ended(piece)),
        );
    }
    pieces
}

/// Pieces that end in a trap on purpose.
const MAY_TRAP: &[&str] = &[
    "traps: null",
    "traps: too large",
    "high: beyond",
    "indirect: wrong",
    "over: released handle",
];
