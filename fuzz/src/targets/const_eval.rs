//! Constant expressions that allocate, one engine against the reference; and again out of memory at
//! each allocation in turn.

use super::{Ran, Rig, Subject, Target, run};
use crate::generate::Focus;
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "const_eval",
    hunts: "allocating constant expressions in globals, tables and segments, collection and exhaustion at every step",
    share: 6,
    subject: test_case,
    check,
};

/// At most this many allocations of one program are made to fail; of more, every second, third, ...
/// one.
const FAILURES_MAX: u64 = 6;

fn test_case(input: &Input) -> Subject {
    Subject::program(input, Focus::ConstEval)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = run::one_engine(subject, rig);
    let allocations = ran.stats.allocations;
    let step = allocations.div_ceil(FAILURES_MAX).max(1);
    let first = subject.draw(step as usize) as u64;
    for at in (first..allocations).step_by(step as usize) {
        if ran.fault.is_some() || ran.skipped.is_some() {
            break;
        }
        let failing = Subject {
            case: subject.case.full_at(at),
            ..subject.clone()
        };
        let again = run::one_engine(&failing, rig);
        ran.stats.add(again.stats);
        ran.fault = again.fault;
    }
    ran
}

#[test]
fn smoke() {
    super::smoke(&TARGET, 15);
}
