//! A program that shows a finding -> a small one that shows the same.
//!
//! There is one gate: the target's own check returns a finding with the same signature. A program
//! that passes the gate is kept, whatever else has changed. A program that does not validate is
//! dropped without being run. All passes are tried in turn until none makes the program smaller or
//! the attempts are used up. The result is a function of the build, the input and the number of
//! attempts.
//!
//! To add a pass: a function in [`passes`] and a line in its list.
//!
//! Modules without steps, which need not be valid, are reduced by their bytes.
//! Everything else that is no program of our generator is reduced as text ([`text`]).
//!
//! Not here: ways to change a program (`program::edit`), and heap operations (`targets::operations`
//! reduces them).
//!
//! Reading order: `gate`, `operations`, `passes`, `bytes`, `explained`, `text`.

mod bytes;
pub mod explained;
pub mod gate;
pub mod operations;
pub mod passes;
pub mod text;

use std::collections::BTreeSet;

use gate::{Gate, subject_of};
use gcrucible_oracles::finding::Finding;
use operations::operations;

use crate::program::Program;
use crate::targets::{Rig, Subject, Target};

/// A reduced input.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The small program and its case.
    pub subject: Subject,
    /// The finding as the small program shows it.
    pub finding: Finding,
    /// Nodes before and afterwards, or bytes of modules without steps.
    pub size: (usize, usize),
    /// Programs that were run.
    pub attempts: u32,
}

/// A finding whose program is to be reduced, and what is known of other findings.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The finding. If there is none, the program is run to see what it shows.
    pub finding: Option<Finding>,
    /// Operations that explain others. They are the first that are tried to be taken away.
    pub explained: BTreeSet<String>,
}

/// Returns true if [`reduce`] can make a subject smaller.
pub fn takes(subject: &Subject, rig: &Rig) -> bool {
    subject.program.is_some() || bytes::takes(subject, rig)
}

/// Reduces an input in which `target` finds a fault. Returns `None` if it finds none, or if the
/// input is neither a program nor modules without steps. Stops before an attempt if `go_on` returns
/// false.
pub fn reduce(
    target: &'static Target,
    subject: &Subject,
    start: Start,
    rig: &mut Rig,
    attempts_max: u32,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Reduced> {
    if !takes(subject, rig) {
        return None;
    }
    let (finding, tries) = match start.finding {
        Some(finding) => {
            let tries = gate::tries_for(&finding, 1);
            (finding, tries)
        }
        None => gate::first(target, subject, rig)?,
    };
    let (rate, stands) = (finding.rate, finding.stands.clone());
    let asked = gate::asked(&finding);
    let asked = std::mem::replace(&mut rig.asked, asked);
    let mut gate = Gate {
        target,
        rig,
        number: subject.number,
        finding,
        tries,
        attempts: 0,
        attempts_max,
        go_on,
    };
    let (smaller, size) = match &subject.program {
        Some(program) => of_program(program.clone(), &start.explained, &mut gate),
        None => bytes::smaller(subject, &mut gate),
    };
    gate.rig.asked = asked;
    let operations = smaller.program.as_ref().map(operations);
    Some(Reduced {
        size,
        finding: Finding {
            rate: gate.finding.rate.or(rate),
            stands: gate.finding.stands.clone().or(stands),
            operations: operations.unwrap_or_default(),
            ..gate.finding
        },
        subject: smaller,
        attempts: gate.attempts,
    })
}

/// Makes a program smaller. Returns it as a subject, and its nodes before and afterwards.
fn of_program(
    mut program: Program,
    explained: &BTreeSet<String>,
    gate: &mut Gate<'_>,
) -> (Subject, (usize, usize)) {
    let before = program.size();
    if gate.rig.asks_others() {
        passes::operations(&mut program, explained, gate);
    }
    let mut changed = true;
    while changed && gate.is_open() {
        changed = false;
        for pass in passes::ALL {
            changed |= pass(&mut program, gate);
        }
    }
    let size = (before, program.size());
    let subject = gate.rig.prepared(subject_of(program, gate.number));
    (subject, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Focus;
    use crate::input::Input;
    use crate::targets::features::Edges;
    use crate::targets::{Ran, Stats};

    /// Reports a fault for every program that has an instruction of this name.
    static TARGET: Target = Target {
        name: "array_copy",
        hunts: "array.copy",
        share: 1,
        edges: Edges::OfFunctions,
        subject: |input, without| Subject::program(input, Focus::Any, without),
        for_named: None,
        check,
    };

    fn smaller(subject: &Subject, rig: &mut Rig, attempts_max: u32) -> Option<Reduced> {
        let start = Start::default();
        reduce(&TARGET, subject, start, rig, attempts_max, &mut || true)
    }

    fn check(subject: &Subject, _: &mut Rig) -> Ran {
        let mut found = false;
        for module in &subject.program.as_ref().expect("a program").modules {
            module.each_root(&mut |root| root.walk(&mut |e| found |= e.op.name() == "array.copy"));
        }
        Ran {
            finding: found.then(|| Finding::died("array.copy")),
            stats: Stats::default(),
            ..Ran::default()
        }
    }

    #[test]
    fn what_does_not_matter_goes() {
        let mut rig = Rig::standard(&[]).expect("engines start");
        let mut reduced = 0;
        for seed in 0..60 {
            let subject = TARGET.plain(&Input::of_seed(seed));
            let Some(small) = smaller(&subject, &mut rig, 5_000) else {
                continue;
            };
            reduced += 1;
            let program = small.subject.program.as_ref().expect("a program");
            assert!(program.validate().is_ok(), "seed {seed}");
            assert!(program.steps.len() <= program.modules.len(), "seed {seed}");
            // The instruction, its five operands, and a few others that make or hold these, or that
            // are operands of the same instruction.
            assert!(small.size.1 <= 24, "seed {seed}: {}", small.subject);
            let again = smaller(&subject, &mut rig, 5_000);
            let again = again.expect("the same fault").subject.to_string();
            assert_eq!(again, small.subject.to_string(), "seed {seed}");
        }
        assert!(reduced >= 5, "{reduced}");
    }

    #[test]
    fn no_fault_is_not_reduced_and_attempts_are_kept() {
        let mut rig = Rig::standard(&[]).expect("engines start");
        let mut sound = 0;
        for seed in 0..60 {
            let subject = TARGET.plain(&Input::of_seed(seed));
            match smaller(&subject, &mut rig, 7) {
                Some(reduced) => assert!(reduced.attempts <= 7),
                None => sound += 1,
            }
        }
        assert!(sound > 0);
    }
}
