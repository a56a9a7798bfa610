//! One program, run many times: each time with one collection, at another collection point.

use gcrucible_oracles::schedule::Schedule;

use super::features::Edges;
use super::rig::Rig;
use super::run::{Ran, Trial};
use super::subject::Subject;
use super::target::Target;
use crate::generate::{Focus, Without};
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "sweep",
    hunts: "one program, one collection at each collection point in turn",
    share: 2,
    edges: Edges::OfFunctions,
    subject: test_case,
    for_named: None,
    check,
};

/// At most this many points of one program are tried. If there are more, every second one is tried,
/// or every third, and so on.
const POINTS_MAX: u64 = 32;

fn test_case(input: &Input, without: Without) -> Subject {
    Subject::program(input, Focus::Roots, without)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let engine = rig
        .pool
        .drawn_for_schedules(subject.draw(usize::MAX) as u64);
    let (mut trial, _) = Trial::new(subject, rig);
    // No collection, but every point is passed and counted.
    let Some(points) = trial.against(engine.as_ref(), Schedule::At(Vec::new())) else {
        return trial.end();
    };
    let step = points.div_ceil(POINTS_MAX).max(1);
    let first = subject.draw(step as usize) as u64;
    for point in (first..points).step_by(step as usize) {
        if trial
            .against(engine.as_ref(), Schedule::At(vec![point]))
            .is_none()
        {
            break;
        }
    }
    trial.end()
}

#[test]
fn smoke() {
    TARGET.smoke(3);
}
