//! The official suite and our own scripts apply every rule of the specification that the reference
//! names, so no arm of the reference is dead. A test in `oracles/reference/src/rules.rs` checks
//! that each rule is named once.
//!
//! Always: a rule that nothing reaches is in [`UNREACHED`] with the reason. It is an error if a
//! rule of that list is reached.

use std::collections::BTreeSet;
use std::fs;

use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine;
use gcrucible_oracles::engine::reference::{absorbed_rules, rule_names};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::Script;
use gcrucible_wast_tests::suite;

/// Rules that no script can reach, and why. Sorted.
const UNREACHED: &[(&str, &str)] = &[];

/// The rules that a script makes the reference apply.
fn rules_of(name: &str, text: &str) -> RuleMap {
    let script = Script::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
    let reference = engine::reference();
    match matrix::run_covering(&script, reference.as_ref(), Schedule::OnPressure) {
        Ok((_, rules)) => rules,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// The rules that the reference applies in the suite's required files and in our own scripts.
fn reached() -> BTreeSet<&'static str> {
    let mut seen = RuleMap::default();
    for file in suite::files().iter().filter(|f| f.standing.is_required()) {
        seen.merge(&rules_of(&file.name, file.text));
    }
    for (path, name) in matrix::own_scripts().expect("the folders can be read") {
        let text = fs::read_to_string(&path).expect("the script can be read");
        seen.merge(&rules_of(&name, &text));
    }
    let names: Vec<_> = rule_names().collect();
    seen.reached().into_iter().map(|rule| names[rule]).collect()
}

#[test]
fn every_rule_is_reached_or_has_a_reason() {
    let reached = reached();
    let absorbed: BTreeSet<_> = absorbed_rules().map(|(name, _)| name).collect();
    let excepted: BTreeSet<_> = UNREACHED.iter().map(|(name, _)| *name).collect();
    assert!(UNREACHED.is_sorted() && excepted.len() == UNREACHED.len());

    let all: BTreeSet<_> = rule_names().collect();
    let unknown: Vec<_> = excepted
        .iter()
        .filter(|name| !all.contains(*name))
        .collect();
    assert!(unknown.is_empty(), "no rules: {unknown:?}");
    let stale: Vec<_> = reached
        .iter()
        .filter(|name| excepted.contains(*name) || absorbed.contains(*name))
        .collect();
    assert!(
        stale.is_empty(),
        "reached, although a list says otherwise: {stale:?}"
    );
    let dead: Vec<_> = all
        .iter()
        .filter(|name| !reached.contains(*name))
        .filter(|name| !excepted.contains(*name) && !absorbed.contains(*name))
        .collect();
    assert!(
        dead.is_empty(),
        "{} rules that nothing reaches: {dead:#?}",
        dead.len()
    );
}
