//! Arguments of `detect`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use gcrucible_oracles::engine::runtime::{fault_names, known_faults};
use gcrucible_oracles::foreign::catalog;
use gcrucible_oracles::version_pairs::{self, VersionPair};

use super::NO_FAULT;
use crate::cli::failure::Failure;
use crate::cli::under_test::UnderTest;

/// Arguments of `detect`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Measure this planted fault; may be given more than once. Without it, all are measured, and
    /// `none`, which stands for no fault. `gcrucible list faults` shows the names. With an engine
    /// that is not ours, the name of a row of version pairs.
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<String>,
    /// Plant the faults in this configuration of the runtime, on every program; may be given more
    /// than once. Without it, each target draws configurations. README, "Names of engines", has
    /// them. Or measure the faults that this engine is known to have, such as `wasmtime-c:36.0.0`.
    #[arg(long = "engine", value_name = "NAME")]
    pub engines: Vec<String>,
    /// Add the rows of this file to the faults that engines are known to have. It is like
    /// `oracles/adapters/version-pairs.toml`.
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// Run this target; may be given more than once. Without it, all targets run.
    #[arg(long = "target", value_name = "NAME")]
    pub targets: Vec<String>,
    /// Run each fault with this many seeds: 1, 2, 3, ...
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=1000)
    )]
    pub seeds: u64,
    /// Give up a fault with one seed after this many seconds.
    #[arg(
        long,
        value_name = "SECS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub time: u64,
    /// Run this many processes at once, each on one core; without it, one for each core.
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub jobs: Option<u64>,
    /// Write the table as one JSON object into this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the plot, which is also printed as text, into this file as SVG.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

/// What one row is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The name of the row.
    pub name: String,
    /// The fault, or [`NO_FAULT`].
    pub fault: String,
    /// Whether the engines do not have it, so that a finding is a false alarm.
    pub is_healthy: bool,
    /// The engines.
    pub under_test: UnderTest,
}

impl Options {
    /// Returns what there is to measure, in the order of the list of faults.
    ///
    /// # Errors
    /// This build has no planted faults, or a name is no fault's.
    pub fn subjects(&self) -> Result<Vec<Subject>, Failure> {
        let foreign = |engine: &&String| catalog::names(engine);
        if let Some(engine) = self.engines.iter().find(foreign) {
            return self.pairs_of(engine);
        }
        if !cfg!(feature = "planted") {
            return Err(Failure::Usage(
                "this build has no planted faults; build and run it so: \
                 cargo run --release --features planted -- detect"
                    .to_owned(),
            ));
        }
        let wants_none = self.faults.is_empty() || self.faults.iter().any(|name| name == NO_FAULT);
        let named: Vec<String> = self
            .faults
            .iter()
            .filter(|f| *f != NO_FAULT)
            .cloned()
            .collect();
        let named = known_faults(&named).map_err(|why| Failure::Usage(why.to_string()))?;
        let wanted = fault_names().filter(|name| self.faults.is_empty() || named.contains(name));
        let none = wants_none.then_some(NO_FAULT);
        let subjects: Vec<Subject> = none
            .into_iter()
            .chain(wanted)
            .map(|name| self.subject(name))
            .collect();
        let other = |engine: &&String| !engine.starts_with("runtime");
        if let Some(engine) = self.engines.iter().find(other) {
            return Err(Failure::Usage(format!(
                "faults are planted in the runtime, and {engine} is another engine"
            )));
        }
        // Probes open the engines. What is wrong with them is better said now.
        if let Some(first) = subjects.first() {
            drop(first.under_test.rig()?);
        }
        Ok(subjects)
    }

    /// The faults that an engine is known to have: a row for it, and one for the engine without the
    /// fault.
    fn pairs_of(&self, engine: &str) -> Result<Vec<Subject>, Failure> {
        let all = pairs(self.pairs.as_deref())?;
        let wanted = |pair: &&VersionPair| {
            let is_named = self.faults.is_empty() || self.faults.contains(&pair.name);
            is_named && pair.is_about(engine)
        };
        let subjects: Vec<Subject> = all
            .iter()
            .filter(wanted)
            .flat_map(|pair| {
                let row = |engine: String, is_healthy| Subject {
                    name: format!("{} on {engine}", pair.name),
                    fault: pair.name.clone(),
                    is_healthy,
                    under_test: UnderTest {
                        engines: vec![engine],
                        ..UnderTest::default()
                    },
                };
                [
                    row(engine.to_owned(), false),
                    row(pair.healthy(engine), true),
                ]
            })
            .collect();
        let [first, second, ..] = subjects.as_slice() else {
            let engines: BTreeSet<&str> = all.iter().map(|pair| pair.with.as_str()).collect();
            let known: Vec<&str> = engines.into_iter().collect();
            return Err(Failure::Usage(format!(
                "no such fault is known of {engine}; faults are known of {}",
                known.join(", ")
            )));
        };
        if self.engines.len() > 1 {
            let message = "an engine that is not ours is measured alone: name one --engine";
            return Err(Failure::Usage(message.to_owned()));
        }
        drop((first.under_test.rig()?, second.under_test.rig()?));
        Ok(subjects)
    }

    fn subject(&self, name: &'static str) -> Subject {
        let mut under_test = UnderTest::default();
        let is_fault = name != NO_FAULT;
        if self.engines.is_empty() {
            under_test.planted = is_fault.then(|| name.to_owned()).into_iter().collect();
        } else {
            let engines = self.engines.iter();
            let with_fault = |engine: &String| match is_fault {
                true => format!("{engine}:+{name}"),
                false => engine.clone(),
            };
            under_test.engines = engines.map(with_fault).collect();
        }
        Subject {
            name: name.to_owned(),
            fault: name.to_owned(),
            is_healthy: !is_fault,
            under_test,
        }
    }
}

/// Returns the rows of version pairs, with those of a file.
///
/// # Errors
/// The file cannot be read, or holds no rows.
pub fn pairs(file: Option<&Path>) -> Result<Vec<VersionPair>, Failure> {
    let mut pairs = version_pairs::known();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| Failure::input(path.display(), error))?;
        let more = version_pairs::read(&text).map_err(|error| Failure::Content {
            path: path.display().to_string(),
            message: error.to_string(),
        })?;
        pairs.extend(more);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn why(words: &[&str]) -> String {
        let words = ["detect"].iter().chain(words);
        let line = Line::try_parse_from(words).expect("arguments");
        line.options.subjects().expect_err("no rows").to_string()
    }

    #[test]
    fn an_engine_of_which_no_fault_is_known_is_refused() {
        let known = "faults are known of wasmtime-c:36.0.0, wasmtime-c:45.0.0";
        assert!(why(&["--engine", "v8"]).ends_with(known));
        let two = ["--engine", "wasmtime-c:36.0.0", "--fault", "no-such-fault"];
        assert!(why(&two).contains("no such fault is known of wasmtime-c:36.0.0"));
        assert!(why(&["--engine", "v8", "--pairs", "/no/such/file"]).contains("/no/such/file"));
    }
}
