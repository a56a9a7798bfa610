//! The supervisor: starts workers, adds up what they report, replaces workers that die, and ends
//! the run.
//!
//! If a worker dies, a new one goes on behind its current input. That input is run once more in a
//! process of its own (`confirm`). If this process dies as well, the input is a finding. Otherwise
//! somebody killed the worker (a person, or the system when it was short of memory): this is
//! counted and is no finding.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use gcrucible_oracles::finding::Finding;

use super::confirm::{Answer, Confirmations, Suspect};
use super::events::{Event as Told, Events};
use super::health::{Health, Ill, Usage};
use super::launch::{Launcher, Share, waiting};
use super::options::Options;
use super::progress::Progress;
use super::protocol::{Counters, Found, Message};
use super::record::Record;
use super::summary::Summary;
use super::worker;
use crate::cli::failure::{Ending, Failure};
use crate::cli::findings::{InputId, Shelf};
use crate::cli::interrupt::Interrupted;
use crate::cli::output;
use crate::cli::scratch::Scratch;
use crate::cli::terminal::{complain, is_verbose, print};
use crate::corpus::name;
use crate::input::Input;
use crate::targets::{self, Target};

/// How long workers may take to end after they are told to.
const GRACE: Duration = Duration::from_secs(5);

/// How often the health of a worker is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the state of the run is told as an event.
const STATE_EVERY: Duration = Duration::from_secs(1);

/// After this many deaths in a row, with no input finished between them, a worker is not started
/// again.
const DEATHS_IN_A_ROW_MAX: u32 = 5;

/// Runs workers until the time or the inputs are used up, or until SIGINT (Ctrl-C), SIGTERM or
/// SIGHUP.
///
/// # Errors
///
/// When workers cannot be started or findings not written, or nothing was compared.
pub fn run(options: &Options, targets: &[&'static Target]) -> Result<Ending, Failure> {
    let interrupted = Interrupted::listen();
    let run_seed = options.run_seed.unwrap_or_else(new_seed);
    let progress = Progress::new();
    let jobs = jobs(options.jobs, &progress);
    let scratch = Scratch::temporary()?;
    let (send, receive) = channel();
    let launcher = Launcher {
        options,
        targets,
        run_seed,
        scratch: scratch.path().to_owned(),
    };
    let mut supervisor = Supervisor {
        shelf: Shelf::begin(&options.out, &launcher.older())?,
        launcher,
        jobs,
        send,
        workers: Vec::new(),
        confirmations: Confirmations::new(jobs, Duration::from_secs(options.hang)),
        summary: Summary::new(run_seed, jobs, targets, options),
        progress,
        events: Events::new(options.events.as_deref())?,
        told: Instant::now(),
    };
    supervisor.progress.begin(run_seed, jobs, targets);
    supervisor.events.begin(run_seed, jobs, targets);
    let ended = supervisor
        .start_all()
        .and_then(|()| supervisor.watch(&receive, &interrupted));
    let finished = supervisor.finish(&receive, &interrupted);
    supervisor.progress.end();
    let mut summary = supervisor.summary;
    summary.interrupted = interrupted.is();
    let told = tell(&summary, options);
    let events = supervisor.events.end(&summary);
    ended.and(finished).and(told).and(events)?;
    summary.ending()
}

/// Writes the summary, for people and as JSON. If the file cannot be written, the JSON goes to
/// standard output and is not lost.
fn tell(summary: &Summary, options: &Options) -> Result<(), Failure> {
    let files = [&options.json, &options.events].into_iter().flatten();
    if files.clone().any(|path| output::is_standard(path)) {
        complain(format_args!("{summary}"));
    } else {
        print(format_args!("{summary}"));
    }
    let Some(path) = &options.json else {
        return Ok(());
    };
    let json = summary.to_json();
    let written = output::write(path, json.as_bytes());
    if written.is_err() && !output::is_standard(path) {
        print(format_args!("{json}"));
    }
    written
}

/// Returns how many workers to start: at most a few for each core, because more only cost memory.
fn jobs(asked: Option<u64>, progress: &Progress) -> usize {
    const FOR_EACH_CORE: usize = 8;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(asked) = asked else {
        return cores;
    };
    let most = cores * FOR_EACH_CORE;
    match usize::try_from(asked) {
        Ok(asked) if asked <= most => asked,
        _ => {
            progress.line(&format!(
                "--jobs {asked} is too many for {cores} cores: {most} workers are started"
            ));
            most
        }
    }
}

/// Returns a random seed. The standard library takes its hash keys from the system's random source.
fn new_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// What the thread that reads a worker's output has seen.
enum Event {
    /// A line.
    Said(usize, Box<Message>),
    /// The end of its output: the worker has ended, or is about to.
    Ended(usize),
}

struct Worker {
    child: Child,
    /// Closed to tell it to stop.
    stdin: Option<ChildStdin>,
    /// Its last report, which is not in the total yet.
    counters: Counters,
    /// When its last message came.
    heard: Instant,
    /// When its health was looked at.
    looked: Instant,
    record: PathBuf,
    /// Its finding whose program it is reducing.
    pending: Option<Found>,
    health: Health,
    /// Why it is told to stop while the run goes on. Another goes on in its place.
    ill: Option<Ill>,
    done: bool,
    /// Killed by us because it hung.
    hung: bool,
    deaths_in_a_row: u32,
}

struct Supervisor<'a> {
    shelf: Shelf,
    launcher: Launcher<'a>,
    jobs: usize,
    send: Sender<Event>,
    workers: Vec<Worker>,
    confirmations: Confirmations,
    summary: Summary,
    progress: Progress,
    events: Events,
    /// When the last event about the state was told.
    told: Instant,
}

impl Supervisor<'_> {
    /// Starts a worker in every slot.
    fn start_all(&mut self) -> Result<(), Failure> {
        for slot in 0..self.jobs {
            let worker = self.start(slot, slot as u64)?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// Starts a worker for `slot`, at input `first`.
    fn start(&self, slot: usize, first: u64) -> Result<Worker, Failure> {
        let record = self.launcher.scratch.join(format!("worker-{slot}"));
        let share = Share {
            first,
            stride: self.jobs as u64,
            end: self.launcher.options.runs.unwrap_or(u64::MAX),
        };
        let mut child = self.launcher.worker(share, &record)?;
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            let send = self.send.clone();
            let read = move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // A line cut off by the worker's death is no message.
                    if let Ok(message) = serde_json::from_str(&line) {
                        let _ = send.send(Event::Said(slot, Box::new(message)));
                    }
                }
                let _ = send.send(Event::Ended(slot));
            };
            let thread = std::thread::Builder::new().spawn(read);
            thread.map_err(|error| Failure::System {
                what: "starting a thread",
                error,
            })?;
        }
        Ok(Worker {
            child,
            stdin,
            counters: Counters::default(),
            heard: Instant::now(),
            looked: Instant::now(),
            record,
            pending: None,
            health: Health::new(self.launcher.options.worker_memory),
            ill: None,
            done: false,
            hung: false,
            deaths_in_a_row: 0,
        })
    }

    /// Takes events until the run is over.
    ///
    /// # Errors
    /// The run cannot go on.
    fn watch(
        &mut self,
        receive: &Receiver<Event>,
        interrupted: &Interrupted,
    ) -> Result<(), Failure> {
        let limit = match (self.launcher.options.time, self.launcher.options.runs) {
            (Some(seconds), _) => Some(Duration::from_secs(seconds)),
            (None, Some(_)) => None,
            (None, None) => Some(Duration::from_secs(60)),
        };
        loop {
            let over = limit.is_some_and(|limit| self.summary.elapsed() >= limit);
            let is_done = |w: &Worker| w.done && w.ill.is_none();
            let all_done = self.workers.iter().all(is_done) && self.confirmations.is_done();
            if over || all_done || interrupted.is() {
                return Ok(());
            }
            if self.launcher.options.stop && self.summary.has_findings() {
                return Ok(());
            }
            match receive.recv_timeout(Duration::from_millis(100)) {
                Ok(event) => self.take(event, true)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.confirm()?;
            self.kill_hung();
            self.look_after();
            let total = self.total();
            self.summary.sample(&total);
            self.progress.show(&self.summary, &total);
            if self.told.elapsed() >= STATE_EVERY {
                self.told = Instant::now();
                self.events.state(&self.summary, &total);
            }
        }
    }

    /// Returns the sum over all workers, running and ended.
    fn total(&self) -> Counters {
        let mut total = self.summary.counters.clone();
        for worker in &self.workers {
            total.add(&worker.counters);
        }
        total
    }

    fn take(&mut self, event: Event, restart: bool) -> Result<(), Failure> {
        match event {
            Event::Said(slot, message) => {
                let worker = &mut self.workers[slot];
                worker.heard = Instant::now();
                match *message {
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
                    Message::Found(found) if found.is_pending => {
                        // Its group is known once it is reduced.
                        let before = worker.pending.replace(*found);
                        before.into_iter().for_each(|found| self.found(found, None));
                    }
                    Message::Found(found) => self.found(*found, None),
                    Message::Reduced(finding) => self.settle(slot, finding.map(|f| *f)),
                    Message::Broken(why) => return Err(Failure::Workers(why)),
                }
                Ok(())
            }
            Event::Ended(slot) => self.ended(slot, restart),
        }
    }

    /// Adds a finding to its group, as its reduced program shows it if there is one. Only the first
    /// of a group is announced.
    fn found(&mut self, found: Found, reduced: Option<Finding>) {
        let signature = found.id.signature(&found.finding);
        let finding = reduced.unwrap_or_else(|| found.finding.clone());
        let found = Found { finding, ..found };
        let is_first = self.summary.groups.add(signature, found.clone());
        if is_first || is_verbose() {
            self.progress.found(&found);
        }
        if is_first {
            let under_test = &self.launcher.options.under_test;
            self.events.found(&self.summary, &found, under_test);
        }
    }

    /// Ends the wait for the reduced program of a worker's finding.
    fn settle(&mut self, slot: usize, reduced: Option<Finding>) {
        if let Some(found) = self.workers[slot].pending.take() {
            self.found(found, reduced);
        }
    }

    /// Handles the end of a worker's output: it ended as told, or it died.
    fn ended(&mut self, slot: usize, restart: bool) -> Result<(), Failure> {
        self.settle(slot, None);
        let worker = &mut self.workers[slot];
        let counters = std::mem::take(&mut worker.counters);
        self.summary.counters.add(&counters);
        let status = worker.child.wait().map_err(waiting)?;
        if worker.done || worker.stdin.is_none() {
            worker.done = true;
            let replaced = worker.ill.take().is_some();
            return match Record::read(&worker.record).filter(|_| replaced && restart) {
                Some(last) => self.replace(slot, last.number, 0),
                None => Ok(()),
            };
        }
        worker.done = true;
        if !restart {
            return Ok(());
        }
        let at = Record::read(&worker.record);
        let (deaths, hung) = (worker.deaths_in_a_row + 1, worker.hung);
        let how = worker::describe(status);
        self.progress.died(&how);
        self.events.tell(&Told::Worker {
            seconds: self.summary.elapsed().as_secs_f64(),
            what: &how,
        });
        let last = at.as_ref().map(|at| at.number);
        match at {
            Some(at) => {
                self.avoid(&at.bytes)?;
                self.confirmations.add(Suspect { at, hung });
            }
            None => self.summary.killed += 1,
        }
        if deaths >= DEATHS_IN_A_ROW_MAX {
            return Err(Failure::Workers(format!(
                "worker {slot} died {deaths} times without finishing an input ({status}); giving up"
            )));
        }
        match last {
            Some(last) => self.replace(slot, last, deaths),
            None => {
                self.workers[slot] = self.start(slot, slot as u64)?;
                self.workers[slot].deaths_in_a_row = deaths;
                Ok(())
            }
        }
    }

    /// Notes an input that has killed a worker. A worker begins with the corpus, and would meet an
    /// input that is there again and again.
    fn avoid(&self, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.launcher.avoided();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| writeln!(file, "{}", name(bytes)));
        written.map_err(|error| Failure::output(path.display(), error))
    }

    /// Starts a worker that goes on behind the input `last`.
    fn replace(&mut self, slot: usize, last: u64, deaths: u32) -> Result<(), Failure> {
        let next = last.saturating_add(self.jobs as u64);
        let fresh = self.start(slot, next)?;
        self.workers[slot] = fresh;
        self.workers[slot].deaths_in_a_row = deaths;
        Ok(())
    }

    /// Tells workers that do badly to stop after their current input.
    fn look_after(&mut self) {
        for worker in &mut self.workers {
            if worker.stdin.is_none() || worker.done || worker.looked.elapsed() < LOOK_EVERY {
                continue;
            }
            worker.looked = Instant::now();
            let usage = Usage::of(worker.child.id());
            let programs = worker.counters.programs;
            let ill = usage.and_then(|usage| worker.health.look(programs, usage));
            if let Some(ill) = ill {
                let what = format!("a worker {ill}: another goes on in its place");
                self.progress.line(&what);
                self.events.tell(&Told::Worker {
                    seconds: self.summary.elapsed().as_secs_f64(),
                    what: &what,
                });
                self.summary.replaced += 1;
                worker.ill = Some(ill);
                worker.stdin = None;
            }
        }
    }

    /// Takes the answers of second runs.
    fn confirm(&mut self) -> Result<(), Failure> {
        for (suspect, answer) in self.confirmations.poll(&self.launcher)? {
            let finding = match answer {
                Answer::Dies(how) => Finding::died(how),
                Answer::Hangs => Finding::hung(self.launcher.options.hang),
                Answer::EndsWell if suspect.hung => {
                    self.summary.slow += 1;
                    continue;
                }
                Answer::EndsWell => {
                    self.summary.killed += 1;
                    continue;
                }
            };
            self.write(&self.input(&suspect), finding)?;
            self.summary.crashed += 1;
        }
        Ok(())
    }

    /// The input of a worker that has died.
    fn input(&self, suspect: &Suspect) -> InputId {
        let targets = self.launcher.targets;
        let target = targets[suspect.at.target as usize % targets.len()];
        InputId::new(target, suspect.at.bytes.clone())
    }

    /// Writes a finding on an input that killed its worker.
    fn write(&mut self, id: &InputId, finding: Finding) -> Result<(), Failure> {
        let under_test = &self.launcher.options.under_test;
        // The worker took its subject with it. Making it again may panic as well.
        let make = || {
            let target = targets::named(&id.target)?;
            let rig = under_test.rig().ok()?;
            Some(target.subject(&Input::parse(&id.bytes), &rig))
        };
        let subject = catch_unwind(AssertUnwindSafe(make)).ok().flatten();
        let folder = self
            .shelf
            .write(id, &finding, subject.as_ref(), under_test)?;
        self.summary.counters.findings += 1;
        self.summary.counters.programs += 1;
        let found = Found {
            id: id.clone(),
            finding,
            folder: Some(folder.display().to_string()),
            is_pending: false,
            is_apart: false,
        };
        self.found(found, None);
        Ok(())
    }

    fn kill_hung(&mut self) {
        let limit = Duration::from_secs(self.launcher.options.hang);
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

    /// Tells all workers to stop, takes their last messages, and kills those that do not stop.
    /// Waits for second runs, unless a signal interrupts.
    ///
    /// # Errors
    /// A finding cannot be written.
    fn finish(
        &mut self,
        receive: &Receiver<Event>,
        interrupted: &Interrupted,
    ) -> Result<(), Failure> {
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
        (0..self.workers.len()).for_each(|slot| self.settle(slot, None));
        let mut confirmed = Ok(());
        while confirmed.is_ok() && !self.confirmations.is_done() && !interrupted.is() {
            std::thread::sleep(Duration::from_millis(10));
            confirmed = self.confirm();
        }
        for suspect in self.confirmations.give_up() {
            let replay = self
                .input(&suspect)
                .replay_line(&self.launcher.options.under_test, None);
            let what = "a worker died, and nothing tells whether its input is at fault";
            self.progress.line(&format!("{what}: {replay}"));
            self.summary.unconfirmed += 1;
        }
        self.summary.stop_clock();
        let total = self.summary.counters.clone();
        self.summary.sample(&total);
        self.summary.count_corpus();
        confirmed
    }
}

impl Worker {
    /// Returns true if the worker has ended and its counters are in the total.
    fn counters_taken(&self) -> bool {
        self.done && self.counters == Counters::default()
    }
}
