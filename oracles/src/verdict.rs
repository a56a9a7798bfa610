//! The result of comparing two runs, and counters over many of them. Nothing is skipped silently.
//!
//! Always: `Agree` says how much was compared. A comparison of nothing is `Skipped`, and a
//! [`Tally`] in which nothing was compared is an error. Texts are written in `report`.

use std::collections::BTreeMap;
use std::fmt;

use crate::finding::Finding;
use crate::nondeterminism::{Skip, Used};

/// How much a comparison compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Modules whose acceptance was compared.
    pub loads: u64,
    /// Steps whose outcome and state were compared.
    pub steps: u64,
    /// Values compared: results, globals, table elements, fields.
    pub values: u64,
    /// Pairs of objects matched with each other.
    pub objects: u64,
    /// Exact live counts checked, by census and by host objects.
    pub live_checks: u64,
    /// Bounded live counts checked.
    pub samples: u64,
    /// Steps after which no live count was checked, because the collector reclaims nothing.
    pub live_unchecked: u64,
    /// Differences that a row of the table permits.
    pub permitted: Used,
    /// Collections on the actual side.
    pub collections: u64,
    /// What was compared less closely than with an engine whose objects are read directly.
    pub lesser: Lesser,
}

/// Comparisons with an engine in a process of its own, which show less than others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lesser {
    /// Functions that are told apart, but not known by their definitions.
    pub functions_numbered: u64,
    /// Functions that are only known not to be null.
    pub functions_unknown: u64,
    /// Exceptions that were read, and have no identity.
    pub exceptions_read: u64,
    /// Exceptions that could not be read.
    pub exceptions_unread: u64,
    /// Traps whose kind is one of several.
    pub traps_merged: u64,
    /// Answers to `live` that were given and not asked for.
    pub samples_replayed: u64,
}

impl Lesser {
    /// Adds other counts.
    pub fn add(&mut self, other: &Lesser) {
        self.functions_numbered += other.functions_numbered;
        self.functions_unknown += other.functions_unknown;
        self.exceptions_read += other.exceptions_read;
        self.exceptions_unread += other.exceptions_unread;
        self.traps_merged += other.traps_merged;
        self.samples_replayed += other.samples_replayed;
    }

    /// Returns each count with its name, in a fixed order.
    pub fn counts(&self) -> [(&'static str, u64); 6] {
        [
            ("functions by number", self.functions_numbered),
            ("functions not told apart", self.functions_unknown),
            ("exceptions without identity", self.exceptions_read),
            ("exceptions not read", self.exceptions_unread),
            ("traps of several kinds", self.traps_merged),
            ("live counts replayed", self.samples_replayed),
        ]
    }
}

impl Stats {
    fn add(&mut self, other: &Stats) {
        self.loads += other.loads;
        self.steps += other.steps;
        self.values += other.values;
        self.objects += other.objects;
        self.live_checks += other.live_checks;
        self.samples += other.samples;
        self.live_unchecked += other.live_unchecked;
        self.permitted.add(&other.permitted);
        self.collections += other.collections;
        self.lesser.add(&other.lesser);
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats {
            loads,
            steps,
            values,
            objects,
            live_checks,
            samples,
            ..
        } = self;
        write!(
            f,
            "{loads} modules, {steps} steps, {values} values, {objects} objects, \
             {live_checks} live counts, {samples} bounded counts, {} collections",
            self.collections
        )
    }
}

/// What comparing two runs says.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything compared is equal or permitted. If the comparison ended early, the reason is
    /// given.
    Agree(Stats, Option<Skip>),
    /// Nothing was compared, for this reason.
    Skipped(Skip),
    /// The first difference, or one of the engines broke.
    Found(Box<Finding>),
}

impl Verdict {
    /// Returns what was found, if anything was.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Verdict::Found(finding) => Some(finding),
            Verdict::Agree(..) | Verdict::Skipped(_) => None,
        }
    }
}

/// Counts of many verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Comparisons that agreed.
    pub agreed: u64,
    /// Findings.
    pub findings: u64,
    /// Comparisons that compared nothing, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// Comparisons that agreed and ended early, by reason.
    pub cut: BTreeMap<Skip, u64>,
    /// All that was compared.
    pub stats: Stats,
}

/// A session of comparisons that compared nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing was compared in {verdicts} comparisons")]
pub struct NothingCompared {
    /// How many verdicts there were.
    pub verdicts: u64,
}

impl Tally {
    /// Counts one verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Agree(stats, cut) => {
                self.agreed += 1;
                self.stats.add(stats);
                if let Some(skip) = cut {
                    *self.cut.entry(*skip).or_insert(0) += 1;
                }
            }
            Verdict::Skipped(skip) => *self.skipped.entry(*skip).or_insert(0) += 1,
            Verdict::Found(_) => self.findings += 1,
        }
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Tally) {
        self.agreed += other.agreed;
        self.findings += other.findings;
        self.stats.add(&other.stats);
        for (skip, count) in &other.skipped {
            *self.skipped.entry(*skip).or_insert(0) += count;
        }
        for (skip, count) in &other.cut {
            *self.cut.entry(*skip).or_insert(0) += count;
        }
    }

    /// Returns how many verdicts were counted.
    pub fn verdicts(&self) -> u64 {
        self.agreed + self.findings + self.skipped.values().sum::<u64>()
    }

    /// # Errors
    ///
    /// When no step and no module was compared and nothing was found. Such a session proves
    /// nothing.
    pub fn check(&self) -> Result<(), NothingCompared> {
        let compared = self.stats.steps + self.stats.loads + self.findings;
        if compared > 0 {
            return Ok(());
        }
        Err(NothingCompared {
            verdicts: self.verdicts(),
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} agreed, {} findings; compared {}",
            self.agreed, self.findings, self.stats
        )?;
        for (skip, count) in &self.skipped {
            writeln!(f, "  skipped, {skip}: {count}")?;
        }
        for (skip, count) in &self.cut {
            writeln!(f, "  ended early, {skip}: {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Resource;

    #[test]
    fn a_session_that_compared_nothing_has_failed() {
        let mut tally = Tally::default();
        assert!(tally.check().is_err());
        tally.count(&Verdict::Skipped(Skip::Exhausted(Resource::Heap)));
        assert_eq!(tally.check(), Err(NothingCompared { verdicts: 1 }));
        let stats = Stats {
            steps: 1,
            ..Stats::default()
        };
        tally.count(&Verdict::Agree(stats, Some(Skip::Unsupported)));
        assert_eq!(tally.check(), Ok(()));
        assert_eq!(tally.skipped.values().sum::<u64>(), 1);
        assert_eq!(tally.cut.get(&Skip::Unsupported), Some(&1));
    }
}
