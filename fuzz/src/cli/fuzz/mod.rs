//! `gcrucible fuzz`: the embedded driver, on stable Rust.
//!
//! ```text
//! supervisor --starts--> worker, worker, ...   one process each; runs inputs 0, 1, 2, ... in strides
//!            <--lines---                        counters and findings (protocol)
//!            <--file----                        the input being run (record), read when a worker has died
//! ```
//!
//! Input number `n` of a run is a function of the run's seed and `n` alone ([`input`]), so a run
//! does the same whatever the number of workers, and each input can be replayed by its target and
//! its own seed.

use std::path::PathBuf;

use clap::Args;

pub mod progress;
pub mod protocol;
pub mod record;
pub mod summary;
pub mod supervisor;
pub mod worker;

use super::{Ending, Failure};
use crate::targets::{Rig, TARGETS, Target};

/// Arguments of `fuzz`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A target to run; may be given more than once. Without it: every target there is. `--target
    /// help` lists them.
    #[arg(long = "target", value_name = "NAME")]
    pub targets: Vec<String>,
    /// How long to run, in seconds; 60 unless `--runs` is given.
    #[arg(long, value_name = "SECS")]
    pub time: Option<u64>,
    /// How many programs to run.
    #[arg(long, value_name = "N")]
    pub runs: Option<u64>,
    /// Where the run's inputs begin; without it a new one is drawn and printed.
    #[arg(long, value_name = "S", value_parser = super::parse_seed)]
    pub seed: Option<u64>,
    /// How many worker processes; without it one for each core.
    #[arg(long, value_name = "J")]
    pub jobs: Option<usize>,
    /// The folder for findings; created when there is one.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    pub out: PathBuf,
    /// Write the summary as one JSON object into this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Seconds after which an input that does not end counts as a hang.
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    pub hang: u64,
    /// Stop at the first finding.
    #[arg(long)]
    pub stop: bool,
    /// Switch on planted faults, by name (only in a build with the feature `planted`).
    #[arg(long = "planted", value_name = "FAULT", hide = !cfg!(feature = "planted"))]
    pub planted: Vec<String>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// Wrong usage, a worker that cannot be started, a folder that cannot be written, or a run that
/// compared nothing.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    if options.targets.iter().any(|t| t == "help") {
        for target in TARGETS {
            println!("{:<14} {}", target.name, target.hunts);
        }
        return Ok(Ending::Clean);
    }
    // Workers switch the faults on; an unknown name is better said now.
    Rig::standard(&options.planted).map_err(|why| Failure::Usage(why.to_string()))?;
    if options.jobs == Some(0) || options.runs == Some(0) || options.time == Some(0) {
        return Err(Failure::Usage(
            "--jobs, --runs and --time are at least 1".to_owned(),
        ));
    }
    let targets = chosen(&options.targets)?;
    supervisor::run(options, &targets)
}

/// The targets with these names, in the order of the list of targets; all of them when no name is
/// given.
///
/// # Errors
///
/// A name that is no target's.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Target>, Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| TARGETS.iter().all(|t| t.name != name.as_str()))
    {
        let known: Vec<_> = TARGETS.iter().map(|t| t.name).collect();
        let message = format!(
            "no target is named {unknown:?}; there are: {}",
            known.join(", ")
        );
        return Err(Failure::Usage(message));
    }
    Ok(TARGETS
        .iter()
        .copied()
        .filter(|t| names.is_empty() || names.iter().any(|n| n == t.name))
        .collect())
}

/// Input number `number` of the run that began with `seed`: its target, which is the one whose turn
/// it is in `round` ([`crate::targets::round`]), and its own seed.
///
/// Seeds are a bijective mix, so that no two inputs of a run have the same.
#[must_use]
pub fn input(seed: u64, round: &[usize], number: u64) -> (usize, u64) {
    let target = round[(number % round.len() as u64) as usize];
    (
        target,
        mix(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
    )
}

/// The finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014): a bijection.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_a_run_differ_and_targets_take_turns() {
        let mut seeds: Vec<u64> = (0..10_000).map(|n| input(7, &[0, 1, 2], n).1).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 10_000);
        let turns: Vec<usize> = (0..6).map(|n| input(7, &[0, 1, 2], n).0).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn an_unknown_target_is_a_usage_error_that_names_the_known_ones() {
        let error = chosen(&["differental".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("differental") && error.contains("differential"),
            "{error}"
        );
    }
}
