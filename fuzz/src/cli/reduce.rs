//! `gcrucible reduce`: makes an input that shows a finding small.
//!
//! A program of our generator is reduced as a program (`reduce::passes`), everything else as the
//! text of a script (`reduce::text`). The result is a script that checks itself.

use std::path::PathBuf;

use clap::Args;
use gcrucible_oracles::case::Case;
use gcrucible_oracles::finding::Finding;
use gcrucible_wast_tests::script::Script;
use wasmprinter::{Config, PrintFmtWrite};

use super::failure::{Ending, Failure};
use super::input::{Given, InputOptions};
use super::interrupt::Interrupted;
use super::progress::Bar;
use super::replay::{self, Again};
use super::terminal::{say, warn_line};
use super::{findings, output, proof, reproduce};
use crate::input::Input;
use crate::program::checking;
use crate::reduce::{Reduced, Start, gate, reduce, takes, text};
use crate::targets::run::Trial;
use crate::targets::{Ran, Rig, Subject};
use crate::tree;

/// Arguments of `reduce`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Which input.
    #[command(flatten)]
    pub input: InputOptions,
    /// Run at most this many programs
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub attempts: u32,
    /// Write the script into this file, or to standard output with `-`. By default it goes into the
    /// finding's folder as `reduced.wast`, or to standard output if the input is in no such folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, a file that cannot be read or written, an input that shows nothing, or an
/// input that is neither a program, a script nor a module.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let (mut rig, given) = options.input.given()?;
    let folder = match &given {
        Given::Input { folder, .. } => folder.clone(),
        Given::Script { .. } | Given::Module(_) => None,
    };
    let default = folder.as_ref().map(|folder| folder.join(findings::REDUCED));
    let path = options.out.clone().or(default);
    if let Some(path) = &path {
        output::try_file(path)?;
    }
    let interrupted = Interrupted::listen();
    let (small, unit) = small(given, &mut rig, options.attempts, &interrupted)?;
    let bounds = options.input.under_test.bounds();
    let small = reproduce::with_fewer_flags(small, bounds)?;
    let script = findings::script(&small);
    match &path {
        Some(path) if !output::is_standard(path) => {
            if let Err(failure) = output::write(path, script.as_bytes()) {
                say!("{script}");
                return Err(failure);
            }
            say!("{}", path.display());
            if proof::can_be_tried(&small.finding) && !proof::fails(path)? {
                warn_line!("{}: {}", path.display(), findings::NOT_ALONE);
            }
        }
        _ => say!("{script}"),
    }
    if let Some(folder) = &folder {
        reproduce::add(folder, &small, bounds)?;
    }
    let Reduced {
        size: (before, after),
        attempts,
        ..
    } = small;
    let title = small.finding.title();
    let how = if interrupted.is() {
        ", interrupted"
    } else {
        ""
    };
    warn_line!("{title}: {before} {unit}, now {after}, after {attempts} attempts{how}");
    Ok(Ending::Found)
}

/// Reduces what was given. Also returns what its size is counted in.
fn small(
    given: Given,
    rig: &mut Rig,
    attempts: u32,
    interrupted: &Interrupted,
) -> Result<(Reduced, &'static str), Failure> {
    let refuse = |what: &str| Failure::Usage(format!("{what} cannot be reduced"));
    let (name, again) = match given {
        Given::Script { name, text } => (name.clone(), replay::of_script(name, text, rig)?),
        Given::Module(wasm) => {
            let mut again = replay::of_module(wasm, rig);
            again.text = script(&again.case);
            ("the module".to_owned(), again)
        }
        Given::Input { target, bytes, .. } => {
            let subject = target.subject(&Input::parse(&bytes), rig);
            let nothing = || {
                let name = target.name;
                Failure::Usage(format!("this input shows nothing with the target {name}"))
            };
            if subject.operations.is_some() {
                return Err(refuse(
                    "a list of heap operations, which its verdict has reduced,",
                ));
            }
            if takes(&subject, rig) {
                let bar = Bar::new(attempts.into(), "programs at most");
                let mut go_on = || {
                    bar.step();
                    !interrupted.is()
                };
                let reduced = reduce(
                    target,
                    &subject,
                    Start::default(),
                    rig,
                    attempts,
                    &mut go_on,
                );
                bar.end();
                let unit = subject.program.map_or("bytes", |_| "nodes");
                return Ok((reduced.ok_or_else(nothing)?, unit));
            }
            if subject.case.steps.is_empty() {
                return Err(refuse("a module without steps"));
            }
            let (finding, _) = gate::first(target, &subject, rig).ok_or_else(nothing)?;
            let mut case = subject.case;
            if let Some(conditions) = &finding.conditions {
                case = case.under(conditions.schedule.clone());
                case.limits.full_at = conditions.full_at;
            }
            let again = Again {
                text: script(&case),
                case,
                ran: Ran {
                    finding: Some(finding),
                    ..Ran::default()
                },
            };
            ("the module".to_owned(), again)
        }
    };
    let Some(finding) = again.ran.finding else {
        return Err(Failure::Usage(format!("{name} shows nothing")));
    };
    let reduced = of_text(&name, &again.text, finding, rig, (attempts, interrupted))?;
    Ok((reduced, "bytes"))
}

/// Reduces a script on the engine that shows the finding.
fn of_text(
    name: &str,
    script: &str,
    finding: Finding,
    rig: &mut Rig,
    (attempts_max, interrupted): (u32, &Interrupted),
) -> Result<Reduced, Failure> {
    let engine = replay::open(&finding.engine)?;
    let signature = finding.signature();
    let mut attempts = 0;
    let mut best: Option<(Case, Finding)> = None;
    let mut holds = |text: &str| {
        let case = Script::parse(name, text).and_then(|script| script.case());
        let Ok(case) = case else {
            return false;
        };
        if attempts == attempts_max || interrupted.is() || case.steps.is_empty() {
            return false;
        }
        attempts += 1;
        let subject = Subject::case(case, 0);
        let schedule = engine.fitting(&subject.case.schedule);
        let ran = Ran::catching(|| {
            let (mut trial, _) = Trial::new(&subject, rig);
            trial.against(engine.as_ref(), schedule);
            trial.end()
        });
        let found = ran.finding.filter(|found| found.signature() == signature);
        let is_found = found.is_some();
        if let Some(found) = found {
            best = Some((subject.case, found));
        }
        is_found
    };
    let content = |error: tree::Unbalanced| Failure::Content {
        path: name.to_owned(),
        message: error.to_string(),
    };
    let least = text::reduce(script, &mut holds).map_err(content)?;
    let Some((case, finding)) = best else {
        let engine = engine.name();
        let what = format!("{name} shows nothing when it runs on {engine} alone");
        return Err(Failure::Usage(what));
    };
    Ok(Reduced {
        subject: Subject::case(case, 0),
        finding,
        size: (script.len(), least.len()),
        attempts,
    })
}

/// A case as a script without assertions. Everything has a name, so that what is removed changes no
/// reference to what stays.
fn script(case: &Case) -> String {
    let mut text = format!(";;! schedule = \"{}\"\n", case.schedule);
    if let Some(at) = case.limits.full_at {
        text += &format!(";;! full = {at}\n");
    }
    text + &checking::plain(case, named)
}

/// A module as text in which everything has a name.
fn named(wasm: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut config = Config::new();
    let printed = config
        .name_unnamed(true)
        .print(wasm, &mut PrintFmtWrite(&mut text));
    printed.ok().map(|()| text)
}
