//! How a subcommand ends: with findings, or with a reason why it could not do its work.

use std::fmt;
use std::process::ExitCode;

/// How a subcommand that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was found: status 0.
    Clean,
    /// Something was found or failed: status 1.
    Found,
}

/// Why a subcommand could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A file that was named cannot be read.
    #[error("{path}: {error}")]
    Input {
        /// Which file.
        path: String,
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
    /// A signal ended the work. What was done is told and written.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// Nothing was compared, so the run says nothing about the engines.
    #[error("{0}")]
    NothingCompared(String),
    /// A file or folder cannot be written.
    #[error("{path}: {error}")]
    Output {
        /// Which one.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A finding cannot be written. Its title and the line that replays it are here, so that it is
    /// not lost.
    #[error("a finding cannot be written: {cause}\n  {title}\n  {replay}")]
    Lost {
        /// Why not.
        cause: Box<Failure>,
        /// The finding in one line.
        title: String,
        /// The command that runs its input again.
        replay: String,
    },
    /// The system refused something else.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// An engine does not start.
    #[error("the engine does not start: {0}")]
    Engine(String),
    /// A tool of the machine failed, such as one that installs an engine.
    #[error("`{line}`: {how}")]
    Tool {
        /// The command.
        line: String,
        /// Its exit status, or why it did not start.
        how: String,
    },
    /// Workers cannot go on, in their own words.
    #[error("{0}")]
    Workers(String),
}

impl Failure {
    /// Returns a failure to read a file that was named.
    pub fn input(path: impl fmt::Display, error: std::io::Error) -> Failure {
        Failure::Input {
            path: path.to_string(),
            error,
        }
    }

    /// Returns a failure to write a file or folder.
    pub fn output(path: impl fmt::Display, error: std::io::Error) -> Failure {
        Failure::Output {
            path: path.to_string(),
            error,
        }
    }

    /// Returns the exit status: [`USAGE`] or [`ENVIRONMENT`].
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Failure::Usage(_)
            | Failure::Input { .. }
            | Failure::Content { .. }
            | Failure::NothingCompared(_) => USAGE,
            Failure::Output { .. }
            | Failure::Lost { .. }
            | Failure::System { .. }
            | Failure::Engine(_)
            | Failure::Interrupted(_)
            | Failure::Tool { .. }
            | Failure::Workers(_) => ENVIRONMENT,
        }
    }
}

/// The status of a command that was used wrongly: its arguments or its files are wrong, or nothing
/// was compared.
pub const USAGE: u8 = 2;

/// The status of a command that the environment stopped: a full disk, a process that cannot be
/// started, too little memory.
pub const ENVIRONMENT: u8 = 3;

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> ExitCode {
        match ending {
            Ending::Clean => ExitCode::SUCCESS,
            Ending::Found => ExitCode::from(1),
        }
    }
}
