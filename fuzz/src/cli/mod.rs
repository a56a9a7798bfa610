//! The program `gcrucible`: one file for each subcommand, arguments and exit statuses here.
//!
//! Nothing here decides what is a fault: targets and oracles do. What lives here is processes,
//! files, terminals and words.

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod engines;
pub mod findings;
pub mod fuzz;
pub mod input;
pub mod reduce;
pub mod replay;
pub mod run;
pub mod wast;

/// Finds faults in the garbage collection of WebAssembly engines: generates programs, runs them on
/// a Cranelift runtime and on an independent reference interpreter, and compares results and live
/// objects.
#[derive(Debug, Parser)]
#[command(name = "gcrucible", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 nothing found, 1 something found or failed, 2 wrong usage or environment."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate programs and compare engines, in worker processes, until time or runs are used up.
    Fuzz(fuzz::Options),
    /// Run one input again and explain its verdict: the program as text, its steps, what differed.
    Replay(replay::Options),
    /// Make the program of an input that shows a fault small, and write it as a script.
    Reduce(reduce::Options),
    /// Run conformance scripts: the official suite, which is built in, or the scripts and folders
    /// given.
    Wast(wast::Options),
    /// Run a module, call one of its exports, and show results, traps and live objects.
    Run(run::Options),
    /// (Internal) A worker of `fuzz`.
    #[command(hide = true)]
    Worker(fuzz::worker::Options),
}

/// Why a subcommand could not do its work, as opposed to what it found.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Something else about the environment: no process could be started, a pipe broke.
    #[error("{what}: {error}")]
    Environment {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file could be read but not understood.
    #[error("{path}: {message}")]
    Content {
        /// Which file.
        path: String,
        /// Where and why.
        message: String,
    },
}

impl Failure {
    /// A failure to read or write `path`.
    pub fn file(path: impl fmt::Display, error: std::io::Error) -> Failure {
        Failure::File {
            path: path.to_string(),
            error,
        }
    }
}

/// How a subcommand ended, as an exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing found: 0.
    Clean,
    /// Something was found or failed: 1.
    Found,
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Fails only when the terminal is gone, and then there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let ending = match arguments.command {
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Replay(options) => replay::run(&options),
        Command::Reduce(options) => reduce::run(&options),
        Command::Wast(options) => wast::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Worker(options) => fuzz::worker::run(&options),
    };
    match ending {
        Ok(Ending::Clean) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("gcrucible: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Writes a file so that its name holds either the old content or the whole new one.
///
/// # Errors
///
/// When the folder cannot be written to or the disk is full; the old content then stays.
pub fn write_atomically(path: &std::path::Path, content: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => std::path::Path::new("."),
    };
    let failed = |error| Failure::file(path.display(), error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Parses a number that may be written in hexadecimal, as replay lines write seeds.
///
/// # Errors
///
/// A sentence for the user.
pub fn parse_seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed
        .map_err(|_| format!("{text:?} is no seed: a number up to 2^64-1, in decimal or as 0x..."))
}
