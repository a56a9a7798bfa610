//! Engines, as the command line names them: ours, and those in processes of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use gcrucible_oracles::engine::{self, Engine, NoEngine};
use gcrucible_oracles::foreign::catalog::{self, Places};
use gcrucible_oracles::foreign::process::{Bounds, Process};
use gcrucible_oracles::foreign::{Any, Counted, Foreign};
use gcrucible_oracles::nearest::suggestion;
use gcrucible_oracles::schedule::Schedule;

use super::failure::Failure;

/// The engine and its configuration.
#[derive(Clone, Debug, Args)]
pub struct Choice {
    /// The engine, `runtime` by default. Others are `reference`, a whole configuration such as
    /// `runtime:drc:speed:explicit`, and engines in processes of their own such as `v8`, which
    /// `gcrucible engine list` shows.
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
    /// The runtime's collector: null, drc, drc-cycles or copying (the default).
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,
}

impl Choice {
    /// Returns true if the command line names an engine.
    pub fn is_given(&self) -> bool {
        self.engine.is_some() || self.collector.is_some()
    }

    /// Returns the same choice. If `meters`, and if it is the runtime, compiled code consumes fuel.
    #[must_use]
    pub fn metered(&self, meters: bool) -> Choice {
        let engine = self.engine.as_deref().unwrap_or("runtime");
        let whole = match (engine, &self.collector) {
            ("runtime", Some(collector)) => format!("runtime:{collector}"),
            ("runtime", None) => "runtime:copying".to_owned(),
            (name, _) => name.to_owned(),
        };
        let fits = self.collector.is_none() || engine == "runtime";
        let named = engine::runtime::RuntimeConfig::named(&whole);
        match named {
            Ok(mut config) if meters && fits => {
                config.fuel = true;
                Choice {
                    engine: Some(config.name()),
                    collector: None,
                }
            }
            _ => self.clone(),
        }
    }

    /// Returns the engine.
    ///
    /// # Errors
    ///
    /// An unknown name, or a collector beside an engine whose name includes it.
    pub fn open(&self) -> Result<Box<dyn Engine>, Failure> {
        let engine = self.engine.as_deref().unwrap_or("runtime");
        let name = match (engine, &self.collector) {
            ("runtime", Some(collector)) => format!("runtime:{collector}"),
            (name, None) => name.to_owned(),
            (name, Some(_)) => {
                return Err(Failure::Usage(format!(
                    "--collector goes with --engine runtime, not with {name}"
                )));
            }
        };
        open(&name, bounds(), Counted::EachStep)
    }
}

/// Returns the schedule, if the engine can collect as it says.
///
/// # Errors
///
/// It cannot.
pub fn followed(schedule: &Schedule, engine: &dyn Engine) -> Result<Schedule, Failure> {
    if engine.allows(schedule) {
        return Ok(schedule.clone());
    }
    let name = engine.name();
    let message = format!("{name} cannot collect as the schedule `{schedule}` says");
    Err(Failure::Usage(message))
}

/// Returns the limits of an engine in a process of its own, unless the user names others.
#[must_use]
pub fn bounds() -> Bounds {
    Bounds {
        time: Duration::from_secs(10),
        work: Duration::from_secs(2),
        ..Bounds::default()
    }
}

/// Returns the engine with this name. One in a process of its own is started and greeted.
///
/// # Errors
///
/// No engine has this name, it is not on this machine, or it does not start.
pub fn open(name: &str, bounds: Bounds, counted: Counted) -> Result<Box<dyn Engine>, Failure> {
    if let Some(names) = catalog::configurations(name) {
        return any(name, &names, bounds, counted);
    }
    if catalog::names(name) {
        return Ok(Box::new(greet(name, bounds)?.counting(counted)));
    }
    let whole = if name == "runtime" {
        "runtime:copying"
    } else {
        name
    };
    engine::named(whole).map_err(|why| Failure::Usage(unknown(name, &why)))
}

/// The engine that stands for these configurations.
fn any(
    name: &str,
    names: &[String],
    bounds: Bounds,
    counted: Counted,
) -> Result<Box<dyn Engine>, Failure> {
    let mut engines = Vec::new();
    for name in names {
        engines.push(greet(name, bounds)?.counting(counted));
    }
    if engines.is_empty() {
        let message = format!("{name}: no configurations are listed for this engine");
        return Err(Failure::Usage(message));
    }
    let first = engines.remove(0);
    Ok(Box::new(Any::new(name, first, engines)))
}

/// Returns what is wrong with a name. Only this file knows the engines in processes of their own.
fn unknown(name: &str, why: &NoEngine) -> String {
    match why {
        NoEngine::Name { known, .. } => {
            let words = catalog::words();
            let known = known.iter().copied();
            let all: Vec<&str> = known.chain(words.iter().map(String::as_str)).collect();
            format!("no engine is named `{name}`; {}", suggestion(name, &all))
        }
        other => other.to_string(),
    }
}

/// Starts and greets an engine in a process of its own.
///
/// # Errors
///
/// No engine has this name, it is not on this machine, or it does not start.
pub fn greet(name: &str, bounds: Bounds) -> Result<Foreign, Failure> {
    let process = Box::new(process(name, bounds)?);
    Foreign::greet(name, process).map_err(|broken| Failure::Engine(format!("{name}: {broken}")))
}

/// Returns an adapter that is started when it is first asked.
///
/// # Errors
///
/// No engine has this name, or it is not on this machine.
pub fn process(name: &str, bounds: Bounds) -> Result<Process, Failure> {
    let places = places()?;
    let launch = catalog::launch(name, &places).map_err(|why| Failure::Usage(why.to_string()))?;
    Ok(Process::new(launch, bounds))
}

/// Returns where engines and our own parts of them are on this machine. Writes the driver for
/// JavaScript engines into the cache folder if it is not there.
///
/// # Errors
///
/// The cache folder cannot be written.
pub fn places() -> Result<Places, Failure> {
    let cache = cache();
    let driver = cache.join(format!("driver-{:016x}.mjs", digest(catalog::DRIVER)));
    if !driver.is_file() {
        write_driver(&cache, &driver).map_err(|error| Failure::output(driver.display(), error))?;
    }
    Ok(Places {
        cache,
        server: PathBuf::from("/proc/self/exe"),
        driver,
    })
}

/// Returns the folder that installed engines go into.
#[must_use]
pub fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match (set("GCRUCIBLE_CACHE"), set("XDG_CACHE_HOME"), set("HOME")) {
        (Some(own), _, _) => PathBuf::from(own),
        (None, Some(caches), _) => Path::new(&caches).join("gcrucible"),
        (None, None, Some(home)) => Path::new(&home).join(".cache/gcrucible"),
        (None, None, None) => std::env::temp_dir().join("gcrucible"),
    }
}

/// Writes the driver. Two processes may do it at once.
fn write_driver(cache: &Path, driver: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(cache)?;
    let mut fresh = tempfile::NamedTempFile::new_in(cache)?;
    fresh.write_all(catalog::DRIVER.as_bytes())?;
    fresh.persist(driver)?;
    Ok(())
}

/// Returns a hash of a text (FNV-1a), so that two builds do not use each other's driver.
fn digest(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
