//! Modules without steps -> one small module that shows the same finding.
//!
//! The module need not be valid. So it is made smaller by its parts: sections, bodies of functions,
//! and then stretches of bytes, the long ones first.

use gcrucible_oracles::case::{Case, CaseModule};
use gcrucible_oracles::finding::Finding;

use super::{Reduced, Start, gate};
use crate::mutate::bytes::Parts;
use crate::targets::{Rig, Subject, Target};

/// The subject that is made smaller, and the engines that it is tried on.
struct Shrinking<'a> {
    target: &'static Target,
    rig: &'a mut Rig,
    subject: Subject,
    finding: Finding,
    attempts: u32,
    attempts_max: u32,
    go_on: &'a mut dyn FnMut() -> bool,
}

/// Returns true for modules without steps, on engines that the user named. Other engines do not run
/// the modules of such a subject, but what the target makes of them.
pub(super) fn takes(subject: &Subject, rig: &Rig) -> bool {
    rig.are_named && subject.operations.is_none() && subject.case.steps.is_empty()
}

/// Reduces a subject that [`takes`] accepts. Returns `None` for others.
pub(super) fn reduce(
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
    let finding = match start.finding {
        Some(finding) => finding,
        None => gate::first(target, subject, rig)?.0,
    };
    let (rate, stands) = (finding.rate, finding.stands.clone());
    let asked = std::mem::replace(&mut rig.asked, gate::asked(&finding));
    let mut shrinking = Shrinking {
        target,
        rig,
        subject: subject.clone(),
        finding,
        attempts: 0,
        attempts_max,
        go_on,
    };
    let modules = subject.case.modules.iter();
    let alone = modules.clone().find(|module| shrinking.holds(&module.wasm));
    if let Some(module) = alone {
        shrinking.shrink(&module.wasm);
    }
    shrinking.rig.asked = asked;
    let size = |case: &Case| case.modules.iter().map(|module| module.wasm.len()).sum();
    Some(Reduced {
        size: (size(&subject.case), size(&shrinking.subject.case)),
        finding: Finding {
            rate: shrinking.finding.rate.or(rate),
            stands: shrinking.finding.stands.clone().or(stands),
            ..shrinking.finding
        },
        subject: shrinking.subject,
        attempts: shrinking.attempts,
    })
}

impl Shrinking<'_> {
    /// Returns true if there is an attempt left.
    fn is_open(&self) -> bool {
        self.attempts < self.attempts_max
    }

    /// Keeps the module if it alone shows the finding. Returns whether it does.
    fn holds(&mut self, wasm: &[u8]) -> bool {
        if !self.is_open() {
            return false;
        }
        if !(self.go_on)() {
            self.attempts_max = self.attempts;
            return false;
        }
        self.attempts += 1;
        let smaller = Subject {
            case: Case {
                modules: vec![CaseModule {
                    name: String::new(),
                    wasm: wasm.to_vec(),
                }],
                ..self.subject.case.clone()
            },
            ..self.subject.clone()
        };
        let found = self.target.judge(&smaller, self.rig).finding;
        let signature = self.finding.signature();
        let Some(found) = found.filter(|found| found.signature() == signature) else {
            return false;
        };
        self.finding = found;
        self.subject = smaller;
        true
    }

    /// Replaces the parts by smaller ones that show the finding. Returns whether it did.
    fn attempt(&mut self, parts: &mut Parts, smaller: Parts) -> bool {
        let holds = self.holds(&smaller.joined());
        if holds {
            *parts = smaller;
        }
        holds
    }

    /// Makes the module smaller until nothing more can be taken away, or the attempts are used up.
    fn shrink(&mut self, wasm: &[u8]) {
        let Some(mut parts) = Parts::of(wasm) else {
            return;
        };
        let mut changed = true;
        while changed && self.is_open() {
            changed = false;
            for at in (0..parts.sections()).rev() {
                let smaller = parts.without_section(at);
                changed |= self.attempt(&mut parts, smaller);
            }
            for at in 0..parts.pieces() {
                if let Some(smaller) = parts.with_short_body(at) {
                    changed |= self.attempt(&mut parts, smaller);
                }
                changed |= self.shorten(&mut parts, at);
            }
        }
    }

    /// Takes stretches of bytes out of a piece, the longest first.
    fn shorten(&mut self, parts: &mut Parts, piece: usize) -> bool {
        let mut changed = false;
        let mut length = parts.piece_len(piece).div_ceil(2);
        while length > 0 && self.is_open() {
            let mut at = 0;
            while at < parts.piece_len(piece) && self.is_open() {
                let smaller = parts.without_bytes(piece, at, length);
                if self.attempt(parts, smaller) {
                    changed = true;
                } else {
                    at += length;
                }
            }
            length /= 2;
        }
        changed
    }
}
