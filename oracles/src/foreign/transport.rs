//! How requests reach an engine. A question leads to an answer, or to the way in which the other
//! side broke.

use std::fmt;

use gcrucible_protocol::{Answer, Request};

/// What carries requests to an adapter and answers back.
pub trait Transport: Send {
    /// Sends requests and returns the answers. After an error the next question goes to a new
    /// process, whose session is not open.
    ///
    /// # Errors
    ///
    /// The other side gave no answer.
    fn ask(&mut self, request: &Request) -> Result<Answer, Broken>;
}

/// Why there is no answer. `stderr` is the end of the process's standard error, where sanitizers
/// report. It is part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The process could not be started. This is a problem of this machine and never a finding.
    Start {
        /// The command.
        command: String,
        /// The system's words.
        cause: String,
    },
    /// The process ended.
    Died {
        /// How, such as `signal 11` or `exit status 1`.
        how: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// No answer came in time. The process was killed.
    Hung {
        /// How long it had, in milliseconds.
        milliseconds: u64,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The process took more memory than allowed. It was killed.
    Memory {
        /// How much it had, in bytes.
        bytes: u64,
        /// How much it may have, in bytes.
        limit: u64,
    },
    /// The answer is longer than allowed. The process was killed.
    Output {
        /// How long an answer may be, in bytes.
        limit: usize,
    },
    /// It does not greet as the protocol says.
    Greeting(String),
    /// What it wrote is no answer. The process was killed.
    Garbage {
        /// The beginning of the line.
        line: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Broken {
    /// Returns true if this is a fault of the engine, and not only a problem of this machine.
    pub fn is_finding(&self) -> bool {
        !matches!(self, Broken::Start { .. })
    }
}

/// How the text of [`Broken::Hung`] begins.
pub(crate) const NO_ANSWER: &str = "the engine gave no answer";

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrote = |f: &mut fmt::Formatter<'_>, stderr: &str| {
            if stderr.is_empty() {
                return Ok(());
            }
            write!(f, "; it wrote: {}", stderr.trim_end())
        };
        match self {
            Broken::Start { command, cause } => write!(f, "`{command}` does not start: {cause}"),
            Broken::Died { how, stderr } => {
                let ended = format!("the engine's process ended by {how}");
                if let Some(panic) = panic(stderr) {
                    return write!(f, "{panic}; {ended}");
                }
                f.write_str(&ended)?;
                wrote(f, stderr)
            }
            Broken::Hung {
                milliseconds,
                stderr,
            } => {
                write!(f, "{NO_ANSWER} within {milliseconds} ms")?;
                wrote(f, stderr)
            }
            Broken::Memory { bytes, limit } => {
                write!(
                    f,
                    "the engine's process had {bytes} bytes of memory, at most {limit} allowed"
                )
            }
            Broken::Output { limit } => {
                write!(f, "the engine's answer has more than {limit} bytes")
            }
            Broken::Greeting(what) => write!(f, "the adapter does not greet: {what}"),
            Broken::Garbage { line, cause } => {
                write!(f, "the engine wrote what is no answer ({cause}): {line}")
            }
        }
    }
}

impl std::error::Error for Broken {}

/// How the text of an engine that panicked begins.
pub(crate) const PANICKED: &str = "panicked: ";

/// Returns a panic of Rust that a process wrote to standard error, in one line: the message, which
/// is the same on every machine, and then the place.
fn panic(stderr: &str) -> Option<String> {
    // The adapter for Wasmtime's Rust interface writes it so itself.
    if let Some(line) = stderr.lines().find(|line| line.starts_with(PANICKED)) {
        return Some(line.trim_end().to_owned());
    }
    let mut lines = stderr.lines();
    let place = lines.find_map(|line| line.split_once(" panicked at "))?.1;
    let is_message = |line: &&str| !line.starts_with("note: ") && !line.is_empty();
    let message: Vec<&str> = lines.take_while(is_message).collect();
    let place = place.trim_end_matches(':');
    Some(format!("{PANICKED}{}, at {place}", message.join(" ")))
}

#[test]
fn the_message_of_a_panic_comes_first() {
    let died = |stderr: &str| {
        let (how, stderr) = ("signal 6".to_owned(), stderr.to_owned());
        Broken::Died { how, stderr }.to_string()
    };
    let stderr = "\nthread '<unnamed>' panicked at /a/gc.rs:504:18:\ninvalid kind: 0b0\n\
                  note: run with `RUST_BACKTRACE=1`\n";
    assert_eq!(
        died(stderr),
        "panicked: invalid kind: 0b0, at /a/gc.rs:504:18; the engine's process ended by signal 6"
    );
    let said = died("panicked: no, at a.rs:3\nfatal runtime error\n");
    assert!(said.starts_with("panicked: no, at a.rs:3; the"), "{said}");
    let other = died("==1==ERROR: AddressSanitizer\n");
    assert!(
        other.ends_with("it wrote: ==1==ERROR: AddressSanitizer"),
        "{other}"
    );
}
