//! Standard output and standard error.
//!
//! The reader may go away at any time (`gcrucible ... | head`). The program goes on then, because
//! it may still have files to write. So errors are ignored here.

use std::fmt;
use std::io::Write;

/// Writes to standard output.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}

/// Writes to standard error.
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
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
