//! Script x engine x schedule: the trials of `tests/` and of the command line.
//!
//! A regression is run as a script, which checks its assertions. It is also run as a case against
//! the reference, which checks everything observable and every live count: under several schedules,
//! with one collection at each collection point in turn, and with a heap that is full at each
//! allocation in turn.
//!
//! [`run_checked`] also checks that **nothing leaks**:
//!
//! - After the last directive the host collects everything. The heap verifies, and its counts are
//!   audited.
//! - What lives is what the reference reaches after the same script, by kind and type. For a
//!   collector that keeps cycles, this includes garbage cycles and what they reach.
//! - Dropped host objects = created - reachable.
//! - When the store is dropped, no host object is left.
//!
//! Not here: which engines there are (`oracles::engine`).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gcrucible_oracles::case::Limits;
use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{Engine, Run, Session, Setup, Traits};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::leak::{self, Live};
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;

use crate::directive::Location;
use crate::known::{self, Judged};
use crate::runner::{self, Failure, Report};
use crate::script::{Script, ScriptError};

/// The schedules under which a regression runs, in addition to its own.
pub const SCHEDULES: [Schedule; 5] = [
    Schedule::OnPressure,
    Schedule::EveryNth(2),
    Schedule::EveryNth(3),
    Schedule::EveryNth(7),
    Schedule::Every,
];

/// At most this many collection points, and this many allocations, of one regression are tried. If
/// there are more, they are thinned out evenly.
pub const SWEEP_MAX: u64 = 200;

fn open(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
) -> Result<Box<dyn Session>, String> {
    engine.open(&Setup {
        schedule,
        limits: script.limits(Limits::SCRIPT),
        answers: script.header.answers.clone(),
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

/// As [`run_script`]. Also returns the rules of the specification that the engine applied, if it
/// reports them.
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

/// As [`run_script`]. Before each directive, `watch` gets its location and the report so far.
///
/// # Errors
///
/// As [`run_script`].
pub fn run_watched(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
    watch: &dyn Fn(Location, &Report),
) -> Result<Report, String> {
    let mut session = open(script, engine, schedule)?;
    Ok(runner::run_watched(script, session.as_mut(), watch))
}

/// Returns what the reference reaches at the end of a script. [`run_checked`] expects it.
///
/// # Errors
///
/// The reference cannot start, or breaks.
pub fn lives_at_the_end(script: &Script, reference: &dyn Engine) -> Result<Live, String> {
    let mut session = open(script, reference, Schedule::OnPressure)?;
    runner::run(script, session.as_mut());
    session.live()
}

/// Runs a script once and checks that nothing leaked (see above). A leak is a failure without a
/// location.
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
    run_checked_watched(script, engine, schedule, expected, &|_, _| {})
}

/// As [`run_checked`]. Before each directive, `watch` gets its location and the report so far.
///
/// # Errors
///
/// As [`run_script`].
pub fn run_checked_watched(
    script: &Script,
    engine: &dyn Engine,
    schedule: Schedule,
    expected: &Live,
    watch: &dyn Fn(Location, &Report),
) -> Result<Report, String> {
    let mut session = open(script, engine, schedule)?;
    let mut report = runner::run_watched(script, session.as_mut(), watch);
    let left = match session.live() {
        Ok(actual) => compare_ends(expected, &actual, engine.traits()),
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

fn compare_ends(expected: &Live, actual: &Live, traits: Traits) -> Result<(), String> {
    leak::census::check(expected, actual).map_err(|miscount| miscount.to_string())?;
    let balance = leak::handles::check(expected, actual, traits.reclaims, traits.outside);
    balance.map_err(|imbalance| imbalance.to_string())?;
    Ok(())
}

/// Runs a script of the official suite. Returns the report, and the report judged by the table of
/// superseded assertions. If `expected` is given, it also checks that nothing leaked.
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
    let judged = known::judge(&report, engine);
    Ok((report, judged))
}

/// Returns true if a script is meant for an engine. A header that names collectors selects only
/// engines with those.
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
    /// Also runs it with one collection at each collection point in turn, and with a heap that is
    /// full at each allocation in turn.
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

/// Runs a regression on one engine, as a script and as a case against `reference`. Does nothing if
/// the header does not select the engine.
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
        // Answers to `live` with frames on the stack may differ between engines, and the program
        // may then take another path. So the ends are compared only if no module asks.
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

/// Returns true if a module of the script imports a count of live objects.
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

/// Returns the numbers below `count`, but at most [`SWEEP_MAX`] of them.
fn spread(count: u64) -> impl Iterator<Item = u64> {
    (0..count).step_by(count.div_ceil(SWEEP_MAX).max(1) as usize)
}

/// Runs a script as a case on an engine, and compares everything with the reference.
///
/// # Errors
///
/// What differs, or why the script is no case.
pub fn compare_with_reference(
    script: &Script,
    engine: &dyn Engine,
    reference: &dyn Engine,
    schedule: Schedule,
) -> Result<(), String> {
    let case = script
        .case()
        .map_err(|error: ScriptError| error.to_string())?;
    let mut judge = Judge::new(case, reference);
    judge_case(&mut judge, engine, schedule).map(drop)
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
    };
    let full = case.limits.full_at;
    let full = full.map_or(String::new(), |at| {
        format!("the heap is full at allocation {at}\n")
    });
    Err(full + &report(&verdict, &context))
}

/// The folders of our own scripts. A planted fault breaks each script of the first, and no fault of
/// the runtime could break one of the second.
const OWN_FOLDERS: [&str; 2] = ["regressions", "conformance"];

/// Returns our own scripts: for each, its path, and its path relative to this package.
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

/// Returns every `.wast` file under a folder, sorted by path. Each folder is walked once, even if
/// several links lead to it.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn scripts_under(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    // Links can lead back to a folder.
    let mut walked = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        if !walked.insert(fs::canonicalize(&folder)?) {
            continue;
        }
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
