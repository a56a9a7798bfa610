//! Modules without steps -> one small module that shows the same finding.
//!
//! The module need not be valid. So it is made smaller by its parts: sections, bodies of functions,
//! and then stretches of bytes, the long ones first.

use gcrucible_oracles::case::{Case, CaseModule};

use super::gate::Gate;
use crate::mutate::bytes::Parts;
use crate::targets::{Rig, Subject};

/// Returns true for modules without steps, on engines that the user named. Other engines do not run
/// the modules of such a subject, but what the target makes of them.
pub(super) fn takes(subject: &Subject, rig: &Rig) -> bool {
    rig.are_named && subject.operations.is_none() && subject.case.steps.is_empty()
}

/// Makes a subject smaller that [`takes`] accepts. Returns it, and the bytes of its modules before
/// and afterwards.
pub(super) fn smaller(subject: &Subject, gate: &mut Gate<'_>) -> (Subject, (usize, usize)) {
    let mut shrinking = Shrinking {
        gate,
        subject: subject.clone(),
    };
    let mut modules = subject.case.modules.iter();
    let alone = modules.find(|module| shrinking.holds(&module.wasm));
    if let Some(module) = alone {
        shrinking.shrink(&module.wasm);
    }
    let size = |case: &Case| case.modules.iter().map(|module| module.wasm.len()).sum();
    let sizes = (size(&subject.case), size(&shrinking.subject.case));
    (shrinking.subject, sizes)
}

/// The smallest subject so far, and what it has to pass.
struct Shrinking<'a, 'g> {
    gate: &'a mut Gate<'g>,
    subject: Subject,
}

impl Shrinking<'_, '_> {
    /// Keeps the module if it alone shows the finding. Returns whether it does.
    fn holds(&mut self, wasm: &[u8]) -> bool {
        let module = CaseModule {
            name: String::new(),
            wasm: wasm.to_vec(),
        };
        let mut smaller = self.subject.clone();
        smaller.case.modules = vec![module];
        let holds = self.gate.shows(&smaller);
        if holds {
            self.subject = smaller;
        }
        holds
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
        while changed && self.gate.is_open() {
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
        while length > 0 && self.gate.is_open() {
            let mut at = 0;
            while at < parts.piece_len(piece) && self.gate.is_open() {
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
