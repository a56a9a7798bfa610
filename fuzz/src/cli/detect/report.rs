//! The table, the plot and the JSON object.

use std::fmt::{self, Write};

use serde::Serialize;

use super::options::Options;
use super::row::Row;
use crate::cli::build::{BUILD, Build};
use crate::cli::failure::Ending;
use crate::targets::Target;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The program that measured.
    pub build: Build,
    /// Whether a signal ended it before the last trial.
    pub interrupted: bool,
    /// Trials for each fault.
    pub seeds: u64,
    /// Seconds for each trial.
    pub time: u64,
    /// The targets.
    pub targets: Vec<&'static str>,
    /// The engines, if they were named.
    pub engines: Vec<String>,
    /// Faults found in the median trial.
    pub found: u64,
    /// Faults measured.
    pub of: u64,
    /// Findings without a fault.
    pub false_alarms: u64,
    /// Median over the faults of the median seconds until a finding. None if most were missed.
    pub median_seconds: Option<f64>,
    /// A row for each fault, and one for no fault.
    pub faults: Vec<Row>,
}

/// Width of the bars of the plot, in characters.
const BAR: usize = 50;

/// Times at which the plot counts, as parts of the time of a trial.
const PARTS: [u32; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

impl Report {
    /// The report on these rows.
    #[must_use]
    pub fn new(options: &Options, targets: &[&'static Target], faults: Vec<Row>) -> Report {
        let planted = || faults.iter().filter(|row| !row.healthy);
        let mut medians: Vec<f64> = planted()
            .map(|row| row.seconds.unwrap_or(f64::INFINITY))
            .collect();
        medians.sort_by(f64::total_cmp);
        let median = medians.get(medians.len().saturating_sub(1) / 2);
        Report {
            build: BUILD,
            interrupted: false,
            seeds: options.seeds,
            time: options.time,
            targets: targets.iter().map(|target| target.name).collect(),
            engines: options.engines.clone(),
            found: planted().filter(|row| row.detected).count() as u64,
            of: planted().count() as u64,
            false_alarms: faults.iter().filter(|r| r.healthy).map(|r| r.found).sum(),
            median_seconds: median.copied().filter(|seconds| seconds.is_finite()),
            faults,
        }
    }

    /// How the subcommand ends.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.found < self.of || self.false_alarms > 0 {
            Ending::Found
        } else {
            Ending::Clean
        }
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising numbers, strings and lists of them cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Returns pairs of a time in seconds and the share of faults found by then, over all trials.
    fn curve(&self) -> Vec<(f64, f64)> {
        let trials: Vec<Option<f64>> = self
            .faults
            .iter()
            .filter(|row| !row.healthy)
            .flat_map(|row| &row.trials)
            .map(|trial| trial.detected.as_ref().map(|d| d.mark.seconds))
            .collect();
        let share = |by: f64| {
            let found = trials.iter().flatten().filter(|at| **at <= by).count();
            found as f64 / trials.len().max(1) as f64
        };
        let times = PARTS.map(|part| self.time as f64 / f64::from(part));
        times.iter().map(|&by| (by, share(by))).collect()
    }

    /// The plot as SVG: time on a logarithmic axis, and the share of faults found.
    #[must_use]
    pub fn to_svg(&self) -> String {
        const WIDTH: f64 = 480.0;
        const HEIGHT: f64 = 240.0;
        let mut text = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-50 -20 560 300\" \
             font-family=\"sans-serif\" font-size=\"11\">\n",
        );
        let curve = self.curve();
        let last = (curve.len() - 1).max(1) as f64;
        let mut points = String::new();
        for (at, &(time, share)) in curve.iter().enumerate() {
            let (x, y) = (WIDTH * at as f64 / last, HEIGHT * (1.0 - share));
            // Writing to a string cannot fail.
            let _ = write!(points, "{x:.0},{y:.0} ");
            let _ = writeln!(
                text,
                "<text x=\"{x:.0}\" y=\"256\" text-anchor=\"middle\">{time:.1} s</text>"
            );
        }
        for percent in [0, 25, 50, 75, 100] {
            let y = HEIGHT * (1.0 - f64::from(percent) / 100.0);
            let _ = writeln!(
                text,
                "<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ccc\"/>\
                 <text x=\"-6\" y=\"{}\" text-anchor=\"end\">{percent}%</text>",
                y + 4.0
            );
        }
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>\n</svg>",
            points.trim_end()
        );
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<36} {:>7} {:>9} {:>9} {:>9} {:>8} {:>16} {:>8}  by",
            "fault",
            "reached",
            "triggered",
            "detected",
            "programs",
            "seconds",
            "spread",
            "survival"
        )?;
        for row in &self.faults {
            writeln!(f, "{row}")?;
        }
        if self.of > 0 {
            writeln!(f, "\nfaults found within a time, of all trials")?;
            for (time, share) in self.curve() {
                let bar = "#".repeat((share * BAR as f64).round() as usize);
                writeln!(f, "{time:>8.2} s {:>4.0}% {bar}", share * 100.0)?;
            }
            writeln!(f)?;
        }
        let median = self
            .median_seconds
            .map_or("more than the time".to_owned(), |s| format!("{s:.2} s"));
        writeln!(
            f,
            "found         {} of {} faults in the median of {} seeds, {} s each; median {median}",
            self.found, self.of, self.seeds, self.time
        )?;
        writeln!(f, "false alarms  {}", self.false_alarms)
    }
}
