//! Vector instructions that access memory, and vector constants.
//!
//! On the operand stack, a vector always has the type I8X16. Operators cast it to the lanes they
//! need and back, which costs nothing in machine code.

use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::{MemArg, Operator};

use super::translator::Translator;
use crate::error::Rejected;
use crate::planted::planted;

impl Translator<'_> {
    /// Returns a vector cast to lanes of another type.
    pub(super) fn as_vector(&mut self, value: Value, ty: Type) -> Value {
        if self.b.func.dfg.value_type(value) == ty {
            return value;
        }
        let little = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(ty, little, value)
    }

    /// Pops a vector as lanes of that type.
    pub(super) fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.as_vector(value, ty)
    }

    /// Pushes a vector of any lanes.
    pub(super) fn push_vector(&mut self, value: Value) {
        let value = self.as_vector(value, types::I8X16);
        self.push(value);
    }

    pub(super) fn vector_const(&mut self, bits: u128) -> Value {
        self.lanes_const(types::I8X16, bits)
    }

    /// Returns a vector constant as lanes of that type.
    pub(super) fn lanes_const(&mut self, ty: Type, bits: u128) -> Value {
        let bytes = bits.to_le_bytes().to_vec();
        let constant = self.b.func.dfg.constants.insert(bytes.into());
        self.b.ins().vconst(ty, constant)
    }

    fn load_splat(&mut self, memarg: &MemArg, vector: Type) -> Result<(), Rejected> {
        let lane = vector.lane_type();
        let at = self.access(memarg, u64::from(lane.bytes()))?;
        let value = self.load(at, lane);
        let value = self.b.ins().splat(vector, value);
        self.push_vector(value);
        Ok(())
    }

    fn load_zero(&mut self, memarg: &MemArg, vector: Type) -> Result<(), Rejected> {
        let lane = vector.lane_type();
        let at = self.access(memarg, u64::from(lane.bytes()))?;
        let value = self.load(at, lane);
        let value = self.b.ins().scalar_to_vector(vector, value);
        self.push_vector(value);
        Ok(())
    }

    /// Bytes of memory that an access to one lane needs.
    fn lane_bytes(&self, vector: Type) -> u64 {
        let planted = planted!(self.config().planted(), LaneBoundsOfVector);
        let accessed = if planted { vector } else { vector.lane_type() };
        u64::from(accessed.bytes())
    }

    fn load_lane(&mut self, memarg: &MemArg, vector: Type, lane: u8) -> Result<(), Rejected> {
        let old = self.pop_vector(vector);
        let ty = vector.lane_type();
        let at = self.access(memarg, self.lane_bytes(vector))?;
        let value = self.load(at, ty);
        let value = self.b.ins().insertlane(old, value, lane);
        self.push_vector(value);
        Ok(())
    }

    fn store_lane(&mut self, memarg: &MemArg, vector: Type, lane: u8) -> Result<(), Rejected> {
        let value = self.pop_vector(vector);
        let at = self.access(memarg, self.lane_bytes(vector))?;
        let value = self.b.ins().extractlane(value, lane);
        self.store_at(at, value);
        Ok(())
    }

    fn load_extended(&mut self, memarg: &MemArg, op: &Operator<'_>) -> Result<(), Rejected> {
        let at = self.access(memarg, 8)?;
        let (flags, address, offset) = Self::access_parts(at);
        let ins = self.b.ins();
        let value = match op {
            Operator::V128Load8x8S { .. } => ins.sload8x8(flags, address, offset),
            Operator::V128Load8x8U { .. } => ins.uload8x8(flags, address, offset),
            Operator::V128Load16x4S { .. } => ins.sload16x4(flags, address, offset),
            Operator::V128Load16x4U { .. } => ins.uload16x4(flags, address, offset),
            Operator::V128Load32x2S { .. } => ins.sload32x2(flags, address, offset),
            _ => ins.uload32x2(flags, address, offset),
        };
        self.push_vector(value);
        Ok(())
    }

    /// Translates `op` if it is a vector constant, load or store. Returns true if it was.
    pub(super) fn simd_memory(&mut self, op: &Operator<'_>) -> Result<bool, Rejected> {
        use Operator as O;
        use types::{I8X16, I16X8, I32X4, I64X2};
        match op {
            O::V128Const { value } => {
                let value = self.vector_const(u128::from_le_bytes(*value.bytes()));
                self.push(value);
            }
            O::V128Load { memarg } => {
                let at = self.access(memarg, 16)?;
                let value = self.load(at, I8X16);
                self.push(value);
            }
            O::V128Store { memarg } => {
                let value = self.pop();
                let at = self.access(memarg, 16)?;
                self.store_at(at, value);
            }
            O::V128Load8x8S { memarg }
            | O::V128Load8x8U { memarg }
            | O::V128Load16x4S { memarg }
            | O::V128Load16x4U { memarg }
            | O::V128Load32x2S { memarg }
            | O::V128Load32x2U { memarg } => self.load_extended(memarg, op)?,
            O::V128Load8Splat { memarg } => self.load_splat(memarg, I8X16)?,
            O::V128Load16Splat { memarg } => self.load_splat(memarg, I16X8)?,
            O::V128Load32Splat { memarg } => self.load_splat(memarg, I32X4)?,
            O::V128Load64Splat { memarg } => self.load_splat(memarg, I64X2)?,
            O::V128Load32Zero { memarg } => self.load_zero(memarg, I32X4)?,
            O::V128Load64Zero { memarg } => self.load_zero(memarg, I64X2)?,
            O::V128Load8Lane { memarg, lane } => self.load_lane(memarg, I8X16, *lane)?,
            O::V128Load16Lane { memarg, lane } => self.load_lane(memarg, I16X8, *lane)?,
            O::V128Load32Lane { memarg, lane } => self.load_lane(memarg, I32X4, *lane)?,
            O::V128Load64Lane { memarg, lane } => self.load_lane(memarg, I64X2, *lane)?,
            O::V128Store8Lane { memarg, lane } => self.store_lane(memarg, I8X16, *lane)?,
            O::V128Store16Lane { memarg, lane } => self.store_lane(memarg, I16X8, *lane)?,
            O::V128Store32Lane { memarg, lane } => self.store_lane(memarg, I32X4, *lane)?,
            O::V128Store64Lane { memarg, lane } => self.store_lane(memarg, I64X2, *lane)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Translates `op` if it is a vector instruction. Returns true if it was.
    pub(super) fn simd(&mut self, op: &Operator<'_>) -> Result<bool, Rejected> {
        Ok(self.simd_memory(op)?
            || self.simd_lanes(op)
            || self.simd_compare(op)
            || self.simd_integer(op)
            || self.simd_widen(op)
            || self.simd_float(op)
            || self.simd_relaxed(op))
    }
}
