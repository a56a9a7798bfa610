//! What happens during a run, as lines of JSON for programs: `--events`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::protocol::{Counters, Found};
use super::summary::Summary;
use crate::cli::build::{BUILD, Build};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::under_test::UnderTest;
use crate::targets::Target;

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The run begins.
    Begin {
        /// The build.
        build: Build,
        /// The seed of the run.
        run_seed: String,
        /// Workers.
        jobs: usize,
        /// Names of the targets.
        targets: Vec<&'static str>,
    },
    /// The state, about once a second.
    State {
        /// Since the beginning.
        seconds: f64,
        /// Programs until now.
        programs: u64,
        /// Programs compared.
        compared: u64,
        /// Programs skipped.
        skipped: u64,
        /// Findings.
        findings: u64,
        /// Groups of them.
        groups: u64,
        /// Inputs added to the corpus.
        kept: u64,
    },
    /// The first finding of a group.
    Found {
        /// Since the beginning.
        seconds: f64,
        /// The target.
        target: &'a str,
        /// In one line.
        title: String,
        /// Its signature.
        signature: String,
        /// Its folder.
        folder: Option<&'a str>,
        /// The command that runs it again.
        replay: String,
    },
    /// A worker died or was replaced, in words.
    Worker {
        /// Since the beginning.
        seconds: f64,
        /// What happened.
        what: &'a str,
    },
    /// The run is over.
    End {
        /// Since the beginning.
        seconds: f64,
        /// Programs.
        programs: u64,
        /// Findings.
        findings: u64,
        /// Groups of them.
        groups: u64,
        /// Whether a signal ended it.
        interrupted: bool,
    },
}

/// The file, if there is one.
#[derive(Debug, Default)]
pub struct Events {
    to: Option<(PathBuf, File)>,
    failed: Option<Failure>,
}

impl Events {
    /// Opens the file. What it holds is replaced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(path: Option<&Path>) -> Result<Events, Failure> {
        let Some(path) = path else {
            return Ok(Events::default());
        };
        let open = || match output::is_standard(path) {
            true => Ok(File::from(rustix::io::dup(io::stdout())?)),
            false => File::create(path),
        };
        let file = open().map_err(|error| Failure::output(path.display(), error))?;
        Ok(Events {
            to: Some((path.to_owned(), file)),
            failed: None,
        })
    }

    /// Writes a line. After one that cannot be written there are no more.
    pub fn tell(&mut self, event: &Event<'_>) {
        let Some((path, file)) = &mut self.to else {
            return;
        };
        // Serialising numbers, strings and lists of them cannot fail.
        let mut line = serde_json::to_vec(event).unwrap_or_default();
        line.push(b'\n');
        if let Err(error) = file.write_all(&line) {
            self.failed = Some(Failure::output(path.display(), error));
            self.to = None;
        }
    }

    /// Tells that the run begins.
    pub fn begin(&mut self, run_seed: u64, jobs: usize, targets: &[&'static Target]) {
        self.tell(&Event::Begin {
            build: BUILD,
            run_seed: format!("{run_seed:#x}"),
            jobs,
            targets: targets.iter().map(|target| target.name).collect(),
        });
    }

    /// Tells the state of the run.
    pub fn state(&mut self, summary: &Summary, total: &Counters) {
        self.tell(&Event::State {
            seconds: summary.elapsed().as_secs_f64(),
            programs: total.programs,
            compared: total.compared,
            skipped: total.skipped_total(),
            findings: total.findings,
            groups: summary.groups.iter().len() as u64,
            kept: total.kept,
        });
    }

    /// Tells the first finding of a group.
    pub fn found(&mut self, summary: &Summary, found: &Found, under_test: &UnderTest) {
        let folder = found.folder.as_deref();
        self.tell(&Event::Found {
            seconds: summary.elapsed().as_secs_f64(),
            target: &found.id.target,
            title: found.finding.title(),
            signature: found.id.signature(&found.finding),
            folder,
            replay: found.id.replay_line(under_test, folder.map(Path::new)),
        });
    }

    /// Tells that the run is over.
    ///
    /// # Errors
    /// Some line could not be written.
    pub fn end(mut self, summary: &Summary) -> Result<(), Failure> {
        self.tell(&Event::End {
            seconds: summary.elapsed().as_secs_f64(),
            programs: summary.counters.programs,
            findings: summary.counters.findings,
            groups: summary.groups.iter().len() as u64,
            interrupted: summary.interrupted,
        });
        match self.failed {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}
