//! An engine that is only reached through the protocol, behind the same traits as every engine.
//!
//! Always: a whole case is one line, which is planned as if everything went well. If something goes
//! wrong (a module is refused, an instance is not made, the process dies), the case is run again
//! step by step. Each step is then planned with the results of those before it. The death of a
//! process is a finding at once. An engine that counts after each step then looks for the step in
//! which it dies, unless it hangs there.
//!
//! An engine whose collections cost much keeps several sessions and counts them together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gcrucible_protocol::{
    Answer, CollectorKind, Counting, Ended, Hello, HostObjects, Request, VERSION,
};

use super::kept::Kept;
use super::plan::{Asked, Main, Part, Plan};
use super::reading::{self, Answers, Seen};
use super::transport::{Broken, NO_ANSWER, Transport};
use crate::case::{Case, ModuleIndex, Step};
use crate::coverage::RuleMap;
use crate::engine::{
    Engine, LateCount, Later, Leeway, Outside, Run, Session, Setup, StepRun, Totals, Traits, Watch,
    run_counting,
};
use crate::leak::{Live, Reclaims, Sample};
use crate::observe::Observation;
use crate::outcome::{Outcome, Unasked};
use crate::schedule::Schedule;

/// When host objects are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// After each step.
    EachStep,
    /// After the last step of a case.
    AtEnd,
    /// The same, but together with other cases: see [`Engine::count`].
    Later,
    /// Not at all.
    Never,
}

/// An engine behind an adapter. It has one session at a time, so a new session ends the one before.
/// A clone asks the same adapter.
#[derive(Clone)]
pub struct Foreign {
    name: String,
    hello: Hello,
    counted: Counted,
    kept: Arc<Kept>,
    line: Arc<Mutex<Line>>,
}

/// The way to the adapter, and which session it belongs to.
struct Line {
    transport: Box<dyn Transport>,
    session: u64,
    /// Why the engine does not start any more, if this machine is the reason.
    unavailable: Option<String>,
}

fn lock(line: &Mutex<Line>) -> std::sync::MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Foreign {
    /// Greets an adapter.
    ///
    /// # Errors
    ///
    /// The adapter does not answer, or speaks another version of the protocol.
    pub fn greet(name: &str, mut transport: Box<dyn Transport>) -> Result<Foreign, Broken> {
        let answer = transport.ask(&Request::Hello { protocol: VERSION })?;
        let Answer::Hello(hello) = answer else {
            return Err(Broken::Greeting(format!(
                "no greeting: {}",
                shortened(&answer)
            )));
        };
        if hello.protocol != VERSION {
            let theirs = hello.protocol;
            let what =
                format!("the adapter speaks version {theirs} of the protocol, not {VERSION}");
            return Err(Broken::Greeting(what));
        }
        Ok(Foreign {
            name: name.to_owned(),
            hello,
            counted: Counted::EachStep,
            kept: Arc::default(),
            line: Arc::new(Mutex::new(Line {
                transport,
                session: 0,
                unavailable: None,
            })),
        })
    }

    /// Returns the same engine, whose host objects are counted at other times.
    #[must_use]
    pub fn counting(mut self, counted: Counted) -> Foreign {
        self.counted = counted;
        self
    }

    /// Returns what the adapter said of the engine.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    fn session(&self) -> ForeignSession {
        let mut line = lock(&self.line);
        line.session += 1;
        ForeignSession {
            session: line.session,
            line: Arc::clone(&self.line),
            plan: Plan::new(&self.hello.capabilities, Arc::clone(&self.kept)),
            can: Can::of(&self.hello),
            most: self.hello.capabilities.keeps_sessions,
            counted: self.counted,
            loaded: 0,
            seen: None,
            live: None,
            has_failed: false,
            stopped: None,
            collections: 0,
            samples: Vec::new(),
            broken: None,
            open: false,
        }
    }

    /// A run that says why it did not take place, or did not end.
    fn unasked(&self, outcome: Outcome) -> Run {
        Run {
            loads: vec![outcome],
            ..self.empty_run(&[])
        }
    }

    fn empty_run(&self, answers: &[u32]) -> Run {
        Run {
            engine: self.name.clone(),
            traits: self.traits(),
            loads: Vec::new(),
            steps: Vec::new(),
            samples: replayed(answers),
            totals: Totals::default(),
            rules: RuleMap::default(),
            later: None,
        }
    }
}

/// Returns the answers that a program got. They are those of the caller.
fn replayed(answers: &[u32]) -> Vec<Sample> {
    let sample = |&answer| Sample {
        answer,
        bounds: None,
    };
    answers.iter().map(sample).collect()
}

/// The start of an answer, for people.
fn shortened(answer: &Answer) -> String {
    let text = match answer {
        Answer::Ended(Ended::Rejected { text, .. } | Ended::Trapped { text, .. }) => text.clone(),
        other => format!("{other:?}"),
    };
    text.chars().take(200).collect()
}

impl Engine for Foreign {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn describe(&self) -> String {
        let Hello {
            engine, version, ..
        } = &self.hello;
        format!("{} ({engine} {version})", self.name)
    }

    fn traits(&self) -> Traits {
        let can = &self.hello.capabilities;
        Traits {
            canonical_nans: can.canonical_nans,
            reclaims: match can.reclaims {
                CollectorKind::Everything => Reclaims::Everything,
                CollectorKind::Acyclic => Reclaims::Acyclic,
                CollectorKind::Nothing => Reclaims::Nothing,
            },
            outside: Some(Outside {
                at_least: can.host_objects == HostObjects::AtLeast,
            }),
        }
    }

    fn allows(&self, schedule: &Schedule) -> bool {
        self.hello.capabilities.schedules || *schedule == Schedule::OnPressure
    }

    fn lacks(&self) -> Vec<String> {
        self.hello.capabilities.lacks.clone()
    }

    fn closer(&self) -> Option<Box<dyn Engine>> {
        let often = self.counted == Counted::AtEnd;
        often.then(|| Box::new(self.clone().counting(Counted::EachStep)) as Box<dyn Engine>)
    }

    fn later(&self) -> Option<Box<dyn Engine>> {
        let can = &self.hello.capabilities;
        let may = can.keeps_sessions > 0 && can.host_objects != HostObjects::Unknown;
        let late = may && self.counted == Counted::AtEnd;
        late.then(|| Box::new(self.clone().counting(Counted::Later)) as Box<dyn Engine>)
    }

    fn count(&self) -> Result<BTreeMap<u64, LateCount>, String> {
        let mut line = lock(&self.line);
        let answer = line.transport.ask(&Request::Count).map_err(|broken| {
            if !broken.is_finding() {
                line.unavailable = Some(broken.to_string());
            }
            broken.to_string()
        })?;
        let Answer::Counts(counts) = answer else {
            return Err(format!("no counts: {}", shortened(&answer)));
        };
        let late = |counting: &Counting| LateCount {
            live: reading::live(counting, true),
            collections: counting.collections,
        };
        let counts = counts.iter();
        Ok(counts
            .map(|(&ticket, counting)| (ticket, late(counting)))
            .collect())
    }

    fn unavailable(&self) -> Option<String> {
        lock(&self.line).unavailable.clone()
    }

    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String> {
        let mut session = self.session();
        let requests = session.plan.open(setup);
        session.samples = replayed(&setup.answers);
        session.open = true;
        for answer in session.ask_all(requests)? {
            if answer != Answer::Ended(Ended::Returned) {
                return Err(format!("it cannot open a session: {}", shortened(&answer)));
            }
        }
        Ok(Box::new(session))
    }

    fn run(&self, case: &Case, answers: &[u32]) -> Run {
        if case.limits.full_at.is_some() {
            return self.unasked(Outcome::Unasked(Unasked::FullHeap));
        }
        let lacks = |wasm: &[u8]| self.kept.lacks(wasm, &self.hello.capabilities);
        if case.modules.iter().any(|module| lacks(&module.wasm)) {
            return self.unasked(Outcome::Unasked(Unasked::Proposal));
        }
        let mut session = self.session();
        if let Some(run) = session.run_at_once(case, answers, self.empty_run(answers)) {
            return run;
        }
        let (broken, stopped) = (session.broken.take(), session.stopped);
        drop(session);
        let is_enough =
            |why: &&String| self.counted != Counted::EachStep || why.starts_with(NO_ANSWER);
        if let Some(why) = broken.as_ref().filter(is_enough) {
            return self.unasked(Outcome::Crashed(why.clone()));
        }
        // What was alive before the step that did not go as planned may not be known after it.
        let counts = |step| {
            self.counted == Counted::EachStep
                || stopped == Some(step + 1)
                || step + 1 == case.steps.len()
        };
        let run = run_counting(self, case, answers, counts);
        match broken {
            Some(why) if !breaks(&run) => broke_once(run, &why),
            _ => run,
        }
    }
}

/// Whether a run shows that the engine broke.
fn breaks(run: &Run) -> bool {
    let broke = |outcome: &Outcome| matches!(outcome, Outcome::Crashed(_) | Outcome::Stuck(_));
    let broken_step = |step: &StepRun| broke(&step.observation.outcome) || step.live.is_err();
    run.loads.iter().any(broke) || run.steps.iter().any(broken_step)
}

/// A run that went well, after the same case had broken the engine. The end of the run has the
/// difference.
fn broke_once(mut run: Run, why: &str) -> Run {
    let why = format!("{why} (not again step by step)");
    match (run.steps.last_mut(), run.loads.last_mut()) {
        (Some(step), _) => step.live = Err(why),
        (None, Some(load)) => *load = Outcome::Crashed(why),
        (None, None) => run.loads.push(Outcome::Crashed(why)),
    }
    run
}

/// What of the capabilities matters for a session.
#[derive(Clone, Copy)]
struct Can {
    counts: bool,
    keeps_failed_instances: bool,
    crosses_nan_bits: bool,
}

impl Can {
    fn of(hello: &Hello) -> Can {
        let can = &hello.capabilities;
        Can {
            counts: can.host_objects != HostObjects::Unknown,
            keeps_failed_instances: can.keeps_failed_instances,
            crosses_nan_bits: can.crosses_nan_bits,
        }
    }
}

struct ForeignSession {
    line: Arc<Mutex<Line>>,
    session: u64,
    plan: Plan,
    can: Can,
    /// How many ended sessions the adapter keeps.
    most: u32,
    counted: Counted,
    /// How many modules were loaded.
    loaded: u32,
    /// What was seen last, while nothing has changed since.
    seen: Option<Seen>,
    /// What lived last, likewise.
    live: Option<Live>,
    /// Whether an instantiation failed.
    has_failed: bool,
    /// The step because of which a case has to be run step by step.
    stopped: Option<usize>,
    collections: u64,
    samples: Vec<Sample>,
    /// Why nothing more can be asked.
    broken: Option<String>,
    /// Whether the adapter has a session.
    open: bool,
}

/// What the answers to one step say.
enum Digest {
    Seen(Observation, Option<Seen>),
    /// The instance was not made, so there is no observation.
    NotPlaced(Ended),
}

fn digest(plan: &Plan, asked: &Asked, answers: &[Answer]) -> Result<Digest, String> {
    let mut given = Answers {
        main: None,
        observed: None,
    };
    for ((part, _), answer) in asked.requests.iter().zip(answers) {
        if let (Main::Instantiated(_), Some(ended)) = (&asked.main, given.main)
            && *ended != Ended::Returned
        {
            return Ok(Digest::NotPlaced(ended.clone()));
        }
        match (part, answer) {
            (Part::Probe, Answer::Ended(Ended::Returned)) => {}
            (Part::Main, Answer::Ended(ended)) => given.main = Some(ended),
            (Part::Observe, Answer::Bytes { bytes, memories }) => {
                given.observed = Some((bytes, memories));
            }
            // An adapter that survived a crash has lost the session that would be observed.
            (Part::Probe | Part::Observe, Answer::Ended(_))
                if let Some(crashed @ Ended::Crashed { .. }) = given.main =>
            {
                let outcome = reading::ended_outcome(crashed);
                return Ok(Digest::Seen(Observation::bare(outcome), None));
            }
            (Part::Probe | Part::Observe, Answer::Ended(ended)) => {
                let what = if *part == Part::Probe {
                    "making a probe"
                } else {
                    "observing"
                };
                return match reading::ended_outcome(ended) {
                    // As after any step, this says nothing about the engine.
                    none @ (Outcome::Exhausted(_) | Outcome::Unsupported(_)) => {
                        Ok(Digest::Seen(Observation::bare(none), None))
                    }
                    other => Err(format!("{what}: {}", in_its_words(ended, &other))),
                };
            }
            _ => {
                return Err(format!(
                    "an answer to something else: {}",
                    shortened(answer)
                ));
            }
        }
    }
    if let (Main::Instantiated(_), Some(ended)) = (&asked.main, given.main)
        && *ended != Ended::Returned
    {
        return Ok(Digest::NotPlaced(ended.clone()));
    }
    let (observation, seen) = reading::step(plan, &asked.main, &asked.states, &given)?;
    Ok(Digest::Seen(observation, seen))
}

/// Whether nothing after this step can be compared.
fn is_over(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Crashed(_) | Outcome::Stuck(_) | Outcome::Exhausted(_) | Outcome::Unasked(_)
    )
}

impl ForeignSession {
    fn ask(&mut self, request: &Request) -> Result<Answer, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let mut line = lock(&self.line);
        if line.session != self.session {
            drop(line);
            self.open = false;
            return Err(self.break_down("another session was opened".to_owned()));
        }
        let answer = line.transport.ask(request);
        if let Err(broken) = &answer
            && !broken.is_finding()
        {
            line.unavailable = Some(broken.to_string());
        }
        drop(line);
        answer.map_err(|broken| {
            self.open = false;
            self.break_down(broken.to_string())
        })
    }

    fn break_down(&mut self, why: String) -> String {
        self.broken.get_or_insert_with(|| why.clone());
        why
    }

    /// Asks several requests in one line.
    fn ask_all(&mut self, requests: Vec<Request>) -> Result<Vec<Answer>, String> {
        let count = requests.len();
        match self.ask(&Request::Batch { requests })? {
            Answer::Batch(answers) if answers.len() == count => Ok(answers),
            Answer::Batch(answers) => {
                let why = format!("{} answers to {count} requests", answers.len());
                Err(self.break_down(why))
            }
            other => {
                let why = format!("no answer to several requests: {}", shortened(&other));
                Err(self.break_down(why))
            }
        }
    }

    fn take(&mut self, asked: Asked, watch: Watch) -> Result<Observation, String> {
        let requests = asked.requests.iter().map(|(_, request)| request.clone());
        let answers = self.ask_all(requests.collect())?;
        (self.seen, self.live) = (None, None);
        match digest(&self.plan, &asked, &answers)? {
            Digest::Seen(observation, seen) => {
                if watch == Watch::Everything {
                    self.seen = seen;
                }
                Ok(observation)
            }
            Digest::NotPlaced(ended) => self.not_placed(asked.main, &ended, watch),
        }
    }

    /// Observes after an instantiation that failed.
    fn not_placed(
        &mut self,
        main: Main,
        ended: &Ended,
        watch: Watch,
    ) -> Result<Observation, String> {
        if let Main::Instantiated(instance) = main {
            self.plan.failed(instance);
        }
        self.has_failed |= !matches!(ended, Ended::Rejected { .. });
        let asked = self.plan.look(main, watch);
        let requests = asked.requests.iter().map(|(_, request)| request.clone());
        let answers = self.ask_all(requests.collect())?;
        let mut given = Answers {
            main: Some(ended),
            observed: None,
        };
        for answer in &answers {
            match answer {
                Answer::Ended(Ended::Returned) => {}
                Answer::Bytes { bytes, memories } => given.observed = Some((bytes, memories)),
                other => return Err(format!("observing: {}", shortened(other))),
            }
        }
        let (observation, seen) = reading::step(&self.plan, &asked.main, &asked.states, &given)?;
        if watch == Watch::Everything {
            self.seen = seen;
        }
        Ok(observation)
    }

    /// A step that asks nothing of the adapter.
    fn unchanged(&mut self, outcome: Outcome, watch: Watch) -> Result<Observation, String> {
        if watch == Watch::Outcome {
            return Ok(Observation::bare(outcome));
        }
        if self.seen.is_none() {
            let asked = self.plan.look(Main::Known(outcome.clone()), watch);
            self.take(asked, watch)?;
        }
        let nothing = Seen::nothing();
        let seen = self.seen.as_ref().unwrap_or(&nothing);
        Ok(reading::unchanged(&self.plan, outcome, seen))
    }

    fn count(&mut self, counting: &Counting) -> Result<Live, String> {
        self.collections = counting.collections;
        reading::live(counting, self.is_reliable())
    }

    /// Whether the number of host objects means something.
    fn is_reliable(&self) -> bool {
        self.can.counts && (self.can.keeps_failed_instances || !self.has_failed)
    }

    /// Runs a whole case in one line. Returns `None` if it has to be run step by step.
    fn run_at_once(&mut self, case: &Case, answers: &[u32], mut run: Run) -> Option<Run> {
        let setup = Setup {
            answers: answers.to_vec(),
            ..Setup::of(case)
        };
        let mut requests = self.plan.open(&setup);
        let opened = requests.len();
        for module in &case.modules {
            requests.extend(self.plan.load(&module.wasm).0);
        }
        let loaded = requests.len();
        let mut steps = Vec::new();
        for (index, step) in case.steps.iter().enumerate() {
            let asked = self.plan.step(step, Watch::Everything);
            let counts = self.can.counts && !asked.unchanged && self.counts_after(index, case);
            requests.extend(asked.requests.iter().map(|(_, request)| request.clone()));
            requests.extend(counts.then_some(Request::Live));
            steps.push((asked, counts));
        }
        let session = self.session;
        requests.push(match self.counted {
            Counted::Later => Request::Keep { session },
            _ => Request::Close,
        });
        self.open = true;
        let given = self.ask_all(requests).ok()?;
        self.open = false;
        let returned = |answer: &Answer| *answer == Answer::Ended(Ended::Returned);
        let (open, rest) = given.split_at(opened);
        let (loads, mut rest) = rest.split_at(loaded - opened);
        if !open.iter().all(returned) || loads.len() != case.modules.len() {
            return None;
        }
        for load in loads {
            match load {
                Answer::Ended(ended) => run.loads.push(reading::ended_outcome(ended)),
                _ => return None,
            }
        }
        if !loads.iter().all(returned) && !case.steps.is_empty() {
            return None;
        }
        for (index, (asked, counts)) in steps.into_iter().enumerate() {
            self.stopped = Some(index);
            let (own, after) = rest.split_at(asked.requests.len());
            let (live, after) = after.split_at(usize::from(counts));
            rest = after;
            let step = self.step_run(&asked, own, live.first())?;
            let over = is_over(&step.observation.outcome);
            run.steps.push(step);
            if over {
                break;
            }
        }
        if let Some(Answer::Ended(ended)) = given.last()
            && *ended != Ended::Returned
            && let Some(last) = run.steps.last_mut()
        {
            last.live = Err(format!("closing a session: {ended:?}"));
        }
        run.totals.collections = self.collections;
        let is_whole = run.steps.len() == case.steps.len();
        let is_void = |step: &StepRun| is_over(&step.observation.outcome) || step.live.is_err();
        if self.counted == Counted::Later && is_whole && !run.steps.last().is_none_or(is_void) {
            run.later = Some(Later {
                ticket: session,
                most: self.most,
            });
        }
        Some(run)
    }

    fn counts_after(&self, step: usize, case: &Case) -> bool {
        match self.counted {
            Counted::EachStep => true,
            Counted::AtEnd => step + 1 == case.steps.len(),
            Counted::Later | Counted::Never => false,
        }
    }

    /// One step of a case that was run in one line.
    fn step_run(
        &mut self,
        asked: &Asked,
        answers: &[Answer],
        live: Option<&Answer>,
    ) -> Option<StepRun> {
        let observation = if asked.unchanged {
            let Main::Known(outcome) = &asked.main else {
                return None;
            };
            let nothing = Seen::nothing();
            let seen = self.seen.as_ref().unwrap_or(&nothing);
            reading::unchanged(&self.plan, outcome.clone(), seen)
        } else {
            self.live = None;
            match digest(&self.plan, asked, answers) {
                Ok(Digest::Seen(observation, seen)) => {
                    self.seen = seen;
                    observation
                }
                Ok(Digest::NotPlaced(ended)) => match reading::ended_outcome(&ended) {
                    over @ Outcome::Exhausted(_) => Observation::bare(over),
                    _ => return None,
                },
                Err(why) => Observation::bare(Outcome::Crashed(why)),
            }
        };
        let live = match live {
            Some(Answer::Live(counting)) => self.count(counting),
            Some(other) => Err(format!("no count: {}", shortened(other))),
            None => Ok(self.live.clone().unwrap_or_default()),
        };
        self.live = live.clone().ok();
        Some(StepRun {
            live: if is_over(&observation.outcome) {
                Ok(Live::default())
            } else {
                live
            },
            observation,
            full: false,
        })
    }
}

impl Session for ForeignSession {
    fn leeway(&self) -> Leeway {
        Leeway {
            nan_bits: !self.can.crosses_nan_bits,
            limits: true,
        }
    }

    fn load(&mut self, wasm: &[u8]) -> Outcome {
        let index = ModuleIndex(self.loaded);
        self.loaded += 1;
        let (request, known) = self.plan.load(wasm);
        let outcome = match (request, known) {
            (_, Some(outcome)) => outcome,
            (None, None) => Outcome::Unasked(Unasked::Unreadable),
            (Some(request), None) => match self.ask(&request) {
                Ok(Answer::Ended(ended)) => reading::ended_outcome(&ended),
                Ok(other) => {
                    Outcome::Crashed(self.break_down(format!("loading: {}", shortened(&other))))
                }
                Err(why) => Outcome::Crashed(why),
            },
        };
        if !matches!(outcome, Outcome::Returned(_) | Outcome::Unasked(_)) {
            self.plan.refused(index);
        }
        outcome
    }

    fn step(&mut self, step: &Step, watch: Watch) -> Observation {
        if let Some(why) = &self.broken {
            return Observation::bare(Outcome::Crashed(why.clone()));
        }
        let asked = self.plan.step(step, watch);
        let seen = match (&asked.main, asked.unchanged) {
            (Main::Known(outcome), true) => {
                let outcome = outcome.clone();
                // The step makes no sense. The requests that were planned before that was known are
                // sent nevertheless.
                let made = asked
                    .requests
                    .into_iter()
                    .map(|(_, request)| request)
                    .collect();
                match self.make(made) {
                    Ok(()) => self.unchanged(outcome, watch),
                    Err(why) => Err(why),
                }
            }
            _ => self.take(asked, watch),
        };
        seen.unwrap_or_else(|why| {
            let why = self.break_down(why);
            Observation::bare(Outcome::Crashed(why))
        })
    }

    fn live(&mut self) -> Result<Live, String> {
        if !self.is_reliable() || self.counted == Counted::Never {
            return Ok(Live::default());
        }
        if let Some(live) = &self.live {
            return Ok(live.clone());
        }
        let live = match self.ask(&Request::Live)? {
            Answer::Live(counting) => self.count(&counting)?,
            other => return Err(format!("no count: {}", shortened(&other))),
        };
        self.live = Some(live.clone());
        Ok(live)
    }

    fn samples(&self) -> Vec<Sample> {
        self.samples.clone()
    }

    fn totals(&self) -> Totals {
        Totals {
            collections: self.collections,
            ..Totals::default()
        }
    }

    fn close(mut self: Box<Self>) -> Result<(), String> {
        if self.broken.is_some() {
            return Ok(());
        }
        let answer = self.ask(&Request::Close)?;
        self.open = false;
        if answer == Answer::Ended(Ended::Returned) {
            return Ok(());
        }
        Err(format!("closing a session: {}", shortened(&answer)))
    }
}

/// Returns what an outcome says. For a trap of no known kind, these are the engine's own words.
fn in_its_words(ended: &Ended, outcome: &Outcome) -> String {
    match ended {
        Ended::Trapped { kinds, text } if kinds.is_empty() => format!("trapped: {text}"),
        _ => outcome.to_string(),
    }
}

impl ForeignSession {
    /// Makes parts of the probes.
    fn make(&mut self, requests: Vec<Request>) -> Result<(), String> {
        if requests.is_empty() {
            return Ok(());
        }
        for answer in self.ask_all(requests)? {
            if answer != Answer::Ended(Ended::Returned) {
                return Err(format!("making a probe: {}", shortened(&answer)));
            }
        }
        Ok(())
    }
}

impl Drop for ForeignSession {
    fn drop(&mut self) {
        if self.open && self.broken.is_none() {
            // Nobody needs the answer to the end of a session.
            let _ = self.ask(&Request::Close);
        }
    }
}
