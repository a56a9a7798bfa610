//! Signals that ask the program to end: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
//!
//! The first one is a request: the subcommand stops, and tells and writes what it has. One that
//! comes later ends the process at once, for a user who does not want to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::failure::ENVIRONMENT;

/// A signal that comes this long after the first ends the process. A terminal that closes sends
/// several within a moment.
const LATER: Duration = Duration::from_secs(1);

/// Whether a signal asked the program to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    /// Listens to signals from now on.
    #[must_use]
    pub fn listen() -> Interrupted {
        Interrupted::listen_and(|| {})
    }

    /// Listens to signals from now on, and calls `then` for each. It runs in a thread of its own.
    #[must_use]
    pub fn listen_and(then: impl Fn() + Send + 'static) -> Interrupted {
        let interrupted = Interrupted::default();
        let flag = Arc::clone(&interrupted.0);
        let mut first: Option<Instant> = None;
        // Fails only if a handler is already there, which never happens in this program.
        let _ = ctrlc::set_handler(move || {
            flag.store(true, Ordering::Relaxed);
            then();
            if first.get_or_insert_with(Instant::now).elapsed() >= LATER {
                std::process::exit(ENVIRONMENT.into());
            }
        });
        interrupted
    }

    /// Asks the program to end, as a signal does.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true if there was a signal or a request.
    #[must_use]
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
