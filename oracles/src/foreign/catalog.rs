//! The engines that have names: how each is found on this machine, started and installed. The data
//! is in `adapters/javascript/engines.toml`. Engines that are not JavaScript engines have their
//! rows here.
//!
//! A name is a word and flags: `v8`, `v8:liftoff:one-thread`, `wasmtime:48.0.8:copying`,
//! `wasmtime-c:50.0.1:speed`, `wasmtime-c:/path/libwasmtime.so`, `adapter:COMMAND` for any other
//! adapter.
//!
//! Reading order: `wasmtime`, `wasmtime_c`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::nearest;

pub mod wasmtime;

pub mod wasmtime_c;

/// The driver for JavaScript engines.
pub const DRIVER: &str = include_str!("../../adapters/javascript/driver.mjs");

const ENGINES: &str = include_str!("../../adapters/javascript/engines.toml");

/// An engine in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The first word of its names.
    pub name: String,
    /// What it is, in one line.
    pub says: String,
    /// The path to which it is installed, below the cache folder.
    pub installed: Option<PathBuf>,
    /// The program that is looked for on the path otherwise.
    pub program: String,
    /// How the file name of a library begins that the program loads and whose name tells the
    /// version. For engines that do not tell it themselves.
    pub version_library: Option<String>,
    /// Arguments that come before those of flags.
    pub arguments: Vec<String>,
    /// How it is installed, if a registry has it.
    pub install: Option<Install>,
    /// What a configuration may name.
    #[serde(default)]
    pub flags: BTreeMap<String, Flag>,
    /// The configurations that the flag `any` stands for, each as its flags joined by colons.
    #[serde(default)]
    pub any: Vec<String>,
}

/// How an engine is installed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// `npm`, `pip` or `apt`.
    pub tool: String,
    /// The name of the package.
    pub package: String,
    /// The version, or empty for the newest one.
    pub version: String,
    /// Whether the package's own script has to run.
    pub scripts: bool,
}

/// What a flag adds to the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// What it does, in one line.
    pub says: String,
    /// Arguments of the program.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Variables of its environment.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// Where things are on this machine. Decided by the command line, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The folder of installed engines.
    pub cache: PathBuf,
    /// A program whose subcommand `engine serve` serves the adapters that are written in Rust.
    pub server: PathBuf,
    /// The file of the driver for JavaScript engines.
    pub driver: PathBuf,
}

/// How an adapter is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Variables of its environment, in addition to those of this process.
    pub variables: BTreeMap<String, String>,
    /// How the file name of a library begins whose name tells the engine's version.
    pub version_library: Option<String>,
}

impl Launch {
    /// Returns the command in one line.
    pub fn line(&self) -> String {
        let words = self.command.iter();
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }
}

/// Why a name gives no adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKnown {
    /// The first word is no engine's.
    #[error("no engine is called {name:?}{}", hint(.nearest))]
    Engine {
        /// The word.
        name: String,
        /// A word that is close to it.
        nearest: Option<String>,
    },
    /// A further word is no flag of the engine.
    #[error("{engine} has no flag {flag:?}{}", hint(.nearest))]
    Flag {
        /// The engine.
        engine: String,
        /// The word.
        flag: String,
        /// A word that is close to it.
        nearest: Option<String>,
    },
    /// The engine is known, but not on this machine.
    #[error("{engine} is not on this machine: {advice}")]
    Absent {
        /// The engine.
        engine: String,
        /// What to do.
        advice: String,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| {
        format!("; did you mean {nearest:?}?")
    })
}

/// Returns the engines that the driver for JavaScript serves.
///
/// # Panics
///
/// The data file is wrong, which a test excludes.
pub fn javascript() -> Vec<Known> {
    #[derive(Deserialize)]
    struct File {
        engine: Vec<Known>,
    }
    let file: File = toml::from_str(ENGINES).expect("engines.toml is read by a test");
    file.engine
}

/// Returns the first words of all names.
pub fn words() -> Vec<String> {
    let mut words: Vec<String> = javascript().into_iter().map(|known| known.name).collect();
    words.extend([wasmtime::WORD, wasmtime_c::WORD, "adapter"].map(str::to_owned));
    words
}

/// Returns the engine in JavaScript with this name, without flags.
///
/// # Errors
///
/// No engine has this name.
pub fn known(name: &str) -> Result<Known, NotKnown> {
    let known = javascript().into_iter().find(|known| known.name == name);
    known.ok_or_else(|| NotKnown::Engine {
        name: name.to_owned(),
        nearest: near(name, words()),
    })
}

/// The flag that stands for every configuration that the catalogue lists for an engine.
pub const ANY: &str = "any";

/// Returns the names of the configurations that a name stands for. `None` if it stands for itself.
pub fn configurations(name: &str) -> Option<Vec<String>> {
    let (engine, flag) = name.rsplit_once(':')?;
    let listed = match (flag, known(engine)) {
        (ANY, Ok(known)) => known.any,
        _ => return None,
    };
    let whole = |flags: String| match flags.as_str() {
        "" => engine.to_owned(),
        flags => format!("{engine}:{flags}"),
    };
    Some(listed.into_iter().map(whole).collect())
}

/// Returns advice on how to install an engine.
pub fn advice(known: &Known) -> String {
    match &known.install {
        Some(_) => format!("`gcrucible engine install {}` fetches it", known.name),
        None => format!("put its program `{}` on the path", known.program),
    }
}

/// Returns true if a name begins with the word of an engine of this catalogue.
pub fn names(name: &str) -> bool {
    let word = name.split(':').next().unwrap_or_default();
    words().iter().any(|known| known == word)
}

/// Returns the position of the first flag among the words of a name, whether it has flags or not.
/// `None` for an engine that has none.
pub fn first_flag(name: &str) -> Option<usize> {
    let mut words = name.split(':');
    let first = words.next().unwrap_or_default();
    match first {
        wasmtime_c::WORD => Some(2),
        wasmtime::WORD => Some(match words.next().and_then(wasmtime::From::read) {
            Some(_) => 2,
            None => 1,
        }),
        _ => known(first).is_ok().then_some(1),
    }
}

/// Returns how the adapter with this name is started.
///
/// # Errors
///
/// The name is not known, or the engine is not on this machine.
pub fn launch(name: &str, places: &Places) -> Result<Launch, NotKnown> {
    let (word, rest) = name.split_once(':').unwrap_or((name, ""));
    match word {
        "adapter" => Ok(Launch {
            command: rest.split_whitespace().map(OsString::from).collect(),
            variables: BTreeMap::new(),
            version_library: None,
        }),
        wasmtime::WORD => wasmtime::launch(rest, places),
        wasmtime_c::WORD => wasmtime_c::launch(rest, places),
        _ => started(&known(word)?, rest, places),
    }
}

fn near(word: &str, known: Vec<String>) -> Option<String> {
    nearest::nearest(word, known.iter().map(String::as_str)).map(str::to_owned)
}

fn started(known: &Known, flags: &str, places: &Places) -> Result<Launch, NotKnown> {
    let program = program(known, places).ok_or_else(|| NotKnown::Absent {
        engine: known.name.clone(),
        advice: advice(known),
    })?;
    let mut command = vec![program.into_os_string()];
    command.extend(known.arguments.iter().map(OsString::from));
    let mut variables = BTreeMap::new();
    for word in flags.split(':').filter(|word| !word.is_empty()) {
        let flag = known.flags.get(word).ok_or_else(|| NotKnown::Flag {
            engine: known.name.clone(),
            flag: word.to_owned(),
            nearest: near(word, known.flags.keys().cloned().collect()),
        })?;
        command.extend(flag.arguments.iter().map(OsString::from));
        variables.extend(flag.variables.clone());
    }
    command.push(places.driver.clone().into_os_string());
    Ok(Launch {
        command,
        variables,
        version_library: known.version_library.clone(),
    })
}

/// Returns the program of an engine: the installed one, or the first on the path.
pub fn program(known: &Known, places: &Places) -> Option<PathBuf> {
    let installed = known
        .installed
        .as_ref()
        .map(|below| places.cache.join(below));
    installed
        .filter(|path| path.is_file())
        .or_else(|| on_path(&known.program))
}

/// Returns the first program of this name on the path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Returns the names in a folder. A folder that is not there has none.
fn names_in(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            cache: PathBuf::from("/nonexistent/cache"),
            server: PathBuf::from("/bin/gcrucible"),
            driver: PathBuf::from("/driver.mjs"),
        }
    }

    #[test]
    fn the_data_file_is_read_and_every_flag_does_something() {
        let engines = javascript();
        assert!(engines.iter().any(|known| known.name == "v8"));
        for known in engines {
            for (name, flag) in &known.flags {
                let idle = flag.arguments.is_empty() && flag.variables.is_empty();
                assert!(!idle && !flag.says.is_empty(), "{} {name}", known.name);
            }
            for flags in &known.any {
                let mut words = flags.split(':').filter(|word| !word.is_empty());
                assert!(words.all(|word| known.flags.contains_key(word)), "{flags}");
            }
        }
    }

    #[test]
    fn names_become_commands() {
        let launch = launch("adapter:/bin/sh -c true", &places()).expect("a command");
        assert_eq!(launch.command, ["/bin/sh", "-c", "true"]);
        let sh = Known {
            name: "x".to_owned(),
            says: String::new(),
            installed: None,
            program: "sh".to_owned(),
            version_library: None,
            arguments: vec!["-m".to_owned()],
            install: None,
            flags: BTreeMap::from([(
                "fast".to_owned(),
                Flag {
                    says: "fast".to_owned(),
                    arguments: vec!["--fast".to_owned()],
                    variables: BTreeMap::from([("FAST".to_owned(), "1".to_owned())]),
                },
            )]),
            any: Vec::new(),
        };
        let launch = started(&sh, "fast", &places()).expect("sh is on the path");
        assert_eq!(launch.command[1..], ["-m", "--fast", "/driver.mjs"]);
        assert_eq!(launch.variables["FAST"], "1");
    }

    #[test]
    fn any_stands_for_the_listed_configurations() {
        let names = configurations("v8:any").expect("several");
        assert!(names.len() > 3 && names[0] == "v8", "{names:?}");
        assert!(names.contains(&"v8:liftoff".to_owned()), "{names:?}");
        assert_eq!(configurations("v8:liftoff"), None);
        assert_eq!(configurations("v8"), None);
    }

    #[test]
    fn flags_come_after_the_version() {
        fn flags(name: &str) -> Option<Vec<&str>> {
            let first = first_flag(name)?;
            Some(name.split(':').skip(first).collect())
        }
        assert_eq!(flags("v8:liftoff"), Some(vec!["liftoff"]));
        assert_eq!(flags("wasmtime-c:36.0.0:speed"), Some(vec!["speed"]));
        assert_eq!(
            flags("wasmtime:36.0.0:drc:speed"),
            Some(vec!["drc", "speed"])
        );
        assert_eq!(flags("wasmtime:/a/checkout"), Some(vec![]));
        assert_eq!(flags("wasmtime:copying"), Some(vec!["copying"]));
        assert_eq!(flags("adapter:a:b"), None);
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let why = |name: &str| launch(name, &places()).expect_err(name).to_string();
        assert_eq!(
            why("v9"),
            "no engine is called \"v9\"; did you mean \"v8\"?"
        );
        assert!(why("wasmtime-c:50.0.1").contains("engine install wasmtime-c:50.0.1"));
        assert!(why("wasmtime-c:/no/such.so").contains("there is no such file"));
    }
}
