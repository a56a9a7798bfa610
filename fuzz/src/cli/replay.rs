//! `gcrucible replay`: runs one input again and explains the verdict.

use std::path::Path;

use clap::Args;
use gcrucible_oracles::case::{Case, CaseModule, Limits};
use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::engine::reference::trace::{self, Trace};
use gcrucible_oracles::foreign::Counted;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::{Script, ScriptError};

use super::engines;
use super::failure::{Ending, Failure};
use super::input::{Given, InputOptions};
use super::reading;
use super::terminal::say;
use crate::generate::smith;
use crate::input::Input;
use crate::targets::run::Trial;
use crate::targets::{Ran, Rig, Subject, Target};

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Which input.
    #[command(flatten)]
    pub input: InputOptions,
    /// Print this many steps of the reference around a difference
    #[arg(long, value_name = "LINES", default_value_t = 40)]
    pub trace: usize,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, or a file that cannot be read or understood.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let (mut rig, given) = options.input.given()?;
    let again = match given {
        Given::Input {
            target,
            bytes,
            folder,
        } => {
            // A finding's script names the engine and the schedule that show it.
            let script = folder.map(|folder| folder.join("case.wast"));
            match script.filter(|script| script.exists()) {
                Some(script) => {
                    let text = std::fs::read_to_string(&script)
                        .map_err(|error| Failure::input(script.display(), error))?;
                    of_script(script.display().to_string(), text, &mut rig)?
                }
                None => Again::of_input(target, &bytes, &mut rig),
            }
        }
        Given::Script { name, text } => of_script(name, text, &mut rig)?,
        Given::Module(wasm) => of_module(wasm, &mut rig),
    };
    if let Some(why) = again.ran.unavailable {
        return Err(Failure::Engine(why));
    }
    say!("{}", again.text.trim_end());
    say!("\n{}", verdict(&again.ran));
    if let Some(trace) = again.trace(options.trace) {
        say!("\n{trace}");
    }
    match &again.ran {
        ran if ran.finding.is_some() => Ok(Ending::Found),
        ran if ran.is_compared() => Ok(Ending::Clean),
        _ => Err(Failure::NothingCompared(
            "nothing was compared: this says nothing about the engines".to_owned(),
        )),
    }
}

/// An input that was run again.
pub(super) struct Again {
    /// As a person reads it.
    pub(super) text: String,
    pub(super) case: Case,
    pub(super) ran: Ran,
}

impl Again {
    fn of_input(target: &Target, bytes: &[u8], rig: &mut Rig) -> Again {
        let subject = target.subject(&Input::parse(bytes), rig);
        Again {
            text: subject.to_string(),
            ran: target.judge(&subject, rig),
            case: subject.case,
        }
    }

    /// Returns what the reference did around a finding, if the finding shows in a step of the case.
    fn trace(&self, lines: usize) -> Option<Trace> {
        let finding = self.ran.finding.as_ref()?;
        let (step, conditions) = (finding.step?, finding.conditions.as_ref()?);
        let part = finding.aspect().and_then(|aspect| aspect.part());
        let trace = || trace::trace(&self.case, &conditions.answers, step, part, lines);
        (lines > 0).then(trace)
    }
}

/// Runs a script: the engine that its header names, and every usual one that it selects, against
/// the reference, under the script's schedule.
pub(super) fn of_script(name: String, text: String, rig: &mut Rig) -> Result<Again, Failure> {
    let content = |error: ScriptError| {
        let before = text
            .split_inclusive('\n')
            .take(error.at.line.saturating_sub(1));
        let offset = before.map(str::len).sum::<usize>() + error.at.column.saturating_sub(1);
        Failure::Content {
            path: name.clone(),
            message: reading::pointed(Path::new(&name), &text, offset, error.message),
        }
    };
    let script = Script::parse(&name, &text).map_err(content)?;
    let case = script.case().map_err(content)?;
    let subject = Subject::case(case, 0);
    let named = script.header.engine.as_deref();
    let named = named.map(open).transpose()?;
    let (mut trial, engines) = Trial::new(&subject, rig);
    let usual = engines
        .iter()
        .filter(|engine| matrix::selects(&script, engine.as_ref()));
    for engine in named.iter().chain(usual) {
        let schedule = engine.fitting(&subject.case.schedule);
        if trial.against(engine.as_ref(), schedule).is_none() {
            break;
        }
    }
    Ok(Again {
        text,
        ran: trial.end(),
        case: subject.case,
    })
}

/// The engine with this name, for one script.
pub(super) fn open(name: &str) -> Result<Box<dyn Engine>, Failure> {
    engines::open(name, engines::bounds(), Counted::EachStep)
}

/// Runs a module: instantiates it and calls its exported functions, on every usual engine, with a
/// collection at every point.
pub(super) fn of_module(wasm: Vec<u8>, rig: &mut Rig) -> Again {
    let case = Case {
        steps: smith::steps(&wasm),
        modules: vec![CaseModule {
            name: "m0".to_owned(),
            wasm,
        }],
        schedule: Schedule::Every,
        limits: Limits::FUZZING,
        origin: String::new(),
    };
    let subject = Subject::case(case, 0);
    let (mut trial, engines) = Trial::new(&subject, rig);
    for engine in engines {
        if trial.against(engine.as_ref(), Schedule::Every).is_none() {
            break;
        }
    }
    Again {
        text: subject.to_string(),
        ran: trial.end(),
        case: subject.case,
    }
}

fn verdict(ran: &Ran) -> String {
    let counts: String = ran
        .counts
        .iter()
        .map(|(what, count)| format!("\n{what}: {count}"))
        .collect();
    let ended = match (&ran.finding, &ran.skipped) {
        (Some(finding), _) => format!("{}\n{}", finding.title(), finding.text.trim_end()),
        (None, Some(reason)) => format!("skipped: {reason}"),
        (None, None) => format!(
            "agree: {} steps, {} collections, {} live objects in {} checks",
            ran.stats.steps, ran.stats.collections, ran.stats.live_objects, ran.stats.live_checks
        ),
    };
    let permitted: String = ran
        .permitted
        .rows()
        .map(|(row, count)| {
            let (name, authority) = (row.name(), row.authority());
            format!("\npermitted   {name} ({count}x): {authority}")
        })
        .collect();
    ended + &permitted + &counts
}
