//! The house rules that no compiler checks, as tests of our own sources.
//!
//! A rule is a function from a [`Tree`] of files to the places that break it. Each rule has a test
//! here, which reads the real tree, and a test in its own file, which breaks the rule in a small
//! tree.
//!
//! Reading order: `tree`, `comments`, `lines`, `docs`, `invariants`, `faults`, `modules`,
//! `order`, `markdown`, `commands`, `readme`.

mod commands;
mod comments;
mod docs;
mod faults;
mod invariants;
mod lines;
mod markdown;
mod modules;
mod order;
mod readme;
mod tree;

use std::path::Path;

use tree::{Tree, Violation};

/// Fails with a list of the places in our own tree that break `rule`.
#[track_caller]
fn check(rule: impl Fn(&Tree) -> Vec<Violation>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let tree = Tree::read(root).expect("our own files can be read");
    let broken = rule(&tree);
    let list: String = broken.iter().map(|place| format!("{place}\n")).collect();
    assert!(broken.is_empty(), "{} places:\n{list}", broken.len());
}

#[test]
fn imports_follow_the_reading_order() {
    check(order::followed);
}

#[test]
fn reading_orders_are_stated() {
    check(order::stated);
}

#[test]
fn paths_in_markdown_exist() {
    check(readme::paths);
}

#[test]
fn commands_in_markdown_exist() {
    check(readme::commands);
}

#[test]
fn engines_in_markdown_exist() {
    check(readme::engines);
}

#[test]
fn files_have_at_most_800_lines() {
    check(lines::length);
}

#[test]
fn lines_of_prose_have_at_most_100_columns() {
    check(lines::width);
}

#[test]
fn every_module_has_its_doc() {
    check(docs::present);
}

#[test]
fn every_planted_fault_is_needed_by_a_script_or_a_test() {
    check(faults::needed);
}

#[test]
fn every_invariant_that_is_cited_is_stated() {
    check(invariants::stated);
}

#[test]
fn every_invariant_is_stated_once() {
    check(invariants::unique);
}
