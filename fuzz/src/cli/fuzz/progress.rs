//! What a person sees during a run: one line that changes on a terminal, a line every few seconds
//! elsewhere.
//!
//! Progress goes to standard error, so that standard output holds the summary alone.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::protocol::{Counters, Found};
use super::summary::Summary;
use crate::cli::terminal::warn_line;
use crate::targets::Target;

/// The time between two lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The line that changes, or the time of the last line.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Starts a progress display for standard error, which may be a terminal.
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

    /// Announces the run.
    pub fn begin(&self, run_seed: u64, jobs: usize, targets: &[&'static Target]) {
        let names: Vec<_> = targets.iter().map(|t| t.name).collect();
        self.line(&format!(
            "fuzzing {} with {jobs} workers, --run-seed {run_seed:#x}",
            names.join(", ")
        ));
    }

    /// Shows the state of the run.
    pub fn show(&mut self, summary: &Summary, total: &Counters) {
        if let Some(bar) = &self.bar {
            bar.set_message(status(summary, total));
            bar.tick();
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            warn_line!("{}", status(summary, total));
        }
    }

    /// Announces the first finding of a group.
    pub fn found(&self, found: &Found) {
        let folder = found.folder.as_deref();
        let folder = folder.map_or(String::new(), |folder| format!(" -> {folder}"));
        let (target, title) = (&found.id.target, found.finding.title());
        self.line(&format!("FOUND {target}: {title}{folder}"));
    }

    /// Announces that a worker died.
    pub fn died(&self, how: &str) {
        self.line(&format!(
            "a worker died ({how}); another goes on in its place"
        ));
    }

    /// Clears the line that changes.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Writes a line above the one that changes.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| warn_line!("{text}")),
            None => warn_line!("{text}"),
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

/// Returns the state in one line: time, speed, programs compared and skipped, collections, live
/// objects, findings.
fn status(summary: &Summary, total: &Counters) -> String {
    let seconds = summary.elapsed().as_secs_f64();
    let speed = total.programs as f64 / seconds.max(0.001);
    let skipped: Vec<_> = total
        .skipped
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let kept = match total.kept {
        0 => String::new(),
        kept => format!("  kept {kept}"),
    };
    let reasons = if skipped.is_empty() {
        String::new()
    } else {
        format!(" ({})", skipped.join(", "))
    };
    format!(
        "{seconds:>4.0} s  {speed:>5.0} programs/s  compared {}  skipped {}{reasons}  collections {}  live objects {}  findings {} in {} groups{kept}",
        total.compared,
        total.skipped_total(),
        total.collections,
        total.live_objects,
        total.findings,
        summary.groups.iter().len(),
    )
}
