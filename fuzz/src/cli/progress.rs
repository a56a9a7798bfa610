//! Progress of work whose amount is known, on standard error: a bar on a terminal on which a line
//! can be written over, a line every few seconds elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::{can_redraw, is_quiet, warn_line};

/// The time between two lines where there is no bar.
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bar, or the lines.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// What the pieces of work are called.
    unit: String,
    /// When the last line was written, if there are lines.
    last_line: Option<Mutex<Instant>>,
}

impl Bar {
    /// Begins the progress of `length` pieces of work, which are called `unit`.
    #[must_use]
    pub fn new(length: u64, unit: &str) -> Bar {
        let target = match can_redraw() {
            true => ProgressDrawTarget::stderr_with_hz(8),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = format!("{{bar:30}} {{pos}} of {{len}} {unit}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        let has_lines = !can_redraw() && !is_quiet();
        Bar {
            bar,
            unit: unit.to_owned(),
            last_line: has_lines.then(|| Mutex::new(Instant::now())),
        }
    }

    /// One piece is done.
    pub fn step(&self) {
        self.bar.inc(1);
        let Some(last) = &self.last_line else {
            return;
        };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            warn_line!("{done} of {all} {}", self.unit);
        }
    }

    /// Does something that writes lines, above the bar.
    pub fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Clears the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
