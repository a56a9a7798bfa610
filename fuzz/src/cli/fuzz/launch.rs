//! Starting worker processes of a run.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::options::Options;
use super::record::{Position, Record};
use crate::cli::failure::Failure;
use crate::cli::tool::THIS_PROGRAM;
use crate::targets::Target;

/// What all workers of a run have in common.
#[derive(Debug)]
pub struct Launcher<'a> {
    /// The arguments of the supervisor.
    pub options: &'a Options,
    /// The targets.
    pub targets: &'a [&'static Target],
    /// The seed of the run.
    pub run_seed: u64,
    /// The folder for records.
    pub scratch: PathBuf,
}

/// The inputs that one worker runs: `first`, `first + stride`, ..., below `end`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The first input.
    pub first: u64,
    /// The difference between two inputs in a row.
    pub stride: u64,
    /// The first input that is not run.
    pub end: u64,
}

impl Launcher<'_> {
    /// Starts a worker whose standard input and output are pipes. Removes an old record, so that
    /// nobody takes it for one of this worker.
    ///
    /// # Errors
    /// The system starts no process.
    pub fn worker(&self, share: Share, record: &Path) -> Result<Child, Failure> {
        let mut command = self.command(share, record);
        start(command.stdin(Stdio::piped()).stdout(Stdio::piped()), record)
    }

    /// Starts a worker that is silent and runs one input again. `record` is a file of its own.
    ///
    /// # Errors
    /// The input cannot be written, or the system starts no process.
    pub fn again(&self, at: &Position, record: &Path) -> Result<Child, Failure> {
        let input = record.with_extension("input");
        let written = Record::create(&input).and_then(|input| input.write(at));
        written.map_err(|error| Failure::output(input.display(), error))?;
        let share = Share {
            first: at.number,
            stride: 1,
            end: at.number.saturating_add(1),
        };
        let mut command = self.command(share, record);
        command.arg("--again").arg(&input).stdin(Stdio::piped());
        start(command.stdout(Stdio::null()).stderr(Stdio::null()), record)
    }

    /// Returns the list of names in the folder for findings that are older than the run.
    #[must_use]
    pub fn older(&self) -> PathBuf {
        self.scratch.join("older")
    }

    /// Returns the list of inputs, by the name of their content, that have killed a worker.
    #[must_use]
    pub fn avoided(&self) -> PathBuf {
        self.scratch.join("avoided")
    }

    fn command(&self, share: Share, record: &Path) -> Command {
        let mut command = Command::new(THIS_PROGRAM);
        command.arg0("gcrucible").arg("worker");
        for target in self.targets {
            command.args(["--target", target.name]);
        }
        command
            .args(self.options.under_test.words())
            .args(["--run-seed", &self.run_seed.to_string()])
            .args(["--first", &share.first.to_string()])
            .args(["--stride", &share.stride.to_string()])
            .args(["--end", &share.end.to_string()])
            .arg("--record")
            .arg(record)
            .arg("--out")
            .arg(&self.options.out)
            .arg("--older")
            .arg(self.older());
        if let Some(corpus) = &self.options.corpus {
            command.arg("--corpus").arg(corpus);
            command.arg("--avoided").arg(self.avoided());
        }
        command
    }
}

fn start(command: &mut Command, record: &Path) -> Result<Child, Failure> {
    let _ = std::fs::remove_file(record);
    command.spawn().map_err(|error| Failure::System {
        what: "starting a worker",
        error,
    })
}

/// Returns a failure to wait for a worker.
#[must_use]
pub fn waiting(error: std::io::Error) -> Failure {
    Failure::System {
        what: "waiting for a worker",
        error,
    }
}
