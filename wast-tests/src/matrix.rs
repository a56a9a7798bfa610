//! Script x engine x schedule: the trials of `tests/` and of the command line.
//!
//! A regression is run in each configuration as a script, so that its assertions hold, and as a
//! case against the reference, so that everything observable and every live count is compared as
//! well; and as a case also with one collection at each collection point in turn, and with a heap
//! that is full at each allocation in turn.
//!
//! **Nothing leaks** from a script ([`run_checked`]) means: after its last directive the host
//! collects everything; then the heap verifies, its counts are audited, and what lives is, by kind
//! and type, what the reference reaches from the same roots after the same script (instances, and
//! handles the host was given; for a collector that keeps cycles, also garbage cycles and what they
//! reach); of the host's objects as many were dropped as are not among those; and when the store is
//! dropped, none is left.
//!
//! Not here: which engines there are (`oracles::engine`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gcrucible_oracles::case::Limits;
use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{Engine, Run, Session, Setup};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::leak::{self, Live};
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;

use crate::directive::Location;
use crate::known::{self, Judged};
use crate::runner::{self, Failure, Report};
use crate::script::{Script, ScriptError};

/// The schedules under which a regression runs, besides its own.
pub const SCHEDULES: [Schedule; 5] = [
    Schedule::OnPressure,
    Schedule::EveryNth(2),
    Schedule::EveryNth(3),
    Schedule::EveryNth(7),
    Schedule::Every,
];

/// Most collection points, and most allocations, of one regression that are tried in turn; of more,
/// every second, third, ... one.
pub const SWEEP_MAX: u64 = 200;

fn open(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<Box<dyn Session>, String> {
    engine.open(&Setup {
        schedule,
        limits: script.limits(Limits::SCRIPT),
        answers: Vec::new(),
    })
}

/// Runs a script once.
///
/// # Errors
///
/// The engine cannot start.
pub fn run_script(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<Report, String> {
    run_covering(script, engine, schedule).map(|(report, _)| report)
}

/// As [`run_script`], with the rules of the specification that the engine applied, if it says.
///
/// # Errors
///
/// As [`run_script`].
pub fn run_covering(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<(Report, RuleMap), String> {
    let mut session = open(script, engine, schedule)?;
    let report = runner::run(script, session.as_mut());
    Ok((report, session.rules()))
}

/// What lives at the end of a script, for [`run_checked`]: what the reference reaches.
///
/// # Errors
///
/// The reference cannot start, or breaks.
pub fn lives_at_the_end(script: &Script, reference: &dyn Engine) -> Result<Live, String> {
    let mut session = open(script, reference, Schedule::OnPressure)?;
    runner::run(script, session.as_mut());
    session.live()
}

/// Runs a script once, and sees to it that nothing leaked: see the module. What did is a failure
/// beyond the last line.
///
/// # Errors
///
/// As [`run_script`].
pub fn run_checked(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
    expected: &Live,
) -> Result<Report, String> {
    let mut session = open(script, engine, schedule)?;
    let mut report = runner::run(script, session.as_mut());
    let left = match session.live() {
        Ok(actual) => compare_ends(expected, &actual),
        Err(why) => Err(why),
    };
    for wrong in [left, session.close()].into_iter().filter_map(Result::err) {
        report.failures.push(Failure {
            at: Location::default(),
            message: format!("at the end of the script: {wrong}"),
        });
    }
    Ok(report)
}

fn compare_ends(expected: &Live, actual: &Live) -> Result<(), String> {
    leak::census::check(expected, actual).map_err(|miscount| {
        format!(
            "{} {} live, expected {}",
            miscount.actual, miscount.kind, miscount.expected
        )
    })?;
    let balance = leak::handles::check(expected, actual);
    balance.map_err(|imbalance| format!("{imbalance:?}"))?;
    Ok(())
}

/// Runs a script of the official suite; the report, and what is left of it after the table of
/// superseded assertions. With what lives at its end, it is also seen to that nothing leaked.
///
/// # Errors
///
/// The engine cannot start.
pub fn run_suite_script(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
    expected: Option<&Live>,
) -> Result<(Report, Judged), String> {
    let report = match expected {
        Some(expected) => run_checked(script, engine, schedule, expected)?,
        None => run_script(script, engine, schedule)?,
    };
    let judged = known::judge(&report);
    Ok((report, judged))
}

/// Whether a script's header selects an engine: by the name of its collector, if the header names
/// any.
pub fn selects(script: &Script, engine: &dyn Engine) -> bool {
    let collectors = &script.header.collectors;
    let named = |collector| collectors.iter().any(|name| name == collector);
    collectors.is_empty() || engine.collector().is_none_or(named)
}

/// In how many configurations a regression is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Under its own schedule and [`SCHEDULES`].
    Schedules,
    /// Also with one collection at each collection point in turn, and with a heap that is full at
    /// each allocation in turn.
    Swept,
}

/// What a regression was put through on one engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// Runs as a script.
    pub scripts: u64,
    /// Runs as a case under a schedule.
    pub cases: u64,
    /// Runs with one collection.
    pub points: u64,
    /// Runs with one allocation that fails.
    pub failures: u64,
}

/// Runs a regression on one engine, as a script and as a case against `reference`. Nothing is run
/// on an engine that the header does not select.
///
/// # Errors
///
/// The first thing that went wrong.
pub fn run_regression(
    script: &Script,
    engine: &dyn Engine,
    reference: &dyn Engine,
    breadth: Breadth,
) -> Result<Trials, String> {
    let mut trials = Trials::default();
    if !selects(script, engine) {
        return Ok(trials);
    }
    let own = &script.header.schedule;
    let others = SCHEDULES
        .into_iter()
        .filter(|schedule| own.as_ref() != Some(schedule));
    let schedules: Vec<Schedule> = own.iter().cloned().chain(others).collect();
    let at_the_end = lives_at_the_end(script, reference)?;
    for schedule in &schedules {
        // A program that asks how much lives may go on differently where frames are on the stack:
        // then only cases can be compared.
        let report = if asks(script) {
            run_script(script, engine, schedule.clone())
        } else {
            run_checked(script, engine, schedule.clone(), &at_the_end)
        };
        let wrong = |what: String| format!("{} under {schedule}: {what}", engine.name());
        match report {
            Ok(report) if report.is_good() && report.passed > 0 => trials.scripts += 1,
            Ok(report) => return Err(wrong(report.to_string())),
            Err(error) => return Err(wrong(error)),
        }
    }
    let case = script
        .case()
        .map_err(|error: ScriptError| error.to_string())?;
    let mut judge = Judge::new(case, reference);
    for schedule in schedules {
        let _ = judge_case(&mut judge, engine, schedule)?;
        trials.cases += 1;
    }
    if breadth == Breadth::Swept {
        sweep(&mut judge, engine, reference, &mut trials)?;
    }
    Ok(trials)
}

/// Whether a module of the script imports a count of live objects.
fn asks(script: &Script) -> bool {
    let Ok(case) = script.case() else {
        return false;
    };
    let asks = |wasm: &[u8]| wasm.windows(4).any(|at| at == b"live");
    case.modules.iter().any(|module| asks(&module.wasm))
}

fn sweep(
    judge: &mut Judge<'_>,
    engine: &dyn Engine,
    reference: &dyn Engine,
    trials: &mut Trials,
) -> Result<(), String> {
    let (verdict, run) = judge_case(judge, engine, Schedule::At(Vec::new()))?;
    let whole = matches!(verdict, Verdict::Agree(_, None));
    for point in spread(run.totals.points) {
        let _ = judge_case(judge, engine, Schedule::At(vec![point]))?;
        trials.points += 1;
    }
    if judge.case().limits.full_at.is_some() {
        return Ok(());
    }
    for allocation in spread(run.totals.allocations) {
        let mut failing = Judge::new(judge.case().full_at(allocation), reference);
        let (verdict, run) = judge_case(&mut failing, engine, Schedule::EveryNth(3))?;
        if whole
            && !(run.steps.iter().any(|step| step.full)
                && matches!(verdict, Verdict::Agree(_, None)))
        {
            return Err(format!(
                "{}: allocation {allocation} does not fail where it does in the reference",
                engine.name()
            ));
        }
        trials.failures += 1;
    }
    Ok(())
}

/// The numbers below `count`, or [`SWEEP_MAX`] of them at most.
fn spread(count: u64) -> impl Iterator<Item = u64> {
    (0..count).step_by(count.div_ceil(SWEEP_MAX).max(1) as usize)
}

fn judge_case(
    judge: &mut Judge<'_>,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<(Verdict, Run), String> {
    let (verdict, run) = judge.judge_under(engine, schedule.clone());
    if verdict.finding().is_none() {
        return Ok((verdict, run));
    }
    let case = judge.case().under(schedule);
    let context = Context {
        case: &case,
        configuration: &engine.describe(),
        replay: "",
        program: "",
    };
    let full = case.limits.full_at;
    let full = full.map_or(String::new(), |at| {
        format!("the heap is full at allocation {at}\n")
    });
    Err(full + &report(&verdict, &context))
}

/// The folders of our own scripts: those that a planted fault breaks, and those that no fault of
/// the runtime could break.
const OWN_FOLDERS: [&str; 2] = ["regressions", "conformance"];

/// Our own scripts: where each is, and its path from this package's folder.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn own_scripts() -> io::Result<Vec<(PathBuf, String)>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in OWN_FOLDERS {
        for path in scripts_under(&package.join(folder))? {
            let name = path.strip_prefix(package).unwrap_or(&path);
            let name = name.display().to_string();
            found.push((path, name));
        }
    }
    Ok(found)
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
