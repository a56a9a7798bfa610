//! Runs work in a thread of its own and waits for it up to a limit.
//!
//! A thread cannot be ended from outside. So a thread that does not come back is left behind, and
//! ends with the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gcrucible_wast_tests::directive::Location;
use gcrucible_wast_tests::runner::{Failure, Report};

use super::guarded::Running;
use super::interrupt::Interrupted;

/// How long a script may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One directive of it.
    pub directive: Duration,
    /// All of it.
    pub script: Duration,
}

/// Where a script is.
struct Progress {
    at: Location,
    since: Instant,
    report: Report,
}

/// What work reports: the directive that is next, and what happened before it.
#[derive(Clone)]
pub struct Watch(Arc<(Mutex<Progress>, Running)>);

impl Watch {
    /// Notes that a directive begins.
    pub fn begins(&self, at: Location, report: &Report) {
        self.0.1.at(at, report.passed);
        let mut progress = self.progress();
        progress.at = at;
        progress.since = Instant::now();
        progress.report.clone_from(report);
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stack of the thread: that of a main thread.
const STACK_BYTES: usize = 8 << 20;

/// The time between two looks at the clock.
const LOOK: Duration = Duration::from_millis(20);

/// Starts work in a thread of its own. Returns the way by which its result comes. The way closes
/// without one if the work panics.
///
/// # Errors
///
/// There is no thread to be had.
pub fn started_apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<mpsc::Receiver<T>> {
    let (send, receive) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(move || {
        // Nobody listens any more if the time is over.
        let _ = send.send(work());
    })?;
    Ok(receive)
}

/// Runs `work` on the script `file`, which `running` notes. If it takes longer than `limits`, the
/// report has what is known until then, and one failure more. Returns `None` if a signal came
/// first.
///
/// # Errors
///
/// There is no thread to be had.
pub fn run(
    file: &str,
    limits: Limits,
    interrupted: &Interrupted,
    running: Running,
    work: impl FnOnce(&Watch) -> Report + Send + 'static,
) -> std::io::Result<Option<Report>> {
    let started = Instant::now();
    let progress = Mutex::new(Progress {
        at: Location::default(),
        since: started,
        report: Report {
            file: file.to_owned(),
            ..Report::default()
        },
    });
    let watch = Watch(Arc::new((progress, running)));
    let inner = watch.clone();
    let receive = started_apart(move || work(&inner))?;
    loop {
        let message = match receive.recv_timeout(LOOK) {
            Ok(report) => return Ok(Some(report)),
            Err(mpsc::RecvTimeoutError::Disconnected) => "the harness panicked".to_owned(),
            Err(mpsc::RecvTimeoutError::Timeout) if interrupted.is() => return Ok(None),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let progress = watch.progress();
                if progress.since.elapsed() > limits.directive {
                    let seconds = limits.directive.as_secs_f64();
                    format!("no end within {seconds} s, and the rest of the script did not run")
                } else if started.elapsed() > limits.script {
                    let seconds = limits.script.as_secs_f64();
                    format!("the script does not end within {seconds} s")
                } else {
                    continue;
                }
            }
        };
        let progress = watch.progress();
        let mut report = progress.report.clone();
        let at = progress.at;
        report.failures.push(Failure { at, message });
        return Ok(Some(report));
    }
}
