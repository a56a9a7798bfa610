//! `gcrucible list`: the names that other subcommands take.

use clap::{Args, ValueEnum};
use gcrucible_oracles::engine;
use gcrucible_oracles::engine::runtime::fault_names;

use super::failure::Ending;
use super::terminal::say;
use crate::targets::TARGETS;

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// List only these
    #[arg(value_enum)]
    pub what: Option<What>,
}

/// Kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Fuzz targets, as `--target` takes them
    Targets,
    /// Engines, as `--engine` takes them: those that run by default
    Engines,
    /// Planted faults, as `--planted` takes them
    Faults,
}

/// Runs the subcommand.
#[must_use]
pub fn run(options: &Options) -> Ending {
    let wanted = |what| options.what.is_none_or(|only| only == what);
    if wanted(What::Targets) {
        say!("targets (--target):");
        for target in TARGETS {
            say!("  {:<14} {}", target.name, target.hunts);
        }
    }
    if wanted(What::Engines) {
        say!("engines (--engine); README, \"Names of engines\", has all configurations:");
        engine::names().iter().for_each(|name| say!("  {name}"));
    }
    if wanted(What::Faults) {
        let built_in = if cfg!(feature = "planted") {
            ""
        } else {
            "; this build has none: build with `--features planted`"
        };
        say!("planted faults (--planted){built_in}:");
        fault_names().for_each(|name| say!("  {name}"));
    }
    Ending::Clean
}
