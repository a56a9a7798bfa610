//! What may be behind a finding, to tell whether two findings have one cause.
//!
//! A reduced program has only operations that are needed to show its finding. If two findings have
//! one cause, the operation at fault is in both programs. So findings of one family are taken for
//! one fault if their programs share an operation that says as much as the most that either has. If
//! the operations of one of them say little, equal words are enough. Each finding that joins a
//! group takes away operations that are not at fault.

use std::collections::BTreeSet;

use crate::finding::{Aspect, Finding, Symptom};
use crate::foreign::catalog;
use crate::foreign::transport::PANICKED;
use crate::operation::{telling, weight};

/// Kinds of symptoms that one fault can show in different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// An object lives too long or not long enough: wrong counts, and heaps that do not pass their
    /// checks.
    Lives,
    /// A wrong value or end.
    Behaves,
    /// A panic of an engine in a process of its own. Its message says more than operations do.
    Panics,
    /// A process that died or did not end, or a panic of the harness.
    Ends,
}

/// What findings of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    family: Family,
    /// The first word of the engine's name.
    engine: String,
    /// The operations that all programs have. Empty if a finding was not reduced.
    operations: BTreeSet<String>,
    /// The signatures of all findings.
    words: BTreeSet<String>,
}

/// The operation that stands for all that engines do in one way: short forms, calls that return at
/// once, and casts, which share the test of a type.
fn whole(operation: &str) -> &str {
    match operation {
        "struct.new_default" => "struct.new",
        "array.new_default" | "array.new_fixed" => "array.new",
        "constant struct.new_default" => "constant struct.new",
        "constant array.new_default" | "constant array.new_fixed" => "constant array.new",
        "return_call_indirect" => "call_indirect",
        "return_call_ref" => "call_ref",
        "ref.test" | "br_on_cast" | "br_on_cast_fail" => "ref.cast",
        other => other,
    }
}

impl Cause {
    /// What one finding says.
    pub fn of(finding: &Finding) -> Cause {
        let said = finding.operations.iter().filter(|name| weight(name) > 0);
        let said = said.map(|name| whole(name).to_owned());
        Cause {
            family: match &finding.symptom {
                Symptom::Differs(difference) => match difference.aspect {
                    Aspect::Census | Aspect::Handles | Aspect::Sample => Family::Lives,
                    _ => Family::Behaves,
                },
                Symptom::Broke(words)
                    if catalog::names(&finding.engine) && words.text.contains(PANICKED) =>
                {
                    Family::Panics
                }
                Symptom::Broke(_) => Family::Lives,
                Symptom::Died(_) | Symptom::Hung { .. } | Symptom::Panicked(_) => Family::Ends,
            },
            engine: finding.engine_word().to_owned(),
            operations: said.collect(),
            words: [finding.signature()].into(),
        }
    }

    /// Returns true if its words alone tell whether another finding has the same cause.
    pub fn goes_by_words(&self) -> bool {
        self.family == Family::Panics
    }

    /// The operation that says most about the cause.
    pub fn operation(&self) -> Option<&str> {
        telling(&self.operations)
    }

    /// If both may have one cause, how much the operations say that both have.
    pub fn shared(&self, other: &Cause) -> Option<u8> {
        if (self.family, &self.engine) != (other.family, &other.engine) {
            return None;
        }
        if self.goes_by_words() {
            let is_same = !self.words.is_disjoint(&other.words);
            return is_same.then_some(u8::MAX);
        }
        let most = |cause: &Cause| cause.operation().map_or(0, weight);
        let least = most(self).min(most(other));
        let both = self.operations.intersection(&other.operations);
        let shared = both.map(|name| weight(name)).max();
        // Words about lives are more special than "another i32".
        let little = match self.family {
            Family::Lives => weight("ref.i31"),
            Family::Behaves | Family::Panics | Family::Ends => weight("struct.new"),
        };
        match shared.filter(|&shared| shared >= least) {
            None if least <= little && !self.words.is_disjoint(&other.words) => Some(0),
            shared => shared,
        }
    }

    /// The same for a finding that shows without the operations that explain others. A more
    /// frequent operation that both have does not make it one of them.
    pub fn shared_apart(&self, other: &Cause) -> Option<u8> {
        let most = |cause: &Cause| cause.operation().map_or(0, weight);
        let least = most(self).max(most(other));
        self.shared(other).filter(|&shared| shared >= least)
    }

    /// Keeps the operations that `other` has as well, and adds its words. Another that was not
    /// reduced says nothing of operations.
    pub fn narrow(&mut self, other: &Cause) {
        self.words.extend(other.words.iter().cloned());
        if other.operations.is_empty() {
            return;
        }
        self.operations
            .retain(|name| other.operations.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(words: &str, operations: &[&str]) -> Cause {
        on("runtime:drc", words, operations)
    }

    fn on(engine: &str, words: &str, operations: &[&str]) -> Cause {
        Cause::of(&Finding {
            operations: operations.iter().map(|&name| name.to_owned()).collect(),
            ..Finding::broke(engine, None, words)
        })
    }

    #[test]
    fn findings_share_a_cause_if_they_share_the_operation_that_says_most() {
        let mut first = cause("counts", &["struct.new", "drop", "table.init"]);
        let alike = cause("dangling", &["array.new", "table.init", "table.set"]);
        let other = cause("counts", &["struct.new", "array.copy"]);
        let less = cause("counts", &["struct.new", "struct.set"]);
        assert_eq!(first.shared(&alike), Some(4));
        assert_eq!(first.shared(&other), None);
        assert_eq!(first.shared(&less), None);
        first.narrow(&alike);
        assert_eq!(first.operation(), Some("table.init"));
        // Each of two programs has something else beside what is at fault.
        let one = cause("counts", &["struct.new", "ref.i31"]);
        let two = cause("counts", &["struct.new"]);
        assert_eq!(one.shared(&two), Some(1));
        assert_eq!(two.shared(&cause("counts", &["drop"])), Some(0));
        assert_eq!(two.shared(&cause("dangling", &["array.new_default"])), None);
        let short = cause("dangling", &["struct.new_default"]);
        assert_eq!(two.shared(&short), Some(1));
        let cast = cause("counts", &["struct.new", "br_on_cast_fail"]);
        assert_eq!(cast.shared(&cause("dangling", &["ref.test"])), Some(3));
        let died = Cause::of(&Finding::died("signal 11"));
        assert_eq!(died.shared(&two), None);
        let init = cause("counts", &["struct.new", "table.init"]);
        assert_eq!(init.shared(&two), Some(1));
        assert_eq!(init.shared_apart(&two), None);
        assert_eq!(init.shared_apart(&init), Some(4));
        assert_eq!(two.shared_apart(&two), Some(1));
    }

    #[test]
    fn panics_of_other_engines_go_by_their_words() {
        let panic = |words: &str, operation: &str| on("wasmtime:drc", words, &[operation]);
        let one = panic("panicked: invalid kind, at a.rs:7", "table.init");
        let same = panic("panicked: invalid kind, at a.rs:7", "table.fill");
        let other = panic("panicked: index out of bounds, at b.rs:9", "table.init");
        assert_eq!(one.shared(&same), Some(u8::MAX));
        assert_eq!(one.shared(&other), None);
    }
}
