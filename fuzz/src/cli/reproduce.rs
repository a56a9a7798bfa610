//! Beside a reduced finding on an engine that is not ours: a reproduction for that engine alone,
//! tried before it stays, and a report for its maintainers.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use gcrucible_oracles::engine;
use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::foreign::Foreign;
use gcrucible_oracles::foreign::catalog::{self, Launch, Places, wasmtime_c};
use gcrucible_oracles::foreign::process::Bounds;
use gcrucible_oracles::foreign::spawn::spawn;
use gcrucible_oracles::judge::Judge;

use super::failure::Failure;
use super::tool::ended_within;
use super::{engines, output};
use crate::reduce::Reduced;
use crate::repro::file::Head;
use crate::repro::report::{self, Tried};
use crate::repro::{javascript, python, recording};

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
    let Some(first_flag) = catalog::first_flag(&reduced.finding.engine) else {
        return Ok(reduced);
    };
    if reduced.finding.is_rare() {
        return Ok(reduced);
    }
    let reference = engine::reference();
    let mut judge = Judge::new(reduced.subject.case.clone(), &*reference);
    let finding = &reduced.finding;
    let schedule = finding.conditions.clone().unwrap_or_default().schedule;
    for at in (first_flag..words.len()).rev() {
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
        command: &shown(&launch, &places.driver, "driver.mjs"),
    };
    let modules = &reduced.subject.case.modules;
    let script = super::findings::REDUCED;
    let text = report::text(&reduced.finding, about, modules, script, tried.as_ref());
    output::write(&folder.join(report::FILE), text.as_bytes())
}

fn launch(name: &str, places: &Places) -> Result<Launch, Failure> {
    catalog::launch(name, places).map_err(|why| Failure::Usage(why.to_string()))
}

/// A reproduction that can be run.
struct Reproduction {
    /// The name of its file.
    file: &'static str,
    /// How it is run here.
    launch: Launch,
    /// The command for people.
    command: String,
    /// For the library with the C interface: the flags of the engine.
    flags: Option<Vec<String>>,
}

impl Reproduction {
    /// Returns the one for an engine, if there is a form for it.
    fn of(name: &str, folder: &Path, places: &Places) -> Result<Option<Reproduction>, Failure> {
        let python = catalog::on_path("python3");
        if let (Some(linked), Some(python)) = (wasmtime_c::standing_for(name, places), python) {
            let path = folder.join(python::FILE);
            let library = linked.library.into_os_string();
            return Ok(Some(Reproduction {
                file: python::FILE,
                command: match linked.version {
                    Some(version) => {
                        format!(
                            "pip install wasmtime=={version} && python3 {}",
                            python::FILE
                        )
                    }
                    None => format!("python3 {} {}", python::FILE, library.to_string_lossy()),
                },
                launch: Launch {
                    command: vec![python.into_os_string(), path.into_os_string(), library],
                    variables: BTreeMap::new(),
                    version_library: None,
                },
                flags: Some(linked.flags),
            }));
        }
        let path = folder.join(javascript::FILE);
        let to_file = Places {
            driver: path.clone(),
            ..places.clone()
        };
        let launch = launch(name, &to_file)?;
        if launch.command.last().map(Path::new) != Some(&path) {
            return Ok(None);
        }
        Ok(Some(Reproduction {
            file: javascript::FILE,
            command: shown(&launch, &path, javascript::FILE),
            launch,
            flags: None,
        }))
    }

    /// Whether an end of the reproduction shows the fault. `None`: it did not end in time.
    fn is_shown_by(&self, ended: Option<ExitStatus>) -> bool {
        let fails = |code: Option<i32>| self.flags.is_some() && code == Some(python::FAILED);
        ended.is_none_or(|status| !status.success() && !fails(status.code()))
    }
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
    let Some(made) = Reproduction::of(&reduced.finding.engine, folder, places)? else {
        return Ok(None);
    };
    let conditions = reduced.finding.conditions.clone().unwrap_or_default();
    let case = reduced.subject.case.under(conditions.schedule);
    let claims = &engine.hello().capabilities;
    let recorded = recording::record(&case, claims, &conditions.answers)
        .map_err(|broken| Failure::Engine(broken.to_string()))?;
    let Some(exchanges) = recorded else {
        return Ok(None);
    };
    let title = reduced.finding.title();
    let head = Head {
        title: &title,
        command: &made.command,
        is_rare: reduced.finding.is_rare(),
    };
    let text = match &made.flags {
        Some(flags) => python::file(head, flags, &case.modules, &exchanges),
        None => javascript::file(head, &case.modules, &exchanges),
    };
    let path = folder.join(made.file);
    output::write(&path, text.as_bytes())?;
    let mut shown = 0;
    for _ in 0..TRIES {
        let ended = ended(&made.launch, bounds.time)?;
        shown += u32::from(made.is_shown_by(ended));
    }
    if shown == 0 {
        std::fs::remove_file(&path).map_err(|error| Failure::output(path.display(), error))?;
        return Ok(None);
    }
    Ok(Some(Tried {
        command: made.command,
        shown,
        of: TRIES,
    }))
}

/// Runs a command to its end, or for as long as it may take. Returns how it ended.
fn ended(launch: &Launch, time: Duration) -> Result<Option<ExitStatus>, Failure> {
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
    ended_within(&mut child, time).map_err(failed)
}

/// A command for people: the program without its folder, and another name for the driver's file.
fn shown(launch: &Launch, driver: &Path, file: &str) -> String {
    let variables = launch.variables.iter();
    let mut words: Vec<String> = variables
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    for (at, word) in launch.command.iter().enumerate() {
        let name = Path::new(word).file_name().unwrap_or(word);
        words.push(match at {
            0 => name.to_string_lossy().into_owned(),
            _ if Path::new(word) == driver => file.to_owned(),
            _ => word.to_string_lossy().into_owned(),
        });
    }
    words.join(" ")
}
