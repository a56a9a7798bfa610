//! Counts that come later: a full collection of some engines costs as much as many programs, so it
//! serves several of them.
//!
//! ```text
//! program 1 --> compared, except its last count --+
//! program 2 --> the same -------------------------+--> one collection --> all counts
//! ...                                             |
//! ```
//!
//! Always: an input whose count differs, or has none because the engine's process ended, is run
//! once more and counted by itself. If that run agrees, the difference is a finding nevertheless.

use std::collections::BTreeMap;

use gcrucible_oracles::compare::compare_late;
use gcrucible_oracles::engine::{Engine, LateCount};
use gcrucible_oracles::finding::{Finding, Rate};
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::verdict::Verdict;

use super::rig::Rig;
use super::run::{Ran, Waiting};
use super::subject::Subject;
use super::target::Target;

/// Inputs whose counts are still to come.
#[derive(Debug, Default)]
pub struct Batch {
    inputs: Vec<Input>,
}

#[derive(Debug)]
struct Input {
    target: &'static Target,
    bytes: Vec<u8>,
    waiting: Vec<Waiting>,
}

/// An input whose count differs or is missing.
#[derive(Debug)]
pub struct Suspect {
    /// The target.
    pub target: &'static Target,
    /// The input.
    pub bytes: Vec<u8>,
    /// The difference, unless the count is missing, and what waited for it.
    difference: Option<(Finding, Waiting)>,
}

/// What the counts of a batch said.
#[derive(Debug, Default)]
pub struct Settled {
    /// Equations that hold.
    pub live_checks: u64,
    /// Collections that happened.
    pub collections: u64,
    /// Inputs to run once more.
    pub suspects: Vec<Suspect>,
}

impl Batch {
    /// Adds an input that was run, if it waits for counts.
    pub fn add(&mut self, target: &'static Target, bytes: &[u8], ran: &Ran) {
        if !ran.waiting.is_empty() {
            self.inputs.push(Input {
                target,
                bytes: bytes.to_vec(),
                waiting: ran.waiting.clone(),
            });
        }
    }

    /// Returns true if an engine keeps as many runs as it can.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let all = self.inputs.iter().flat_map(|input| &input.waiting);
        all.into_iter().any(|waiting| {
            let count = counts.entry(&waiting.engine).or_default();
            *count += 1;
            *count >= waiting.later.most
        })
    }

    /// Asks the engines for all counts.
    pub fn settle(&mut self, rig: &Rig) -> Settled {
        let inputs = std::mem::take(&mut self.inputs);
        let mut asked: BTreeMap<&str, Counts> = BTreeMap::new();
        for waiting in inputs.iter().flat_map(|input| &input.waiting) {
            if let Some(engine) = rig.late.get(&waiting.engine) {
                let ask = || Counts::of(engine.as_ref());
                asked.entry(&waiting.engine).or_insert_with(ask);
            }
        }
        let mut settled = Settled::default();
        for input in &inputs {
            let mut difference = None;
            let mut is_complete = true;
            for waiting in &input.waiting {
                let counts = asked.get_mut(waiting.engine.as_str());
                match counts.and_then(|counts| counts.take(waiting)) {
                    Some(Ok((checks, collections))) => {
                        settled.live_checks += checks;
                        settled.collections += collections;
                    }
                    Some(Err(finding)) => {
                        difference.get_or_insert((*finding, waiting.clone()));
                    }
                    None => is_complete = false,
                }
            }
            if !is_complete || difference.is_some() {
                settled.suspects.push(Suspect {
                    target: input.target,
                    bytes: input.bytes.clone(),
                    difference,
                });
            }
        }
        settled
    }
}

/// What an engine answered.
struct Counts {
    by_ticket: BTreeMap<u64, LateCount>,
    /// How it broke. The first run that waits for it has the finding.
    broke: Option<String>,
}

impl Counts {
    fn of(engine: &dyn Engine) -> Counts {
        let (by_ticket, broke) = match engine.count() {
            Ok(counts) => (counts, None),
            Err(why) => (BTreeMap::new(), Some(why)),
        };
        Counts { by_ticket, broke }
    }

    /// Compares. Returns the numbers of equations and of collections, or `None` if there is no
    /// count.
    fn take(&mut self, waiting: &Waiting) -> Option<Result<(u64, u64), Box<Finding>>> {
        if let Some(why) = self.broke.take() {
            let broke = Finding::broke(&waiting.engine, Some(waiting.step), &why);
            return Some(Err(Box::new(broke)));
        }
        let count = self.by_ticket.get(&waiting.later.ticket)?;
        let checks = compare_late(
            &waiting.engine,
            waiting.traits,
            waiting.step,
            &waiting.expected,
            &count.live,
        );
        Some(checks.map(|checks| (checks, count.collections)))
    }
}

impl Suspect {
    /// Runs the input once more, with a count of its own. Returns the finding of that run, or else
    /// the difference that made it a suspect.
    pub fn run(self, rig: &mut Rig) -> (Option<Subject>, Ran) {
        let defers = std::mem::replace(&mut rig.defers, false);
        let (subject, mut ran) = self.target.run_caught(&self.bytes, rig);
        rig.defers = defers;
        if ran.finding.is_none()
            && ran.unavailable.is_none()
            && let (Some((finding, waiting)), Some(subject)) = (self.difference, &subject)
        {
            ran.finding = Some(once(finding, waiting, subject, rig));
        }
        (subject, ran)
    }
}

/// A finding that the second run does not show.
fn once(finding: Finding, waiting: Waiting, subject: &Subject, rig: &Rig) -> Finding {
    let engine = rig.late.get(&waiting.engine);
    let case = subject.case.under(waiting.conditions.schedule.clone());
    let finding = Finding {
        rate: Some(Rate { shown: 1, of: 2 }),
        conditions: Some(waiting.conditions),
        ..finding
    };
    let context = Context {
        case: &case,
        configuration: &engine.map_or(waiting.engine, |engine| engine.describe()),
    };
    let verdict = Verdict::Found(Box::new(finding.clone()));
    Finding {
        text: report(&verdict, &context),
        ..finding
    }
}
