//! Memory and data instructions.

use super::{Body, InvalidKind, Result};
use crate::rules::rule;
use crate::syntax::{AddrType, DataIdx, LoadOp, MemIdx, StoreOp, Sz, VLoadOp, ValType};

/// `Memarg_ok: |- {ALIGN n, OFFSET m} : at -> N`, with `N` in bytes.
fn memarg_ok(align: u8, offset: u64, addr: AddrType, bytes: u32) -> Result<()> {
    if u32::from(align) > bytes.ilog2() {
        return Err(InvalidKind::Alignment(align));
    }
    match addr {
        AddrType::I32 if offset > u64::from(u32::MAX) => Err(InvalidKind::Offset(offset)),
        _ => Ok(()),
    }
}

/// Value type of a scalar load, its size in bytes, and whether it is `load-pack`.
fn loaded(op: LoadOp) -> (ValType, u32, bool) {
    match op {
        LoadOp::I32 => (ValType::I32, 4, false),
        LoadOp::I64 => (ValType::I64, 8, false),
        LoadOp::F32 => (ValType::F32, 4, false),
        LoadOp::F64 => (ValType::F64, 8, false),
        LoadOp::I32Load8(_) => (ValType::I32, 1, true),
        LoadOp::I32Load16(_) => (ValType::I32, 2, true),
        LoadOp::I64Load8(_) => (ValType::I64, 1, true),
        LoadOp::I64Load16(_) => (ValType::I64, 2, true),
        LoadOp::I64Load32(_) => (ValType::I64, 4, true),
    }
}

/// Value type of a scalar store, its size in bytes, and whether it is `store-pack`.
fn stored(op: StoreOp) -> (ValType, u32, bool) {
    match op {
        StoreOp::I32 => (ValType::I32, 4, false),
        StoreOp::I64 => (ValType::I64, 8, false),
        StoreOp::F32 => (ValType::F32, 4, false),
        StoreOp::F64 => (ValType::F64, 8, false),
        StoreOp::I32Pack(sz) => (ValType::I32, sz.bytes(), true),
        StoreOp::I64Pack(sz) => (ValType::I64, sz.bytes(), true),
    }
}

/// The condition on the lane of `vload_lane` and `vstore_lane`.
fn lane_ok(sz: Sz, lane: u8) -> Result<()> {
    if u32::from(lane) < 16 / sz.bytes() {
        Ok(())
    } else {
        Err(InvalidKind::Lane(lane))
    }
}

impl Body<'_> {
    /// The address type of memory `x`, when `bytes` bytes are accessed there.
    fn access(&self, x: MemIdx, align: u8, offset: u64, bytes: u32) -> Result<ValType> {
        let addr = self.cx.mem(x)?.addr;
        memarg_ok(align, offset, addr, bytes)?;
        Ok(addr.val_type())
    }

    pub(super) fn load(&mut self, op: LoadOp, x: MemIdx, align: u8, offset: u64) -> Result<()> {
        let (t, bytes, packed) = loaded(op);
        if packed {
            rule!(self.coverage, "Instr_ok/load-pack");
        } else {
            rule!(self.coverage, "Instr_ok/load-val");
        }
        let at = self.access(x, align, offset, bytes)?;
        self.pop(at)?;
        self.push(t);
        Ok(())
    }

    pub(super) fn store(&mut self, op: StoreOp, x: MemIdx, align: u8, offset: u64) -> Result<()> {
        let (t, bytes, packed) = stored(op);
        if packed {
            rule!(self.coverage, "Instr_ok/store-pack");
        } else {
            rule!(self.coverage, "Instr_ok/store-val");
        }
        let at = self.access(x, align, offset, bytes)?;
        self.pop_all(&[at, t])
    }

    pub(super) fn vload(&mut self, op: VLoadOp, x: MemIdx, align: u8, offset: u64) -> Result<()> {
        let bytes = match op {
            VLoadOp::Full => {
                rule!(self.coverage, "Instr_ok/vload-val");
                16
            }
            VLoadOp::Pack(..) => {
                rule!(self.coverage, "Instr_ok/vload-pack");
                8
            }
            VLoadOp::Splat(sz) => {
                rule!(self.coverage, "Instr_ok/vload-splat");
                sz.bytes()
            }
            VLoadOp::Zero(sz) => {
                rule!(self.coverage, "Instr_ok/vload-zero");
                sz.bytes()
            }
        };
        let at = self.access(x, align, offset, bytes)?;
        self.pop(at)?;
        self.push(ValType::V128);
        Ok(())
    }

    pub(super) fn vload_lane(
        &mut self,
        sz: Sz,
        lane: u8,
        x: MemIdx,
        align: u8,
        offset: u64,
    ) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vload_lane");
        let at = self.access(x, align, offset, sz.bytes())?;
        lane_ok(sz, lane)?;
        self.pop_all(&[at, ValType::V128])?;
        self.push(ValType::V128);
        Ok(())
    }

    pub(super) fn vstore(&mut self, x: MemIdx, align: u8, offset: u64) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vstore");
        let at = self.access(x, align, offset, 16)?;
        self.pop_all(&[at, ValType::V128])
    }

    pub(super) fn vstore_lane(
        &mut self,
        sz: Sz,
        lane: u8,
        x: MemIdx,
        align: u8,
        offset: u64,
    ) -> Result<()> {
        rule!(self.coverage, "Instr_ok/vstore_lane");
        let at = self.access(x, align, offset, sz.bytes())?;
        lane_ok(sz, lane)?;
        self.pop_all(&[at, ValType::V128])
    }

    pub(super) fn memory_size(&mut self, x: MemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/memory.size");
        self.push(self.cx.mem(x)?.addr.val_type());
        Ok(())
    }

    pub(super) fn memory_grow(&mut self, x: MemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/memory.grow");
        let at = self.cx.mem(x)?.addr.val_type();
        self.pop(at)?;
        self.push(at);
        Ok(())
    }

    pub(super) fn memory_fill(&mut self, x: MemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/memory.fill");
        let at = self.cx.mem(x)?.addr.val_type();
        self.pop_all(&[at, ValType::I32, at])
    }

    pub(super) fn memory_copy(&mut self, x1: MemIdx, x2: MemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/memory.copy");
        let to = self.cx.mem(x1)?.addr;
        let from = self.cx.mem(x2)?.addr;
        self.pop_all(&[to.val_type(), from.val_type(), to.min(from).val_type()])
    }

    pub(super) fn memory_init(&mut self, x: MemIdx, y: DataIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/memory.init");
        let at = self.cx.mem(x)?.addr.val_type();
        self.cx.data(y)?;
        self.pop_all(&[at, ValType::I32, ValType::I32])
    }

    pub(super) fn data_drop(&mut self, x: DataIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/data.drop");
        self.cx.data(x)
    }
}
