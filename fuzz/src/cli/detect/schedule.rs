//! Runs all trials, several at once, and shows progress.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::{Options, Subject};
use super::row::Row;
use super::trial::{Launcher, Trial};
use crate::cli::failure::Failure;
use crate::cli::interrupt::Interrupted;
use crate::cli::scratch::Scratch;
use crate::cli::terminal::warn_line;
use crate::targets::Target;

/// The end of a trial: which subject, and what became of it.
type Ended = (usize, Result<Trial, Failure>);

/// Runs every subject with every seed, and returns a row for each subject, in their order. After
/// a signal the rows have the trials that ended.
///
/// # Errors
/// A probe cannot be started or cannot do its work.
pub fn run(
    options: &Options,
    targets: &[&'static Target],
    subjects: &[Subject],
) -> Result<Vec<Row>, Failure> {
    let scratch = Scratch::temporary()?;
    let launcher = Launcher {
        targets,
        time: options.time,
        pairs: options.pairs.as_deref(),
        scratch: scratch.path(),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.map_or(cores, |jobs| jobs as usize);
    let (next, stop) = (&AtomicUsize::new(0), &Interrupted::listen());
    std::thread::scope(|scope| {
        let (send, receive) = channel();
        for slot in 0..jobs {
            let (send, launcher) = (send.clone(), &launcher);
            scope.spawn(move || work(launcher, subjects, options.seeds, slot, next, stop, &send));
        }
        drop(send);
        collect(&receive, subjects, options.seeds, stop)
    })
}

/// Takes trials, the seeds of one subject after the other, until there are no more.
fn work(
    launcher: &Launcher<'_>,
    subjects: &[Subject],
    seeds: u64,
    slot: usize,
    next: &AtomicUsize,
    stop: &Interrupted,
    send: &Sender<Ended>,
) {
    while !stop.is() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let (at, seed) = (number / seeds as usize, number as u64 % seeds + 1);
        let Some(subject) = subjects.get(at) else {
            return;
        };
        let Some(ended) = launcher.run(subject, seed, slot, stop).transpose() else {
            return;
        };
        if send.send((at, ended)).is_err() {
            return;
        }
    }
}

fn collect(
    receive: &Receiver<Ended>,
    subjects: &[Subject],
    seeds: u64,
    stop: &Interrupted,
) -> Result<Vec<Row>, Failure> {
    let mut progress = Progress::new(subjects.len() as u64 * seeds);
    let mut trials: BTreeMap<usize, Vec<Trial>> = BTreeMap::new();
    let mut failed = None;
    for (at, ended) in receive {
        match ended {
            Ok(trial) => {
                let of_subject = trials.entry(at).or_default();
                of_subject.push(trial);
                progress.trial();
                if of_subject.len() as u64 == seeds {
                    let Subject {
                        name, is_healthy, ..
                    } = &subjects[at];
                    progress.row(&Row::new(name, *is_healthy, of_subject.clone()));
                }
            }
            Err(failure) => {
                stop.request();
                failed = failed.or(Some(failure));
            }
        }
    }
    progress.end();
    match failed {
        Some(failure) => Err(failure),
        None => Ok(trials
            .into_iter()
            .map(|(at, trials)| Row::new(&subjects[at].name, subjects[at].is_healthy, trials))
            .collect()),
    }
}

/// A bar on a terminal, and a line for each row, on standard error.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(trials: u64) -> Progress {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(trials), target);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} trials, {eta}") {
            bar.set_style(style);
        }
        Progress { bar }
    }

    fn trial(&mut self) {
        self.bar.inc(1);
    }

    fn row(&mut self, row: &Row) {
        self.bar.suspend(|| warn_line!("{row}"));
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}
