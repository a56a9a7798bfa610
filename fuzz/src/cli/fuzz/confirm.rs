//! Inputs whose worker has died, run once more in processes of their own.
//!
//! The supervisor asks from time to time and never waits here. So other workers are served
//! meanwhile, and a signal is heard at once.

use std::collections::VecDeque;
use std::process::Child;
use std::time::{Duration, Instant};

use super::launch::{Launcher, waiting};
use super::record::Position;
use super::worker;
use crate::cli::failure::{ENVIRONMENT, Failure};

/// An input whose worker has died.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The input.
    pub at: Position,
    /// Whether we killed the worker because the input took too long.
    pub hung: bool,
}

/// What the second run says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The process ended well.
    EndsWell,
    /// The process died. How it ended.
    Dies(String),
    /// The process did not end in time.
    Hangs,
}

/// The inputs being confirmed.
#[derive(Debug)]
pub struct Confirmations {
    waiting: VecDeque<Suspect>,
    running: Vec<Running>,
    /// At most this many processes run at once.
    most: usize,
    limit: Duration,
    started: u64,
}

#[derive(Debug)]
struct Running {
    suspect: Suspect,
    child: Child,
    since: Instant,
}

impl Confirmations {
    /// No inputs yet. A process that takes longer than `limit` hangs.
    #[must_use]
    pub fn new(most: usize, limit: Duration) -> Confirmations {
        Confirmations {
            waiting: VecDeque::new(),
            running: Vec::new(),
            most,
            limit,
            started: 0,
        }
    }

    /// Adds an input.
    pub fn add(&mut self, suspect: Suspect) {
        self.waiting.push_back(suspect);
    }

    /// Returns true if every input has its answer.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Starts processes and returns the answers that have come since the last call.
    ///
    /// # Errors
    /// A process cannot be started, or cannot do its work.
    pub fn poll(&mut self, launcher: &Launcher<'_>) -> Result<Vec<(Suspect, Answer)>, Failure> {
        while self.running.len() < self.most
            && let Some(suspect) = self.waiting.pop_front()
        {
            let record = launcher.scratch.join(format!("again-{}", self.started));
            self.started += 1;
            let child = launcher.again(&suspect.at, &record)?;
            self.running.push(Running {
                suspect,
                child,
                since: Instant::now(),
            });
        }
        let mut answers = Vec::new();
        let mut still = Vec::new();
        for mut running in self.running.drain(..) {
            match running.answer(self.limit)? {
                Some(answer) => answers.push((running.suspect, answer)),
                None => still.push(running),
            }
        }
        self.running = still;
        Ok(answers)
    }

    /// Kills the processes, and returns the inputs that have no answer.
    pub fn give_up(&mut self) -> Vec<Suspect> {
        let running = self.running.drain(..).map(|mut running| {
            kill(&mut running.child);
            running.suspect
        });
        running.chain(self.waiting.drain(..)).collect()
    }
}

impl Running {
    fn answer(&mut self, limit: Duration) -> Result<Option<Answer>, Failure> {
        let Some(status) = self.child.try_wait().map_err(waiting)? else {
            if self.since.elapsed() <= limit {
                return Ok(None);
            }
            kill(&mut self.child);
            return Ok(Some(Answer::Hangs));
        };
        match status.code() {
            Some(0) => Ok(Some(Answer::EndsWell)),
            Some(code) if code == i32::from(ENVIRONMENT) => {
                let what = "an input that killed its worker cannot be run again alone";
                Err(Failure::Workers(what.to_owned()))
            }
            _ => Ok(Some(Answer::Dies(worker::describe(status)))),
        }
    }
}

fn kill(child: &mut Child) {
    // If it cannot be killed it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}
