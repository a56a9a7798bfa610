//! Any module: one engine against the reference, with every comparison of the oracles.

use super::features::Edges;
use super::rig::Rig;
use super::run::{self, Ran};
use super::subject::Subject;
use super::target::Target;
use crate::generate::{Focus, Without};
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "differential",
    hunts: "any module (own generator and wasm-smith), one engine against the reference",
    share: 40,
    edges: Edges::OfFunctions,
    subject: test_case,
    for_named: None,
    check,
};

/// One input in this many is a module of wasm-smith.
const SMITH_EVERY: u64 = 6;

fn test_case(input: &Input, without: Without) -> Subject {
    if input.number() % SMITH_EVERY == SMITH_EVERY - 1 {
        return Subject::smith(input, without);
    }
    Subject::program(input, Focus::Any, without)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    run::one_engine(subject, rig)
}

#[test]
fn smoke() {
    TARGET.smoke(30);
}
