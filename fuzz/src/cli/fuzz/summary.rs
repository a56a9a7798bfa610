//! The result of a run: text for people, one JSON object for programs, and the exit status.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::groups::{Group, Groups};
use super::options::Options;
use super::protocol::{Counters, TargetCounters};
use crate::cli::build::{BUILD, Build, VERSION};
use crate::cli::failure::{Ending, Failure};
use crate::cli::under_test::UnderTest;
use crate::corpus::Corpus;
use crate::targets::{self, Target};

/// The sum of a run, while it goes on and when it has ended.
#[derive(Clone, Debug)]
pub struct Summary {
    run_seed: u64,
    jobs: usize,
    targets: Vec<&'static str>,
    under_test: UnderTest,
    corpus: Option<PathBuf>,
    /// Inputs in the corpus at the end.
    in_corpus: u64,
    started: Instant,
    stopped: Option<Instant>,
    /// The counters of workers that have ended.
    pub counters: Counters,
    /// Findings by what may be their cause.
    pub groups: Groups,
    /// Workers that were replaced because they had become slow or large.
    pub replaced: u64,
    /// Workers that died of their input.
    pub crashed: u64,
    /// Workers that died, but whose input ends well when it is run again. Somebody killed them.
    pub killed: u64,
    /// Workers that we killed because their input took too long, although it ends in time when it
    /// is run again.
    pub slow: u64,
    /// Workers that died of an input that was not run again, because a signal ended the run.
    pub unconfirmed: u64,
    /// Whether a signal such as Ctrl-C ended the run.
    pub interrupted: bool,
    samples: Samples,
}

/// The state of a run at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Since the beginning.
    pub seconds: f64,
    /// Programs until then.
    pub programs: u64,
    /// Findings until then.
    pub findings: u64,
    /// Groups of them.
    pub groups: u64,
    /// Inputs added to the corpus.
    pub kept: u64,
}

/// Moments of a run. There are never more than [`SAMPLES_MAX`], however long it lasts: when there
/// are, every other one is dropped, and further ones are twice as far apart.
#[derive(Clone, Debug)]
struct Samples {
    taken: Vec<Sample>,
    apart: f64,
}

/// Most samples of a run.
const SAMPLES_MAX: usize = 240;

impl Samples {
    fn add(&mut self, sample: Sample) {
        let due = self
            .taken
            .last()
            .map_or(0.0, |last| last.seconds + self.apart);
        if sample.seconds < due {
            return;
        }
        if self.taken.len() == SAMPLES_MAX {
            let mut number = 0;
            self.taken.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.apart *= 2.0;
        }
        self.taken.push(sample);
    }
}

/// The JSON object.
#[derive(Serialize)]
struct Json<'a> {
    build: Build,
    run_seed: String,
    jobs: usize,
    targets: &'a [&'static str],
    programs: u64,
    compared: u64,
    skipped: &'a BTreeMap<String, u64>,
    findings: u64,
    groups: Vec<JsonGroup<'a>>,
    steps: u64,
    collections: u64,
    collected_alive: u64,
    live_checks: u64,
    live_objects: u64,
    corpus: Option<JsonCorpus<'a>>,
    by_target: &'a BTreeMap<String, TargetCounters>,
    live_by_collector: &'a BTreeMap<String, BTreeMap<String, u64>>,
    samples: &'a [Sample],
    counts: &'a BTreeMap<String, u64>,
    workers_replaced: u64,
    workers_crashed: u64,
    workers_killed: u64,
    workers_slow: u64,
    workers_unconfirmed: u64,
    interrupted: bool,
    seconds: f64,
}

#[derive(Serialize)]
struct JsonCorpus<'a> {
    folder: &'a Path,
    /// Inputs in it at the end.
    inputs: u64,
    /// Inputs that this run added.
    kept: u64,
}

#[derive(Serialize)]
struct JsonGroup<'a> {
    signatures: &'a BTreeMap<String, u64>,
    operation: Option<&'a str>,
    count: u64,
    title: String,
    target: &'a str,
    seed: Option<String>,
    folder: Option<&'a str>,
}

impl Summary {
    /// Makes a run that begins now.
    #[must_use]
    pub fn new(
        run_seed: u64,
        jobs: usize,
        targets: &[&'static Target],
        options: &Options,
    ) -> Summary {
        Summary {
            run_seed,
            jobs,
            targets: targets.iter().map(|t| t.name).collect(),
            under_test: options.under_test.clone(),
            corpus: options.corpus.clone(),
            in_corpus: 0,
            started: Instant::now(),
            stopped: None,
            counters: Counters::default(),
            groups: Groups::default(),
            replaced: 0,
            crashed: 0,
            killed: 0,
            slow: 0,
            unconfirmed: 0,
            interrupted: false,
            samples: Samples {
                taken: Vec::new(),
                apart: 0.5,
            },
        }
    }

    /// Returns how long the run has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.stopped
            .unwrap_or_else(Instant::now)
            .duration_since(self.started)
    }

    /// Notes the state of the run, now and then. `total` is what all workers have done.
    pub fn sample(&mut self, total: &Counters) {
        let sample = Sample {
            seconds: self.elapsed().as_secs_f64(),
            programs: total.programs,
            findings: total.findings,
            groups: self.groups.iter().len() as u64,
            kept: total.kept,
        };
        self.samples.add(sample);
    }

    /// Ends the run's time.
    pub fn stop_clock(&mut self) {
        self.stopped = Some(Instant::now());
    }

    /// Counts the inputs in the corpus.
    pub fn count_corpus(&mut self) {
        let Some(root) = &self.corpus else {
            return;
        };
        let targets = self.targets.iter().filter_map(|name| targets::named(name));
        let files = targets.map(|target| {
            let folder = std::fs::read_dir(Corpus::new(root, target).folder());
            folder.map_or(0, |files| files.count() as u64)
        });
        self.in_corpus = files.sum();
    }

    /// Returns true if anything was found.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.groups.iter().len() > 0
    }

    /// Returns the exit status.
    ///
    /// # Errors
    ///
    /// A run that compared nothing and found nothing has failed.
    pub fn ending(&self) -> Result<Ending, Failure> {
        if self.has_findings() {
            return Ok(Ending::Found);
        }
        if self.counters.compared == 0 {
            let message =
                "nothing was compared: this run says nothing about the engines".to_owned();
            return Err(Failure::NothingCompared(message));
        }
        Ok(Ending::Clean)
    }

    /// Returns the run as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let counters = &self.counters;
        let groups = self.groups.iter().map(|group| JsonGroup {
            signatures: &group.signatures,
            operation: group.cause.operation(),
            count: group.count,
            title: group.first.finding.title(),
            target: &group.first.id.target,
            seed: group.first.id.seed().map(|seed| format!("{seed:#x}")),
            folder: group.first.folder.as_deref(),
        });
        let json = Json {
            build: BUILD,
            run_seed: format!("{:#x}", self.run_seed),
            jobs: self.jobs,
            targets: &self.targets,
            programs: counters.programs,
            compared: counters.compared,
            skipped: &counters.skipped,
            findings: counters.findings,
            groups: groups.collect(),
            steps: counters.steps,
            collections: counters.collections,
            collected_alive: counters.collected_alive,
            live_checks: counters.live_checks,
            live_objects: counters.live_objects,
            corpus: self.corpus.as_ref().map(|folder| JsonCorpus {
                folder,
                inputs: self.in_corpus,
                kept: counters.kept,
            }),
            by_target: &counters.by_target,
            live_by_collector: &counters.live_by_collector,
            samples: &self.samples.taken,
            counts: &counters.counts,
            workers_replaced: self.replaced,
            workers_crashed: self.crashed,
            workers_killed: self.killed,
            workers_slow: self.slow,
            workers_unconfirmed: self.unconfirmed,
            interrupted: self.interrupted,
            seconds: self.elapsed().as_secs_f64(),
        };
        // Serialising numbers, strings and maps of them cannot fail.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// A line for each target.
fn by_target(
    f: &mut fmt::Formatter<'_>,
    targets: &BTreeMap<String, TargetCounters>,
) -> fmt::Result {
    let micros = targets.values().map(|t| t.micros).sum();
    for (name, t) in targets {
        let (slowest, seed) = t.slowest;
        let seed = match seed {
            Some(seed) => format!("--seed {seed:#x}"),
            None => "an input of the corpus, or near one".to_owned(),
        };
        writeln!(
            f,
            "  {name:12}  {} compared, {:.0} per second and core; {:.0}% of the time; slowest {:.2} s: {seed}",
            t.compared,
            t.speed(),
            percent(t.micros, micros),
            slowest as f64 / 1e6
        )?;
    }
    Ok(())
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Parts of the text for people.
impl Summary {
    /// Writes what ran, and for how long.
    fn write_run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed().as_secs_f64();
        let how = if self.interrupted {
            ", interrupted"
        } else {
            ""
        };
        writeln!(f, "build         {VERSION}")?;
        writeln!(
            f,
            "targets       {}; --run-seed {:#x}, {} workers, {seconds:.1} s{how}",
            self.targets.join(", "),
            self.run_seed,
            self.jobs
        )?;
        Ok(())
    }

    /// Writes how many programs were compared, and what was collected and counted meanwhile.
    fn write_comparisons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counters;
        let seconds = self.elapsed().as_secs_f64();
        let speed = c.programs as f64 / seconds.max(0.001);
        writeln!(f, "programs      {} ({speed:.0} per second)", c.programs)?;
        writeln!(
            f,
            "compared      {} ({:.1}%), {} steps",
            c.compared,
            percent(c.compared, c.programs),
            c.steps
        )?;
        writeln!(
            f,
            "skipped       {} ({:.1}%)",
            c.skipped_total(),
            percent(c.skipped_total(), c.programs)
        )?;
        for (reason, count) in &c.skipped {
            writeln!(f, "                {reason}: {count}")?;
        }
        writeln!(
            f,
            "collections   {}; {:.1}% of the compared programs collected while objects were alive",
            c.collections,
            percent(c.collected_alive, c.compared)
        )?;
        writeln!(
            f,
            "live objects  {} in {} checks",
            c.live_objects, c.live_checks
        )?;
        if let Some(corpus) = &self.corpus {
            writeln!(
                f,
                "corpus        {} inputs in {}, {} of them added by this run",
                self.in_corpus,
                corpus.display(),
                c.kept
            )?;
        }
        Ok(())
    }

    /// Writes the findings by group.
    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (findings, groups) = (self.counters.findings, self.groups.iter());
        writeln!(f, "findings      {findings} in {} groups", groups.len())?;
        for Group {
            first,
            count,
            signatures,
            ..
        } in groups
        {
            writeln!(f, "  {} ({count}x)", first.finding.title())?;
            for (signature, count) in signatures {
                writeln!(f, "    shows   {signature} ({count}x)")?;
            }
            if let Some(folder) = &first.folder {
                writeln!(f, "    in      {folder}")?;
            }
            let folder = first.folder.as_ref().map(Path::new);
            let replay = first.id.replay_line(&self.under_test, folder);
            writeln!(f, "    replay  {replay}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_run(f)?;
        self.write_comparisons(f)?;
        by_target(f, &self.counters.by_target)?;
        for (what, count) in &self.counters.counts {
            writeln!(f, "counted       {what}: {count}")?;
        }
        if self.replaced > 0 {
            let replaced = self.replaced;
            writeln!(
                f,
                "workers       {replaced} had become slow or large, and were replaced"
            )?;
        }
        if self.crashed + self.killed + self.slow + self.unconfirmed > 0 {
            writeln!(
                f,
                "workers       {} died of their input, {} were killed from outside, {} were too slow once, \
                 {} died of an input that was not run again",
                self.crashed, self.killed, self.slow, self.unconfirmed
            )?;
        }
        self.write_findings(f)?;
        Ok(())
    }
}

#[test]
fn a_long_run_has_few_samples() {
    let mut samples = Samples {
        taken: Vec::new(),
        apart: 0.5,
    };
    for number in 0..200_000_u32 {
        samples.add(Sample {
            seconds: f64::from(number) * 0.1,
            programs: number.into(),
            ..Sample::default()
        });
        assert!(samples.taken.len() <= SAMPLES_MAX);
    }
    let taken = &samples.taken;
    assert!(taken.len() >= SAMPLES_MAX / 2, "{}", taken.len());
    assert_eq!(taken[0].programs, 0);
    assert!(taken.is_sorted_by(|a, b| a.seconds < b.seconds));
    assert!(taken[taken.len() - 1].seconds > 19_800.0);
}
