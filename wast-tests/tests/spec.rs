//! The official suite: one trial for each file and engine, named `engine::file`; and once more with a collection at every point, named
//! `engine::file@every`, after which the heap must verify, the counts must be right and nothing may have leaked (`matrix`).
//!
//! A trial fails on every assertion that does not hold, but for those of `known`, and on a row of `known` that holds. What an engine
//! does not support fails too: every required file is of release 3.0.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex, PoisonError};

use gcrucible_oracles::engine;
use gcrucible_oracles::leak::Live;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::Script;
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

fn trials_of(file: SuiteFile, engine: &str) -> Vec<Trial> {
    let title = format!("{engine}::{}", file.name);
    let mut trials = Vec::new();
    if engine != engine::reference().name() {
        let (file, engine) = (file.clone(), engine.to_owned());
        let every = move || {
            let left = left_by_reference(&file)?;
            check(&file, &engine, Schedule::Every, Some(&left))
        };
        trials.push(Trial::test(format!("{title}@every"), every));
    }
    let engine = engine.to_owned();
    trials.push(Trial::test(title, move || {
        check(&file, &engine, Schedule::OnPressure, None)
    }));
    trials
}

/// What lives at the end of a file. The reference runs it once for all engines.
fn left_by_reference(file: &SuiteFile) -> Result<Live, String> {
    static LEFT: LazyLock<Mutex<BTreeMap<String, Result<Live, String>>>> =
        LazyLock::new(Mutex::default);
    let known = |name| {
        let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(name).cloned()
    };
    if let Some(left) = known(&file.name) {
        return left;
    }
    let script = Script::parse(&file.name, file.text).map_err(|error| error.to_string())?;
    let left = matrix::lives_at_the_end(&script, engine::reference().as_ref());
    let mut all = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(file.name.clone(), left.clone());
    left
}

fn check(
    file: &SuiteFile,
    engine: &str,
    schedule: Schedule,
    left: Option<&Live>,
) -> Result<(), Failed> {
    let engine = engine::named(engine).ok_or("no such engine")?;
    let (report, judged) = matrix::run_suite_file(file, engine.as_ref(), schedule, left)?;
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
