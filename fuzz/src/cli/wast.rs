//! `gcrucible wast`: runs scripts and counts what passed, for each file and in total.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Args;
use gcrucible_oracles::case::Limits;
use gcrucible_oracles::engine::{self, Engine, Setup, reference};
use gcrucible_oracles::foreign::{Counted, catalog};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::directive::Location;
use gcrucible_wast_tests::runner::{Failure as Failed, Report};
use gcrucible_wast_tests::script::Script;
use gcrucible_wast_tests::{known, matrix};
use serde::{Deserialize, Serialize};

use super::build::{BUILD, Build};
use super::engines::{self, Choice};
use super::failure::{Ending, Failure};
use super::guarded::{Death, Known, Notes, Running};
use super::interrupt::Interrupted;
use super::progress::Bar;
use super::scripts::{Item, NotRun, items};
use super::terminal::{BAD, is_verbose, say, warn_line};
use super::watched::{self, Watch};
use super::{junit, output};

/// Arguments of `wast`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Scripts, or folders that are searched for `*.wast`. Without any, the official suite runs,
    /// which is built in.
    pub paths: Vec<PathBuf>,
    /// The engine.
    #[command(flatten)]
    pub choice: Choice,
    /// When the runtime collects, for scripts whose header has no schedule: pressure, every,
    /// every:N or at:A,B,C.
    #[arg(long, value_name = "S", default_value = "pressure")]
    pub schedule: Schedule,
    /// Run the scripts in every configuration of the conformance matrix (optimisation level, trap
    /// mode, collector, and more), once under the given schedule and once with a collection at
    /// every point.
    #[arg(long)]
    pub matrix: bool,
    /// After each script, collect, verify the heap, audit the counts, compare the live objects with
    /// those that the reference can reach, drop the store, and check that no host object is left.
    #[arg(long)]
    pub check: bool,
    /// Write the counts as one JSON object into this file, or to standard output with `-`. With
    /// `--matrix` it is a list of objects.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// How many seconds one directive may take. If it takes longer, it fails, and so does the rest
    /// of its script. Its thread uses a core until the command ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub timeout: f64,
    /// How many seconds one script may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0, value_parser = seconds)]
    pub script_timeout: f64,
    /// Write the results into this file in JUnit's format; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

impl Options {
    /// Tells a line. Standard output holds either words or data.
    fn tell(&self, text: fmt::Arguments<'_>) {
        let files = [&self.json, &self.junit].into_iter().flatten();
        if files.clone().any(|path| output::is_standard(path)) {
            warn_line!("{text}");
        } else {
            say!("{text}");
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds, from 0.001 to 1000000".to_owned()),
    }
}

#[derive(Serialize)]
struct Json {
    build: Build,
    engine: String,
    collector: Option<&'static str>,
    schedule: String,
    /// Whether a signal ended it before the last script.
    interrupted: bool,
    /// Whether `--check` was given.
    checked: bool,
    passed: u64,
    failed: u64,
    unsupported: u64,
    decided_by_text_parser: u64,
    files: Vec<JsonFile>,
    not_in_release: Vec<NotRun>,
    seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct JsonFile {
    file: String,
    passed: u64,
    failed: u64,
    unsupported: u64,
    decided_by_text_parser: u64,
    failures: Vec<String>,
}

impl JsonFile {
    fn of(report: &Report) -> JsonFile {
        JsonFile {
            file: report.file.clone(),
            passed: report.passed,
            failed: report.failures.len() as u64,
            unsupported: report.unsupported.values().sum(),
            decided_by_text_parser: report.by_text_parser,
            failures: report
                .failures
                .iter()
                .map(|f| format!("{}: {}", f.at, f.message))
                .collect(),
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
///
/// A path that cannot be read, a folder without scripts, an engine that does not exist, does not
/// start or cannot follow the schedule, or a signal that ended the work.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let (items, not_in_release) = items(&options.paths)?;
    let items: Vec<Arc<Item>> = items.into_iter().map(Arc::new).collect();
    let runs = runs(options)?;
    let files = [&options.json, &options.junit].into_iter().flatten();
    files.clone().try_for_each(|path| output::try_file(path))?;
    if files.filter(|path| output::is_standard(path)).count() == 2 {
        let text = "--json and --junit cannot both go to standard output";
        return Err(Failure::Usage(text.to_owned()));
    }
    let bar = Bar::new((runs.len() * items.len()) as u64, "scripts");
    let notes = Notes::open()?;
    let interrupted = Interrupted::listen();
    let mut done = Vec::new();
    each(
        &runs,
        notes.is_one_at_a_time(),
        |run| all(&items, run, options, (&bar, &notes, &interrupted)),
        |json| {
            if !json.files.is_empty() {
                bar.above(|| options.tell(format_args!("{}", json.summary())));
            }
            done.push(json);
        },
    );
    bar.end();
    if !not_in_release.is_empty() {
        options.tell(format_args!(
            "{} files of proposals that WebAssembly 3.0 does not contain were not run",
            not_in_release.len()
        ));
    }
    let (passed, failed) = done.iter().fold((0, 0), |(passed, failed), json| {
        (passed + json.passed, failed + json.failed)
    });
    if options.matrix {
        let runs = done.len();
        options.tell(format_args!(
            "{runs} runs: {passed} passed, {failed} failed"
        ));
    }
    for json in &mut done {
        json.not_in_release.clone_from(&not_in_release);
    }
    if let Some(path) = &options.json {
        let text = match done.as_slice() {
            [json] if !options.matrix => serde_json::to_vec_pretty(json),
            all => serde_json::to_vec_pretty(all),
        };
        let mut text = text.map_err(|e| Failure::Content {
            path: path.display().to_string(),
            message: e.to_string(),
        })?;
        text.push(b'\n');
        output::write(path, &text)?;
    }
    if let Some(path) = &options.junit {
        let suites: Vec<junit::Suite> = done.iter().map(Json::suite).collect();
        let text =
            junit::report(&suites).map_err(|error| Failure::output(path.display(), error))?;
        output::write(path, &text)?;
    }
    let ran: usize = done.iter().map(|json| json.files.len()).sum();
    let asked = runs.len() * items.len();
    if ran < asked {
        let interrupted = Failure::Interrupted(format!("{ran} of {asked} scripts ran"));
        if failed == 0 {
            return Err(interrupted);
        }
        warn_line!("{BAD}gcrucible:{BAD:#} {interrupted}");
    }
    if passed + failed == 0 {
        let message = "nothing was asked of the engine".to_owned();
        return Err(Failure::NothingCompared(message));
    }
    Ok(if failed == 0 {
        Ending::Clean
    } else {
        Ending::Found
    })
}

/// An engine, and the schedule for scripts whose header has none.
type Run = (Arc<dyn Engine>, Schedule);

/// The engines to run, each with its schedule.
fn runs(options: &Options) -> Result<Vec<Run>, Failure> {
    let chosen: Arc<dyn Engine> = options.choice.open()?.into();
    if !options.matrix {
        let schedule = engines::followed(&options.schedule, chosen.as_ref())?;
        starts(chosen.as_ref(), &schedule)?;
        return Ok(vec![(chosen, schedule)]);
    }
    if options.choice.is_given() {
        let text = "--matrix runs every configuration: name none";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut runs = Vec::new();
    for schedule in [options.schedule.clone(), Schedule::Every] {
        for name in engine::matrix() {
            let engine = engine::named(&name).map_err(|why| Failure::Usage(why.to_string()))?;
            if engine.allows(&schedule) {
                runs.push((engine.into(), schedule.clone()));
            }
        }
        if options.schedule == Schedule::Every {
            break;
        }
    }
    Ok(runs)
}

/// Tries whether an engine starts. Otherwise every script would say that it does not.
fn starts(engine: &dyn Engine, schedule: &Schedule) -> Result<(), Failure> {
    let setup = Setup {
        schedule: schedule.clone(),
        limits: Limits::SCRIPT,
        answers: Vec::new(),
    };
    let opened = engine.open(&setup);
    opened
        .map(drop)
        .map_err(|why| Failure::Engine(format!("{}: {why}", engine.name())))
}

/// Does `work` for each item, on all cores or on one, and hands each result to `take` at once.
fn each<T: Sync, R: Send>(
    items: &[T],
    is_one_at_a_time: bool,
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R),
) {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let cores = match is_one_at_a_time {
        true => 1,
        false => std::thread::available_parallelism().map_or(1, usize::from),
    };
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Nobody hangs up before everything is done.
                    let _ = send.send(work(item));
                }
            });
        }
        drop(send);
        receive.iter().for_each(&mut take);
    });
}

/// Every script on one engine.
fn all(
    items: &[Arc<Item>],
    (engine, schedule): &Run,
    options: &Options,
    (bar, notes, interrupted): (&Bar, &Notes, &Interrupted),
) -> Json {
    let started = Instant::now();
    let limits = watched::Limits {
        directive: Duration::from_secs_f64(options.timeout),
        script: Duration::from_secs_f64(options.script_timeout),
    };
    let mut json = Json {
        build: BUILD,
        engine: engine.name(),
        collector: engine.collector(),
        schedule: schedule.to_string(),
        interrupted: false,
        checked: options.check,
        passed: 0,
        failed: 0,
        unsupported: 0,
        decided_by_text_parser: 0,
        files: Vec::new(),
        not_in_release: Vec::new(),
        seconds: 0.0,
    };
    for item in items {
        if interrupted.is() {
            break;
        }
        let name = format!("{} on {} under {schedule}", item.name, engine.name());
        let file = match notes.known(&name) {
            Some(Known::Done(file)) => serde_json::from_value(file.clone()).ok(),
            Some(Known::Died(death)) => Some(JsonFile::of(told(&died(item, death), options, bar))),
            None => None,
        };
        let file = file.or_else(|| {
            let report = match notes.begin(&name) {
                Ok(running) => {
                    let run = (engine, schedule);
                    one(item, run, options, (limits, interrupted), running)?
                }
                Err(why) => failed(item, format!("no note: {why}"), Location::default()),
            };
            let file = JsonFile::of(told(&report, options, bar));
            notes.done(&name, &file);
            Some(file)
        });
        if let Some(file) = file {
            json.add(file);
        }
        bar.step();
    }
    json.interrupted = json.files.len() < items.len();
    json.seconds = started.elapsed().as_secs_f64();
    json
}

impl Json {
    fn summary(&self) -> String {
        let schedule = match self.schedule.as_str() {
            "pressure" => String::new(),
            other => format!(" under {other}"),
        };
        format!(
            "{} files on {}{schedule}: {} passed, {} failed, {} unsupported, {} decided by the text parser ({:.1} s)",
            self.files.len(),
            self.engine,
            self.passed,
            self.failed,
            self.unsupported,
            self.decided_by_text_parser,
            self.seconds
        )
    }

    fn suite(&self) -> junit::Suite {
        let script = |file: &JsonFile| junit::Script {
            file: file.file.clone(),
            passed: file.passed,
            failures: file.failures.clone(),
        };
        junit::Suite {
            name: format!("{}, {}", self.engine, self.schedule),
            seconds: self.seconds,
            scripts: self.files.iter().map(script).collect(),
        }
    }

    fn add(&mut self, file: JsonFile) {
        self.passed += file.passed;
        self.failed += file.failed;
        self.unsupported += file.unsupported;
        self.decided_by_text_parser += file.decided_by_text_parser;
        self.files.push(file);
    }
}

/// Runs one script in its own session. If it cannot be read, that is a failure of this script.
/// Returns `None` if a signal came before its end.
fn one(
    item: &Arc<Item>,
    (engine, schedule): (&Arc<dyn Engine>, &Schedule),
    options: &Options,
    (limits, interrupted): (watched::Limits, &Interrupted),
    running: Running,
) -> Option<Report> {
    let check = options.check;
    // The engine in a header counts if the command line names none.
    let may_name = !options.choice.is_given() && !options.matrix;
    let (its, engine, schedule) = (Arc::clone(item), Arc::clone(engine), schedule.clone());
    let ran = watched::run(&item.name, limits, interrupted, running, move |watch| {
        unwatched(&its, engine.as_ref(), may_name, &schedule, check, watch)
    });
    ran.unwrap_or_else(|why| {
        let message = format!("no thread: {why}");
        Some(failed(item, message, Location::default()))
    })
}

/// Shows a report that has failures, or every one if the user wants that.
fn told<'a>(report: &'a Report, options: &Options, bar: &Bar) -> &'a Report {
    if is_verbose() || !report.failures.is_empty() {
        bar.above(|| options.tell(format_args!("{report}")));
    }
    report
}

/// The report of a script that took an earlier process with it.
fn died(item: &Item, death: &Death) -> Report {
    let at = Location {
        line: death.line,
        column: death.column,
    };
    Report {
        passed: death.passed,
        ..failed(item, death.how.clone(), at)
    }
}

fn failed(item: &Item, message: String, at: Location) -> Report {
    Report {
        file: item.name.clone(),
        failures: vec![Failed { at, message }],
        ..Report::default()
    }
}

fn unwatched(
    item: &Item,
    engine: &dyn Engine,
    may_name: bool,
    schedule: &Schedule,
    check: bool,
    watch: &Watch,
) -> Report {
    let text = match &item.text {
        Ok(text) => text,
        Err(why) => return failed(item, why.clone(), Location::default()),
    };
    let script = match Script::parse(&item.name, text) {
        Ok(script) => script,
        Err(error) => return failed(item, error.message, error.at),
    };
    let named = match script.header.engine.as_deref().filter(|_| may_name) {
        Some(name) => match healthy_or_named(&item.name, name) {
            Ok(named) => Some(named),
            Err(why) => return failed(item, why, Location::default()),
        },
        None => None,
    };
    let engine = named.as_deref().unwrap_or(engine);
    if !matrix::selects(&script, engine) {
        let why = "not meant for this collector".to_owned();
        return Report {
            file: item.name.clone(),
            unsupported: [(why, script.directives.len() as u64)].into(),
            ..Report::default()
        };
    }
    let schedule = script.header.schedule.as_ref().unwrap_or(schedule).clone();
    let begins = |at: Location, report: &Report| watch.begins(at, report);
    let differs = if script.header.check == Some(true) {
        let reference = reference();
        matrix::compare_with_reference(&script, engine, reference.as_ref(), schedule.clone()).err()
    } else {
        None
    };
    let run = if check {
        matrix::lives_at_the_end(&script, reference().as_ref())
            .and_then(|left| matrix::run_checked_watched(&script, engine, schedule, &left, &begins))
    } else {
        matrix::run_watched(&script, engine, schedule, &begins)
    };
    let mut report = match run {
        Ok(report) => report,
        Err(why) => {
            let message = format!("the engine does not start: {why}");
            return failed(item, message, Location::default());
        }
    };
    // Assertions of old proposals that 3.0 has superseded are no failures. Each is a row of a
    // table, with its reason.
    let judged = known::judge(&report, engine);
    report.failures = judged.unexpected;
    report
        .failures
        .extend(judged.held.iter().map(|&line| {
            Failed {
                at: Location { line, column: 0 },
                message: "this holds, though a row of expected-failures.toml says that it does not"
                    .to_owned(),
            }
        }));
    if judged.expected > 0 {
        let what = "expected to fail on this engine".to_owned();
        report.unsupported.insert(what, judged.expected as u64);
    }
    report.failures.extend(differs.map(|message| Failed {
        at: Location::default(),
        message,
    }));
    report
}

/// Returns the engine that a header names, without the faults that this build cannot plant.
fn healthy_or_named(script: &str, name: &str) -> Result<Box<dyn Engine>, String> {
    if catalog::names(name) {
        let opened = engines::open(name, engines::bounds(), Counted::EachStep);
        return opened.map_err(|why| format!("the header's engine: {why}"));
    }
    match engine::named(name) {
        Err(engine::NoEngine::NotPlanted { fault }) => {
            say!("{script}: runs without `{fault}`, which this build cannot plant");
            engine::named(engine::runtime::without_faults(name)).map_err(|why| why.to_string())
        }
        named => named.map_err(|why| format!("the header's engine: {why}")),
    }
}
