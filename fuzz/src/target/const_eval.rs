//! Constant expressions that allocate, one engine against the reference.

use super::{Ran, Rig, Subject, Target, run};
use crate::generate::Focus;
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "const_eval",
    hunts: "allocating constant expressions in globals, tables and segments, collection at every step",
    share: 16,
    subject: test_case,
    check,
};

fn test_case(input: &Input) -> Subject {
    Subject::program(input, Focus::ConstEval)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    run::one_engine(subject, rig)
}

#[test]
fn smoke() {
    super::smoke(&TARGET, 15);
}
