//! Vector instructions that move lanes, treat vectors as bits, or compare lanes.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, types};
use wasmparser::Operator;

use super::translator::Translator;

impl Translator<'_> {
    fn splat(&mut self, vector: Type) {
        let value = self.pop();
        let lane = vector.lane_type();
        let value = if lane.bits() < 32 {
            self.b.ins().ireduce(lane, value)
        } else {
            value
        };
        let value = self.b.ins().splat(vector, value);
        self.push_vector(value);
    }

    fn extract(&mut self, vector: Type, lane: u8, signed: bool) {
        let value = self.pop_vector(vector);
        let value = self.b.ins().extractlane(value, lane);
        let value = match (vector.lane_type().bits() < 32, signed) {
            (false, _) => value,
            (true, true) => self.b.ins().sextend(types::I32, value),
            (true, false) => self.b.ins().uextend(types::I32, value),
        };
        self.push(value);
    }

    fn replace(&mut self, vector: Type, lane: u8) {
        let new = self.pop();
        let value = self.pop_vector(vector);
        let new = if vector.lane_type().bits() < 32 {
            self.b.ins().ireduce(vector.lane_type(), new)
        } else {
            new
        };
        let value = self.b.ins().insertlane(value, new, lane);
        self.push_vector(value);
    }

    fn shuffle(&mut self, lanes: &[u8; 16]) {
        let (a, b) = self.pop2();
        let data = ConstantData::from(lanes.as_slice());
        let mask = self.b.func.dfg.immediates.push(data);
        let value = self.b.ins().shuffle(a, b, mask);
        self.push(value);
    }

    pub(super) fn swizzle(&mut self) {
        let (a, b) = self.pop2();
        let value = self.b.ins().swizzle(a, b);
        self.push(value);
    }

    /// `v128.bitselect`, and the relaxed lane selections.
    pub(super) fn bitselect(&mut self) {
        let (a, b, mask) = self.pop3();
        let value = self.b.ins().bitselect(mask, a, b);
        self.push(value);
    }

    /// Translates `op` if it moves lanes or works on bits. Returns true if it did.
    pub(super) fn simd_lanes(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        use types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
        match op {
            O::I8x16Splat => self.splat(I8X16),
            O::I16x8Splat => self.splat(I16X8),
            O::I32x4Splat => self.splat(I32X4),
            O::I64x2Splat => self.splat(I64X2),
            O::F32x4Splat => self.splat(F32X4),
            O::F64x2Splat => self.splat(F64X2),
            O::I8x16ExtractLaneS { lane } => self.extract(I8X16, *lane, true),
            O::I8x16ExtractLaneU { lane } => self.extract(I8X16, *lane, false),
            O::I16x8ExtractLaneS { lane } => self.extract(I16X8, *lane, true),
            O::I16x8ExtractLaneU { lane } => self.extract(I16X8, *lane, false),
            O::I32x4ExtractLane { lane } => self.extract(I32X4, *lane, false),
            O::I64x2ExtractLane { lane } => self.extract(I64X2, *lane, false),
            O::F32x4ExtractLane { lane } => self.extract(F32X4, *lane, false),
            O::F64x2ExtractLane { lane } => self.extract(F64X2, *lane, false),
            O::I8x16ReplaceLane { lane } => self.replace(I8X16, *lane),
            O::I16x8ReplaceLane { lane } => self.replace(I16X8, *lane),
            O::I32x4ReplaceLane { lane } => self.replace(I32X4, *lane),
            O::I64x2ReplaceLane { lane } => self.replace(I64X2, *lane),
            O::F32x4ReplaceLane { lane } => self.replace(F32X4, *lane),
            O::F64x2ReplaceLane { lane } => self.replace(F64X2, *lane),
            O::I8x16Shuffle { lanes } => self.shuffle(lanes),
            O::I8x16Swizzle => self.swizzle(),
            O::V128Bitselect => self.bitselect(),
            _ => return self.simd_bits(op),
        }
        true
    }

    fn simd_bits(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        use types::{I8X16, I16X8, I32X4, I64X2};
        match op {
            O::V128Not => {
                let a = self.pop();
                let value = self.b.ins().bnot(a);
                self.push(value);
            }
            O::V128And | O::V128AndNot | O::V128Or | O::V128Xor => {
                let (a, b) = self.pop2();
                let value = match op {
                    O::V128And => self.b.ins().band(a, b),
                    O::V128AndNot => self.b.ins().band_not(a, b),
                    O::V128Or => self.b.ins().bor(a, b),
                    _ => self.b.ins().bxor(a, b),
                };
                self.push(value);
            }
            O::V128AnyTrue => {
                let a = self.pop();
                let bit = self.b.ins().vany_true(a);
                let truth = self.b.ins().uextend(types::I32, bit);
                self.push(truth);
            }
            O::I8x16AllTrue => self.all_true(I8X16),
            O::I16x8AllTrue => self.all_true(I16X8),
            O::I32x4AllTrue => self.all_true(I32X4),
            O::I64x2AllTrue => self.all_true(I64X2),
            O::I8x16Bitmask => self.bitmask(I8X16),
            O::I16x8Bitmask => self.bitmask(I16X8),
            O::I32x4Bitmask => self.bitmask(I32X4),
            O::I64x2Bitmask => self.bitmask(I64X2),
            _ => return false,
        }
        true
    }

    fn all_true(&mut self, ty: Type) {
        let a = self.pop_vector(ty);
        let bit = self.b.ins().vall_true(a);
        let truth = self.b.ins().uextend(types::I32, bit);
        self.push(truth);
    }

    fn bitmask(&mut self, ty: Type) {
        let a = self.pop_vector(ty);
        let bits = self.b.ins().vhigh_bits(types::I32, a);
        self.push(bits);
    }

    fn vector_icmp(&mut self, ty: Type, cond: IntCC) {
        let b = self.pop_vector(ty);
        let a = self.pop_vector(ty);
        let lanes = self.b.ins().icmp(cond, a, b);
        self.push_vector(lanes);
    }

    fn vector_fcmp(&mut self, ty: Type, cond: FloatCC) {
        let b = self.pop_vector(ty);
        let a = self.pop_vector(ty);
        let lanes = self.b.ins().fcmp(cond, a, b);
        self.push_vector(lanes);
    }

    /// Translates `op` if it compares lanes. Returns true if it did.
    pub(super) fn simd_compare(&mut self, op: &Operator<'_>) -> bool {
        use FloatCC as F;
        use IntCC::{
            Equal, NotEqual, SignedGreaterThan, SignedGreaterThanOrEqual, SignedLessThan,
            SignedLessThanOrEqual, UnsignedGreaterThan, UnsignedGreaterThanOrEqual,
            UnsignedLessThan, UnsignedLessThanOrEqual,
        };
        use Operator as O;
        use types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
        match op {
            O::I8x16Eq => self.vector_icmp(I8X16, Equal),
            O::I8x16Ne => self.vector_icmp(I8X16, NotEqual),
            O::I8x16LtS => self.vector_icmp(I8X16, SignedLessThan),
            O::I8x16LtU => self.vector_icmp(I8X16, UnsignedLessThan),
            O::I8x16GtS => self.vector_icmp(I8X16, SignedGreaterThan),
            O::I8x16GtU => self.vector_icmp(I8X16, UnsignedGreaterThan),
            O::I8x16LeS => self.vector_icmp(I8X16, SignedLessThanOrEqual),
            O::I8x16LeU => self.vector_icmp(I8X16, UnsignedLessThanOrEqual),
            O::I8x16GeS => self.vector_icmp(I8X16, SignedGreaterThanOrEqual),
            O::I8x16GeU => self.vector_icmp(I8X16, UnsignedGreaterThanOrEqual),
            O::I16x8Eq => self.vector_icmp(I16X8, Equal),
            O::I16x8Ne => self.vector_icmp(I16X8, NotEqual),
            O::I16x8LtS => self.vector_icmp(I16X8, SignedLessThan),
            O::I16x8LtU => self.vector_icmp(I16X8, UnsignedLessThan),
            O::I16x8GtS => self.vector_icmp(I16X8, SignedGreaterThan),
            O::I16x8GtU => self.vector_icmp(I16X8, UnsignedGreaterThan),
            O::I16x8LeS => self.vector_icmp(I16X8, SignedLessThanOrEqual),
            O::I16x8LeU => self.vector_icmp(I16X8, UnsignedLessThanOrEqual),
            O::I16x8GeS => self.vector_icmp(I16X8, SignedGreaterThanOrEqual),
            O::I16x8GeU => self.vector_icmp(I16X8, UnsignedGreaterThanOrEqual),
            O::I32x4Eq => self.vector_icmp(I32X4, Equal),
            O::I32x4Ne => self.vector_icmp(I32X4, NotEqual),
            O::I32x4LtS => self.vector_icmp(I32X4, SignedLessThan),
            O::I32x4LtU => self.vector_icmp(I32X4, UnsignedLessThan),
            O::I32x4GtS => self.vector_icmp(I32X4, SignedGreaterThan),
            O::I32x4GtU => self.vector_icmp(I32X4, UnsignedGreaterThan),
            O::I32x4LeS => self.vector_icmp(I32X4, SignedLessThanOrEqual),
            O::I32x4LeU => self.vector_icmp(I32X4, UnsignedLessThanOrEqual),
            O::I32x4GeS => self.vector_icmp(I32X4, SignedGreaterThanOrEqual),
            O::I32x4GeU => self.vector_icmp(I32X4, UnsignedGreaterThanOrEqual),
            O::I64x2Eq => self.vector_icmp(I64X2, Equal),
            O::I64x2Ne => self.vector_icmp(I64X2, NotEqual),
            O::I64x2LtS => self.vector_icmp(I64X2, SignedLessThan),
            O::I64x2GtS => self.vector_icmp(I64X2, SignedGreaterThan),
            O::I64x2LeS => self.vector_icmp(I64X2, SignedLessThanOrEqual),
            O::I64x2GeS => self.vector_icmp(I64X2, SignedGreaterThanOrEqual),
            O::F32x4Eq => self.vector_fcmp(F32X4, F::Equal),
            O::F32x4Ne => self.vector_fcmp(F32X4, F::NotEqual),
            O::F32x4Lt => self.vector_fcmp(F32X4, F::LessThan),
            O::F32x4Gt => self.vector_fcmp(F32X4, F::GreaterThan),
            O::F32x4Le => self.vector_fcmp(F32X4, F::LessThanOrEqual),
            O::F32x4Ge => self.vector_fcmp(F32X4, F::GreaterThanOrEqual),
            O::F64x2Eq => self.vector_fcmp(F64X2, F::Equal),
            O::F64x2Ne => self.vector_fcmp(F64X2, F::NotEqual),
            O::F64x2Lt => self.vector_fcmp(F64X2, F::LessThan),
            O::F64x2Gt => self.vector_fcmp(F64X2, F::GreaterThan),
            O::F64x2Le => self.vector_fcmp(F64X2, F::LessThanOrEqual),
            O::F64x2Ge => self.vector_fcmp(F64X2, F::GreaterThanOrEqual),
            _ => return false,
        }
        true
    }
}
