//! `gcrucible completions` and `gcrucible man`: files for shells and for `man`, made from the
//! definition of the arguments.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use super::failure::{Ending, Failure};
use super::output;
use super::terminal::{print, say};

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Write a page for the program and for each subcommand into this folder, which has to exist
    pub folder: PathBuf,
}

/// Writes the script that completes the program's arguments to standard output.
#[must_use]
pub fn completions(options: &Completions) -> Ending {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(options.shell, &mut command, "gcrucible", &mut script);
    print(format_args!("{}", String::from_utf8_lossy(&script)));
    Ending::Clean
}

/// Writes the pages.
///
/// # Errors
///
/// The folder cannot be written to.
pub fn man(options: &Man) -> Result<Ending, Failure> {
    output::try_folder(&options.folder)?;
    let written = clap_mangen::generate_to(Arguments::command(), &options.folder);
    written.map_err(|error| Failure::output(options.folder.display(), error))?;
    say!("{}", options.folder.join("gcrucible.1").display());
    Ok(Ending::Clean)
}
