//! A worker: runs its share of the inputs, one after the other, and reports on standard output.
//!
//! Before each input it writes where it is into its record, and a finding is on disk before
//! anything else happens; so whatever kills the worker, nothing is lost. A panic of the harness is
//! a finding like any other.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use super::protocol::{Counters, Found, Message};
use super::record::{Position, Record};
use crate::cli::findings::{self, Finding};
use crate::cli::{Ending, Failure};
use crate::reduce::reduce;
use crate::targets::{Ran, Rig, Target, round};

/// Findings of one signature that a worker writes out; further ones are only counted.
const FOLDERS_PER_SIGNATURE: u64 = 3;

/// Programs that a worker runs to make the first finding of a signature small.
const REDUCTION_ATTEMPTS: u32 = 800;

/// How often a worker reports.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Arguments of a worker, given by the supervisor.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Targets, by name, in turn.
    #[arg(long = "target")]
    pub targets: Vec<String>,
    /// The run's seed.
    #[arg(long, value_parser = crate::cli::parse_seed)]
    pub seed: u64,
    /// Number of the first input.
    #[arg(long)]
    pub first: u64,
    /// From one input to the next.
    #[arg(long)]
    pub stride: u64,
    /// Inputs from this number on are not run.
    #[arg(long)]
    pub end: u64,
    /// The record.
    #[arg(long)]
    pub record: PathBuf,
    /// The folder for findings.
    #[arg(long)]
    pub out: PathBuf,
    /// Faults to plant.
    #[arg(long = "planted")]
    pub planted: Vec<String>,
}

/// Runs inputs until there are no more, standard input is closed, or nothing can be written any
/// more.
///
/// # Errors
///
/// Wrong arguments, or a record or finding that cannot be written.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    // Ctrl-C reaches the whole process group; the supervisor decides what happens, and closes our
    // standard input.
    let _ = ctrlc::set_handler(|| {});
    let rig = Rig::standard(&options.planted).map_err(|why| Failure::Usage(why.to_string()))?;
    let targets = super::chosen(&options.targets)?;
    let record =
        Record::create(&options.record).map_err(|e| Failure::file(options.record.display(), e))?;
    let stop = stop_at_end_of_input();
    let mut worker = Worker {
        rig,
        options,
        targets,
        record,
        counters: Counters::default(),
        written: BTreeMap::new(),
    };
    match worker.work(&stop) {
        Ok(()) => {
            say(&Message::Done(worker.counters));
            Ok(Ending::Clean)
        }
        Err(failure) => {
            say(&Message::Report(worker.counters));
            say(&Message::Broken(failure.to_string()));
            Err(failure)
        }
    }
}

/// A flag that is set when standard input ends: the supervisor is gone, or wants us to stop.
fn stop_at_end_of_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        // Nothing is ever sent; a read that ends, ends with the pipe.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        flag.store(true, Ordering::Relaxed);
    });
    stop
}

/// Writes a line for the supervisor. If it cannot be written the supervisor is gone, and standard
/// input ends as well.
fn say(message: &Message) {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

struct Worker<'a> {
    rig: Rig,
    options: &'a Options,
    targets: Vec<&'static Target>,
    record: Record,
    counters: Counters,
    /// Folders written, by signature.
    written: BTreeMap<String, u64>,
}

impl Worker<'_> {
    fn work(&mut self, stop: &AtomicBool) -> Result<(), Failure> {
        let mut reported = Instant::now();
        let round = round(&self.targets);
        let mut number = self.options.first;
        while number < self.options.end && !stop.load(Ordering::Relaxed) {
            let (target, seed) = super::input(self.options.seed, &round, number);
            self.record
                .write(Position {
                    number,
                    target: target as u64,
                    seed,
                })
                .map_err(|e| Failure::file(self.options.record.display(), e))?;
            self.one(self.targets[target], seed, stop)?;
            if reported.elapsed() >= REPORT_EVERY {
                say(&Message::Report(self.counters.clone()));
                reported = Instant::now();
            }
            number = number.saturating_add(self.options.stride);
        }
        Ok(())
    }

    fn one(
        &mut self,
        target: &'static Target,
        seed: u64,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let ran = Ran::catching(|| target.run_seed(seed, &mut self.rig));
        self.counters.count(target, seed, &ran, started.elapsed());
        if let Some(fault) = &ran.fault {
            let finding = Finding::new(target, seed, fault, &self.options.planted);
            if let Some(folder) = self.found(&finding)? {
                self.reduce(&finding, &folder, stop)?;
            }
        }
        Ok(())
    }

    /// Makes the finding's program small, and tells the supervisor that it is still there.
    fn reduce(
        &mut self,
        finding: &Finding,
        folder: &std::path::Path,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let subject = finding
            .target
            .subject_of(&finding.target.input_of_seed(finding.seed));
        let (counters, mut reported) = (&self.counters, Instant::now());
        let mut go_on = || {
            if reported.elapsed() >= REPORT_EVERY {
                say(&Message::Report(counters.clone()));
                reported = Instant::now();
            }
            !stop.load(Ordering::Relaxed)
        };
        let rig = &mut self.rig;
        let reduced = reduce(
            finding.target,
            &subject,
            rig,
            REDUCTION_ATTEMPTS,
            &mut go_on,
        );
        match reduced {
            Some(reduced) => findings::add_reduced(folder, &reduced).map(drop),
            None => Ok(()),
        }
    }

    /// Writes a finding and tells the supervisor; the folder, if it is the first of its signature.
    fn found(&mut self, finding: &Finding) -> Result<Option<PathBuf>, Failure> {
        let written = self.written.entry(finding.signature.clone()).or_default();
        let mut folder = None;
        let is_first = *written == 0;
        if *written < FOLDERS_PER_SIGNATURE {
            folder = Some(findings::write(&self.options.out, finding)?);
            *written += 1;
        }
        say(&Message::Found(Found {
            target: finding.target.name.to_owned(),
            seed: finding.seed,
            signature: finding.signature.clone(),
            title: finding.title.clone(),
            replay: finding.replay.clone(),
            folder: folder.as_ref().map(|folder| folder.display().to_string()),
        }));
        Ok(folder.filter(|_| is_first))
    }
}

impl Counters {
    /// Counts the input of `seed`, which took so long.
    pub fn count(&mut self, target: &Target, seed: u64, ran: &Ran, took: Duration) {
        let micros = took.as_micros() as u64;
        let of_target = self.by_target.entry(target.name.to_owned()).or_default();
        of_target.programs += 1;
        of_target.micros += micros;
        of_target.slowest = of_target.slowest.max((micros, seed));
        self.programs += 1;
        self.steps += ran.stats.steps;
        self.collections += ran.stats.collections;
        self.live_checks += ran.stats.live_checks;
        self.live_objects += ran.stats.live_objects;
        for (what, count) in &ran.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
        match (&ran.fault, &ran.skipped) {
            (Some(_), _) => self.findings += 1,
            (None, Some(reason)) => *self.skipped.entry(reason.clone()).or_default() += 1,
            (None, None) => {}
        }
        if ran.skipped.is_none() && ran.stats.steps > 0 {
            of_target.compared += 1;
            self.compared += 1;
            self.collected_alive += u64::from(ran.stats.collected_alive);
        }
    }
}

/// A process's end in words.
#[must_use]
pub fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal} ({})", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

/// The usual name of the signals that end a process that went wrong.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => "unexpected",
    }
}
