//! What an engine is: it opens sessions, in which modules are loaded and steps are taken one by
//! one.
//!
//! Always: the case runner ([`Engine::run`]) and the script runner of `wast-tests` use the same
//! [`Session`]. A session never panics on bad input. It need not know which steps will follow.
//!
//! Not here: any engine's own types. Each adapter keeps them in its folder.
//!
//! Reading order: `reference`, `runtime`, `list`.
//!
//! `runtime` needs the cargo feature `runtime`, which is on by default. Without it this crate does
//! not depend on the runtime.

pub mod reference;

#[cfg(feature = "runtime")]
pub mod runtime;

mod list;

use std::collections::BTreeMap;

pub use self::list::{named, names, reference};
#[cfg(feature = "runtime")]
pub use self::runtime::{Pool, matrix};
use crate::case::{Case, Limits, Step};
use crate::coverage::RuleMap;
pub use crate::leak::Outside;
use crate::leak::{Live, Reclaims, Sample};
use crate::nearest::suggestion;
use crate::observe::Observation;
use crate::outcome::{Outcome, Resource};
use crate::schedule::Schedule;

/// How much to observe after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The outcome and the objects reachable from it.
    Outcome,
    /// Also every exported global, table and memory of every instance.
    Everything,
}

/// What an engine is told when a session opens.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When to collect.
    pub schedule: Schedule,
    /// Resources for the whole session.
    pub limits: Limits,
    /// Answers to give, in order, when the program asks for the number of live objects. Only an
    /// engine that computes bounds uses them (see [`Sample`]). When they run out it answers with
    /// its own upper bound.
    pub answers: Vec<u32>,
}

impl Setup {
    /// Returns the schedule and limits of a case, without answers.
    pub fn of(case: &Case) -> Setup {
        Setup {
            schedule: case.schedule.clone(),
            limits: case.limits,
            answers: Vec::new(),
        }
    }
}

/// An engine's behaviour where the specification leaves a choice. It is data, so that no comparison
/// asks for the name of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Every NaN that an instruction produces is the positive canonical one, as in the
    /// specification's deterministic profile.
    pub canonical_nans: bool,
    /// What a full collection frees.
    pub reclaims: Reclaims,
    /// What is known from outside about an engine in a process of its own. `None` for an engine
    /// whose objects are read directly.
    pub outside: Option<Outside>,
}

/// What an engine in a process of its own may answer otherwise than ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leeway {
    /// The bits of a NaN change when it crosses the boundary between the engine and its host.
    pub nan_bits: bool,
    /// The engine has limits of its own (specification, appendix "Implementation Limitations").
    pub limits: bool,
}

/// Totals of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Collections that happened.
    pub collections: u64,
    /// Collection points passed. A sweep tries each of the points `0..points`.
    pub points: u64,
    /// Allocations that were attempted: [`Limits::full_at`] counts these. An engine that allocates
    /// inline counts them only if it was told to fail at one.
    pub allocations: u64,
    /// Whether everything that was ever allocated takes at most an eighth of the heap's limit. Only
    /// the reference knows.
    pub fits: bool,
    /// Whether one object was asked for that is larger than the heap's limit. Only the reference
    /// knows.
    pub was_too_large: bool,
    /// The most wasm frames that were ever on the stack. Only the reference knows.
    pub frames_most: u64,
    /// Bytes of the largest frame of the code that was loaded. 0 if the engine does not know.
    pub frame_bytes: u64,
    /// Bytes of stack that the engine had at least. 0 if it does not know.
    pub stack_bytes: u64,
    /// Whether the engine counts nested calls, so that a step ends exactly at
    /// [`Limits::call_depth`].
    pub counts_calls: bool,
}

/// An engine in one configuration.
pub trait Engine: Send + Sync {
    /// Returns a short name that tells configurations apart, such as `reference` or
    /// `runtime:drc:speed`. [`named`] makes the same engine from it.
    fn name(&self) -> String;

    /// Returns the configuration in one line for people.
    fn describe(&self) -> String;

    /// Returns the choices that it makes where the specification leaves one.
    fn traits(&self) -> Traits;

    /// Returns the name of its collector, by which the header key `collectors` selects. `None` if
    /// it has no choice of collectors.
    fn collector(&self) -> Option<&'static str> {
        None
    }

    /// Returns true if the engine can collect as the schedule says. Every engine allows
    /// `OnPressure`.
    fn allows(&self, _schedule: &Schedule) -> bool {
        true
    }

    /// Returns the schedule, if the engine can collect as it says, or else `OnPressure`.
    fn fitting(&self, schedule: &Schedule) -> Schedule {
        if self.allows(schedule) {
            return schedule.clone();
        }
        Schedule::OnPressure
    }

    /// Returns the same engine with more observations, at a greater cost. After a cheap run has
    /// shown a difference, it finds the step that made it. `None` if this engine always observes
    /// everything.
    fn closer(&self) -> Option<Box<dyn Engine>> {
        None
    }

    /// Returns the same engine, whose runs leave what lives at their end to be counted together
    /// with that of others: see [`Run::later`] and [`Engine::count`]. `None` if counting costs
    /// little.
    fn later(&self) -> Option<Box<dyn Engine>> {
        None
    }

    /// Counts what lives at the end of every run that left that for later, and returns it by
    /// [`Later::ticket`]. A run has no entry if the engine's process ended since.
    ///
    /// # Errors
    ///
    /// How the engine broke while it counted.
    fn count(&self) -> Result<BTreeMap<u64, LateCount>, String> {
        Ok(BTreeMap::new())
    }

    /// The configuration that a case with this number gets, for an engine that stands for several.
    /// None if this engine is one configuration.
    fn drawn(&self, _number: u64) -> Option<Box<dyn Engine>> {
        None
    }

    /// Returns why this machine does not run the engine any more: its program is gone, or no
    /// process can be started. Runs of the engine mean nothing after that.
    fn unavailable(&self) -> Option<String> {
        None
    }

    /// Returns the proposals that it lacks, by the names of `wasmparser`'s features in lower case.
    fn lacks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Opens a session in which only the host modules `harness` and `spectest` exist.
    ///
    /// # Errors
    ///
    /// When the engine cannot start at all (out of address space, an unsupported platform), with
    /// the reason.
    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String>;

    /// Decodes and validates a module. Returns what [`Session::load`] returns, but an engine may
    /// leave out what loading does beyond that, such as compiling.
    fn validate(&self, wasm: &[u8]) -> Outcome {
        let setup = Setup {
            schedule: Schedule::OnPressure,
            limits: Limits::FUZZING,
            answers: Vec::new(),
        };
        match self.open(&setup) {
            Ok(mut session) => session.load(wasm),
            Err(why) => Outcome::Crashed(why),
        }
    }

    /// Runs a whole case: loads each module, takes each step, observes everything after each, and
    /// counts live objects.
    ///
    /// `answers` are another run's samples, see [`Setup::answers`]. If the engine cannot start, the
    /// only outcome in the run is [`Outcome::Crashed`].
    fn run(&self, case: &Case, answers: &[u32]) -> Run {
        run_case(self, case, answers)
    }
}

/// Modules, instances and a store, driven step by step.
pub trait Session {
    /// Decodes and validates a module. It gets the next [`ModuleIndex`](crate::case::ModuleIndex),
    /// also if it is refused. Returns `Returned` without values, `Rejected` (malformed, invalid or
    /// over a limit) or `Unsupported`.
    fn load(&mut self, wasm: &[u8]) -> Outcome;

    /// Takes one step and observes.
    fn step(&mut self, step: &Step, watch: Watch) -> Observation;

    /// Collects everything and counts what lives. Called between steps only, when no wasm frame is
    /// on the stack.
    ///
    /// # Errors
    ///
    /// One of the engine's own checks failed: heap verification, audit, or the balance of host
    /// objects.
    fn live(&mut self) -> Result<Live, String>;

    /// Returns every answer given so far to `live` and `live.extern`, in order.
    fn samples(&self) -> Vec<Sample>;

    /// Totals so far.
    fn totals(&self) -> Totals;

    /// Returns the functions that were active at the last trap, newest first, one in each line.
    /// Returns none if the engine does not know, or if nothing has trapped.
    fn backtrace(&self) -> Option<String> {
        None
    }

    /// Gives the whole budget of fuel again, if the engine meters. A case has one budget, and each
    /// directive of a script has its own.
    fn refuel(&mut self) {}

    /// What of a script the engine may answer otherwise than ours, and why that is no failure.
    fn leeway(&self) -> Leeway {
        Leeway::default()
    }

    /// Drops everything.
    ///
    /// # Errors
    ///
    /// A host object outlives the session.
    fn close(self: Box<Self>) -> Result<(), String>;

    /// Returns the rules of the specification applied so far. Empty if the engine does not report
    /// them.
    fn rules(&self) -> RuleMap {
        RuleMap::default()
    }
}

/// A name that is no engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEngine {
    /// The first part of the name is unknown.
    #[error("no engine is named `{name}`; {}", suggestion(name, known))]
    Name {
        /// The name.
        name: String,
        /// What names can begin with.
        known: &'static [&'static str],
    },
    /// A part of the name of a configuration is unknown.
    #[error("`{part}` is no {of}; {}", suggestion(part, known))]
    Part {
        /// The part.
        part: String,
        /// What it should have been: a collector, for example.
        of: &'static str,
        /// All there are.
        known: Vec<&'static str>,
    },
    /// The name asks for a planted fault, and this build has none.
    #[error("the fault `{fault}` is not built in: build with `--features planted`")]
    NotPlanted {
        /// The fault.
        fault: String,
    },
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRun {
    /// What it showed.
    pub observation: Observation,
    /// What lived after it.
    pub live: Result<Live, String>,
    /// Whether the allocation that had to fail ([`Limits::full_at`]) failed in this step.
    pub full: bool,
}

/// A run whose last count is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later {
    /// Its number among the runs of the engine.
    pub ticket: u64,
    /// How many runs the engine keeps until they are counted.
    pub most: u32,
}

/// What a count said that came later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateCount {
    /// What lived after the last step, or why that cannot be.
    pub live: Result<Live, String>,
    /// Collections of that run.
    pub collections: u64,
}

/// A run of a case: how each module loaded and what each step showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// [`Engine::name`].
    pub engine: String,
    /// [`Engine::traits`].
    pub traits: Traits,
    /// One outcome for each module.
    pub loads: Vec<Outcome>,
    /// One entry for each step. There are fewer if the engine crashed or got stuck.
    pub steps: Vec<StepRun>,
    /// [`Session::samples`].
    pub samples: Vec<Sample>,
    /// [`Session::totals`].
    pub totals: Totals,
    /// [`Session::rules`].
    pub rules: RuleMap,
    /// Set if what lives after the last step is counted later, by [`Engine::count`].
    pub later: Option<Later>,
}

fn run_case<E: Engine + ?Sized>(engine: &E, case: &Case, answers: &[u32]) -> Run {
    run_counting(engine, case, answers, |_| true)
}

/// Runs a case step by step, and counts what lives only after the steps for which `counts` holds.
pub(crate) fn run_counting<E: Engine + ?Sized>(
    engine: &E,
    case: &Case,
    answers: &[u32],
    counts: impl Fn(usize) -> bool,
) -> Run {
    let mut run = Run {
        engine: engine.name(),
        traits: engine.traits(),
        loads: Vec::new(),
        steps: Vec::new(),
        samples: Vec::new(),
        totals: Totals::default(),
        rules: RuleMap::default(),
        later: None,
    };
    let setup = Setup {
        answers: answers.to_vec(),
        ..Setup::of(case)
    };
    let mut session = match engine.open(&setup) {
        Ok(session) => session,
        Err(why) => {
            run.loads.push(Outcome::Crashed(why));
            return run;
        }
    };
    for module in &case.modules {
        run.loads.push(session.load(&module.wasm));
    }
    let has_failed = |session: &dyn Session| {
        (case.limits.full_at).is_some_and(|at| session.totals().allocations > at)
    };
    for (index, step) in case.steps.iter().enumerate() {
        let failed_before = has_failed(session.as_ref());
        let observation = session.step(step, Watch::Everything);
        let full = !failed_before && has_failed(session.as_ref());
        let over = match observation.outcome {
            Outcome::Crashed(_) | Outcome::Stuck(_) | Outcome::Unasked(_) => true,
            // Engines that count calls end at the same one.
            Outcome::Exhausted(Resource::CallDepth) => false,
            // An allocation that has to fail fails at the same moment on every engine.
            Outcome::Exhausted(what) => !(full && what == Resource::Heap),
            _ => false,
        };
        let live = if over || !counts(index) {
            Ok(Live::default())
        } else {
            session.live()
        };
        run.steps.push(StepRun {
            observation,
            live,
            full,
        });
        // After exhaustion the two sides have done different amounts of work, so later steps cannot
        // be compared.
        if over {
            break;
        }
    }
    run.samples = session.samples();
    run.totals = session.totals();
    run.rules = session.rules();
    if let Err(why) = session.close()
        && let Some(last) = run.steps.last_mut()
    {
        last.live = Err(why);
    }
    run
}
