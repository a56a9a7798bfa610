//! Runs work in a thread of its own and waits for it up to a limit.
//!
//! A thread cannot be ended from outside. So a thread that does not come back is left behind, and
//! ends with the process.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gcrucible_wast_tests::directive::Location;
use gcrucible_wast_tests::runner::{Failure, Report};

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
pub struct Watch(Arc<Mutex<Progress>>);

impl Watch {
    /// Notes that a directive begins.
    pub fn begins(&self, at: Location, report: &Report) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        progress.at = at;
        progress.since = Instant::now();
        progress.report.clone_from(report);
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

/// Runs `work` on the script `file`. If it takes longer than `limits`, the report has what is known
/// until then, and one failure more.
///
/// # Errors
///
/// There is no thread to be had.
pub fn run(
    file: &str,
    limits: Limits,
    work: impl FnOnce(&Watch) -> Report + Send + 'static,
) -> std::io::Result<Report> {
    let started = Instant::now();
    let watch = Watch(Arc::new(Mutex::new(Progress {
        at: Location::default(),
        since: started,
        report: Report {
            file: file.to_owned(),
            ..Report::default()
        },
    })));
    let inner = watch.clone();
    let receive = started_apart(move || work(&inner))?;
    loop {
        let message = match receive.recv_timeout(LOOK) {
            Ok(report) => return Ok(report),
            Err(mpsc::RecvTimeoutError::Disconnected) => "the harness panicked".to_owned(),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let progress = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let progress = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = progress.report.clone();
        let at = progress.at;
        report.failures.push(Failure { at, message });
        return Ok(report);
    }
}
