//! A row of the table: all trials of one fault, and what they say together.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::trial::{Detection, Trial};

/// All trials of one fault. Medians are over all trials; one that found nothing counts as later
/// than all that did.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The fault, or [`NO_FAULT`](super::NO_FAULT). With the engine, if that is not ours.
    pub name: String,
    /// Whether the engines do not have the fault, so that a finding is a false alarm.
    pub healthy: bool,
    /// Whether its place ran in any trial.
    pub reached: bool,
    /// Whether its place went wrong in any trial.
    pub triggered: bool,
    /// Whether the median trial has a finding.
    pub detected: bool,
    /// The target and the comparison that most findings come from.
    pub by: Option<String>,
    /// Median of the programs until the finding.
    pub programs: Option<u64>,
    /// Median of the seconds until the finding.
    pub seconds: Option<f64>,
    /// The fewest and the most programs until a finding.
    pub programs_spread: Option<(u64, u64)>,
    /// The shortest and the longest time until a finding, in seconds.
    pub seconds_spread: Option<(f64, f64)>,
    /// Trials with a finding.
    pub found: u64,
    /// Programs of all trials together.
    pub programs_total: u64,
    /// The probability that a fault outlives the programs of the longest trial (Kaplan and Meier).
    pub survival: f64,
    /// Programs until a finding, expected from all trials: exact for a constant rate. Without any
    /// finding it is a lower bound, which holds with a probability of 95%.
    pub programs_expected: f64,
    /// The trials, by seed.
    pub trials: Vec<Trial>,
}

impl Row {
    /// The row of trials.
    #[must_use]
    pub fn new(name: &str, healthy: bool, mut trials: Vec<Trial>) -> Row {
        trials.sort_by_key(|trial| trial.seed);
        let found: Vec<&Detection> = trials.iter().filter_map(|t| t.detected.as_ref()).collect();
        let mut programs: Vec<u64> = found.iter().map(|d| d.mark.programs).collect();
        let mut seconds: Vec<f64> = found.iter().map(|d| d.mark.seconds).collect();
        programs.sort_unstable();
        seconds.sort_by(f64::total_cmp);
        let middle = trials.len().saturating_sub(1) / 2;
        let total = trials.iter().map(|trial| trial.ran.programs).sum();
        Row {
            name: name.to_owned(),
            healthy,
            reached: trials.iter().any(|t| t.reached.is_some()),
            triggered: trials.iter().any(|t| t.triggered.is_some()),
            detected: programs.len() > middle,
            by: most_frequent(&found),
            programs: programs.get(middle).copied(),
            seconds: seconds.get(middle).copied(),
            programs_spread: ends(&programs),
            seconds_spread: ends(&seconds),
            found: found.len() as u64,
            programs_total: total,
            survival: survival(&trials),
            programs_expected: expected(total, found.len()),
            trials,
        }
    }
}

fn ends<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    Some((*sorted.first()?, *sorted.last()?))
}

fn most_frequent(found: &[&Detection]) -> Option<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for detection in found {
        let by = format!("{}: {}", detection.target, detection.by);
        *counts.entry(by).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, n)| *n).map(|(by, _)| by)
}

/// The product-limit estimate at the end of the longest trial: trials without a finding are
/// censored.
fn survival(trials: &[Trial]) -> f64 {
    let mut ends: Vec<(u64, bool)> = trials
        .iter()
        .map(|trial| (trial.ran.programs, trial.detected.is_none()))
        .collect();
    // At one number of programs, findings come before the ends of trials without one.
    ends.sort_unstable();
    let mut alive = 1.0;
    for (at, &(_, is_censored)) in ends.iter().enumerate() {
        if !is_censored {
            alive *= 1.0 - 1.0 / (ends.len() - at) as f64;
        }
    }
    alive
}

fn expected(programs: u64, found: usize) -> f64 {
    // With a rate of r, no finding in n programs has the probability exp(-rn), which is 0.05 at
    // rn = 3.
    let findings = if found == 0 { 3.0 } else { found as f64 };
    programs as f64 / findings
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let (reached, triggered) = match self.healthy {
            true => ("-", "-"),
            false => (yes(self.reached), yes(self.triggered)),
        };
        let found = format!("{} of {}", self.found, self.trials.len());
        write!(
            f,
            "{:<36} {reached:>7} {triggered:>9} {found:>9}",
            self.name
        )?;
        match (self.programs, self.seconds) {
            (Some(programs), Some(seconds)) => write!(f, " {programs:>9} {seconds:>8.2}")?,
            _ => write!(f, " {:>9} {:>8}", "-", "-")?,
        }
        let spread = self.seconds_spread.map_or("-".to_owned(), |(low, high)| {
            format!("{low:.2} to {high:.2}")
        });
        let by = self.by.as_deref().unwrap_or("-");
        write!(f, " {spread:>16} {:>8.2}  {by}", self.survival)?;
        if self.found == 0 {
            write!(f, "; over {:.0} programs (95%)", self.programs_expected)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::Mark;
    use super::*;

    fn trial(seed: u64, programs: u64, found: bool) -> Trial {
        let mark = Mark {
            programs,
            seconds: programs as f64 / 100.0,
        };
        Trial {
            seed,
            reached: Some(mark),
            triggered: None,
            detected: found.then(|| Detection {
                mark,
                target: "types".to_owned(),
                by: "result".to_owned(),
                seed,
            }),
            ran: mark,
        }
    }

    #[test]
    fn a_trial_without_a_finding_counts_as_the_latest() {
        let trials = vec![
            trial(1, 900, false),
            trial(2, 300, true),
            trial(3, 100, true),
        ];
        let row = Row::new("some-fault", false, trials);
        assert!(row.detected && row.reached && !row.triggered);
        assert_eq!((row.programs, row.found), (Some(300), 2));
        assert_eq!(row.by.as_deref(), Some("types: result"));
        assert!((row.survival - 1.0 / 3.0).abs() < 1e-9, "{}", row.survival);
        assert!((row.programs_expected - 650.0).abs() < 1e-9);
        let missed = Row::new(
            "some-fault",
            false,
            vec![trial(1, 900, false), trial(2, 300, true)],
        );
        assert_eq!((missed.detected, missed.programs), (true, Some(300)));
        let missed = Row::new("some-fault", false, vec![trial(1, 900, false)]);
        assert_eq!((missed.detected, missed.programs), (false, None));
        assert!((missed.programs_expected - 300.0).abs() < 1e-9);
    }
}
