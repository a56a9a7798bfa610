//! `gcrucible reduce`: makes an input that shows a finding small.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Ending, Failure};
use super::input::{Given, InputOptions};
use super::terminal::{say, warn_line};
use super::{findings, output, reproduce};
use crate::reduce::reduce;

/// Arguments of `reduce`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Which input.
    #[command(flatten)]
    pub input: InputOptions,
    /// Run at most this many programs
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub attempts: u32,
    /// Write the script into this file, or to standard output with `-`. By default it goes into the
    /// finding's folder as `reduced.wast`, or to standard output if the input is in no such folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, a file that cannot be read or written, an input that shows nothing, or an
/// input that is no program.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    const ONLY: &str = "only programs of our own generator can be reduced";
    let refuse = |what: &str| Failure::Usage(format!("{ONLY}: this is {what}"));
    let (mut rig, given) = options.input.given()?;
    let (target, bytes, folder) = match given {
        Given::Input {
            target,
            bytes,
            folder,
        } => (target, bytes, folder),
        Given::Script { .. } => return Err(refuse("a script")),
        Given::Module(_) => return Err(refuse("a module")),
    };
    let subject = rig.prepared(target.subject_of(&bytes));
    if subject.program.is_none() {
        return Err(refuse("a module of wasm-smith, bytes, or heap operations"));
    }
    let default = folder.as_ref().map(|folder| folder.join(findings::REDUCED));
    let path = options.out.clone().or(default);
    if let Some(path) = &path {
        output::try_file(path)?;
    }
    let Some(reduced) = reduce(target, &subject, &mut rig, options.attempts, &mut || true) else {
        let message = format!("this input shows nothing with the target {}", target.name);
        return Err(Failure::Usage(message));
    };
    let bounds = options.input.under_test.bounds();
    let reduced = reproduce::with_fewer_flags(reduced, bounds)?;
    let (before, after) = reduced.size;
    let script = findings::script(&reduced);
    match &path {
        Some(path) if !output::is_standard(path) => {
            if let Err(failure) = output::write(path, script.as_bytes()) {
                say!("{script}");
                return Err(failure);
            }
            say!("{}", path.display());
        }
        _ => say!("{script}"),
    }
    if let Some(folder) = &folder {
        reproduce::add(folder, &reduced, bounds)?;
    }
    let (title, attempts) = (reduced.finding.title(), reduced.attempts);
    warn_line!("{title}: {before} nodes, now {after}, after {attempts} attempts");
    Ok(Ending::Found)
}
