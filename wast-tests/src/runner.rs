//! Runs a script on one engine session and counts what passed, failed and was not asked.
//!
//! Always: the engine decides from the binary whether a module is malformed or invalid. If the text
//! parser refuses the text of a module, no engine sees it. Such assertions are counted apart
//! ([`Report::by_text_parser`]). A failing directive does not end the script, a broken engine does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gcrucible_oracles::case::{Case, InstanceIndex, ModuleIndex, Step};
use gcrucible_oracles::engine::{self, Session, Watch};
use gcrucible_oracles::observe::Observation;
use gcrucible_oracles::outcome::{Outcome, Resource, Why};
use gcrucible_oracles::value::Value;

use crate::directive::{Action, Directive, Location, Source};
use crate::expect::{self, Expect};
use crate::script::{self, Names, Script};

/// A directive that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub at: Location,
    /// What was expected and what happened.
    pub message: String,
}

/// What running a script gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The script's name.
    pub file: String,
    /// Directives that held, on the engine.
    pub passed: u64,
    /// Assertions about text that the text parser decided. The engine saw nothing.
    pub by_text_parser: u64,
    /// Modules that were refused at another stage than the script says: invalid and not malformed,
    /// for example. They count as passed too.
    pub other_stage: u64,
    /// Directives that did not hold.
    pub failures: Vec<Failure>,
    /// Directives not asked, by what they need.
    pub unsupported: BTreeMap<String, u64>,
}

impl Report {
    /// Returns true if something held and nothing failed.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed) = (self.passed, self.failures.len());
        write!(f, "{}: {passed} passed, {failed} failed", self.file)?;
        if self.by_text_parser > 0 {
            write!(f, ", {} decided by the text parser", self.by_text_parser)?;
        }
        for (what, count) in &self.unsupported {
            write!(f, ", {count} unsupported ({what})")?;
        }
        for failure in &self.failures {
            write!(f, "\n  {}:{}: {}", self.file, failure.at, failure.message)?;
        }
        Ok(())
    }
}

/// Runs a script from its first directive to its last.
pub fn run(script: &Script, session: &mut dyn Session) -> Report {
    run_watched(script, session, &|_, _| {})
}

/// As [`run`]. Before each directive, `watch` gets its location and the report so far.
pub fn run_watched(
    script: &Script,
    session: &mut dyn Session,
    watch: &dyn Fn(Location, &Report),
) -> Report {
    let mut runner = Runner {
        session,
        names: Names::default(),
        registered: BTreeSet::new(),
        absent: Absent::default(),
        next_module: 0,
        is_compared: script.header.check == Some(true),
        report: Report {
            file: script.file.clone(),
            ..Report::default()
        },
    };
    for (at, directive) in &script.directives {
        watch(*at, &runner.report);
        // Each directive has its own budget.
        runner.session.refuel();
        match runner.asked(directive) {
            Ok(()) => runner.report.passed += 1,
            Err(Unmet::TextParser) => runner.report.by_text_parser += 1,
            Err(Unmet::Unsupported(what)) => {
                *runner.report.unsupported.entry(what).or_insert(0) += 1
            }
            Err(Unmet::Failed(message)) => {
                runner.report.failures.push(Failure { at: *at, message })
            }
            Err(Unmet::Broken(message)) => {
                runner.report.failures.push(Failure { at: *at, message });
                break;
            }
        }
    }
    runner.report
}

/// Why a directive is not counted as passed.
enum Unmet {
    Failed(String),
    Unsupported(String),
    TextParser,
    /// The engine broke. The session cannot go on.
    Broken(String),
}

type Met = Result<(), Unmet>;

struct Runner<'a> {
    session: &'a mut dyn Session,
    names: Names,
    /// The names given by `register`.
    registered: BTreeSet<String>,
    absent: Absent,
    next_module: u32,
    /// Whether the header has the script compared with the reference as well.
    is_compared: bool,
    report: Report,
}

/// What is not there because the engine does not support it. What needs it is not asked either.
#[derive(Default)]
struct Absent {
    /// Definitions and instances by name, each with what is unsupported. The empty name is the
    /// current one.
    modules: BTreeMap<String, String>,
    /// What is unsupported in the last instance that should have been registered.
    registration: Option<String>,
}

impl Absent {
    fn note(&mut self, name: Option<&String>, what: &str) {
        self.modules.insert(String::new(), what.to_owned());
        if let Some(name) = name {
            self.modules.insert(name.clone(), what.to_owned());
        }
    }

    fn forget(&mut self, name: Option<&String>) {
        self.modules.remove("");
        if let Some(name) = name {
            self.modules.remove(name);
        }
    }

    /// Returns why a directive cannot be asked; none if it can.
    fn needed_by(&self, directive: &Directive) -> Option<&String> {
        let needs = |name: &Option<String>| self.modules.get(name.as_deref().unwrap_or_default());
        match directive {
            Directive::Register { instance, .. } => needs(instance),
            Directive::Instance { module, .. } => needs(module),
            Directive::Action(action)
            | Directive::Return(action, _)
            | Directive::Trap(action, _)
            | Directive::Exception(action)
            | Directive::Exhaustion(action, _)
            | Directive::Unlinkable(action, _) => match action {
                Action::Invoke { instance, .. } | Action::Get { instance, .. } => needs(instance),
                Action::Instantiate { module } => needs(module),
                Action::Module(_) => None,
            },
            Directive::Module { .. }
            | Directive::Definition { .. }
            | Directive::Malformed(..)
            | Directive::Invalid(..)
            | Directive::Unread(_)
            | Directive::Unsupported(_) => None,
        }
    }
}

impl Runner<'_> {
    /// Performs a directive, unless it needs something that is absent.
    fn asked(&mut self, directive: &Directive) -> Met {
        let met = match self.absent.needed_by(directive) {
            Some(what) => Err(Unmet::Unsupported(what.clone())),
            None => self.directive(directive),
        };
        match directive {
            Directive::Module { name, .. }
            | Directive::Definition { name, .. }
            | Directive::Instance { name, .. } => match &met {
                Err(Unmet::Unsupported(what)) => self.absent.note(name.as_ref(), what),
                _ => self.absent.forget(name.as_ref()),
            },
            Directive::Register { .. } => {
                if let Err(Unmet::Unsupported(what)) = &met {
                    self.absent.registration = Some(what.clone());
                }
            }
            _ => {}
        }
        met
    }

    fn directive(&mut self, directive: &Directive) -> Met {
        match directive {
            Directive::Module { name, source } => {
                let module = self.define(name.as_ref(), source)?;
                self.instantiate(name.as_ref(), module)
            }
            Directive::Definition { name, source } => self.define(name.as_ref(), source).map(drop),
            Directive::Instance { name, module } => {
                let module = self.names.module(module.as_ref()).map_err(Unmet::Failed)?;
                self.instantiate(name.as_ref(), module)
            }
            Directive::Register { name, instance } => {
                let instance = self
                    .names
                    .instance(instance.as_ref())
                    .map_err(Unmet::Failed)?;
                self.registered.insert(name.clone());
                self.register(name, instance)
            }
            Directive::Action(action) => {
                let seen = self.action(action)?;
                if self.is_left_open(&seen) {
                    return Ok(());
                }
                returned(&seen)
            }
            Directive::Return(action, expected) => {
                let seen = self.action(action)?;
                if self.session.leeway().nan_bits && differ_in_nans(expected, &seen) {
                    let what = "bits of a NaN that crosses the engine's boundary";
                    return Err(Unmet::Unsupported(what.to_owned()));
                }
                results(expected, &seen)
            }
            Directive::Trap(action, words) => {
                let seen = self.action(action)?;
                trapped(words, &seen.outcome)
            }
            Directive::Exception(action) => {
                let seen = self.action(action)?;
                hold(
                    matches!(seen.outcome, Outcome::Threw(_)),
                    "an exception",
                    &seen.outcome,
                )
            }
            Directive::Exhaustion(action, words) => {
                let seen = self.action(action)?;
                exhausted(words, &seen.outcome)
            }
            Directive::Malformed(source, words) => self.refused(source, words, Why::Malformed),
            Directive::Invalid(source, words) => self.refused(source, words, Why::Invalid),
            Directive::Unlinkable(action, words) => self.unlinkable(action, words),
            Directive::Unread(why) => Err(Unmet::Failed(format!("the form cannot be read: {why}"))),
            Directive::Unsupported(what) => Err(Unmet::Unsupported(what.clone())),
        }
    }

    /// Loads a module. Returns its number, which every module gets, and the outcome.
    fn load(&mut self, wasm: &[u8]) -> (ModuleIndex, Outcome) {
        let index = ModuleIndex(self.next_module);
        self.next_module += 1;
        (index, self.session.load(wasm))
    }

    fn define(&mut self, name: Option<&String>, source: &Source) -> Result<ModuleIndex, Unmet> {
        let module = self.loaded(source)?;
        self.names.defined(name, module);
        Ok(module)
    }

    fn instantiate(&mut self, name: Option<&String>, module: ModuleIndex) -> Met {
        let (instance, seen) = self.attempt(module)?;
        if self.is_left_open(&seen) {
            return Ok(());
        }
        hold(
            matches!(seen.outcome, Outcome::Returned(_)),
            "an instance",
            &seen.outcome,
        )?;
        self.names.instantiated(name, instance);
        // Scripts of other engines import from an instance by its name. A registered name takes
        // precedence.
        match name {
            Some(name) if !self.registered.contains(name) => self.register(name, instance),
            _ => Ok(()),
        }
    }

    /// Whether a step that asserts nothing may end like this. How much an engine needs is its own
    /// matter, and the comparison with the reference sees everything else.
    fn is_left_open(&self, seen: &Observation) -> bool {
        self.is_compared && matches!(seen.outcome, Outcome::Exhausted(_))
    }

    fn register(&mut self, name: &str, instance: InstanceIndex) -> Met {
        let name = name.to_owned();
        let seen = self.step(&Step::Register { instance, name })?;
        returned(&seen)
    }

    fn attempt(&mut self, module: ModuleIndex) -> Result<(InstanceIndex, Observation), Unmet> {
        let instance = self.names.attempt();
        let seen = self.step(&Step::Instantiate { module })?;
        match (&seen.outcome, &self.absent.registration) {
            (Outcome::Rejected(rejection), Some(what)) if rejection.why == Why::Unlinkable => {
                Err(Unmet::Unsupported(what.clone()))
            }
            _ => Ok((instance, seen)),
        }
    }

    /// A module that is loaded and not instantiated. It can be instantiated later.
    fn loaded(&mut self, source: &Source) -> Result<ModuleIndex, Unmet> {
        let wasm = encoded(source)?;
        let (module, outcome) = self.load(wasm);
        usable(&outcome)?;
        if let Outcome::Rejected(rejection) = &outcome
            && rejection.why == Why::Limit
            && self.session.leeway().limits
        {
            return Err(Unmet::Unsupported("over a limit of the engine".to_owned()));
        }
        hold(
            matches!(outcome, Outcome::Returned(_)),
            "a valid module",
            &outcome,
        )?;
        Ok(module)
    }

    fn action(&mut self, action: &Action) -> Result<Observation, Unmet> {
        let module = match action {
            Action::Module(source) => Some(self.loaded(source)?),
            Action::Instantiate { module } => {
                Some(self.names.module(module.as_ref()).map_err(Unmet::Failed)?)
            }
            Action::Invoke { .. } | Action::Get { .. } => None,
        };
        if let Some(module) = module {
            return self.attempt(module).map(|(_, seen)| seen);
        }
        match script::action_step(&self.names, action).map_err(Unmet::Failed)? {
            Some(step) => self.step(&step),
            None => Err(Unmet::Failed("no action".to_owned())),
        }
    }

    fn step(&mut self, step: &Step) -> Result<Observation, Unmet> {
        let seen = self.session.step(step, Watch::Outcome);
        usable(&seen.outcome)?;
        Ok(seen)
    }

    /// A module that must be refused before instantiation.
    fn refused(&mut self, source: &Source, words: &str, expected: Why) -> Met {
        let Ok(wasm) = &source.binary else {
            return Err(Unmet::TextParser);
        };
        let (_, outcome) = self.load(wasm);
        usable(&outcome)?;
        match &outcome {
            // An engine may check a limit before it has checked the whole grammar. For example,
            // 2^32 locals are malformed, and they are also more than 50,000. What is only too large
            // for the engine says nothing about the module.
            Outcome::Rejected(rejection) if rejection.why == Why::Limit && !is_refused(wasm) => {
                Err(Unmet::Unsupported(outcome.to_string()))
            }
            Outcome::Rejected(rejection)
                if matches!(rejection.why, Why::Malformed | Why::Invalid | Why::Limit) =>
            {
                self.report.other_stage += u64::from(rejection.why != expected);
                Ok(())
            }
            _ => Err(Unmet::Failed(format!(
                "expected {expected} ({words}), got: {outcome}"
            ))),
        }
    }

    fn unlinkable(&mut self, action: &Action, words: &str) -> Met {
        let seen = self.action(action)?;
        let unlinkable = matches!(
            &seen.outcome,
            Outcome::Rejected(rejection) if rejection.why == Why::Unlinkable
        );
        hold(unlinkable, words, &seen.outcome)
    }
}

fn encoded(source: &Source) -> Result<&[u8], Unmet> {
    let refused =
        |words: &String| Unmet::Failed(format!("the text parser refuses the module: {words}"));
    source.binary.as_deref().map_err(refused)
}

/// Takes out outcomes that say nothing about the directive.
fn usable(outcome: &Outcome) -> Met {
    match outcome {
        Outcome::Unsupported(feature) => Err(Unmet::Unsupported(feature.clone())),
        Outcome::Unasked(why) => Err(Unmet::Unsupported(why.to_string())),
        Outcome::Stuck(_) | Outcome::Crashed(_) => Err(Unmet::Broken(outcome.to_string())),
        Outcome::Returned(_)
        | Outcome::Trapped(_)
        | Outcome::TrappedByAny(_)
        | Outcome::Threw(_)
        | Outcome::Exhausted(_)
        | Outcome::Rejected(_) => Ok(()),
    }
}

/// Whether the reference refuses a module.
fn is_refused(wasm: &[u8]) -> bool {
    let case = Case::of_module(wasm.to_vec(), &[]);
    let run = engine::reference().run(&case, &[]);
    matches!(run.loads.first(), Some(Outcome::Rejected(_)))
}

fn hold(holds: bool, expected: &str, outcome: &Outcome) -> Met {
    if holds {
        return Ok(());
    }
    Err(Unmet::Failed(format!(
        "expected {expected}, got: {outcome}"
    )))
}

fn returned(seen: &Observation) -> Met {
    hold(
        matches!(seen.outcome, Outcome::Returned(_)),
        "a return",
        &seen.outcome,
    )
}

fn results(expected: &[Expect], seen: &Observation) -> Met {
    let texts: Vec<String> = expected
        .iter()
        .map(|pattern| format!("({pattern})"))
        .collect();
    let alike = match &seen.outcome {
        Outcome::Returned(values) => {
            let pairs = expected.iter().zip(values);
            expected.len() == values.len()
                && pairs
                    .into_iter()
                    .all(|(pattern, &value)| pattern.matches(value, seen))
        }
        _ => false,
    };
    hold(
        alike,
        &format!("a return of {}", texts.join(" ")),
        &seen.outcome,
    )
}

/// Returns true if results are as expected but for the bits of NaNs.
fn differ_in_nans(expected: &[Expect], seen: &Observation) -> bool {
    let Outcome::Returned(values) = &seen.outcome else {
        return false;
    };
    let pairs = || expected.iter().zip(values);
    let is_nan = |(pattern, &value): (&Expect, &Value)| {
        pattern.matches(value, seen) || pattern.is_nan() && value.is_nan()
    };
    let is_alike = |(pattern, &value): (&Expect, &Value)| pattern.matches(value, seen);
    expected.len() == values.len() && pairs().all(is_nan) && !pairs().all(is_alike)
}

/// A trap with these words. Other engines call exhaustion a trap, so the words of a resource are
/// good here too.
fn trapped(words: &str, outcome: &Outcome) -> Met {
    let verdict = match outcome {
        Outcome::Trapped(trap) => expect::is_trap(words, *trap),
        // One of these kinds, and the engine does not tell which.
        Outcome::TrappedByAny(traps) => {
            let mut held = traps.iter().map(|&trap| expect::is_trap(words, trap));
            held.try_fold(false, |any, one| Some(any | one?))
        }
        // `assert_exhaustion` takes only a call. For a module that runs out of a resource, scripts
        // use `assert_trap`. An endless loop is no trap.
        Outcome::Exhausted(Resource::Fuel) if words.is_empty() => Some(false),
        Outcome::Exhausted(resource) => expect::is_resource(words, *resource).or(Some(false)),
        _ => Some(false),
    };
    match verdict {
        Some(holds) => hold(holds, &format!("trap \"{words}\""), outcome),
        None => Err(Unmet::Failed(format!(
            "no trap is known by the words \"{words}\"; got: {outcome}"
        ))),
    }
}

fn exhausted(words: &str, outcome: &Outcome) -> Met {
    let verdict = match outcome {
        Outcome::Exhausted(resource) => expect::is_resource(words, *resource),
        _ => Some(false),
    };
    match verdict {
        Some(holds) => hold(holds, words, outcome),
        None => Err(Unmet::Failed(format!(
            "no resource is known by the words \"{words}\"; got: {outcome}"
        ))),
    }
}
