//! Beside a reduced finding on an engine that is not ours: a reproduction for that engine alone,
//! tried before it stays, and a report for its maintainers.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gcrucible_oracles::engine;
use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::foreign::Foreign;
use gcrucible_oracles::foreign::catalog::{self, Launch, Places};
use gcrucible_oracles::foreign::process::Bounds;
use gcrucible_oracles::foreign::spawn::spawn;
use gcrucible_oracles::judge::Judge;

use super::failure::Failure;
use super::tool::ended_within;
use super::{engines, output};
use crate::reduce::Reduced;
use crate::repro::report::{self, Tried};
use crate::repro::{javascript, recording};

/// How often a reproduction is tried.
const TRIES: u32 = 5;

/// Takes away each flag of an engine without which the finding still shows. Leaves a finding as it
/// is that shows in some runs only.
///
/// # Errors
///
/// The engine does not start any more.
pub fn with_fewer_flags(reduced: Reduced, bounds: Bounds) -> Result<Reduced, Failure> {
    let mut words: Vec<String> = reduced
        .finding
        .engine
        .split(':')
        .map(str::to_owned)
        .collect();
    if reduced.finding.is_rare() || catalog::known(&words[0]).is_err() {
        return Ok(reduced);
    }
    let reference = engine::reference();
    let mut judge = Judge::new(reduced.subject.case.clone(), &*reference);
    let finding = &reduced.finding;
    let schedule = finding.conditions.clone().unwrap_or_default().schedule;
    for at in (1..words.len()).rev() {
        let mut fewer = words.clone();
        fewer.remove(at);
        let engine = engines::greet(&fewer.join(":"), bounds)?;
        let (verdict, _) = judge.judge_under(&engine, schedule.clone());
        let mut found = verdict.finding().into_iter();
        if found.any(|found| found.signature() == finding.signature()) {
            words = fewer;
        }
    }
    let engine = words.join(":");
    Ok(Reduced {
        finding: Finding {
            engine,
            ..reduced.finding
        },
        ..reduced
    })
}

/// Writes the files into the folder of a finding. Does nothing if the engine is ours.
///
/// # Errors
///
/// A file cannot be written, or the engine does not start any more.
pub fn add(folder: &Path, reduced: &Reduced, bounds: Bounds) -> Result<(), Failure> {
    let name = &reduced.finding.engine;
    if !catalog::names(name) {
        return Ok(());
    }
    let places = engines::places()?;
    let engine = engines::greet(name, bounds)?;
    let tried = reproduction(folder, reduced, &engine, &places, bounds)?;
    let launch = launch(name, &places)?;
    let hello = engine.hello();
    let about = report::Engine {
        name: &hello.engine,
        version: &hello.version,
        command: &shown(&launch, "driver.mjs"),
    };
    let modules = &reduced.subject.case.modules;
    let script = super::findings::REDUCED;
    let text = report::text(&reduced.finding, about, modules, script, tried.as_ref());
    output::write(&folder.join(report::FILE), text.as_bytes())
}

fn launch(name: &str, places: &Places) -> Result<Launch, Failure> {
    catalog::launch(name, places).map_err(|why| Failure::Usage(why.to_string()))
}

/// Writes the reproduction and tries it. Takes it away again if no try shows the fault. None then,
/// or if the engine has no form of reproduction.
fn reproduction(
    folder: &Path,
    reduced: &Reduced,
    engine: &Foreign,
    places: &Places,
    bounds: Bounds,
) -> Result<Option<Tried>, Failure> {
    let name = &reduced.finding.engine;
    let path = folder.join(javascript::FILE);
    let to_file = Places {
        driver: path.clone(),
        ..places.clone()
    };
    let launch = launch(name, &to_file)?;
    if launch.command.last().map(Path::new) != Some(&path) {
        return Ok(None);
    }
    let command = shown(&launch, javascript::FILE);
    let conditions = reduced.finding.conditions.clone().unwrap_or_default();
    let case = reduced.subject.case.under(conditions.schedule);
    let claims = &engine.hello().capabilities;
    let exchanges = recording::record(&case, claims, &conditions.answers)
        .map_err(|broken| Failure::Engine(broken.to_string()))?;
    let title = reduced.finding.title();
    let head = javascript::Head {
        title: &title,
        command: &command,
        is_rare: reduced.finding.is_rare(),
    };
    let text = javascript::file(head, &case.modules, &exchanges);
    output::write(&path, text.as_bytes())?;
    let mut shown = 0;
    for _ in 0..TRIES {
        shown += u32::from(!goes_well(&launch, bounds.time)?);
    }
    if shown == 0 {
        std::fs::remove_file(&path).map_err(|error| Failure::output(path.display(), error))?;
        return Ok(None);
    }
    Ok(Some(Tried {
        command,
        shown,
        of: TRIES,
    }))
}

/// Runs a command to its end, or for as long as it may take. Returns whether it ended well.
fn goes_well(launch: &Launch, time: Duration) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| Failure::Engine(format!("{}: {error}", launch.line()));
    let mut words = launch.command.iter();
    let program = words.next().map_or(OsStr::new(""), AsRef::as_ref);
    let mut command = Command::new(program);
    command
        .args(words)
        .envs(&launch.variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = spawn(command).map_err(failed)?;
    let ended = ended_within(&mut child, time).map_err(failed)?;
    Ok(ended.is_some_and(|status| status.success()))
}

/// A command for people: programs and files without their folders.
fn shown(launch: &Launch, file: &str) -> String {
    let variables = launch.variables.iter();
    let mut words: Vec<String> = variables
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let last = launch.command.len().saturating_sub(1);
    for (at, word) in launch.command.iter().enumerate() {
        let name = Path::new(word).file_name().unwrap_or(word);
        words.push(match at {
            0 => name.to_string_lossy().into_owned(),
            _ if at == last => file.to_owned(),
            _ => word.to_string_lossy().into_owned(),
        });
    }
    words.join(" ")
}
