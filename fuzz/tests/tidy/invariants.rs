//! Lettered invariants: `- **E3** ...` states one, `E3` in a comment cites it.

use std::collections::BTreeMap;

use crate::comments::{Fence, comments, prose};
use crate::tree::{Tree, Violation};

/// A letter and a number in a comment.
struct Mention {
    name: String,
    file: String,
    line: usize,
    states: bool,
}

/// Returns the citations of invariants that no module states.
pub fn stated(tree: &Tree) -> Vec<Violation> {
    let mentions = mentions(tree);
    let stated = |name: &str| mentions.iter().any(|m| m.states && m.name == name);
    let cited = mentions.iter().filter(|m| !m.states && !stated(&m.name));
    cited
        .map(|m| Violation::new(&m.file, m.line, format!("{} is stated nowhere", m.name)))
        .collect()
}

/// Returns the invariants that are stated under a name that another has: a citation of that name
/// would not say which is meant.
pub fn unique(tree: &Tree) -> Vec<Violation> {
    let mut first = BTreeMap::new();
    let mut broken = Vec::new();
    for mention in mentions(tree).into_iter().filter(|m| m.states) {
        let Mention {
            name, file, line, ..
        } = mention;
        let place = format!("{file}:{line}");
        if let Some(other) = first.get(&name) {
            let what = format!("{name} is stated in {other} too");
            broken.push(Violation::new(&file, line, what));
        } else {
            first.insert(name, place);
        }
    }
    broken
}

fn mentions(tree: &Tree) -> Vec<Mention> {
    let mut found = Vec::new();
    for (file, text) in tree.with_extension("rs") {
        let mut fence = Fence::default();
        // What is no Rust is a violation of another rule.
        let lines = comments(text).unwrap_or_default();
        for (number, line) in lines.iter().enumerate() {
            let line = prose(line);
            if line.is_empty() || !fence.is_prose(line) {
                continue;
            }
            found.extend(names(line).map(|(name, states)| Mention {
                name: name.to_owned(),
                file: file.to_owned(),
                line: number + 1,
                states,
            }));
        }
    }
    found
}

/// Returns the names of invariants in a line outside of code, and whether each stands between `**`.
fn names(line: &str) -> impl Iterator<Item = (&str, bool)> {
    let outside = line.split('`').step_by(2);
    outside.flat_map(|text| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"*_.-".contains(c));
        words.filter_map(|word| {
            let word = word.trim_matches(|c| ".-".contains(c));
            let bare = word.trim_matches('*');
            let is_name = matches!(bare.as_bytes(), [b'A'..=b'Z', b'1'..=b'9']);
            is_name.then_some((bare, word.starts_with("**")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::shown;

    const STATES: (&str, &str) = (
        "a.rs",
        "//! - **E1** Holds.\n//! Invariant **E2**: holds.\n",
    );

    #[test]
    fn a_citation_without_a_statement_is_found() {
        let cites =
            "// SAFETY: by E1, E2 and E3.\n/// As E4 says: `I8` and V128 are none.\nfn f() {}\n";
        let broken = stated(&Tree::of(&[STATES, ("b.rs", cites)]));
        let expected = [
            "b.rs:1: E3 is stated nowhere",
            "b.rs:2: E4 is stated nowhere",
        ];
        assert_eq!(shown(&broken), expected);
    }

    #[test]
    fn a_second_statement_of_a_name_is_found() {
        let broken = unique(&Tree::of(&[STATES, ("b.rs", "//! - **E2** Else.\n")]));
        assert_eq!(shown(&broken), ["b.rs:1: E2 is stated in a.rs:2 too"]);
    }
}
