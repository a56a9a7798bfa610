//! The official suite: one trial for each file and engine, named `engine::file`; and once more with a collection at every point, named
//! `engine::file@every`, for the groups that make objects or keep references.
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
                trials.extend(trials_of(file, &name));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Groups of the suite whose programs make objects or keep references.
const WITH_REFERENCES: [&str; 5] = [
    "gc/",
    "exceptions/",
    "function-references/",
    "reference-types/",
    "bulk-memory/table",
];

fn trials_of(file: SuiteFile, engine: &str) -> Vec<Trial> {
    let title = format!("{engine}::{}", file.name);
    let keeps_references = WITH_REFERENCES
        .iter()
        .any(|group| file.name.starts_with(group));
    let mut trials = Vec::new();
    if keeps_references && engine != engine::reference().name() {
        let (file, engine) = (file.clone(), engine.to_owned());
        let every = move || check(&file, &engine, Schedule::Every);
        trials.push(Trial::test(format!("{title}@every"), every));
    }
    let engine = engine.to_owned();
    trials.push(Trial::test(title, move || {
        check(&file, &engine, Schedule::OnPressure)
    }));
    trials
}

fn check(file: &SuiteFile, engine: &str, schedule: Schedule) -> Result<(), Failed> {
    let engine = engine::named(engine).ok_or("no such engine")?;
    let (report, judged) = matrix::run_suite_file(file, engine.as_ref(), schedule)?;
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
