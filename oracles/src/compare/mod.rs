//! Two runs of one case: equal, permitted, or the first difference with the path to it.
//!
//! Always: objects are matched by a bijection, which grows while both graphs are walked together
//! from results and exports through every field and element. So identity, sharing and cycles are
//! compared, and addresses never are. The walk is iterative, so deep data costs no stack. The first
//! run is the reference, and its values are called "expected".
//!
//! Reading order: `functions`, `matching`.
//!
//! Not here: which differences are permitted (`nondeterminism`), and running the case (`judge`).

mod functions;

mod matching;

use self::functions::Numbers;
use self::matching::Matching;
use crate::case::HOST_NESTING;
use crate::engine::{Run, StepRun, Totals, Traits};
use crate::finding::{Aspect, Described, Difference, Finding, Symptom};
use crate::leak::handles::Imbalance;
use crate::leak::{self, Live};
use crate::nondeterminism::{self, Skip, Then};
use crate::outcome::{Outcome, Resource, Why};
use crate::verdict::{Stats, Verdict};

/// Compares two runs of the same case. Both must have got the same answers to `live`, which `judge`
/// ensures.
pub fn compare(expected: &Run, actual: &Run) -> Verdict {
    let mut stats = Stats::default();
    match compare_runs(expected, actual, &mut stats) {
        Err(End::Finding(finding)) => Verdict::Found(finding),
        Err(End::Skip(skip)) if stats.loads + stats.steps == 0 => Verdict::Skipped(skip),
        Err(End::Skip(skip)) => Verdict::Agree(stats, Some(skip)),
        Ok(()) if expected.steps.is_empty() && stats.loads == 0 => Verdict::Skipped(Skip::NoSteps),
        Ok(()) => Verdict::Agree(stats, None),
    }
}

/// Why a comparison ends before the end of the runs.
enum End {
    Finding(Box<Finding>),
    Skip(Skip),
}

fn compare_runs(expected: &Run, actual: &Run, stats: &mut Stats) -> Result<(), End> {
    stats.collections = actual.totals.collections;
    // Without steps no module depends on another one.
    let are_apart = expected.steps.is_empty() && actual.steps.is_empty();
    let mut not_compared = None;
    for (index, (left, right)) in expected.loads.iter().zip(&actual.loads).enumerate() {
        broken(expected, None, left)?;
        broken(actual, None, right)?;
        let differ = |sides| {
            differs(
                &actual.engine,
                Aspect::Load,
                None,
                format!("module {index}"),
                sides,
            )
        };
        match outcomes(left, right, stats, differ) {
            Ok(()) => stats.loads += 1,
            Err(End::Skip(skip)) if are_apart => not_compared = not_compared.or(Some(skip)),
            Err(end) => return Err(end),
        }
    }
    if let Some(skip) = not_compared.filter(|_| stats.loads == 0) {
        return Err(End::Skip(skip));
    }
    let mut pair = Pair {
        traits: [expected.traits, actual.traits],
        totals: [expected.totals, actual.totals],
        engine: &actual.engine,
        numbers: Numbers::default(),
    };
    for (step, (left, right)) in expected.steps.iter().zip(&actual.steps).enumerate() {
        broken(expected, Some(step), &left.observation.outcome)?;
        broken(actual, Some(step), &right.observation.outcome)?;
        pair.compare_step(step, left, right, stats)?;
    }
    if expected.steps.len() != actual.steps.len() {
        let count = |run: &Run| Described::new(format!("{} steps", run.steps.len()), "steps");
        let sides = (count(expected), count(actual));
        return Err(differs(
            &actual.engine,
            Aspect::Outcome,
            None,
            String::new(),
            sides,
        ));
    }
    if actual.traits.outside.is_some() {
        stats.lesser.samples_replayed += actual.samples.len() as u64;
        return Ok(());
    }
    compare_samples(expected, actual, stats)
}

/// Whether the frames of a run fit on the stack that the engine had, together with those of the
/// host between them.
fn fit_on_stack(reference: &Totals, engine: &Totals) -> bool {
    const HOST_FRAME_BYTES: u64 = 16 << 10;
    let host = reference.frames_most.min(u64::from(HOST_NESTING)) * HOST_FRAME_BYTES;
    let wasm = reference.frames_most.saturating_mul(engine.frame_bytes);
    engine.frame_bytes > 0 && wasm.saturating_add(host) <= engine.stack_bytes
}

/// The comparison ends if the engine on either side broke.
fn broken(run: &Run, step: Option<usize>, outcome: &Outcome) -> Result<(), End> {
    let (Outcome::Stuck(what) | Outcome::Crashed(what)) = outcome else {
        return Ok(());
    };
    let finding = Finding::broke(&run.engine, step, what);
    Err(End::Finding(Box::new(finding)))
}

fn differs(
    engine: &str,
    aspect: Aspect,
    step: Option<usize>,
    path: String,
    sides: (Described, Described),
) -> End {
    let (expected, actual) = sides;
    let difference = Difference {
        excess: None,
        aspect,
        path,
        expected,
        actual,
    };
    let finding = Finding::new(engine, step, Symptom::Differs(difference));
    End::Finding(Box::new(finding))
}

/// A difference between two numbers of objects.
fn counted(end: End, expected: u64, actual: u64) -> End {
    let End::Finding(mut finding) = end else {
        return end;
    };
    if let Symptom::Differs(difference) = &mut finding.symptom {
        difference.excess = Some(actual.wrapping_sub(expected) as i64);
    }
    End::Finding(finding)
}

/// Compares how two steps or two loads ended. The values inside are compared with the graph.
fn outcomes(
    left: &Outcome,
    right: &Outcome,
    stats: &mut Stats,
    differ: impl FnOnce((Described, Described)) -> End,
) -> Result<(), End> {
    let alike = match (left, right) {
        (Outcome::Returned(left), Outcome::Returned(right)) => left.len() == right.len(),
        (Outcome::Threw(_), Outcome::Threw(_)) => true,
        (Outcome::Trapped(left), Outcome::Trapped(right)) => left == right,
        (Outcome::Exhausted(left), Outcome::Exhausted(right)) => left == right,
        (Outcome::Rejected(left), Outcome::Rejected(right)) => left.why == right.why,
        _ => false,
    };
    // If both sides find a module too large they agree, but nothing was compared. So the table is
    // asked first.
    match nondeterminism::permits(left, right) {
        Some((row, Then::End(skip))) => {
            stats.permitted.count(row);
            Err(End::Skip(skip))
        }
        Some((row, Then::GoOn)) => {
            let merged = matches!(right, Outcome::TrappedByAny(_));
            stats.lesser.traps_merged += u64::from(merged);
            if !alike {
                stats.permitted.count(row);
            }
            Ok(())
        }
        None if alike => Ok(()),
        None => Err(differ((outcome_side(left), outcome_side(right)))),
    }
}

fn outcome_side(outcome: &Outcome) -> Described {
    let class = match outcome {
        Outcome::Trapped(trap) => format!("trapped: {trap}"),
        // The engine's words tell refusals apart.
        Outcome::Rejected(rejection) => {
            let most = match rejection.why {
                // More words would be those of the types that do not match.
                Why::Unlinkable => 4,
                _ => 8,
            };
            let words = Described::by_words(&rejection.detail, most).class;
            format!("rejected: {}: {words}", rejection.why)
        }
        other => other.kind().to_owned(),
    };
    Described::new(outcome, class)
}

/// What stays the same for all steps of two runs.
struct Pair<'a> {
    traits: [Traits; 2],
    /// Totals of the first run.
    totals: [Totals; 2],
    /// The engine of the second run.
    engine: &'a str,
    numbers: Numbers,
}

impl Pair<'_> {
    fn compare_step(
        &mut self,
        step: usize,
        left: &StepRun,
        right: &StepRun,
        stats: &mut Stats,
    ) -> Result<(), End> {
        let engine = self.engine;
        let report = |aspect, path, sides| differs(engine, aspect, Some(step), path, sides);
        let (expected, actual) = (&left.observation, &right.observation);
        let differ = |sides| report(Aspect::Outcome, String::new(), sides);
        if left.full && right.full {
            // The one allocation that has to fail failed on both sides, so the state can be
            // compared as after any other step.
            if expected.outcome != actual.outcome {
                let sides = (
                    outcome_side(&expected.outcome),
                    outcome_side(&actual.outcome),
                );
                return Err(differ(sides));
            }
        } else if !left.full && !right.full && self.sizes_differ(&expected.outcome, &actual.outcome)
        {
            let sides = (
                outcome_side(&expected.outcome),
                outcome_side(&actual.outcome),
            );
            return Err(differ(sides));
        } else {
            outcomes(&expected.outcome, &actual.outcome, stats, differ)?;
        }
        let mut matching = Matching::new(expected, actual, self.traits, &mut self.numbers);
        let matched = matching.all();
        stats.values += matching.values;
        stats.objects += matching.objects_matched();
        stats.permitted.add(&matching.permitted);
        stats.lesser.add(&matching.lesser);
        matched
            .map_err(|found| report(found.aspect, found.path, (found.expected, found.actual)))?;
        self.compare_live(left, right, step, stats)?;
        stats.steps += 1;
        Ok(())
    }

    /// Whether a resource ran out on one side only, although the sizes are known. An array that is
    /// larger than the heap fits nowhere. A program whose objects all fit into the heap several
    /// times finds room everywhere, and so do frames that fit on the engine's stack. Calls are
    /// counted alike. Engines in other processes have limits of their own.
    fn sizes_differ(&self, expected: &Outcome, actual: &Outcome) -> bool {
        let [_, traits] = self.traits;
        if traits.outside.is_some() {
            return false;
        }
        let [reference, engine] = self.totals;
        match (expected, actual) {
            // Without a count it goes on after the call at which the reference ends.
            (Outcome::Exhausted(Resource::CallDepth), _) if !engine.counts_calls => false,
            (_, Outcome::Exhausted(Resource::CallStack)) => fit_on_stack(&reference, &engine),
            (Outcome::Exhausted(_), Outcome::Exhausted(_)) => false,
            (Outcome::Exhausted(Resource::CallDepth), _)
            | (_, Outcome::Exhausted(Resource::CallDepth)) => true,
            (Outcome::Exhausted(Resource::Heap), _) => reference.was_too_large,
            (Outcome::Exhausted(_), _) => false,
            (_, Outcome::Exhausted(Resource::Heap)) => reference.fits,
            _ => false,
        }
    }

    fn compare_live(
        &self,
        left: &StepRun,
        right: &StepRun,
        step: usize,
        stats: &mut Stats,
    ) -> Result<(), End> {
        let engine = self.engine;
        let [_, traits] = self.traits;
        let crash = |engine: &str, what: &str| {
            End::Finding(Box::new(Finding::broke(engine, Some(step), what)))
        };
        let expected = left
            .live
            .as_ref()
            .map_err(|what| crash("reference", what))?;
        let actual = right.live.as_ref().map_err(|what| crash(engine, what))?;
        let checks = leak::census::check(expected, actual).map_err(|miscount| {
            let way = if miscount.actual > miscount.expected {
                "too many"
            } else {
                "too few"
            };
            let form = if miscount.retained {
                "garbage cycles counted"
            } else {
                "garbage cycles reclaimed"
            };
            let expected = Described::new(format!("{} live, {form}", miscount.expected), "live");
            let actual = Described::new(format!("{} live", miscount.actual), way);
            let path = miscount.kind.to_string();
            let end = differs(engine, Aspect::Census, Some(step), path, (expected, actual));
            counted(end, miscount.expected, miscount.actual)
        })?;
        let equations = balance(engine, traits, step, expected, actual)?;
        stats.live_checks += checks + equations;
        // From outside, only the two equations of host objects can be checked.
        let checked = match traits.outside {
            Some(_) => equations == 2,
            None => checks > 0,
        };
        stats.live_unchecked += u64::from(!checked);
        Ok(())
    }
}

/// Checks the balance of host objects. Returns how many equations were checked.
fn balance(
    engine: &str,
    traits: Traits,
    step: usize,
    expected: &Live,
    actual: &Live,
) -> Result<u64, End> {
    leak::handles::check(expected, actual, traits.reclaims, traits.outside).map_err(|imbalance| {
        let (path, expected, actual) = match imbalance {
            Imbalance::Created { expected, actual } => ("created", expected, actual),
            Imbalance::Outstanding { expected, actual } => ("created - dropped", expected, actual),
        };
        let class = if actual > expected {
            "too many"
        } else {
            "too few"
        };
        let sides = (
            Described::new(expected, path),
            Described::new(actual as i64, class),
        );
        let end = differs(engine, Aspect::Handles, Some(step), path.to_owned(), sides);
        counted(end, expected, actual)
    })
}

/// Checks what lived after the last step of a run, which was counted later. Returns how many
/// equations were checked.
///
/// # Errors
///
/// The finding.
pub fn compare_late(
    engine: &str,
    traits: Traits,
    step: usize,
    expected: &Live,
    actual: &Result<Live, String>,
) -> Result<u64, Box<Finding>> {
    let broke = |what: &String| Box::new(Finding::broke(engine, Some(step), what));
    let actual = actual.as_ref().map_err(broke)?;
    balance(engine, traits, step, expected, actual).or_else(|end| match end {
        End::Finding(finding) => Err(finding),
        End::Skip(_) => Ok(0),
    })
}

fn compare_samples(expected: &Run, actual: &Run, stats: &mut Stats) -> Result<(), End> {
    let checked = leak::frames::check(&expected.samples, &actual.samples, actual.traits.reclaims);
    stats.samples += checked.map_err(|out| {
        let (path, sides) = match out {
            leak::frames::OutOfBounds::Answer {
                index,
                answer,
                least,
                most,
            } => {
                let way = if u64::from(answer) > most {
                    "too many"
                } else {
                    "too few"
                };
                let expected = Described::new(format!("{least} to {most} live"), "bounded");
                (
                    format!("answer {index}"),
                    (expected, Described::new(format!("{answer} live"), way)),
                )
            }
            leak::frames::OutOfBounds::Count { expected, actual } => {
                let side = |count| Described::new(format!("{count} answers"), "answers");
                (String::new(), (side(expected), side(actual)))
            }
        };
        differs(&actual.engine, Aspect::Sample, None, path, sides)
    })?;
    Ok(())
}
