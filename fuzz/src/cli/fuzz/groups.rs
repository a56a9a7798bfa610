//! Findings of a run, grouped by what may be their cause.
//!
//! Always: a finding with a signature that is known is in the first group that has it, unless the
//! worker saw that something else is behind it. Another finding joins the group with which it
//! shares most ([`Cause::shared`]), or opens one. A group has no more operations than all its
//! reduced programs have in common.

use std::collections::BTreeMap;

use gcrucible_oracles::cause::Cause;

use super::protocol::Found;

/// Findings taken for one fault.
#[derive(Clone, Debug)]
pub struct Group {
    /// The first finding, reduced if it could be.
    pub first: Found,
    /// How many findings there are.
    pub count: u64,
    /// What they have in common.
    pub cause: Cause,
    /// Whether its first finding shows without what explains earlier ones.
    pub is_apart: bool,
    /// How many there are of each signature.
    pub signatures: BTreeMap<String, u64>,
}

/// All groups, in the order of their first findings.
#[derive(Clone, Debug, Default)]
pub struct Groups(Vec<Group>);

impl Groups {
    /// Adds a finding with its signature, which is the one it had before it was reduced. Returns
    /// true if it opens a group.
    pub fn add(&mut self, signature: String, found: Found) -> bool {
        let cause = Cause::of(&found.finding);
        let known = |group: &Group| !found.is_apart && group.signatures.contains_key(&signature);
        let place = self
            .0
            .iter()
            .position(known)
            .or_else(|| self.nearest(&cause, found.is_apart));
        let Some(place) = place else {
            self.0.push(Group {
                is_apart: found.is_apart,
                first: found,
                count: 1,
                cause,
                signatures: [(signature, 1)].into(),
            });
            return true;
        };
        let group = &mut self.0[place];
        group.count += 1;
        group.cause.narrow(&cause);
        *group.signatures.entry(signature).or_default() += 1;
        self.join(place);
        false
    }

    /// Joins a group that has a new member with another one, if they share a cause now.
    fn join(&mut self, place: usize) {
        let this = &self.0[place];
        let shares = |&at: &usize| {
            let other = &self.0[at];
            let is_apart = this.is_apart || other.is_apart;
            at != place && !is_apart && other.cause.shared(&this.cause).is_some()
        };
        let Some(other) = (0..self.0.len()).find(shares) else {
            return;
        };
        let later = self.0.remove(place.max(other));
        let group = &mut self.0[place.min(other)];
        group.count += later.count;
        group.cause.narrow(&later.cause);
        for (signature, count) in later.signatures {
            *group.signatures.entry(signature).or_default() += count;
        }
    }

    /// The first of the groups with which a cause shares most.
    fn nearest(&self, cause: &Cause, is_apart: bool) -> Option<usize> {
        let shared = |(at, group): (usize, &Group)| {
            let shared = match is_apart {
                true => group.cause.shared_apart(cause),
                false => group.cause.shared(cause),
            };
            Some((shared?, at))
        };
        let places = self.0.iter().enumerate().filter_map(shared);
        let nearest = places.reduce(|a, b| if b.0 > a.0 { b } else { a });
        nearest.map(|(_, at)| at)
    }

    /// The groups.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::findings::InputId;
    use gcrucible_oracles::finding::Finding;

    fn found(words: &str, operations: &[&str]) -> (String, Found) {
        let finding = Finding {
            operations: operations.iter().map(|&name| name.to_owned()).collect(),
            ..Finding::broke("runtime:drc", None, words)
        };
        let id = InputId {
            target: "types".to_owned(),
            bytes: vec![1],
        };
        let signature = id.signature(&finding);
        let found = Found {
            id,
            finding,
            folder: None,
            is_pending: false,
            is_apart: false,
        };
        (signature, found)
    }

    #[test]
    fn one_fault_in_other_words_is_one_group_and_another_fault_is_another() {
        let mut groups = Groups::default();
        let mut add = |words: &str, operations: &[&str]| {
            let (signature, found) = found(words, operations);
            groups.add(signature, found)
        };
        assert!(add("counts one", &["struct.new", "table.init"]));
        assert!(!add("dangling", &["array.new", "table.init", "table.set"]));
        assert!(add("counts two", &["struct.new", "array.copy"]));
        // A finding that was not reduced goes by its signature.
        assert!(!add("dangling", &[]));
        assert!(add("something else", &[]));
        assert!(!add("something else", &[]));
        let counts: Vec<u64> = groups.iter().map(|group| group.count).collect();
        assert_eq!(counts, [3, 1, 2]);
        let first = groups.iter().next().expect("a group");
        assert_eq!(first.cause.operation(), Some("table.init"));
        assert_eq!(first.signatures.len(), 2);
        // The worker saw that something else is behind a finding in known words.
        let (signature, mut apart) = found("counts one", &["struct.new", "table.grow"]);
        apart.is_apart = true;
        assert!(groups.add(signature, apart));
        // Two groups become one when a finding shows that they have one cause.
        let mut groups = Groups::default();
        let mut add = |words: &str, operations: &[&str]| {
            let (signature, found) = found(words, operations);
            groups.add(signature, found)
        };
        assert!(add("one", &["struct.new", "ref.i31"]));
        assert!(add("two", &["array.new"]));
        assert!(!add("three", &["struct.new"]));
        assert!(!add("two", &["struct.new"]));
        assert_eq!(groups.iter().len(), 2);
        let mut add = |words: &str, operations: &[&str]| {
            let (mut signature, found) = found(words, operations);
            signature.push('x');
            groups.add(signature, found)
        };
        assert!(!add("two", &["struct.new"]));
        assert_eq!(
            groups.iter().map(|group| group.count).collect::<Vec<_>>(),
            [5]
        );
    }
}
