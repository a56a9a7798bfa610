//! A probe: runs the inputs of one seed with one fault until a finding, and says on standard output
//! when the fault's place was reached, when it went wrong, and when that was noticed.
//!
//! The record tells the supervisor the current input if the probe dies.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use gcrucible_oracles::engine::runtime::fault_counts;
use gcrucible_oracles::finding::{Finding, Symptom};
use gcrucible_oracles::version_pairs::VersionPair;

use super::options;
use super::trial::{Detection, Mark, Message};
use crate::cli::failure::{ENVIRONMENT, Failure};
use crate::cli::fuzz::inputs::input;
use crate::cli::fuzz::record::{Position, Record};
use crate::cli::named::chosen;
use crate::cli::terminal::say;
use crate::cli::under_test::UnderTest;
use crate::reduce::explained::needs;
use crate::targets::rig::Asked;
use crate::targets::{Rig, Subject, Target, round};

/// Arguments of a probe, given by the supervisor.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The targets, by name.
    #[arg(long = "target")]
    pub targets: Vec<String>,
    /// The fault.
    #[arg(long)]
    pub fault: String,
    /// The seed of the run.
    #[arg(long)]
    pub run_seed: u64,
    /// How many seconds the probe runs.
    #[arg(long)]
    pub time: u64,
    /// The record.
    #[arg(long)]
    pub record: PathBuf,
    /// More rows of version pairs.
    #[arg(long)]
    pub pairs: Option<PathBuf>,
    /// The engines.
    #[command(flatten)]
    pub under_test: UnderTest,
}

/// Processor time of an engine for one program. Programs need a hundredth of it, and on an engine
/// that is known to be faulty many of them never end.
const WORK: Duration = Duration::from_millis(500);

/// Runs the probe. The last line on standard output is how it ended.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    // Ctrl-C reaches the whole process group. The supervisor decides what happens.
    let _ = ctrlc::set_handler(|| {});
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&Message::Broken(failure.to_string()));
            ExitCode::from(ENVIRONMENT)
        }
    }
}

fn tell(message: &Message) {
    // Serialising numbers and strings cannot fail.
    say!("{}", serde_json::to_string(message).unwrap_or_default());
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut bounds = options.under_test.bounds();
    bounds.work = bounds.work.min(WORK);
    let mut rig = options.under_test.rig_within(bounds)?;
    rig.asked = Asked::Named;
    let targets = chosen(&options.targets)?;
    let round = round(&targets);
    let record = Record::create(&options.record)
        .map_err(|error| Failure::output(options.record.display(), error))?;
    let started = Instant::now();
    let limit = Duration::from_secs(options.time);
    let mut told = (false, false);
    let pairs = options::pairs(options.pairs.as_deref())?;
    let is_ours = !rig.asks_others();
    let pair = pairs
        .into_iter()
        .find(|pair| !is_ours && pair.name == options.fault);
    let mut programs = 0;
    while started.elapsed() < limit {
        let (target, seed) = input(options.run_seed, &round, programs);
        let position = Position {
            number: programs,
            target: target as u64,
            bytes: targets[target].input_of_seed(seed),
        };
        record
            .write(&position)
            .map_err(|error| Failure::output(options.record.display(), error))?;
        let (subject, ran) = targets[target].run_caught(&position.bytes, &mut rig);
        programs += 1;
        let mark = Mark {
            programs,
            seconds: started.elapsed().as_secs_f64(),
        };
        tell_counts(&options.fault, mark, &mut told);
        if let Some(why) = ran.unavailable {
            return Err(Failure::Engine(why));
        }
        if let Some(finding) = ran.finding {
            let shows = |pair: &VersionPair| match &subject {
                Some(subject) => is_shown(pair, targets[target], subject, &finding, &mut rig),
                None => false,
            };
            // A finding on an engine that is not ours may be another fault.
            if !pair.as_ref().is_none_or(shows) {
                continue;
            }
            tell(&Message::Detected(Detection {
                mark,
                target: targets[target].name.to_owned(),
                by: comparison(&finding),
                seed,
            }));
            return Ok(());
        }
    }
    tell(&Message::Missed(Mark {
        programs,
        seconds: started.elapsed().as_secs_f64(),
    }));
    Ok(())
}

/// Whether a finding is the fault of a row.
fn is_shown(
    pair: &VersionPair,
    target: &'static Target,
    subject: &Subject,
    finding: &Finding,
    rig: &mut Rig,
) -> bool {
    let signature = finding.signature();
    pair.shows.iter().any(|shows| {
        signature.contains(&shows.signature)
            && (shows.operation.is_empty()
                || needs(&shows.operation, target, subject, finding, rig))
    })
}

/// Says when the place of the fault is reached, and when it goes wrong, for the first time.
fn tell_counts(fault: &str, mark: Mark, told: &mut (bool, bool)) {
    let (reached, triggered) = fault_counts(fault);
    if reached > 0 && !told.0 {
        tell(&Message::Reached(mark));
        told.0 = true;
    }
    if triggered > 0 && !told.1 {
        tell(&Message::Triggered(mark));
        told.1 = true;
    }
}

/// The comparison that found it, in a word.
fn comparison(finding: &Finding) -> String {
    match &finding.symptom {
        Symptom::Differs(difference) => difference.aspect.to_string(),
        Symptom::Broke(_) => "check of the engine".to_owned(),
        Symptom::Died(_) => "death of the process".to_owned(),
        Symptom::Hung { .. } => "hang".to_owned(),
        Symptom::Panicked(_) => "panic".to_owned(),
    }
}
