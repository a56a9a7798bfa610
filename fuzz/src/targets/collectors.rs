//! One program under every engine configuration and several schedules: all must agree.

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
    name: "collectors",
    hunts: "one program, every collector and optimisation level, several schedules, all alike",
    share: 1,
    edges: Edges::OfFunctions,
    subject: test_case,
    for_named: None,
    check,
};

fn test_case(input: &Input, without: Without) -> Subject {
    Subject::program(input, Focus::Any, without)
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let (mut trial, engines) = Trial::new(subject, rig);
    for schedule in [
        subject.case.schedule.clone(),
        Schedule::Every,
        Schedule::OnPressure,
    ] {
        for engine in engines {
            if trial.against(engine.as_ref(), schedule.clone()).is_none() {
                return trial.end();
            }
        }
    }
    trial.end()
}

#[test]
fn smoke() {
    TARGET.smoke(3);
}
