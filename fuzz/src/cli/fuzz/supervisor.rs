//! The supervisor: starts workers, adds up what they report, starts a worker again where one has
//! died, and ends the run.
//!
//! A worker that dies is a crash. The input it was at is run once more, alone: if that dies as well
//! the input is a finding; if not, somebody killed the worker (a person, the system short of
//! memory), which is counted as such and is no finding. Either way the worker is started again
//! behind that input.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::progress::Progress;
use super::protocol::{Counters, Found, Message};
use super::record::{Position, Record};
use super::summary::Summary;
use super::{Options, worker};
use crate::cli::findings::{self, Finding};
use crate::cli::{Ending, Failure};
use crate::targets::{Fault, Target};

/// How long workers get to end by themselves once they are told to.
const GRACE: Duration = Duration::from_secs(5);

/// Deaths in a row, without one input finished between them, after which a worker is not started
/// again.
const DEATHS_IN_A_ROW_MAX: u32 = 5;

/// Runs workers until the time or the inputs are used up or Ctrl-C is pressed.
///
/// # Errors
///
/// When workers cannot be started or findings not written, or nothing was compared.
pub fn run(options: &Options, targets: &[&'static Target]) -> Result<Ending, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // Fails only if a handler is already there, which never happens in this program.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let seed = options.seed.unwrap_or_else(new_seed);
    let jobs = options
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let scratch = tempfile::Builder::new()
        .prefix("gcrucible-")
        .tempdir()
        .map_err(|error| Failure::Environment {
            what: "temporary folder",
            error,
        })?;
    let (send, receive) = channel();
    let mut supervisor = Supervisor {
        options,
        targets,
        seed,
        jobs,
        scratch: scratch.path().to_owned(),
        send,
        workers: Vec::new(),
        summary: Summary::new(seed, jobs, targets),
        progress: Progress::new(),
    };
    supervisor.progress.begin(seed, jobs, targets);
    for slot in 0..jobs {
        let worker = supervisor.start(slot, slot as u64)?;
        supervisor.workers.push(worker);
    }
    let broken = supervisor.watch(&receive, &interrupted);
    supervisor.finish(&receive);
    supervisor.progress.end();
    let mut summary = supervisor.summary;
    summary.interrupted = interrupted.load(Ordering::Relaxed);
    print!("{summary}");
    if let Some(path) = &options.json {
        crate::cli::write_atomically(path, summary.to_json().as_bytes())?;
    }
    if let Some(message) = broken {
        return Err(Failure::Usage(message));
    }
    summary.ending()
}

/// A seed nobody used before: from the system's random source by way of the standard library's hash
/// keys.
fn new_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Something a worker's reader thread has seen.
enum Event {
    /// A line.
    Said(usize, Message),
    /// The end of its output: it has ended or will at once.
    Ended(usize),
}

struct Worker {
    child: Child,
    /// Closed to tell it to stop.
    stdin: Option<ChildStdin>,
    /// Its last report; nothing of it is in the total yet.
    counters: Counters,
    /// When it was last heard of.
    heard: Instant,
    record: PathBuf,
    done: bool,
    /// Killed by us because it hung.
    hung: bool,
    deaths_in_a_row: u32,
}

struct Supervisor<'a> {
    options: &'a Options,
    targets: &'a [&'static Target],
    seed: u64,
    jobs: usize,
    scratch: PathBuf,
    send: Sender<Event>,
    workers: Vec<Worker>,
    summary: Summary,
    progress: Progress,
}

impl Supervisor<'_> {
    /// Starts a worker for `slot`, at input `first`.
    fn start(&self, slot: usize, first: u64) -> Result<Worker, Failure> {
        let record = self.scratch.join(format!("worker-{slot}"));
        let mut child = self
            .command(
                first,
                self.jobs as u64,
                self.options.runs.unwrap_or(u64::MAX),
                &record,
            )?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::Environment {
                what: "starting a worker",
                error,
            })?;
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            let send = self.send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // A line cut off by the worker's death is no message.
                    if let Ok(message) = serde_json::from_str(&line) {
                        let _ = send.send(Event::Said(slot, message));
                    }
                }
                let _ = send.send(Event::Ended(slot));
            });
        }
        Ok(Worker {
            child,
            stdin,
            counters: Counters::default(),
            heard: Instant::now(),
            record,
            done: false,
            hung: false,
            deaths_in_a_row: 0,
        })
    }

    fn command(
        &self,
        first: u64,
        stride: u64,
        end: u64,
        record: &std::path::Path,
    ) -> Result<Command, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::Environment {
            what: "finding this program",
            error,
        })?;
        let mut command = Command::new(program);
        command.arg("worker");
        for target in self.targets {
            command.args(["--target", target.name]);
        }
        for fault in &self.options.planted {
            command.args(["--planted", fault]);
        }
        command
            .args(["--seed", &self.seed.to_string()])
            .args(["--first", &first.to_string()])
            .args(["--stride", &stride.to_string()])
            .args(["--end", &end.to_string()])
            .arg("--record")
            .arg(record)
            .arg("--out")
            .arg(&self.options.out);
        Ok(command)
    }

    /// Takes events until the run is over. Gives the reason if it cannot go on.
    fn watch(&mut self, receive: &Receiver<Event>, interrupted: &AtomicBool) -> Option<String> {
        let limit = match (self.options.time, self.options.runs) {
            (Some(seconds), _) => Some(Duration::from_secs(seconds)),
            (None, Some(_)) => None,
            (None, None) => Some(Duration::from_secs(60)),
        };
        loop {
            let over = limit.is_some_and(|limit| self.summary.elapsed() >= limit);
            let all_done = self.workers.iter().all(|w| w.done);
            if over || all_done || interrupted.load(Ordering::Relaxed) {
                return None;
            }
            if self.options.stop && self.summary.has_findings() {
                return None;
            }
            match receive.recv_timeout(Duration::from_millis(100)) {
                Ok(event) => {
                    if let Err(failure) = self.take(event, true) {
                        return Some(failure);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.kill_hung();
            let total = self.total();
            self.progress.show(&self.summary, &total);
        }
    }

    /// Everything done so far, by workers past and present.
    fn total(&self) -> Counters {
        let mut total = self.summary.counters.clone();
        for worker in &self.workers {
            total.add(&worker.counters);
        }
        total
    }

    fn take(&mut self, event: Event, restart: bool) -> Result<(), String> {
        match event {
            Event::Said(slot, message) => {
                let worker = &mut self.workers[slot];
                worker.heard = Instant::now();
                match message {
                    Message::Report(counters) => {
                        if counters.programs > 0 {
                            worker.deaths_in_a_row = 0;
                        }
                        worker.counters = counters;
                    }
                    Message::Done(counters) => {
                        worker.counters = counters;
                        worker.done = true;
                    }
                    Message::Found(found) => self.found(found),
                    Message::Broken(why) => return Err(why),
                }
                Ok(())
            }
            Event::Ended(slot) => self.ended(slot, restart),
        }
    }

    fn found(&mut self, found: Found) {
        self.progress.found(&found);
        self.summary.found(found);
    }

    /// A worker's output has ended: as asked, or because it died.
    fn ended(&mut self, slot: usize, restart: bool) -> Result<(), String> {
        let worker = &mut self.workers[slot];
        let counters = std::mem::take(&mut worker.counters);
        self.summary.counters.add(&counters);
        let status = worker
            .child
            .wait()
            .map_err(|e| format!("waiting for a worker: {e}"))?;
        if worker.done || worker.stdin.is_none() {
            worker.done = true;
            return Ok(());
        }
        worker.done = true;
        if !restart {
            return Ok(());
        }
        let at = Record::read(&worker.record);
        let (deaths, hung) = (worker.deaths_in_a_row + 1, worker.hung);
        self.died(at, status, hung)
            .map_err(|failure| failure.to_string())?;
        if deaths >= DEATHS_IN_A_ROW_MAX {
            return Err(format!(
                "worker {slot} died {deaths} times without finishing an input ({status}); giving up"
            ));
        }
        let next = at.map_or(slot as u64, |at| at.number.saturating_add(self.jobs as u64));
        let mut fresh = self
            .start(slot, next)
            .map_err(|failure| failure.to_string())?;
        fresh.deaths_in_a_row = deaths;
        self.workers[slot] = fresh;
        Ok(())
    }

    /// Decides what a death means, and records it.
    fn died(
        &mut self,
        at: Option<Position>,
        status: ExitStatus,
        hung: bool,
    ) -> Result<(), Failure> {
        let confirmed = match at {
            Some(at) => self.dies_again(at)?,
            None => None,
        };
        match (at, confirmed) {
            (Some(at), Some(again)) => {
                let target = self.targets[at.target as usize % self.targets.len()];
                let fault = if again.hung {
                    Fault::hang(self.options.hang)
                } else {
                    Fault::crash(&again.how)
                };
                let finding = Finding::new(target, at.seed, &fault, &self.options.planted);
                let folder = findings::write(&self.options.out, &finding)?;
                self.summary.counters.findings += 1;
                self.summary.counters.programs += 1;
                self.found(Found {
                    target: target.name.to_owned(),
                    seed: at.seed,
                    signature: finding.signature,
                    title: finding.title,
                    replay: finding.replay,
                    folder: Some(folder.display().to_string()),
                });
                self.summary.crashed += 1;
            }
            _ if hung => self.summary.slow += 1,
            _ => self.summary.killed += 1,
        }
        self.progress.died(&worker::describe(status));
        Ok(())
    }

    /// Runs the input alone in a process of its own; `None` if it ends well.
    fn dies_again(&self, at: Position) -> Result<Option<Death>, Failure> {
        let record = self.scratch.join("again");
        let mut child = self
            .command(at.number, 1, at.number.saturating_add(1), &record)?
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::Environment {
                what: "starting a worker",
                error,
            })?;
        let started = Instant::now();
        loop {
            let ended = child.try_wait().map_err(|error| Failure::Environment {
                what: "waiting for a worker",
                error,
            })?;
            if let Some(status) = ended {
                let how = worker::describe(status);
                return Ok((status.code() != Some(0)).then_some(Death { hung: false, how }));
            }
            if started.elapsed() > Duration::from_secs(self.options.hang) {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(Some(Death {
                    hung: true,
                    how: String::new(),
                }));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn kill_hung(&mut self) {
        let limit = Duration::from_secs(self.options.hang);
        for worker in self
            .workers
            .iter_mut()
            .filter(|w| !w.done && !w.hung && w.heard.elapsed() > limit)
        {
            worker.hung = true;
            // If it cannot be killed it has ended already, which its reader reports.
            let _ = worker.child.kill();
        }
    }

    /// Tells all workers to stop, takes what they still say, and kills those that do not listen.
    fn finish(&mut self, receive: &Receiver<Event>) {
        for worker in &mut self.workers {
            worker.stdin = None;
        }
        let started = Instant::now();
        let mut open = self.workers.iter().filter(|w| !w.counters_taken()).count();
        while open > 0 && started.elapsed() < GRACE {
            if let Ok(event) = receive.recv_timeout(Duration::from_millis(100)) {
                open -= usize::from(matches!(event, Event::Ended(_)));
                // Nothing can break a run that is over.
                let _ = self.take(event, false);
            }
        }
        for worker in &mut self.workers {
            if let Ok(None) = worker.child.try_wait() {
                let _ = worker.child.kill();
                let _ = worker.child.wait();
            }
            let counters = std::mem::take(&mut worker.counters);
            self.summary.counters.add(&counters);
        }
        self.summary.stop_clock();
    }
}

impl Worker {
    /// Whether the worker has ended and its counters are in the total.
    fn counters_taken(&self) -> bool {
        self.done && self.counters == Counters::default()
    }
}

/// How an input died when it was run alone.
struct Death {
    hung: bool,
    how: String,
}
