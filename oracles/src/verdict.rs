//! What comparing two runs says, as closed enums; and counters, so that nothing is skipped
//! silently.
//!
//! Always: `Agree` carries how much was compared, and a comparison that compared nothing is
//! `Skipped`. A [`Tally`] over many verdicts refuses to call a session good in which nothing was
//! compared. Texts are made last, in `report`.

use std::collections::BTreeMap;
use std::fmt;

use crate::nondeterminism::Skip;

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
    /// Steps after which no live count could be checked, because the collector reclaims nothing.
    pub live_unchecked: u64,
    /// Differences permitted by a row of the table, and not ending the comparison.
    pub permitted: u64,
    /// Collections on the actual side.
    pub collections: u64,
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
        self.permitted += other.permitted;
        self.collections += other.collections;
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
            "{loads} modules, {steps} steps, {values} values, {objects} objects, {live_checks} live counts, {samples} bounded counts, \
             {} collections",
            self.collections
        )
    }
}

/// Which comparison found a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Whether a module is accepted.
    Load,
    /// How a step ends.
    Outcome,
    /// A result, or what it reaches.
    Result,
    /// An uncaught exception, or what it reaches.
    Exception,
    /// An exported global, or what it reaches.
    Global,
    /// An exported table, or what it reaches.
    Table,
    /// An exported memory.
    Memory,
    /// Which names are exported.
    Exports,
    /// Whether two places refer to the same object.
    Identity,
    /// The census after a full collection.
    Census,
    /// The balance of host objects.
    Handles,
    /// A live count with frames on the stack.
    Sample,
}

impl Aspect {
    /// One word, for grouping and folder names.
    pub fn name(self) -> &'static str {
        match self {
            Aspect::Load => "load",
            Aspect::Outcome => "outcome",
            Aspect::Result => "result",
            Aspect::Exception => "exception",
            Aspect::Global => "global",
            Aspect::Table => "table",
            Aspect::Memory => "memory",
            Aspect::Exports => "exports",
            Aspect::Identity => "identity",
            Aspect::Census => "census",
            Aspect::Handles => "handles",
            Aspect::Sample => "sample",
        }
    }

    /// What of the specification, or of this project's contracts, says that the two sides must be
    /// equal here.
    pub fn authority(self) -> &'static str {
        match self {
            Aspect::Load => {
                "specification chapters 2 and 5: validity and binary format are decidable and leave no choice"
            }
            Aspect::Outcome | Aspect::Result | Aspect::Exception => {
                "specification chapter 4: execution is deterministic up to NaNs, growth and host functions"
            }
            Aspect::Global | Aspect::Table | Aspect::Memory | Aspect::Exports => {
                "specification section 4.2.3: the store after a step is determined by the store before it"
            }
            Aspect::Identity => {
                "specification section 4.2: references are addresses; ref.eq observes their equality"
            }
            Aspect::Census => {
                "contract: live objects after a full collection are the reachable ones"
            }
            Aspect::Handles => "contract: host objects created == dropped + reachable",
            Aspect::Sample => {
                "contract: reachable without frames <= live objects <= reachable with every slot of every frame"
            }
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One side of a difference: the text in full, and a class that survives reduction (no numbers that
/// shrink with the case).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// In full.
    pub text: String,
    /// Coarsely, such as `i32` or `trapped: cast failure`.
    pub class: String,
}

impl Side {
    /// A side whose text is its class.
    pub fn plain(text: impl fmt::Display) -> Side {
        let text = text.to_string();
        Side {
            class: text.clone(),
            text,
        }
    }

    /// A text and a class.
    pub fn new(text: impl fmt::Display, class: impl fmt::Display) -> Side {
        Side {
            text: text.to_string(),
            class: class.to_string(),
        }
    }
}

/// The first difference between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which comparison.
    pub aspect: Aspect,
    /// The step, counted from 0; absent when a module was judged differently.
    pub step: Option<usize>,
    /// The way to the place, such as `table "t"[3] -> field 1`; empty when the aspect says it all.
    pub path: String,
    /// What the first run (the reference) has there.
    pub expected: Side,
    /// What the second run has there.
    pub actual: Side,
    /// The engine of the second run.
    pub engine: String,
}

impl Difference {
    /// Equal for two cases that show the same fault, as far as one difference can tell: aspect and
    /// both classes.
    pub fn signature(&self) -> String {
        format!(
            "{}: {} / {}",
            self.aspect, self.expected.class, self.actual.class
        )
    }
}

/// An engine that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Which engine.
    pub engine: String,
    /// At which step, counted from 0; absent while loading.
    pub step: Option<usize>,
    /// What it said.
    pub what: String,
}

impl Crash {
    /// As [`Difference::signature`]; numbers in the text are dropped, because they change while a
    /// case is reduced.
    pub fn signature(&self) -> String {
        let words = self.what.split(|c: char| !c.is_alphabetic());
        let words: Vec<&str> = words.filter(|word| word.len() > 1).take(12).collect();
        format!("crash: {}", words.join(" "))
    }
}

/// What comparing two runs says.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything compared is equal or permitted; when the comparison ended early, with the reason.
    Agree(Stats, Option<Skip>),
    /// Nothing was compared, for this reason.
    Skipped(Skip),
    /// The first difference.
    Differ(Box<Difference>),
    /// One of the engines broke.
    Crashed(Box<Crash>),
}

impl Verdict {
    /// Whether this is a finding.
    pub fn is_finding(&self) -> bool {
        matches!(self, Verdict::Differ(_) | Verdict::Crashed(_))
    }

    /// The signature of a finding: what the reducer keeps and the report groups by.
    pub fn signature(&self) -> Option<String> {
        match self {
            Verdict::Differ(difference) => Some(difference.signature()),
            Verdict::Crashed(crash) => Some(crash.signature()),
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
            Verdict::Differ(_) | Verdict::Crashed(_) => self.findings += 1,
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

    /// How many verdicts were counted.
    pub fn verdicts(&self) -> u64 {
        self.agreed + self.findings + self.skipped.values().sum::<u64>()
    }

    /// # Errors
    ///
    /// When no step and no module was compared and nothing was found: such a session proves
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
