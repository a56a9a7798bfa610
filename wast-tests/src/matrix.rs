//! Script x engine x schedule: the trials of `tests/` and of the command line.
//!
//! A regression is run twice in each configuration: as a script, so that its assertions hold, and as a case against the reference,
//! so that everything observable and every live count is compared as well. Not here: which engines there are (`oracles::engine`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gcrucible_oracles::case::Limits;
use gcrucible_oracles::engine::{Engine, Setup};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;

use crate::known::{self, Judged};
use crate::runner::{self, Report};
use crate::script::Script;

/// The schedules under which a regression runs, besides its own.
pub const SCHEDULES: [Schedule; 3] = [Schedule::OnPressure, Schedule::EveryNth(3), Schedule::Every];

/// Runs a script once.
///
/// # Errors
///
/// The engine cannot start, or the header's limits make no sense.
pub fn run_script(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<Report, String> {
    let limits = script.limits(Limits::SCRIPT);
    let setup = Setup {
        schedule,
        limits: limits.map_err(|error| error.to_string())?,
        answers: Vec::new(),
    };
    let mut session = engine.open(&setup)?;
    Ok(runner::run(script, session.as_mut()))
}

/// Runs a script of the official suite; the report, and what is left of it after the table of superseded assertions.
///
/// # Errors
///
/// The engine cannot start.
pub fn run_suite_script(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<(Report, Judged), String> {
    let report = run_script(script, engine, schedule)?;
    let judged = known::judge(&report);
    Ok((report, judged))
}

/// Whether a script's header selects an engine: by the name of its collector, if the header names any.
pub fn selects(script: &Script, engine: &dyn Engine) -> bool {
    let collectors = &script.header.collectors;
    let named = |collector| collectors.iter().any(|name| name == collector);
    collectors.is_empty() || engine.collector().is_none_or(named)
}

/// Runs a regression on one engine under its own schedule and under [`SCHEDULES`], as a script and as a case against `reference`.
/// Returns what went wrong, one text for each configuration; nothing for an engine that the header does not select.
pub fn run_regression(script: &Script, engine: &dyn Engine, reference: &dyn Engine) -> Vec<String> {
    if !selects(script, engine) {
        return Vec::new();
    }
    let mut schedules: Vec<Schedule> = script.header.schedule.iter().cloned().collect();
    schedules.extend(
        SCHEDULES
            .into_iter()
            .filter(|schedule| script.header.schedule.as_ref() != Some(schedule)),
    );
    let mut wrong = Vec::new();
    for schedule in &schedules {
        match run_script(script, engine, schedule.clone()) {
            Ok(report) if report.is_good() && report.passed > 0 => {}
            Ok(report) => wrong.push(format!("{} under {schedule}: {report}", engine.name())),
            Err(error) => wrong.push(format!("{} under {schedule}: {error}", engine.name())),
        }
    }
    match script.case() {
        Ok(case) => {
            let mut judge = Judge::new(case, reference);
            for schedule in schedules {
                wrong.extend(judge_case(&mut judge, engine, schedule));
            }
        }
        Err(error) => wrong.push(error.to_string()),
    }
    wrong
}

fn judge_case(judge: &mut Judge<'_>, engine: &dyn Engine, schedule: Schedule) -> Option<String> {
    let (verdict, _) = judge.judge_under(engine, schedule.clone());
    if !verdict.is_finding() {
        return None;
    }
    let case = judge.case().under(schedule);
    let context = Context {
        case: &case,
        configuration: &engine.describe(),
        replay: "",
        program: "",
    };
    Some(report(&verdict, &context))
}

/// Every `.wast` file under a folder, sorted by path.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn scripts_under(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "wast")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
