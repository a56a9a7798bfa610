//! The names of the specification's rules, and which of them a run has reached.
//!
//! `rules.txt` lists every rule of the families `Instr_ok`, `Ref_ok`, `Step`, `Step_pure`,
//! `Step_read` and `Steps`, sorted by bytes. `rule!` stands beside the code of a rule. It names the
//! rule and records in a [`Coverage`] that the rule was applied. A name that is not in the list
//! stops the build. A test in this file demands that the crate names each rule exactly once, or
//! gives a reason in [`ABSORBED`].
//!
//! A `Coverage` costs one change of a word in memory for each rule, so it is never switched off.

use std::cell::Cell;

/// The names, one a line.
const TEXT: &str = include_str!("rules.txt");

/// Number of rules.
const COUNT: usize = count_lines(TEXT);

/// The names, sorted.
const NAMES: [&str; COUNT] = lines(TEXT);

const fn count_lines(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut count, mut at) = (0, 0);
    while at < bytes.len() {
        count += (bytes[at] == b'\n') as usize;
        at += 1;
    }
    count
}

const fn lines<const N: usize>(text: &'static str) -> [&'static str; N] {
    let mut lines = [""; N];
    let (mut rest, mut line) = (text, 0);
    while line < N {
        let mut end = 0;
        while rest.as_bytes()[end] != b'\n' {
            end += 1;
        }
        let (name, tail) = rest.split_at(end);
        lines[line] = name;
        rest = tail.split_at(1).1;
        line += 1;
    }
    lines
}

/// Compares by bytes: -1 if `a` comes before `b`, 0 if they are equal, 1 if it comes after `b`.
const fn order(a: &str, b: &str) -> i8 {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return if a[at] < b[at] { -1 } else { 1 };
        }
        at += 1;
    }
    if a.len() == b.len() {
        0
    } else if a.len() < b.len() {
        -1
    } else {
        1
    }
}

/// Rules that no code names, and why. Everything else is named exactly once.
pub const ABSORBED: &[(&str, &str)] = &[
    (
        "Ref_ok/sub",
        "`TypeStore::reftype_sub`, after one of the others",
    ),
    ("Step/ctxt-frame", IN_PLACE),
    ("Step/ctxt-handler", IN_PLACE),
    ("Step/ctxt-instrs", IN_PLACE),
    ("Step/ctxt-label", IN_PLACE),
    ("Step/pure", FUNCTIONS),
    ("Step/read", FUNCTIONS),
    ("Step_pure/br-handler", SIDE_TABLE),
    ("Step_pure/br-label-succ", SIDE_TABLE),
    ("Step_pure/return-handler", SIDE_TABLE),
    ("Step_pure/return-label", SIDE_TABLE),
    ("Step_pure/trap-frame", RESULT),
    ("Step_pure/trap-handler", RESULT),
    ("Step_pure/trap-instrs", RESULT),
    ("Step_pure/trap-label", RESULT),
    ("Step_pure/unop-trap", TOTAL),
    ("Step_pure/vbinop-trap", TOTAL),
    ("Step_pure/vternop-trap", TOTAL),
    ("Step_pure/vunop-trap", TOTAL),
    ("Step_read/return_call_ref-handler", SIDE_TABLE),
    ("Step_read/return_call_ref-label", SIDE_TABLE),
    ("Step_read/throw_ref-instrs", SIDE_TABLE),
    ("Step_read/throw_ref-label", SIDE_TABLE),
    ("Steps/refl", LOOP),
    ("Steps/trans", LOOP),
];

const FUNCTIONS: &str = "the call of a rule's function";
const IN_PLACE: &str = "the instruction at the position of the frame on top is executed in place";
const LOOP: &str = "the loop of the interpreter";
const RESULT: &str = "`Err(Halt::Trap(..))` goes outwards";
const SIDE_TABLE: &str =
    "the side table leads straight to the target; there are no labels or handlers to pass";
const TOTAL: &str = "every such operator has a result, in the deterministic profile";

/// A rule of the specification, by its number in `rules.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule(u16);

impl Rule {
    /// Number of rules. [`Rule::index`] is below it.
    pub const COUNT: usize = COUNT;

    /// Returns the rule of this name.
    ///
    /// # Panics
    /// If the specification has no such rule. Evaluated as a constant, that stops the build.
    #[must_use]
    pub const fn named(name: &str) -> Rule {
        let (mut low, mut high) = (0, COUNT);
        while low < high {
            let middle = low + (high - low) / 2;
            match order(name, NAMES[middle]) {
                0 => return Rule(middle as u16),
                1 => low = middle + 1,
                _ => high = middle,
            }
        }
        panic!("no rule of the specification has this name")
    }

    /// Returns every rule, in the order of `rules.txt`.
    pub fn all() -> impl Iterator<Item = Rule> {
        (0..COUNT as u16).map(Rule)
    }

    /// Returns the name, such as `Step_read/struct.get-null`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    /// Returns a number below [`Rule::COUNT`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Records that a rule is applied, in a [`Coverage`] or a [`Recorder`]. The name is checked when
/// the crate is compiled.
macro_rules! rule {
    ($recorder:expr, $name:literal) => {{
        const RULE: $crate::Rule = $crate::Rule::named($name);
        $recorder.reach(RULE);
    }};
}
pub(crate) use rule;

/// Words of a row of bits, one bit for each rule.
const WORDS: usize = COUNT.div_ceil(64);

/// The bits of a row.
type Bits = [u64; WORDS];

/// Number of rows: one for each rule, and one for the start of a run.
const ROWS: usize = COUNT + 1;

/// The rules applied directly after a certain one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    after: [Cell<u64>; WORDS],
    /// Number of the row.
    number: usize,
}

impl Row {
    fn bits(&self) -> Bits {
        self.after.each_ref().map(Cell::get)
    }
}

/// Which rules were applied, and which directly after which other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// By rule. The last row has the rules that were applied first in a run.
    rows: Box<[Row; ROWS]>,
    /// Number of the row of the rule applied last.
    last: usize,
}

/// A [`Coverage`] in which rules are being recorded. It has the row of the rule applied last, so
/// that recording the next rule is one change in memory, without a search. The bits are in cells
/// because the recorder points to a row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Recorder<'c> {
    rows: &'c [Row; ROWS],
    last: &'c Row,
}

/// Where a recorder has stopped.
#[derive(Clone, Copy)]
pub(crate) struct Stopped(usize);

impl Recorder<'_> {
    /// Records an application of `rule`.
    #[inline]
    pub(crate) fn reach(&mut self, rule: Rule) {
        let at = rule.index();
        let word = &self.last.after[at / 64];
        word.set(word.get() | 1 << (at % 64));
        self.last = &self.rows[at];
    }

    /// For [`Coverage::resume`].
    #[inline]
    pub(crate) fn stop(self) -> Stopped {
        Stopped(self.last.number)
    }
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage::new()
    }
}

impl Coverage {
    /// Nothing reached yet.
    #[must_use]
    pub fn new() -> Coverage {
        let row = |number| Row {
            after: [const { Cell::new(0) }; WORDS],
            number,
        };
        Coverage {
            rows: Box::new(std::array::from_fn(row)),
            last: COUNT,
        }
    }

    /// Goes on recording, after the rule applied last.
    #[inline]
    pub(crate) fn recorder(&self) -> Recorder<'_> {
        Recorder {
            rows: &self.rows,
            last: &self.rows[self.last],
        }
    }

    /// The next recorder goes on where another has stopped.
    #[inline]
    pub(crate) fn resume(&mut self, stopped: Stopped) {
        self.last = stopped.0;
    }

    /// Records an application of `rule`.
    #[inline]
    pub fn reach(&mut self, rule: Rule) {
        let mut recorder = self.recorder();
        recorder.reach(rule);
        let stopped = recorder.stop();
        self.resume(stopped);
    }

    /// The next rule follows no other: a new run begins.
    pub fn restart(&mut self) {
        self.last = COUNT;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for row in self.rows.iter() {
            row.after.iter().for_each(|word| word.set(0));
        }
        self.restart();
    }

    /// Adds what `other` reached.
    pub fn merge(&mut self, other: &Coverage) {
        for (mine, theirs) in self.rows.iter().zip(other.rows.iter()) {
            for (mine, theirs) in mine.after.iter().zip(&theirs.after) {
                mine.set(mine.get() | theirs.get());
            }
        }
    }

    /// Returns the rules applied at least once, in the order of `rules.txt`.
    pub fn reached(&self) -> impl Iterator<Item = Rule> {
        let mut any = Bits::default();
        for row in self.rows.iter() {
            for (any, word) in any.iter_mut().zip(row.bits()) {
                *any |= word;
            }
        }
        Rule::all().filter(move |rule| has(&any, *rule))
    }

    /// Returns the pairs of rules applied one directly after the other. `None` is the start of a
    /// run.
    pub fn pairs(&self) -> impl Iterator<Item = (Option<Rule>, Rule)> {
        self.rows.iter().flat_map(|row| {
            let before = (row.number < COUNT).then_some(Rule(row.number as u16));
            let bits = row.bits();
            let after = Rule::all().filter(move |rule| has(&bits, *rule));
            after.map(move |rule| (before, rule))
        })
    }

    /// Returns the table of pairs as bits, a fixed number of words: a map to hand to a fuzzer.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().flat_map(Row::bits)
    }
}

/// Whether the bit of a rule is set in a row.
fn has(row: &Bits, rule: Rule) -> bool {
    row[rule.index() / 64] >> (rule.index() % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// How often each rule is named by a string literal in the sources below `directory`.
    fn count_names(directory: &Path, counts: &mut BTreeMap<String, usize>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                count_names(&path, counts);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("rules.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for literal in text.split('"') {
                    let family = literal.split('/').next().unwrap_or_default();
                    let families = [
                        "Instr_ok",
                        "Ref_ok",
                        "Step",
                        "Step_pure",
                        "Step_read",
                        "Steps",
                    ];
                    if literal.contains('/') && families.contains(&family) {
                        *counts.entry(literal.to_string()).or_default() += 1;
                    }
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn each_rule_is_named_exactly_once() {
        let mut counts = BTreeMap::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        count_names(&sources, &mut counts);
        let absorbed: Vec<&str> = ABSORBED.iter().map(|(name, _)| *name).collect();
        assert!(absorbed.is_sorted());
        for rule in Rule::all() {
            let expected = usize::from(!absorbed.contains(&rule.name()));
            let actual = counts.remove(rule.name()).unwrap_or_default();
            assert_eq!(actual, expected, "{} is named {actual} times", rule.name());
        }
        assert_eq!(counts, BTreeMap::new(), "not rules of the specification");
    }

    #[test]
    fn the_list_is_sorted_and_names_are_found() {
        assert!(NAMES.is_sorted());
        for rule in Rule::all() {
            assert_eq!(Rule::named(rule.name()), rule);
        }
    }

    #[test]
    fn coverage_holds_rules_and_pairs() {
        let mut coverage = Coverage::new();
        rule!(coverage, "Step_pure/nop");
        rule!(coverage, "Step_pure/drop");
        let names: Vec<_> = coverage.reached().map(Rule::name).collect();
        assert_eq!(names, ["Step_pure/drop", "Step_pure/nop"]);
        let (drop, nop) = (Rule::named("Step_pure/drop"), Rule::named("Step_pure/nop"));
        assert!(coverage.pairs().eq([(Some(nop), drop), (None, nop)]));

        let mut other = Coverage::new();
        assert_ne!(other, coverage);
        other.merge(&coverage);
        assert!(other.words().eq(coverage.words()));
        other.clear();
        assert_eq!(other.reached().count(), 0);
    }
}
