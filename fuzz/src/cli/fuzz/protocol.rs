//! What workers tell their supervisor: one JSON object on each line of their standard output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of the inputs of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCounters {
    /// Programs generated and given to the engines.
    pub programs: u64,
    /// Programs in which at least one step was compared to its end.
    pub compared: u64,
    /// Time spent on them, one core's, in microseconds.
    pub micros: u64,
    /// The input that took longest: microseconds, and its seed.
    pub slowest: (u64, u64),
}

impl TargetCounters {
    fn add(&mut self, other: &TargetCounters) {
        self.programs += other.programs;
        self.compared += other.compared;
        self.micros += other.micros;
        self.slowest = self.slowest.max(other.slowest);
    }

    /// Programs compared in a second of one core's time.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.compared as f64 / (self.micros as f64 / 1e6).max(0.001)
    }
}

/// What a worker has done since it started, or all workers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Programs generated and given to the engines.
    pub programs: u64,
    /// Programs in which at least one step was compared to its end.
    pub compared: u64,
    /// Programs that were not compared, by the name of the reason.
    pub skipped: BTreeMap<String, u64>,
    /// Findings, before grouping.
    pub findings: u64,
    /// Steps compared.
    pub steps: u64,
    /// Collections that happened.
    pub collections: u64,
    /// Compared programs with at least one collection while objects were alive.
    pub collected_alive: u64,
    /// Comparisons of live objects made.
    pub live_checks: u64,
    /// Live objects on which both sides agreed.
    pub live_objects: u64,
    /// The same by target.
    pub by_target: BTreeMap<String, TargetCounters>,
    /// What targets count besides, by name.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

impl Counters {
    /// Adds what another worker did.
    pub fn add(&mut self, other: &Counters) {
        self.programs += other.programs;
        self.compared += other.compared;
        self.findings += other.findings;
        self.steps += other.steps;
        self.collections += other.collections;
        self.collected_alive += other.collected_alive;
        self.live_checks += other.live_checks;
        self.live_objects += other.live_objects;
        for (reason, count) in &other.skipped {
            *self.skipped.entry(reason.clone()).or_default() += count;
        }
        for (target, counters) in &other.by_target {
            self.by_target
                .entry(target.clone())
                .or_default()
                .add(counters);
        }
        for (what, count) in &other.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
    }

    /// Programs skipped for any reason.
    #[must_use]
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }
}

/// A finding as it is reported: where it was written, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The target.
    pub target: String,
    /// The seed of the input.
    pub seed: u64,
    /// Findings with equal signatures are taken for the same fault.
    pub signature: String,
    /// One line for people.
    pub title: String,
    /// The command that runs its input again.
    pub replay: String,
    /// The folder it was written to, if it was (only the first few of a signature are).
    pub folder: Option<String>,
}

/// A line from a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Everything since the worker started.
    Report(Counters),
    /// A finding, after it was written.
    Found(Found),
    /// A finding could not be written, or the record could not be kept: the worker stops.
    Broken(String),
    /// The worker's last line: it has done what it was asked to.
    Done(Counters),
}
