//! What a person sees during a run: one line that changes on a terminal, a line every few seconds
//! elsewhere.
//!
//! Progress goes to standard error, so that standard output holds the summary alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::protocol::{Counters, Found};
use super::summary::Summary;
use crate::cli::progress::LINE_EVERY;
use crate::cli::terminal::{BAD, can_redraw, is_quiet, warn_line};
use crate::targets::Target;

/// The line that changes, or the time of the last line.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    last_line: Instant,
    speeds: Speeds,
}

/// Programs a second, lately.
#[derive(Debug)]
struct Speeds {
    last: (Instant, u64),
    lately: VecDeque<f64>,
}

impl Speeds {
    /// How many are shown, and how far apart they are.
    const SHOWN: usize = 12;
    const EVERY: Duration = Duration::from_secs(2);

    /// Takes note of the programs until now.
    fn note(&mut self, programs: u64) {
        let (since, before) = self.last;
        let took = since.elapsed();
        if took < Speeds::EVERY {
            return;
        }
        let done = programs.saturating_sub(before) as f64;
        self.lately.push_back(done / took.as_secs_f64());
        if self.lately.len() > Speeds::SHOWN {
            self.lately.pop_front();
        }
        self.last = (Instant::now(), programs);
    }

    /// A bar for each speed, as high as it is beside the greatest.
    fn line(&self) -> String {
        let most = self.lately.iter().copied().fold(1.0, f64::max);
        let bar = |speed: &f64| {
            let eighths = (speed / most * 7.0).round() as u32;
            char::from_u32(0x2581 + eighths).unwrap_or(' ')
        };
        self.lately.iter().map(bar).collect()
    }
}

impl Progress {
    /// Starts a progress display for standard error, which may be a terminal.
    #[must_use]
    pub fn new() -> Progress {
        let bar = can_redraw().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Progress {
            bar,
            last_line: Instant::now(),
            speeds: Speeds {
                last: (Instant::now(), 0),
                lately: VecDeque::new(),
            },
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
        self.speeds.note(total.programs);
        if let Some(bar) = &self.bar {
            bar.set_message(status(summary, total, &self.speeds.line()));
            bar.tick();
        } else if !is_quiet() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            warn_line!("{}", status(summary, total, ""));
        }
    }

    /// Announces the first finding of a group.
    pub fn found(&self, found: &Found) {
        let folder = found.folder.as_deref();
        let folder = folder.map_or(String::new(), |folder| format!(" -> {folder}"));
        let (target, title) = (&found.id.target, found.finding.title());
        self.write(&format!("{BAD}FOUND{BAD:#} {target}: {title}{folder}"));
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

    /// Writes a line above the one that changes, unless the user wants to read little.
    pub fn line(&self, text: &str) {
        if !is_quiet() {
            self.write(text);
        }
    }

    fn write(&self, text: &str) {
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

/// Returns the state in one line. What matters most comes first, because a terminal cuts the end
/// off: time, findings, speed, programs compared and skipped, collections, live objects.
fn status(summary: &Summary, total: &Counters, speeds: &str) -> String {
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
        "{seconds:>4.0} s  findings {} in {} groups  {speed:>4.0} programs/s {speeds}  compared {}{kept}  skipped {}{reasons}  collections {}  live objects {}",
        total.findings,
        summary.groups.iter().len(),
        total.compared,
        total.skipped_total(),
        total.collections,
        total.live_objects,
    )
}

#[test]
fn speeds_are_bars_of_their_height() {
    let speeds = Speeds {
        last: (Instant::now(), 0),
        lately: [0.0, 50.0, 100.0].into(),
    };
    assert_eq!(speeds.line(), "\u{2581}\u{2585}\u{2588}");
}
