//! Standard output and standard error: how much is said there, and in which colours.
//!
//! The reader may go away at any time (`gcrucible ... | head`). The program goes on then, because
//! it may still have files to write. So errors are ignored here.
//!
//! Styles are written as escape sequences and taken out again where they are not wanted: files,
//! pipes, `NO_COLOR`, `TERM=dumb`, `--color never`.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use anstyle::{AnsiColor, Style};
use clap::{Args, ColorChoice};

/// Arguments about output, which every subcommand takes.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Options {
    /// When to use colours. Without it: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    #[arg(hide_possible_values = false, help_heading = "Output")]
    pub color: ColorChoice,
    /// Say less: no progress, only results and what went wrong
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    pub quiet: bool,
    /// Say more: every finding of a run, every script without failures
    #[arg(long, short, global = true, help_heading = "Output")]
    pub verbose: bool,
}

/// What the user asked for.
static ASKED: OnceLock<Options> = OnceLock::new();

/// The system's number of an error of standard output, or 0.
static LOST: AtomicI32 = AtomicI32::new(0);

/// Findings and failures.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// Follows the options from now on. Only the first call counts.
pub fn follow(options: Options) {
    let choice = match options.color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    let _ = ASKED.set(options);
}

fn asked() -> Options {
    ASKED.get().copied().unwrap_or_default()
}

/// Returns true if the user wants to read little.
#[must_use]
pub fn is_quiet() -> bool {
    asked().quiet
}

/// Returns true if the user wants to read much.
#[must_use]
pub fn is_verbose() -> bool {
    asked().verbose
}

/// Returns true if a line on standard error can be written over.
#[must_use]
pub fn can_redraw() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_dumb && !is_quiet()
}

/// Writes to standard output. What cannot be written is lost, and [`lost`] tells why.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = anstream::stdout().lock();
    let written = out.write_fmt(text).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
        && let Some(number) = error.raw_os_error()
    {
        LOST.store(number, Ordering::Relaxed);
    }
}

/// Returns why something could not be written to standard output. A reader that left is no reason.
pub fn lost() -> Option<io::Error> {
    match LOST.load(Ordering::Relaxed) {
        0 => None,
        number => Some(io::Error::from_raw_os_error(number)),
    }
}

/// Writes to standard error.
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = anstream::stderr().lock().write_fmt(text);
}

/// A line on standard output, as `println!` writes it.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::terminal::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// A line on standard error, as `eprintln!` writes it.
macro_rules! warn_line {
    ($($text:tt)*) => {
        $crate::cli::terminal::complain(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {say, warn_line};
