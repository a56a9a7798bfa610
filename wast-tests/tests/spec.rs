//! The official suite on the reference and on the runtime in every configuration of
//! [`engine::matrix`]: one trial for each file and engine, named `engine::file`. A second trial,
//! `engine::file@every`, collects at every point. Afterwards the heap must verify, the counts must
//! be right and nothing may have leaked (`matrix`).
//!
//! A trial fails if an assertion does not hold that is not in `known`, or if one in `known` holds.
//! It also fails if the engine does not support something, because every required file is part of
//! release 3.0.
//!
//! Trials share three things, each made when it is first needed: the script of a file, what lives
//! at its end on the reference, and the engine.

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use gcrucible_oracles::engine::{self, Engine};
use gcrucible_oracles::leak::Live;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::Script;
use gcrucible_wast_tests::suite;
use libtest_mimic::{Arguments, Failed, Trial};

/// Something made when it is first needed.
type Lazy<T> = Arc<LazyLock<T, Box<dyn FnOnce() -> T + Send>>>;

/// What lives at the end of a script.
type Left = Result<Live, String>;

fn lazy<T>(make: impl FnOnce() -> T + Send + 'static) -> Lazy<T> {
    Arc::new(LazyLock::new(Box::new(make)))
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let files = suite::files().into_iter();
    let files: Vec<_> = files.filter(|file| file.standing.is_required()).collect();
    let scripts: Vec<_> = files
        .iter()
        .cloned()
        .map(|file| {
            let script = lazy(move || Script::parse(&file.name, file.text));
            let parsed = Arc::clone(&script);
            let left = lazy(move || {
                let script = (**parsed).as_ref().map_err(ToString::to_string)?;
                matrix::lives_at_the_end(script, engine::reference().as_ref())
            });
            (script, left)
        })
        .collect();
    let mut names = vec![engine::reference().name()];
    names.extend(engine::matrix());
    let mut trials = Vec::new();
    for name in names {
        let made = name.clone();
        let engine = lazy(move || engine::named(&made));
        // The list of trials is made before anything runs. The reference has no collector, so it
        // has no second trial.
        let collects = engine::named(&name)
            .is_ok_and(|engine| engine.collector().is_some() && engine.allows(&Schedule::Every));
        for (file, (script, left)) in files.iter().zip(&scripts) {
            let mut add = |title: String, schedule: Schedule, left: Option<Lazy<Left>>| {
                let (script, engine) = (Arc::clone(script), Arc::clone(&engine));
                trials.push(Trial::test(title, move || {
                    let script = (**script).as_ref().map_err(ToString::to_string)?;
                    let engine = (**engine).as_deref().map_err(ToString::to_string)?;
                    let left = left
                        .as_deref()
                        .map(|left| (**left).as_ref().map_err(String::clone));
                    check(script, engine, schedule, left.transpose()?)
                }));
            };
            add(format!("{name}::{}", file.name), Schedule::OnPressure, None);
            if collects {
                let title = format!("{name}::{}@every", file.name);
                add(title, Schedule::Every, Some(Arc::clone(left)));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
    left: Option<&Live>,
) -> Result<(), Failed> {
    let (report, judged) = matrix::run_suite_script(script, engine, schedule, left)?;
    if judged.unexpected.is_empty() && judged.stale.is_empty() && report.unsupported.is_empty() {
        return Ok(());
    }
    let file = &script.file;
    let unexpected = judged
        .unexpected
        .iter()
        .map(|failure| format!("{file}:{}: {}\n", failure.at, failure.message));
    let stale = judged.stale.iter().map(|line| {
        format!("{file}:{line}: holds, although `known` says that 3.0 contradicts it\n")
    });
    let missing = report
        .unsupported
        .iter()
        .map(|(what, count)| format!("{file}: {count} unsupported: {what}\n"));
    Err(unexpected
        .chain(stale)
        .chain(missing)
        .collect::<String>()
        .into())
}
