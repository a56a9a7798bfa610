//! Arguments of `fuzz`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::under_test::UnderTest;

/// Arguments of `fuzz`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Run this target; may be given more than once. Without it, all targets run. `gcrucible list
    /// targets` shows them.
    #[arg(long = "target", value_name = "NAME")]
    pub targets: Vec<String>,
    /// Run for this many seconds. The default is 60 unless `--runs` is given.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub time: Option<u64>,
    /// Run this many programs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// The seed of the whole run. Two runs of one build with the same seed run the same inputs in
    /// the same order. Without it, a new one is drawn and printed. The seed of a single input, as
    /// `replay --seed` takes it, is another number: each finding shows its own.
    #[arg(long, value_name = "S", value_parser = crate::cli::named::parse_seed)]
    pub run_seed: Option<u64>,
    /// Refused: it is the seed of one input.
    #[arg(long, hide = true, value_parser = refuse_seed)]
    pub seed: Option<u64>,
    /// Start this many worker processes. The default is one for each core.
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs: Option<u64>,
    /// Write findings into this folder, which is created for the first one.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    pub out: PathBuf,
    /// Keep inputs that exercise something new in this folder, which has a folder for each target,
    /// and make half of the inputs from those that are there. Several runs, machines and libFuzzer
    /// can share it. A run that is killed loses nothing of it.
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Write the summary as one JSON object into this file. With `-` it goes to standard output,
    /// and the summary for people to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write what happens during the run into this file, a line of JSON for each event. With `-` it
    /// goes to standard output, and the summary for people to standard error.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Report an input as a hang if it does not end within this many seconds.
    #[arg(
        long,
        value_name = "SECS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub hang: u64,
    /// Replace a worker process that has more resident memory than this, in MiB.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 1024,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub worker_memory: u64,
    /// Stop at the first finding, once its program is reduced.
    #[arg(long)]
    pub stop: bool,
    /// What is tested beside the target.
    #[command(flatten)]
    pub under_test: UnderTest,
}

fn refuse_seed(_: &str) -> Result<u64, String> {
    Err(
        "a run takes --run-seed; --seed is the seed of one input: gcrucible replay --seed"
            .to_owned(),
    )
}
