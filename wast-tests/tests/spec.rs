//! The official suite: one trial for each file and engine, named `engine::file`.
//!
//! A trial fails on every assertion that does not hold, but for those of `known`, and on a row of `known` that holds. What an engine
//! does not support fails too: every required file is of release 3.0.

use std::process::ExitCode;

use gcrucible_oracles::engine;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::suite::{self, SuiteFile};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for name in engine::names() {
        for file in suite::files() {
            if file.standing.is_required() {
                let (name, title) = (name.clone(), format!("{name}::{}", file.name));
                trials.push(Trial::test(title, move || check(&file, &name)));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(file: &SuiteFile, engine: &str) -> Result<(), Failed> {
    let engine = engine::named(engine).ok_or("no such engine")?;
    let (report, judged) = matrix::run_suite_file(file, engine.as_ref(), Schedule::OnPressure)?;
    if judged.unexpected.is_empty() && judged.stale.is_empty() && report.unsupported.is_empty() {
        return Ok(());
    }
    let unexpected = judged
        .unexpected
        .iter()
        .map(|failure| format!("{}:{}: {}\n", file.name, failure.at, failure.message));
    let stale = judged.stale.iter().map(|line| {
        format!(
            "{}:{line}: holds, although `known` says that 3.0 contradicts it\n",
            file.name
        )
    });
    let missing = report
        .unsupported
        .iter()
        .map(|(what, count)| format!("{}: {count} unsupported: {what}\n", file.name));
    Err(unexpected
        .chain(stale)
        .chain(missing)
        .collect::<String>()
        .into())
}
