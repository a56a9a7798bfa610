//! `gcrucible reduce`: an input that shows a fault, made small.

use std::path::{Path, PathBuf};

use clap::Args;

use super::findings;
use super::input::{Asked, InputOptions};
use super::{Ending, Failure, write_atomically};
use crate::reduce::reduce;
use crate::targets::{self, Target};

/// Arguments of `reduce`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Which input.
    #[command(flatten)]
    pub input: InputOptions,
    /// How many programs to run at most
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub attempts: u32,
    /// Write the script into this file; without it, into a finding's folder as `reduced.wast`, or
    /// else to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, a file that cannot be read or written, or an input that shows no fault or is
/// no program that could be reduced.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let (mut rig, named, asked) = options.input.asked()?;
    let (target, bytes, folder) = match asked {
        Asked::Seed(input) => (named, input, None),
        Asked::File(file) => from_file(named, file)?,
    };
    let subject = target.subject_of(&bytes);
    if subject.program.is_none() {
        let message = "only programs of the own generator can be reduced: this input is a module of wasm-smith, bytes, or heap operations";
        return Err(Failure::Usage(message.to_owned()));
    }
    let Some(reduced) = reduce(target, &subject, &mut rig, options.attempts, &mut || true) else {
        let message = format!("this input shows no fault with the target {}", target.name);
        return Err(Failure::Usage(message));
    };
    let (before, after) = reduced.size;
    let default = folder.map(|folder| folder.join("reduced.wast"));
    let script = findings::script(&reduced);
    match options.out.as_ref().or(default.as_ref()) {
        Some(path) => {
            write_atomically(path, script.as_bytes())?;
            println!("{}", path.display());
        }
        None => println!("{script}"),
    }
    let (title, attempts) = (&reduced.fault.title, reduced.attempts);
    eprintln!("{title}: {before} nodes, now {after}, after {attempts} attempts");
    Ok(Ending::Found)
}

/// The target, the input, and the folder if it is a finding's.
fn from_file(
    named: &'static Target,
    file: &Path,
) -> Result<(&'static Target, Vec<u8>, Option<PathBuf>), Failure> {
    let is_folder = file.is_dir();
    let input = if is_folder {
        file.join("input.bin")
    } else {
        file.to_owned()
    };
    let bytes = std::fs::read(&input).map_err(|e| Failure::file(input.display(), e))?;
    // A folder's name is that of the target and the seed (`findings::write`).
    let name = file.file_name().and_then(|name| name.to_str());
    let prefix = name
        .and_then(|name| name.rsplit_once('-'))
        .map(|(target, _)| target);
    let told = prefix.filter(|_| is_folder).and_then(targets::named);
    Ok((
        told.unwrap_or(named),
        bytes,
        is_folder.then(|| file.to_owned()),
    ))
}
