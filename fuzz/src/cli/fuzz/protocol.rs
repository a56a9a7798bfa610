//! The messages of a worker to its supervisor: one JSON object on each line of standard output.

use std::collections::BTreeMap;

use gcrucible_oracles::finding::Finding;
use serde::{Deserialize, Serialize};

use crate::cli::findings::InputId;

/// What a run did with the inputs of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCounters {
    /// Programs generated and given to the engines.
    pub programs: u64,
    /// Programs in which at least one step was compared to its end, or at least one module if there
    /// are no steps.
    pub compared: u64,
    /// Time of one core spent on them, in microseconds.
    pub micros: u64,
    /// The input that took longest: microseconds, and its seed if it has one.
    pub slowest: (u64, Option<u64>),
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

/// What a worker has done since it started, or what all workers of a run have done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Programs generated and given to the engines.
    pub programs: u64,
    /// Programs in which at least one step was compared to its end, or at least one module if there
    /// are no steps.
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
    /// Comparisons of live objects.
    pub live_checks: u64,
    /// Live objects on which both sides agreed.
    pub live_objects: u64,
    /// Inputs added to the corpus.
    pub kept: u64,
    /// The same by target.
    pub by_target: BTreeMap<String, TargetCounters>,
    /// Live objects on which both sides agreed, by target and by collector.
    #[serde(default)]
    pub live_by_collector: BTreeMap<String, BTreeMap<String, u64>>,
    /// Other things that targets count, by name.
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
        self.kept += other.kept;
        for (reason, count) in &other.skipped {
            *self.skipped.entry(reason.clone()).or_default() += count;
        }
        for (target, counters) in &other.by_target {
            self.by_target
                .entry(target.clone())
                .or_default()
                .add(counters);
        }
        for (target, counts) in &other.live_by_collector {
            let mine = self.live_by_collector.entry(target.clone()).or_default();
            for (collector, count) in counts {
                *mine.entry(collector.clone()).or_default() += count;
            }
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

/// A finding on an input, with the folder it was written to. Only the first few findings of a
/// signature are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The input.
    pub id: InputId,
    /// What went wrong.
    pub finding: Finding,
    /// The folder.
    pub folder: Option<String>,
    /// Whether its program is being reduced. [`Message::Reduced`] follows.
    pub is_pending: bool,
    /// Whether it shows without the operations that explain earlier findings in the same words.
    pub is_apart: bool,
}

/// A line from a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Everything since the worker started.
    Report(Counters),
    /// A finding, after it was written.
    Found(Box<Found>),
    /// The last finding of this worker that was pending, as its reduced program shows it. None if
    /// the program could not be reduced.
    Reduced(Option<Box<Finding>>),
    /// The reason, in words, why the worker cannot go on: a file cannot be written, or an engine
    /// does not start.
    Broken(String),
    /// The worker's last line: it has run all its inputs, or was told to stop.
    Done(Counters),
}
