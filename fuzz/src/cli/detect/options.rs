//! Arguments of `detect`.

use std::path::PathBuf;

use clap::Args;
use gcrucible_oracles::engine::runtime::{fault_names, known_faults};

use super::NO_FAULT;
use crate::cli::failure::Failure;
use crate::cli::under_test::UnderTest;

/// Arguments of `detect`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Measure this planted fault; may be given more than once. Without it, all are measured, and
    /// `none`, which stands for no fault. `gcrucible list faults` shows the names.
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<String>,
    /// Plant the faults in this configuration of the runtime, on every program; may be given more
    /// than once. Without it, each target draws configurations. README, "Names of engines", has
    /// them.
    #[arg(long = "engine", value_name = "NAME")]
    pub engines: Vec<String>,
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
    /// The fault, or [`NO_FAULT`].
    pub name: &'static str,
    /// The engines with the fault.
    pub under_test: UnderTest,
}

impl Options {
    /// Returns what there is to measure, in the order of the list of faults.
    ///
    /// # Errors
    /// This build has no planted faults, or a name is no fault's.
    pub fn subjects(&self) -> Result<Vec<Subject>, Failure> {
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
        let foreign = |engine: &&String| !engine.starts_with("runtime");
        if let Some(engine) = self.engines.iter().find(foreign) {
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
        Subject { name, under_test }
    }
}
