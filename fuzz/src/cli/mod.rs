//! The program `gcrucible`: one file for each subcommand, arguments and exit statuses here.
//!
//! Nothing here decides what is a fault: targets and oracles do. This folder is about processes,
//! files, terminals and words.
//!
//! Reading order: `build`, `failure`, `terminal`, `progress`, `output`, `reading`, `config`,
//! `scratch`, `tool`, `interrupt`, `named`, `engines`, `under_test`, `findings`, `proof`,
//! `reproduce`, `fuzz`, `detect`, `input`, `guarded`, `replay`, `reduce`, `scripts`, `watched`,
//! `junit`, `wast`, `run`, `corpus`, `survey`, `report`, `wasmtime`, `engine`, `explain`, `list`,
//! `shell`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod build;
pub mod config;
pub mod corpus;
pub mod detect;
pub mod engine;
pub mod engines;
pub mod explain;
pub mod failure;
pub mod findings;
pub mod fuzz;
mod guarded;
pub mod input;
mod interrupt;
mod junit;
pub mod list;
pub mod named;
pub mod output;
mod progress;
pub mod proof;
pub mod reading;
pub mod reduce;
pub mod replay;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod scratch;
mod scripts;
pub mod shell;
pub mod survey;
pub mod terminal;
mod tool;
pub mod under_test;
mod wasmtime;
pub mod wast;
mod watched;

use terminal::{BAD, warn_line};

/// Finds faults in the garbage collection of WebAssembly engines: generates programs, runs them on
/// a Cranelift runtime and on an independent reference interpreter, and compares results and live
/// objects.
#[derive(Debug, Parser)]
#[command(name = "gcrucible", version = build::VERSION, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 nothing found; 1 something found or failed; 2 wrong usage, or nothing was \
                  compared; 3 the environment failed: a full disk, a process that cannot be started."
)]
pub struct Arguments {
    /// About output.
    #[command(flatten)]
    pub output: terminal::Options,
    /// Take arguments from this file. Without it: from the nearest `gcrucible.toml`, in the current
    /// folder or above it. README, "A file with arguments", says how
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate programs and compare engines, in worker processes, until time or runs are used up.
    Fuzz(fuzz::Options),
    /// Measure how fast each planted fault is found: a table, a plot and a JSON object. Needs a
    /// build with the feature `planted`, or an engine of which faults are known.
    Detect(detect::Options),
    /// Run one input again and explain the verdict: the program as text, its steps, and what
    /// differed.
    Replay(replay::Options),
    /// Make the program of an input that shows a finding small, and write it as a script.
    Reduce(reduce::Options),
    /// Run conformance scripts: the official suite, which is built in, or the scripts and folders
    /// given.
    Wast(wast::Options),
    /// Run a module, call one of its exports, and show results, traps and live objects.
    Run(run::Options),
    /// Keep inputs that exercise much: choose few, merge, count, export.
    Corpus(corpus::Options),
    /// Count what the generator makes and what programs execute: by rule of the specification, by
    /// instruction, and on each collector. The status is 1 if something is rarer than it must be.
    Survey(survey::Options),
    /// Make one page of a folder: findings with pictures, runs over time, rules, conformance, and
    /// how fast planted faults are found.
    Report(report::Options),
    /// List, install, check and serve engines that run in processes of their own.
    Engine(engine::Options),
    /// Say what a signature of a finding means, which comparison it comes from, and its authority.
    Explain(explain::Options),
    /// List the names of targets, engines and planted faults.
    List(list::Options),
    /// Write a script that completes arguments in a shell.
    Completions(shell::Completions),
    /// Write manual pages.
    Man(shell::Man),
    /// (Internal) A worker of `fuzz`.
    #[command(hide = true)]
    Worker(fuzz::worker::Options),
    /// (Internal) A process of `detect`.
    #[command(hide = true)]
    Probe(detect::probe::Options),
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let (words, file) = match config::with_file(words) {
        Ok(found) => found,
        Err(failure) => return told(&failure),
    };
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Fails only when the terminal is gone, and then there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let guarded = match &arguments.command {
        Command::Wast(_) => Some(guarded::Then::Resume),
        Command::Replay(_) | Command::Reduce(_) | Command::Run(_) => Some(guarded::Then::Tell),
        _ => None,
    };
    if let Some(ending) = guarded.and_then(guarded::run) {
        return ending;
    }
    terminal::follow(arguments.output);
    if let Some(file) = file.filter(|_| !terminal::is_quiet()) {
        warn_line!("{}", config::told(&file));
    }
    let ending = match arguments.command {
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Detect(options) => detect::run(&options),
        Command::Replay(options) => replay::run(&options),
        Command::Reduce(options) => reduce::run(&options),
        Command::Wast(options) => wast::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Corpus(options) => corpus::run(&options),
        Command::Survey(options) => survey::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Engine(options) => engine::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::List(options) => Ok(list::run(&options)),
        Command::Completions(options) => Ok(shell::completions(&options)),
        Command::Man(options) => shell::man(&options),
        Command::Worker(options) => return fuzz::worker::main(&options),
        Command::Probe(options) => return detect::probe::main(&options),
    };
    match (ending, terminal::lost()) {
        (Ok(_), Some(error)) => told(&failure::Failure::output("standard output", error)),
        (Ok(ending), None) => ending.into(),
        (Err(failure), _) => told(&failure),
    }
}

/// Tells why a subcommand could not do its work. Returns the exit status.
fn told(failure: &failure::Failure) -> ExitCode {
    warn_line!("{BAD}gcrucible:{BAD:#} {failure}");
    ExitCode::from(failure.status())
}
