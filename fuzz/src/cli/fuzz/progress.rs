//! What a person sees while a run goes on: one living line on a terminal, a line every few seconds
//! elsewhere.
//!
//! Progress goes to standard error, so that standard output holds the summary alone.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::protocol::{Counters, Found};
use super::summary::Summary;
use crate::targets::Target;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The living line, or the time of the last line.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Looks whether standard error is a terminal.
    #[must_use]
    pub fn new() -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Progress {
            bar,
            last_line: Instant::now(),
        }
    }

    /// Says what begins.
    pub fn begin(&self, seed: u64, jobs: usize, targets: &[&'static Target]) {
        let names: Vec<_> = targets.iter().map(|t| t.name).collect();
        self.line(&format!(
            "fuzzing {} with {jobs} workers, seed {seed:#x}",
            names.join(", ")
        ));
    }

    /// Shows where the run is.
    pub fn show(&mut self, summary: &Summary, total: &Counters) {
        if let Some(bar) = &self.bar {
            bar.set_message(status(summary, total));
            bar.tick();
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{}", status(summary, total));
        }
    }

    /// Says that something was found.
    pub fn found(&self, found: &Found) {
        let place = found
            .folder
            .as_deref()
            .map_or(String::new(), |folder| format!(" -> {folder}"));
        self.line(&format!("FOUND {}: {}{place}", found.target, found.title));
    }

    /// Says that a worker died.
    pub fn died(&self, how: &str) {
        self.line(&format!(
            "a worker died ({how}); another goes on in its place"
        ));
    }

    /// Clears the living line.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

/// One line: time, speed, what was compared, what not and why, collections, live objects, findings.
fn status(summary: &Summary, total: &Counters) -> String {
    let seconds = summary.elapsed().as_secs_f64();
    let speed = total.programs as f64 / seconds.max(0.001);
    let skipped: Vec<_> = total
        .skipped
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let reasons = if skipped.is_empty() {
        String::new()
    } else {
        format!(" ({})", skipped.join(", "))
    };
    format!(
        "{seconds:>4.0} s  {speed:>5.0} programs/s  compared {}  skipped {}{reasons}  collections {}  live objects {}  findings {}",
        total.compared,
        total.skipped_total(),
        total.collections,
        total.live_objects,
        total.findings,
    )
}
