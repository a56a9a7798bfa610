//! Which findings of a run are worth reducing.
//!
//! Many faults of an engine in a process of its own show in the same words, such as "too many host
//! objects". So words do not tell whether a finding is new. Once a finding is reduced, the
//! operation that says most about it explains it. A later finding in the same words is explained as
//! well if it goes away with these operations. If it shows without them, there is another fault.

use std::collections::{BTreeMap, BTreeSet};

use gcrucible_oracles::cause::Cause;
use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::operation::{telling, weight};

use super::gate;
use super::operations::{removable, without};
use crate::program::Program;
use crate::program::quiet::quiet;
use crate::targets::{Rig, Subject, Target};

/// How many findings with the same words are reduced in one run.
const REDUCED_MAX: u32 = 12;

/// The least weight of an operation that explains a finding. Nearly every program has some of those
/// that weigh less.
const EXPLAINS: u8 = 2;

/// What is known of findings, by their words.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    by_words: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// Operations without which earlier findings did not show.
    operations: BTreeSet<String>,
    /// Whether an earlier one needed no operation that says anything.
    is_plain: bool,
    reduced: u32,
}

/// A finding that nothing explains.
#[derive(Clone, Debug)]
pub struct News {
    /// A subject that shows it.
    pub subject: Subject,
    /// The finding in that subject.
    pub finding: Finding,
    /// Whether other findings have the same words.
    pub is_apart: bool,
}

impl Explained {
    /// Returns a finding, if nothing explains it, on a program that has no operation that explains
    /// others in the same words. `words` are those by which findings are the same. One that takes a
    /// whole time limit is not worth it.
    pub fn news(
        &mut self,
        words: &str,
        target: &'static Target,
        subject: &Subject,
        finding: &Finding,
        rig: &mut Rig,
    ) -> Option<News> {
        if finding.is_slow() {
            return None;
        }
        let cause = self.by_words.entry(words.to_owned()).or_default();
        let program = subject.program.as_ref();
        let goes_by_words = Cause::of(finding).goes_by_words();
        if cause.reduced == 0 {
            cause.reduced = 1;
            return Some(News {
                subject: subject.clone(),
                finding: finding.clone(),
                is_apart: false,
            });
        }
        if cause.reduced >= REDUCED_MAX || goes_by_words {
            return None;
        }
        let mut shown = |program: &Program, gone| {
            let less = without(program, gone);
            gate::shows(target, less, subject.number, finding, rig)
        };
        let (mut program, calm) = (program?, quiet(program?));
        let all = removable(program).into_iter().collect();
        if cause.is_plain && shown(program, &all).is_some() {
            // What a call returns to the embedder may hide another fault.
            if shown(&calm, &all).is_some() {
                return None;
            }
            program = &calm;
        }
        let (subject, finding) = shown(program, &cause.operations)?;
        cause.reduced += 1;
        Some(News {
            subject,
            finding,
            is_apart: true,
        })
    }

    /// Takes the operation that says most about a reduced finding.
    pub fn learn(&mut self, words: &str, reduced: &Finding) {
        let cause = self.by_words.entry(words.to_owned()).or_default();
        let telling = telling(&reduced.operations);
        match telling.filter(|name| weight(name) >= EXPLAINS) {
            Some(name) => drop(cause.operations.insert(name.to_owned())),
            None => cause.is_plain = true,
        }
    }

    /// Returns the operations that explain findings with these words.
    pub fn operations(&self, words: &str) -> BTreeSet<String> {
        let cause = self.by_words.get(words);
        cause
            .map(|cause| cause.operations.clone())
            .unwrap_or_default()
    }
}

/// Returns true if a finding needs this operation: it shows without all others that say as much,
/// and no longer without this one. What a call returns to the embedder may hide the fault, so the
/// quiet program is asked first.
pub fn needs(
    operation: &str,
    target: &'static Target,
    subject: &Subject,
    finding: &Finding,
    rig: &mut Rig,
) -> bool {
    let Some(program) = &subject.program else {
        return false;
    };
    let calm = quiet(program);
    let is_loud = calm.to_string() != program.to_string();
    let mut needed = |program| needed_in(program, operation, target, subject.number, finding, rig);
    needed(&calm) || (is_loud && needed(program))
}

fn needed_in(
    program: &Program,
    operation: &str,
    target: &'static Target,
    number: u64,
    finding: &Finding,
    rig: &mut Rig,
) -> bool {
    let names = removable(program);
    if !names.iter().any(|name| name == operation) {
        return false;
    }
    let says_as_much = |name: &String| name != operation && weight(name) >= weight(operation);
    let others = names.into_iter().filter(says_as_much).collect();
    let alone = without(program, &others);
    let nothing = without(&alone, &[operation.to_owned()].into());
    let mut is_shown = |program| gate::shows(target, program, number, finding, rig).is_some();
    is_shown(alone) && !is_shown(nothing)
}
