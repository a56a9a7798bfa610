//! Our own scripts: one trial for each file and engine, named `engine::path`. Each runs as a script
//! and as a case against the reference: under several schedules, with one collection at each point
//! in turn, and with a heap that is full at each allocation in turn.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use gcrucible_oracles::engine;
use gcrucible_wast_tests::matrix::{self, Breadth};
use gcrucible_wast_tests::script::Script;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let files = match matrix::own_scripts() {
        Ok(files) => files,
        Err(error) => {
            eprintln!("our own scripts: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for name in engine::names() {
        for (path, file) in &files {
            let (name, path, file) = (name.clone(), path.clone(), file.clone());
            let title = format!("{name}::{file}");
            trials.push(Trial::test(title, move || check(&path, &file, &name)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(path: &Path, file: &str, engine: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let script = Script::parse(file, &text)?;
    let engine = engine::named(engine)?;
    let reference = engine::reference();
    matrix::run_regression(&script, engine.as_ref(), reference.as_ref(), Breadth::Swept)?;
    Ok(())
}
