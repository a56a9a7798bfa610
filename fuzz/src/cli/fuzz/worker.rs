//! A worker: runs its share of the inputs, one after the other, and reports on standard output.
//!
//! It writes each input into its record before it runs it, and each finding to disk before it goes
//! on. So nothing is lost when the worker is killed. A panic of the harness is a finding like any
//! other.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::finding::{Finding, Symptom};
use rustix::process::getppid;

use super::guide::Guide;
use super::inputs::input;
use super::protocol::{Counters, Found, Message};
use super::record::{Position, Record};
use crate::cli::failure::{ENVIRONMENT, Failure};
use crate::cli::findings::{self, InputId, Shelf};
use crate::cli::named::chosen;
use crate::cli::under_test::UnderTest;
use crate::cli::{proof, reproduce};
use crate::reduce::explained::Explained;
use crate::reduce::{self, Start, reduce};
use crate::targets::late::Batch;
use crate::targets::{Ran, Rig, Subject, Target, round};

/// How many findings of one signature a worker writes. Further ones are only counted.
const FOLDERS_PER_SIGNATURE: u64 = 3;

/// How many programs a worker runs to reduce the first finding of a signature.
const REDUCTION_ATTEMPTS: u32 = 800;

/// How many it runs on an engine in a process of its own, which takes longer.
const OTHERS_ATTEMPTS: u32 = 300;

/// How many it runs if the engine breaks. Then its process is started again each time.
const BROKEN_ATTEMPTS: u32 = 120;

/// How many it runs if most show nothing, so that each is run several times.
const RARE_ATTEMPTS: u32 = 10;

/// How often a worker reports.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Arguments of a worker, given by the supervisor.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The targets, by name.
    #[arg(long = "target")]
    pub targets: Vec<String>,
    /// The seed of the run.
    #[arg(long, value_parser = crate::cli::named::parse_seed)]
    pub run_seed: u64,
    /// Number of the first input.
    #[arg(long)]
    pub first: u64,
    /// The difference between the numbers of two inputs in a row.
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
    /// The list of names in that folder that are older than the run.
    #[arg(long)]
    pub older: PathBuf,
    /// The corpus.
    #[arg(long)]
    pub corpus: Option<PathBuf>,
    /// The list of inputs that have killed a worker. It need not exist.
    #[arg(long)]
    pub avoided: Option<PathBuf>,
    /// Run the input of this record, and no other.
    #[arg(long)]
    pub again: Option<PathBuf>,
    /// What is tested beside the target.
    #[command(flatten)]
    pub under_test: UnderTest,
}

/// Runs inputs until there are no more or standard input is closed. Reports a failure to the
/// supervisor, which tells the user.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    // Ctrl-C reaches the whole process group. The supervisor decides what happens, and closes our
    // standard input.
    let _ = ctrlc::set_handler(|| {});
    let mut counters = Counters::default();
    match run(options, &mut counters) {
        Ok(()) => {
            tell(&Message::Done(counters));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            tell(&Message::Report(counters));
            tell(&Message::Broken(failure.to_string()));
            ExitCode::from(ENVIRONMENT)
        }
    }
}

fn run(options: &Options, counters: &mut Counters) -> Result<(), Failure> {
    let rig = options.under_test.rig()?;
    let targets = chosen(&options.targets)?;
    let record = Record::create(&options.record)
        .map_err(|error| Failure::output(options.record.display(), error))?;
    let stop = stop_at_end_of_input();
    let corpus = options.corpus.as_ref();
    let avoided = options.avoided.as_ref().map(std::fs::read_to_string);
    let avoided = avoided.and_then(Result::ok).unwrap_or_default();
    let avoided = avoided.lines().map(str::to_owned).collect();
    let mut worker = Worker {
        guide: corpus.map(|root| Guide::new(root, &targets, &avoided)),
        shelf: Shelf::again(&options.out, &options.older)?,
        rig,
        options,
        targets,
        record,
        counters,
        written: BTreeMap::new(),
        explained: Explained::default(),
        batch: Batch::default(),
    };
    worker.rig.defers = options.again.is_none();
    match &options.again {
        Some(input) => worker.again(input, &stop),
        None => worker.work(&stop),
    }
}

/// Returns a flag that is set when standard input ends: the supervisor has gone, or wants the
/// worker to stop. If the supervisor has gone, the process ends at once.
fn stop_at_end_of_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let supervisor = getppid();
    std::thread::spawn(move || {
        // Nothing is ever sent. A read ends only when the pipe does.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        flag.store(true, Ordering::Relaxed);
        // A supervisor that wants the worker to stop still waits for it. If it has gone, nobody
        // needs what the worker is doing, which can take long on an engine that hangs.
        while getppid() == supervisor {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::process::exit(1);
    });
    stop
}

/// Writes a line for the supervisor. If that fails, the supervisor has gone, and standard input
/// ends as well.
fn tell(message: &Message) {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

struct Worker<'a> {
    guide: Option<Guide>,
    shelf: Shelf,
    rig: Rig,
    options: &'a Options,
    targets: Vec<&'static Target>,
    record: Record,
    counters: &'a mut Counters,
    /// Folders written, by signature.
    written: BTreeMap<String, u64>,
    /// Findings on engines that are not ours whose cause is known.
    explained: Explained,
    /// Inputs whose counts are still to come.
    batch: Batch,
}

impl Worker<'_> {
    fn work(&mut self, stop: &AtomicBool) -> Result<(), Failure> {
        let mut reported = Instant::now();
        let round = round(&self.targets);
        let mut number = self.options.first;
        while number < self.options.end && !stop.load(Ordering::Relaxed) {
            let (target, seed) = input(self.options.run_seed, &round, number);
            let bytes = match &mut self.guide {
                Some(guide) => guide.next(target, seed).map_err(|e| self.no_corpus(e))?,
                None => self.targets[target].input_of_seed(seed),
            };
            self.one(number, target, bytes, stop)?;
            if reported.elapsed() >= REPORT_EVERY {
                tell(&Message::Report((*self.counters).clone()));
                reported = Instant::now();
            }
            number = number.saturating_add(self.options.stride);
        }
        self.settle(stop)
    }

    /// Runs an input that killed another worker.
    fn again(&mut self, record: &Path, stop: &AtomicBool) -> Result<(), Failure> {
        let missing = || Failure::input(record.display(), std::io::ErrorKind::InvalidData.into());
        let at = Record::read(record).ok_or_else(missing)?;
        self.guide = None;
        let target = at.target as usize % self.targets.len();
        self.one(at.number, target, at.bytes, stop)
    }

    fn no_corpus(&self, error: std::io::Error) -> Failure {
        let corpus = self.options.corpus.as_ref();
        Failure::output(
            corpus.map_or(Path::new(""), PathBuf::as_path).display(),
            error,
        )
    }

    fn one(
        &mut self,
        number: u64,
        target_at: usize,
        bytes: Vec<u8>,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let target = self.targets[target_at];
        let position = Position {
            number,
            target: target_at as u64,
            bytes,
        };
        self.record
            .write(&position)
            .map_err(|e| Failure::output(self.options.record.display(), e))?;
        let bytes = position.bytes;
        let started = Instant::now();
        // Some targets apply no rules.
        self.rig.last = RuleMap::default();
        let (subject, ran) = target.run_caught(&bytes, &mut self.rig);
        if let Some(why) = ran.unavailable {
            return Err(Failure::Engine(why));
        }
        let id = InputId::new(target, bytes);
        self.counters
            .count(target, id.seed(), &ran, started.elapsed());
        if let Some(guide) = &mut self.guide {
            let learnt = guide.learn(target_at, &id.bytes, &ran, &self.rig);
            self.counters.kept += u64::from(learnt.map_err(|e| self.no_corpus(e))?);
        }
        self.batch.add(target, &id.bytes, &ran);
        if let Some(finding) = ran.finding {
            self.take(&id, target, finding, subject, stop)?;
        }
        if self.batch.is_full() {
            self.settle(stop)?;
        }
        Ok(())
    }

    /// Asks for the counts that are still to come. An input whose count is not as expected is run
    /// once more.
    fn settle(&mut self, stop: &AtomicBool) -> Result<(), Failure> {
        let settled = self.batch.settle(&self.rig);
        self.counters.live_checks += settled.live_checks;
        self.counters.collections += settled.collections;
        for suspect in settled.suspects {
            let id = InputId::new(suspect.target, suspect.bytes.clone());
            let target = suspect.target;
            let (subject, ran) = suspect.run(&mut self.rig);
            if let Some(why) = ran.unavailable {
                return Err(Failure::Engine(why));
            }
            self.counters.live_checks += ran.stats.live_checks;
            if let Some(finding) = ran.finding {
                self.counters.findings += 1;
                self.take(&id, target, finding, subject, stop)?;
            }
        }
        Ok(())
    }

    /// Takes a finding: writes it, and reduces the program unless that was done for another one.
    fn take(
        &mut self,
        id: &InputId,
        target: &'static Target,
        finding: Finding,
        subject: Option<Subject>,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        if self.rig.asks_others() {
            // What is run again to see what shows is counted at once.
            let defers = std::mem::replace(&mut self.rig.defers, false);
            let taken = self.foreign(id, target, finding, subject.as_ref(), stop);
            self.rig.defers = defers;
            return taken;
        }
        let is_first = !self.written.contains_key(&id.signature(&finding));
        let is_pending = is_first && subject.as_ref().is_some_and(|s| s.program.is_some());
        let folder = self.found(id, &finding, subject.as_ref(), is_pending, false)?;
        match (folder, subject.filter(|_| is_pending)) {
            (Some(folder), Some(subject)) => {
                let start = Start {
                    finding: Some(finding),
                    ..Start::default()
                };
                self.reduce(target, &subject, start, &folder, stop)
                    .map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Takes a finding on an engine that is not ours. Reduces it unless earlier ones explain it.
    fn foreign(
        &mut self,
        id: &InputId,
        target: &'static Target,
        finding: Finding,
        subject: Option<&Subject>,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let words = format!("{}: {}", finding.engine_word(), finding.signature());
        let rig = &mut self.rig;
        let reducible = subject.filter(|subject| reduce::takes(subject, rig));
        let news = reducible
            .and_then(|subject| self.explained.news(&words, target, subject, &finding, rig));
        let is_apart = news.as_ref().is_some_and(|news| news.is_apart);
        let folder = self.found(id, &finding, subject, news.is_some(), is_apart)?;
        let (Some(news), Some(folder)) = (news, folder) else {
            return Ok(());
        };
        let start = Start {
            finding: Some(news.finding),
            explained: self.explained.operations(&words),
        };
        if let Some(reduced) = self.reduce(target, &news.subject, start, &folder, stop)? {
            self.explained.learn(&words, &reduced);
        }
        Ok(())
    }

    /// Reduces the program of a finding. Meanwhile it sends reports, so that the supervisor does
    /// not take it for hung. Returns the finding as the reduced program shows it.
    fn reduce(
        &mut self,
        target: &'static Target,
        subject: &Subject,
        start: Start,
        folder: &Path,
        stop: &AtomicBool,
    ) -> Result<Option<Finding>, Failure> {
        let (counters, mut reported) = (&self.counters, Instant::now());
        let mut go_on = || {
            if reported.elapsed() >= REPORT_EVERY {
                tell(&Message::Report((*counters).clone()));
                reported = Instant::now();
            }
            !stop.load(Ordering::Relaxed)
        };
        let rig = &mut self.rig;
        let first = start.finding.as_ref();
        let attempts = if first.is_some_and(Finding::is_rare) {
            RARE_ATTEMPTS
        } else if rig.asks_others() {
            let breaks = |finding: &Finding| matches!(finding.symptom, Symptom::Broke(_));
            if first.is_some_and(breaks) {
                BROKEN_ATTEMPTS
            } else {
                OTHERS_ATTEMPTS
            }
        } else {
            REDUCTION_ATTEMPTS
        };
        let mut finding = None;
        if let Some(reduced) = reduce(target, subject, start, rig, attempts, &mut go_on) {
            let bounds = self.options.under_test.bounds();
            let reduced = reproduce::with_fewer_flags(reduced, bounds)?;
            let script = findings::add_reduced(folder, &reduced)?;
            if proof::can_be_tried(&reduced.finding) && !proof::fails(&script)? {
                findings::not_proven(folder)?;
            }
            reproduce::add(folder, &reduced, bounds)?;
            finding = Some(reduced.finding);
        }
        tell(&Message::Reduced(finding.clone().map(Box::new)));
        Ok(finding)
    }

    /// Writes a finding and tells the supervisor. Returns the folder, unless there are enough with
    /// its signature and its program is not reduced.
    fn found(
        &mut self,
        id: &InputId,
        finding: &Finding,
        subject: Option<&Subject>,
        is_pending: bool,
        is_apart: bool,
    ) -> Result<Option<PathBuf>, Failure> {
        let written = self.written.entry(id.signature(finding)).or_default();
        let mut folder = None;
        if *written < FOLDERS_PER_SIGNATURE || is_pending {
            let under_test = &self.options.under_test;
            folder = Some(self.shelf.write(id, finding, subject, under_test)?);
            *written += 1;
        }
        tell(&Message::Found(Box::new(Found {
            id: id.clone(),
            finding: finding.clone(),
            folder: folder.as_ref().map(|folder| folder.display().to_string()),
            is_pending,
            is_apart,
        })));
        Ok(folder)
    }
}

impl Counters {
    /// Counts an input, which took the time `took`.
    pub fn count(&mut self, target: &Target, seed: Option<u64>, ran: &Ran, took: Duration) {
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
        if !ran.live.is_empty() {
            let of_target = self
                .live_by_collector
                .entry(target.name.to_owned())
                .or_default();
            for (&collector, count) in &ran.live {
                *of_target.entry(collector.to_owned()).or_default() += count;
            }
        }
        for (what, count) in &ran.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
        for (row, count) in ran.permitted.rows() {
            let what = format!("permitted: {}", row.name());
            *self.counts.entry(what).or_default() += count;
        }
        match (&ran.finding, &ran.skipped) {
            (Some(_), _) => self.findings += 1,
            (None, Some(reason)) => *self.skipped.entry(reason.clone()).or_default() += 1,
            (None, None) => {}
        }
        if ran.is_compared() {
            of_target.compared += 1;
            self.compared += 1;
            self.collected_alive += u64::from(ran.stats.collected_alive);
        }
    }
}

/// Returns a process's end in words.
#[must_use]
pub fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal} ({})", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

/// Returns the usual name of a signal that ends a faulty process.
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
