//! Exceptions that carry references: one engine against the reference.

use super::features::Edges;
use super::rig::Rig;
use super::run::{self, Ran};
use super::subject::Subject;
use super::target::Target;
use crate::generate::{Focus, Without};
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "exceptions",
    hunts: "throw, catch and rethrow with reference payloads",
    share: 12,
    edges: Edges::OfFunctions,
    subject: test_case,
    for_named: None,
    check,
};

fn test_case(input: &Input, without: Without) -> Subject {
    Subject::program(input, Focus::Exceptions, without)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    run::one_engine(subject, rig)
}

#[test]
fn smoke() {
    TARGET.smoke(15);
}
