//! A trial: one fault with one seed. What a probe says, and what the supervisor makes of it.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::options::Subject;
use crate::cli::failure::Failure;
use crate::cli::fuzz::record::Record;
use crate::cli::interrupt::Interrupted;
use crate::cli::tool::{THIS_PROGRAM, ended_unless};
use crate::input::Input;
use crate::targets::Target;

/// How long a probe may take beyond its time. A program that takes longer hangs.
const GRACE: Duration = Duration::from_secs(10);

/// A moment of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Programs run until then, the current one included.
    pub programs: u64,
    /// Seconds since the first program.
    pub seconds: f64,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// When.
    pub mark: Mark,
    /// The target of the program.
    pub target: String,
    /// The comparison.
    pub by: String,
    /// The seed of the program, as `replay --seed` takes it.
    pub seed: u64,
}

/// A line from a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// The fault's place ran for the first time.
    Reached(Mark),
    /// It went wrong for the first time.
    Triggered(Mark),
    /// There is a finding. The last line.
    Detected(Detection),
    /// The time is over. The last line.
    Missed(Mark),
    /// The probe cannot go on, in words. The last line.
    Broken(String),
}

/// What became of one fault with one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trial {
    /// The seed of the run.
    pub seed: u64,
    /// When the fault's place ran for the first time.
    pub reached: Option<Mark>,
    /// When it went wrong for the first time.
    pub triggered: Option<Mark>,
    /// The finding.
    pub detected: Option<Detection>,
    /// Everything that was run.
    pub ran: Mark,
}

/// What the probes of a run have in common.
#[derive(Debug)]
pub struct Launcher<'a> {
    /// The targets.
    pub targets: &'a [&'static Target],
    /// Seconds for each trial.
    pub time: u64,
    /// More rows of version pairs.
    pub pairs: Option<&'a Path>,
    /// The folder for records.
    pub scratch: &'a Path,
}

impl Launcher<'_> {
    /// Runs one trial in a process of its own, and waits for it. Returns `None` if a signal came
    /// before its end.
    ///
    /// # Errors
    /// The process cannot be started, or says that it cannot do its work.
    pub fn run(
        &self,
        subject: &Subject,
        seed: u64,
        slot: usize,
        stop: &Interrupted,
    ) -> Result<Option<Trial>, Failure> {
        let path = self.scratch.join(format!("probe-{slot}"));
        let _ = std::fs::remove_file(&path);
        let started = Instant::now();
        let mut child = self.start(subject, seed, &path)?;
        let limit = Duration::from_secs(self.time) + GRACE;
        let ended = ended_unless(&mut child, limit, || stop.is());
        let ended = ended.map_err(|error| Failure::System {
            what: "waiting for a probe",
            error,
        })?;
        let hung = ended.is_none();
        let mut said = String::new();
        if let Some(mut out) = child.stdout.take() {
            // What is no text was cut off by the end of the process.
            let _ = out.read_to_string(&mut said);
        }
        let mut trial = Trial {
            seed,
            ..Trial::default()
        };
        let mut ended = false;
        for line in said.lines() {
            ended |= trial.take(line)?;
        }
        if !ended && stop.is() {
            return Ok(None);
        }
        if !ended {
            self.died(&mut trial, &path, hung, started.elapsed());
        }
        Ok(Some(trial))
    }

    fn start(&self, subject: &Subject, seed: u64, record: &Path) -> Result<Child, Failure> {
        let mut command = Command::new(THIS_PROGRAM);
        command.arg0("gcrucible").arg("probe");
        for target in self.targets {
            command.args(["--target", target.name]);
        }
        command
            .args(["--fault", &subject.fault])
            .args(subject.under_test.words())
            .args(["--run-seed", &seed.to_string()])
            .args(["--time", &self.time.to_string()])
            .arg("--record")
            .arg(record);
        if let Some(pairs) = self.pairs {
            command.arg("--pairs").arg(pairs);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().map_err(|error| Failure::System {
            what: "starting a probe",
            error,
        })
    }

    /// A probe that ended without a last line: its program killed it, or did not end.
    fn died(&self, trial: &mut Trial, record: &Path, hung: bool, took: Duration) {
        let Some(at) = Record::read(record) else {
            return;
        };
        let mark = Mark {
            programs: at.number + 1,
            seconds: took.as_secs_f64(),
        };
        let target = self.targets.get(at.target as usize);
        trial.ran = mark;
        trial.detected = Some(Detection {
            mark,
            target: target.map_or("", |target| target.name).to_owned(),
            by: if hung { "hang" } else { "death of the process" }.to_owned(),
            seed: Input::parse(&at.bytes).number(),
        });
    }
}

impl Trial {
    /// Takes a line of the probe. Returns true if it is the last one.
    fn take(&mut self, line: &str) -> Result<bool, Failure> {
        match serde_json::from_str(line) {
            Ok(Message::Reached(mark)) => self.reached = Some(mark),
            Ok(Message::Triggered(mark)) => self.triggered = Some(mark),
            Ok(Message::Detected(detection)) => {
                self.ran = detection.mark;
                self.detected = Some(detection);
                return Ok(true);
            }
            Ok(Message::Missed(mark)) => {
                self.ran = mark;
                return Ok(true);
            }
            Ok(Message::Broken(why)) => return Err(Failure::Workers(why)),
            // A line that was cut off.
            Err(_) => {}
        }
        Ok(false)
    }
}
