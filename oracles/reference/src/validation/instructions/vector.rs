//! Vector instructions.

use super::{Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::{Shape, ValType};

/// The condition on a lane of a shape with this many lanes.
fn lane_ok(lane: u8, lanes: u8) -> Result<()> {
    if lane < lanes {
        Ok(())
    } else {
        Err(InvalidKind::Lane(lane))
    }
}

/// `v128`, by its short name in the rules.
const V: ValType = ValType::V128;

impl Body<'_> {
    pub(super) fn vconst(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vconst");
        self.operator(&[], V)
    }

    pub(super) fn vvunop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vvunop");
        self.operator(&[V], V)
    }

    pub(super) fn vvbinop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vvbinop");
        self.operator(&[V, V], V)
    }

    pub(super) fn vvternop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vvternop");
        self.operator(&[V, V, V], V)
    }

    pub(super) fn vvtestop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vvtestop");
        self.operator(&[V], ValType::I32)
    }

    pub(super) fn vunop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vunop");
        self.operator(&[V], V)
    }

    pub(super) fn vbinop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vbinop");
        self.operator(&[V, V], V)
    }

    pub(super) fn vternop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vternop");
        self.operator(&[V, V, V], V)
    }

    pub(super) fn vtestop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vtestop");
        self.operator(&[V], ValType::I32)
    }

    pub(super) fn vrelop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vrelop");
        self.operator(&[V, V], V)
    }

    pub(super) fn vshiftop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vshiftop");
        self.operator(&[V, ValType::I32], V)
    }

    pub(super) fn vbitmask(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vbitmask");
        self.operator(&[V], ValType::I32)
    }

    pub(super) fn vswizzlop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vswizzlop");
        self.operator(&[V, V], V)
    }

    pub(super) fn vshuffle(&mut self, lanes: &[u8; 16]) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vshuffle");
        lanes.iter().try_for_each(|lane| lane_ok(*lane, 32))?;
        self.operator(&[V, V], V)
    }

    pub(super) fn vsplat(&mut self, sh: Shape) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vsplat");
        self.operator(&[sh.unpack()], V)
    }

    pub(super) fn vextract_lane(&mut self, sh: Shape, lane: u8) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vextract_lane");
        lane_ok(lane, sh.lanes())?;
        self.operator(&[V], sh.unpack())
    }

    pub(super) fn vreplace_lane(&mut self, sh: Shape, lane: u8) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vreplace_lane");
        lane_ok(lane, sh.lanes())?;
        self.operator(&[V, sh.unpack()], V)
    }

    pub(super) fn vextunop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vextunop");
        self.operator(&[V], V)
    }

    pub(super) fn vextbinop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vextbinop");
        self.operator(&[V, V], V)
    }

    pub(super) fn vextternop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vextternop");
        self.operator(&[V, V, V], V)
    }

    pub(super) fn vnarrow(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vnarrow");
        self.operator(&[V, V], V)
    }

    pub(super) fn vcvtop(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vcvtop");
        self.operator(&[V], V)
    }
}
