//! Constant expressions that allocate: one engine against the reference. Then again for single
//! allocations, each of which fails as if the heap were full.

use super::features::Edges;
use super::rig::Rig;
use super::run::{self, Ran};
use super::subject::Subject;
use super::target::Target;
use crate::generate::{Focus, Without};
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "const_eval",
    hunts: "allocating constant expressions in globals, tables and segments, collection and exhaustion at every step",
    share: 6,
    edges: Edges::OfFunctions,
    subject: test_case,
    for_named: None,
    check,
};

/// At most this many allocations of one program are made to fail. If there are more, every second
/// one fails, or every third, and so on.
const FAILURES_MAX: u64 = 6;

fn test_case(input: &Input, without: Without) -> Subject {
    Subject::program(input, Focus::ConstEval, without)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = run::one_engine(subject, rig);
    let allocations = ran.stats.allocations;
    let step = allocations.div_ceil(FAILURES_MAX).max(1);
    let first = subject.draw(step as usize) as u64;
    for at in (first..allocations).step_by(step as usize) {
        if ran.finding.is_some() || ran.skipped.is_some() {
            break;
        }
        let failing = Subject {
            case: subject.case.full_at(at),
            ..subject.clone()
        };
        let again = run::one_engine(&failing, rig);
        ran.stats.add(again.stats);
        for (collector, count) in again.live {
            *ran.live.entry(collector).or_default() += count;
        }
        ran.finding = again.finding;
    }
    ran
}

#[test]
fn smoke() {
    TARGET.smoke(15);
}
