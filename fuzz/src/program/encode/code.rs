//! The code being written: bytes, and the labels around the current instruction.

use wasm_encoder::{Encode, Instruction};

use super::spaces::Dangling;
use crate::program::ops::LabelId;

/// An expression or a function's body while it is written.
#[derive(Default)]
pub(super) struct Code {
    /// What has been written.
    pub bytes: Vec<u8>,
    /// Enclosing labels, innermost last.
    pub labels: Vec<LabelId>,
}

impl Code {
    pub(super) fn put(&mut self, instruction: Instruction<'_>) {
        instruction.encode(&mut self.bytes);
    }

    pub(super) fn depth(&self, label: LabelId) -> Result<u32, Dangling> {
        let at = self.labels.iter().rev().position(|&l| l == label);
        at.map(|d| d as u32).ok_or(Dangling::Label(label))
    }
}
