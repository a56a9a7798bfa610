//! `gcrucible replay`: one input again, with its verdict explained.

use clap::Args;
use gcrucible_oracles::case::Case;
use gcrucible_oracles::engine;
use gcrucible_oracles::engine::reference::trace::{self, Trace};
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::Script;

use super::input::{Asked, InputOptions};
use super::{Ending, Failure};
use crate::targets::run::Trial;
use crate::targets::{Ran, Rig, Subject, Target, heap_ops};

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Which input.
    #[command(flatten)]
    pub input: InputOptions,
    /// How many instructions of the reference to print around a difference.
    #[arg(long, value_name = "LINES", default_value_t = 40)]
    pub trace: usize,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, or a file that cannot be read or understood.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let (mut rig, target, asked) = options.input.asked()?;
    let again = match asked {
        Asked::Seed(input) => Again::of_input(target, &input, &mut rig),
        Asked::File(file) => from_file(target, file, &mut rig)?,
    };
    println!("{}", again.text.trim_end());
    println!("\n{}", verdict(&again.ran));
    if let Some(trace) = again.trace(options.trace) {
        println!("\n{trace}");
    }
    Ok(if again.ran.fault.is_some() {
        Ending::Found
    } else {
        Ending::Clean
    })
}

/// An input that was run again.
struct Again {
    /// As a person reads it.
    text: String,
    case: Case,
    ran: Ran,
}

impl Again {
    fn of_input(target: &Target, bytes: &[u8], rig: &mut Rig) -> Again {
        let subject = target.subject_of(bytes);
        Again {
            text: subject.to_string(),
            ran: (target.check)(&subject, rig),
            case: subject.case,
        }
    }

    /// What the reference did around the fault, if there is one in a step of the case.
    fn trace(&self, lines: usize) -> Option<Trace> {
        let place = self.ran.fault.as_ref()?.place.as_ref()?;
        let part = place.aspect.and_then(|aspect| aspect.part());
        let trace = || trace::trace(&self.case, &place.answers, place.step, part, lines);
        (lines > 0).then(trace)
    }
}

fn from_file(
    target: &'static Target,
    file: &std::path::Path,
    rig: &mut Rig,
) -> Result<Again, Failure> {
    let (mut target, mut of_heap) = (target, false);
    let file = if file.is_dir() {
        // A finding of `heap_ops` is no script.
        of_heap = file.join("operations.txt").exists();
        file.join(if of_heap { "input.bin" } else { "case.wast" })
    } else {
        file.to_owned()
    };
    if of_heap {
        target = &heap_ops::TARGET;
    }
    let bytes = std::fs::read(&file).map_err(|e| Failure::file(file.display(), e))?;
    if file.extension().is_none_or(|e| e != "wast") {
        return Ok(Again::of_input(target, &bytes, rig));
    }
    let content = |message| Failure::Content {
        path: file.display().to_string(),
        message,
    };
    let text = String::from_utf8(bytes).map_err(|e| {
        content(format!(
            "not UTF-8 at byte {}",
            e.utf8_error().valid_up_to()
        ))
    })?;
    run_script(file.display().to_string(), text, rig).map_err(content)
}

/// A script as a case: the engine that its header names, and every usual one that it selects,
/// against the reference, under the script's schedule.
fn run_script(name: String, text: String, rig: &mut Rig) -> Result<Again, String> {
    let script = Script::parse(&name, &text).map_err(|e| format!("{}: {}", e.at, e.message))?;
    let case = script
        .case()
        .map_err(|e| format!("{}: {}", e.at, e.message))?;
    let subject = Subject {
        program: None,
        case,
        operations: None,
        number: 0,
    };
    let named = script.header.engine.as_deref().map(engine::named);
    let named = named.transpose().map_err(|why| why.to_string())?;
    let (mut trial, engines) = Trial::new(&subject, rig);
    let usual = engines
        .iter()
        .filter(|engine| matrix::selects(&script, engine.as_ref()));
    for engine in named.iter().chain(usual) {
        let schedule = Some(subject.case.schedule.clone());
        let schedule = schedule.filter(|schedule| engine.allows(schedule));
        if trial
            .against(engine.as_ref(), schedule.unwrap_or_default())
            .is_none()
        {
            break;
        }
    }
    Ok(Again {
        text,
        ran: trial.end(),
        case: subject.case,
    })
}

fn verdict(ran: &Ran) -> String {
    match (&ran.fault, &ran.skipped) {
        (Some(fault), _) => format!("{}\n{}", fault.title, fault.text.trim_end()),
        (None, Some(reason)) => format!("skipped: {reason}"),
        (None, None) => format!(
            "agree: {} steps, {} collections, {} live objects in {} checks",
            ran.stats.steps, ran.stats.collections, ran.stats.live_objects, ran.stats.live_checks
        ),
    }
}
