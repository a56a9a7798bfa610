//! Every planted fault is needed: a regression names it in its header, or a test names it.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use crate::tree::{Tree, Violation};

/// The file that declares the faults.
const DECLARED: &str = "runtime/src/planted.rs";
/// A test that has a list of the faults without a script, so that naming one there proves nothing.
const NOT_A_USE: &str = "wast-tests/tests/planted.rs";

/// A fault by its two names.
struct Declared {
    variant: String,
    name: String,
    line: usize,
}

/// Returns the faults that neither a script nor a test needs.
pub fn needed(tree: &Tree) -> Vec<Violation> {
    let declared = match tree
        .files
        .get(DECLARED)
        .map(|text| text.parse::<TokenStream>())
    {
        Some(Ok(tokens)) => faults(tokens),
        _ => Vec::new(),
    };
    if declared.is_empty() {
        return vec![Violation::new(
            DECLARED,
            1,
            "declares no fault in `faults!`",
        )];
    }
    let needed = names_in_use(tree);
    let unused = declared
        .into_iter()
        .filter(|fault| !needed.contains(&fault.name) && !needed.contains(&fault.variant));
    unused
        .map(|fault| {
            let what = format!("no script and no test needs the fault {}", fault.name);
            Violation::new(DECLARED, fault.line, what)
        })
        .collect()
}

/// Returns the rows `Variant = "name"` of the macro `faults!`.
fn faults(tokens: TokenStream) -> Vec<Declared> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let invoked = tokens.windows(3).find_map(|three| match three {
        [
            TokenTree::Ident(name),
            TokenTree::Punct(bang),
            TokenTree::Group(rows),
        ] if name == "faults" && bang.as_char() == '!' => Some(rows.stream()),
        _ => None,
    });
    let rows: Vec<TokenTree> = invoked.into_iter().flatten().collect();
    rows.windows(3)
        .filter_map(|three| match three {
            [
                TokenTree::Ident(variant),
                TokenTree::Punct(equals),
                TokenTree::Literal(name),
            ] if equals.as_char() == '=' => Some(Declared {
                variant: variant.to_string(),
                name: name.to_string().trim_matches('"').to_owned(),
                line: variant.span().start().line,
            }),
            _ => None,
        })
        .collect()
}

/// Returns the names in headers of regressions, and in code of tests: strings and identifiers.
fn names_in_use(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let scripts = tree.with_extension("wast");
    for (_, text) in scripts.filter(|(file, _)| file.starts_with("wast-tests/regressions/")) {
        let header: String = text
            .lines()
            .filter_map(|line| line.strip_prefix(";;! "))
            .collect();
        let value = header
            .split_once("planted = ")
            .map_or("", |(_, value)| value);
        let quoted = value.split('"').skip(1).step_by(2);
        // A list of names, or one name.
        let count = match value.split_once(']') {
            Some((list, _)) if list.starts_with('[') => list.matches('"').count() / 2,
            _ => 1,
        };
        names.extend(quoted.take(count).map(str::to_owned));
    }
    let tests = tree
        .with_extension("rs")
        .filter(|(file, _)| file.contains("/tests"));
    for (_, text) in tests.filter(|(file, _)| *file != NOT_A_USE) {
        if let Ok(tokens) = text.parse() {
            names_in_code(tokens, &mut names);
        }
    }
    names
}

fn names_in_code(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => names_in_code(group.stream(), names),
            TokenTree::Ident(name) => drop(names.insert(name.to_string())),
            TokenTree::Literal(text) => {
                names.insert(text.to_string().trim_matches('"').to_owned());
            }
            TokenTree::Punct(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::shown;

    const FAULTS: (&str, &str) = (
        DECLARED,
        "macro_rules! faults { () => {} }\nfaults! {\n/// A.\nA = \"a\",\nB = \"b\",\nC = \"c\",\n}\n",
    );

    #[test]
    fn a_fault_that_nothing_needs_is_found() {
        let tree = Tree::of(&[
            FAULTS,
            (
                "wast-tests/regressions/x/y.wast",
                ";;! planted = [\n;;!   \"a\",\n;;! ]\n;; c\n",
            ),
            (NOT_A_USE, "const LISTED: &str = \"c\";"),
            ("runtime/tests/z.rs", "fn f() { check(Fault::B) } // c"),
        ]);
        let expected = ["runtime/src/planted.rs:6: no script and no test needs the fault c"];
        assert_eq!(shown(&needed(&tree)), expected);
    }

    #[test]
    fn a_declaration_that_cannot_be_read_is_found() {
        let broken = needed(&Tree::of(&[(DECLARED, "//! Moved.\n")]));
        let expected = ["runtime/src/planted.rs:1: declares no fault in `faults!`"];
        assert_eq!(shown(&broken), expected);
    }
}
