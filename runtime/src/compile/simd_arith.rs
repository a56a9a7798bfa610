//! Vector instructions: arithmetic. Relaxed instructions behave as in the specification's
//! deterministic profile.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator;

use super::translator::Translator;

/// Pops one vector of that type and pushes the value of the expression.
macro_rules! unary {
    ($t:ident, $ty:expr, |$a:ident| $e:expr) => {{
        let $a = $t.pop_vector($ty);
        let result = $e;
        $t.push_vector(result);
    }};
}

/// Pops two vectors of that type and pushes the value of the expression.
macro_rules! binary {
    ($t:ident, $ty:expr, |$a:ident, $b:ident| $e:expr) => {{
        let $b = $t.pop_vector($ty);
        let $a = $t.pop_vector($ty);
        let result = $e;
        $t.push_vector(result);
    }};
}

/// Which half of a vector is widened, and how.
#[derive(Clone, Copy, Debug)]
enum Half {
    LowS,
    LowU,
    HighS,
    HighU,
}

/// A shift of all lanes.
#[derive(Clone, Copy, Debug)]
enum Shift {
    Left,
    RightS,
    RightU,
}

/// Integer arithmetic lane by lane.
impl Translator<'_> {
    fn shift(&mut self, ty: Type, shift: Shift) {
        let count = self.pop();
        let a = self.pop_vector(ty);
        let value = match shift {
            Shift::Left => self.b.ins().ishl(a, count),
            Shift::RightS => self.b.ins().sshr(a, count),
            Shift::RightU => self.b.ins().ushr(a, count),
        };
        self.push_vector(value);
    }

    /// Translates `op` if it is integer arithmetic on lanes of one width. Returns true if it was.
    pub(super) fn simd_integer(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16Abs => unary!(self, I8X16, |a| self.b.ins().iabs(a)),
            O::I16x8Abs => unary!(self, I16X8, |a| self.b.ins().iabs(a)),
            O::I32x4Abs => unary!(self, I32X4, |a| self.b.ins().iabs(a)),
            O::I64x2Abs => unary!(self, I64X2, |a| self.b.ins().iabs(a)),
            O::I8x16Neg => unary!(self, I8X16, |a| self.b.ins().ineg(a)),
            O::I16x8Neg => unary!(self, I16X8, |a| self.b.ins().ineg(a)),
            O::I32x4Neg => unary!(self, I32X4, |a| self.b.ins().ineg(a)),
            O::I64x2Neg => unary!(self, I64X2, |a| self.b.ins().ineg(a)),
            O::I8x16Popcnt => unary!(self, I8X16, |a| self.b.ins().popcnt(a)),
            O::I8x16Shl => self.shift(I8X16, Shift::Left),
            O::I16x8Shl => self.shift(I16X8, Shift::Left),
            O::I32x4Shl => self.shift(I32X4, Shift::Left),
            O::I64x2Shl => self.shift(I64X2, Shift::Left),
            O::I8x16ShrS => self.shift(I8X16, Shift::RightS),
            O::I16x8ShrS => self.shift(I16X8, Shift::RightS),
            O::I32x4ShrS => self.shift(I32X4, Shift::RightS),
            O::I64x2ShrS => self.shift(I64X2, Shift::RightS),
            O::I8x16ShrU => self.shift(I8X16, Shift::RightU),
            O::I16x8ShrU => self.shift(I16X8, Shift::RightU),
            O::I32x4ShrU => self.shift(I32X4, Shift::RightU),
            O::I64x2ShrU => self.shift(I64X2, Shift::RightU),
            _ => return self.simd_sum(op) || self.simd_order(op),
        }
        true
    }

    fn simd_sum(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16Add => binary!(self, I8X16, |a, b| self.b.ins().iadd(a, b)),
            O::I16x8Add => binary!(self, I16X8, |a, b| self.b.ins().iadd(a, b)),
            O::I32x4Add => binary!(self, I32X4, |a, b| self.b.ins().iadd(a, b)),
            O::I64x2Add => binary!(self, I64X2, |a, b| self.b.ins().iadd(a, b)),
            O::I8x16Sub => binary!(self, I8X16, |a, b| self.b.ins().isub(a, b)),
            O::I16x8Sub => binary!(self, I16X8, |a, b| self.b.ins().isub(a, b)),
            O::I32x4Sub => binary!(self, I32X4, |a, b| self.b.ins().isub(a, b)),
            O::I64x2Sub => binary!(self, I64X2, |a, b| self.b.ins().isub(a, b)),
            O::I16x8Mul => binary!(self, I16X8, |a, b| self.b.ins().imul(a, b)),
            O::I32x4Mul => binary!(self, I32X4, |a, b| self.b.ins().imul(a, b)),
            O::I64x2Mul => binary!(self, I64X2, |a, b| self.b.ins().imul(a, b)),
            O::I8x16AddSatS => binary!(self, I8X16, |a, b| self.b.ins().sadd_sat(a, b)),
            O::I16x8AddSatS => binary!(self, I16X8, |a, b| self.b.ins().sadd_sat(a, b)),
            O::I8x16AddSatU => binary!(self, I8X16, |a, b| self.b.ins().uadd_sat(a, b)),
            O::I16x8AddSatU => binary!(self, I16X8, |a, b| self.b.ins().uadd_sat(a, b)),
            O::I8x16SubSatS => binary!(self, I8X16, |a, b| self.b.ins().ssub_sat(a, b)),
            O::I16x8SubSatS => binary!(self, I16X8, |a, b| self.b.ins().ssub_sat(a, b)),
            O::I8x16SubSatU => binary!(self, I8X16, |a, b| self.b.ins().usub_sat(a, b)),
            O::I16x8SubSatU => binary!(self, I16X8, |a, b| self.b.ins().usub_sat(a, b)),
            O::I16x8Q15MulrSatS => {
                binary!(self, I16X8, |a, b| self.b.ins().sqmul_round_sat(a, b));
            }
            _ => return false,
        }
        true
    }

    fn simd_order(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16MinS => binary!(self, I8X16, |a, b| self.b.ins().smin(a, b)),
            O::I16x8MinS => binary!(self, I16X8, |a, b| self.b.ins().smin(a, b)),
            O::I32x4MinS => binary!(self, I32X4, |a, b| self.b.ins().smin(a, b)),
            O::I8x16MinU => binary!(self, I8X16, |a, b| self.b.ins().umin(a, b)),
            O::I16x8MinU => binary!(self, I16X8, |a, b| self.b.ins().umin(a, b)),
            O::I32x4MinU => binary!(self, I32X4, |a, b| self.b.ins().umin(a, b)),
            O::I8x16MaxS => binary!(self, I8X16, |a, b| self.b.ins().smax(a, b)),
            O::I16x8MaxS => binary!(self, I16X8, |a, b| self.b.ins().smax(a, b)),
            O::I32x4MaxS => binary!(self, I32X4, |a, b| self.b.ins().smax(a, b)),
            O::I8x16MaxU => binary!(self, I8X16, |a, b| self.b.ins().umax(a, b)),
            O::I16x8MaxU => binary!(self, I16X8, |a, b| self.b.ins().umax(a, b)),
            O::I32x4MaxU => binary!(self, I32X4, |a, b| self.b.ins().umax(a, b)),
            O::I8x16AvgrU => binary!(self, I8X16, |a, b| self.b.ins().avg_round(a, b)),
            O::I16x8AvgrU => binary!(self, I16X8, |a, b| self.b.ins().avg_round(a, b)),
            _ => return false,
        }
        true
    }
}

/// Integer arithmetic that changes the width of lanes.
impl Translator<'_> {
    fn widen_half(&mut self, a: Value, half: Half) -> Value {
        match half {
            Half::LowS => self.b.ins().swiden_low(a),
            Half::LowU => self.b.ins().uwiden_low(a),
            Half::HighS => self.b.ins().swiden_high(a),
            Half::HighU => self.b.ins().uwiden_high(a),
        }
    }

    fn extend(&mut self, ty: Type, half: Half) {
        unary!(self, ty, |a| self.widen_half(a, half));
    }

    fn extmul(&mut self, ty: Type, half: Half) {
        binary!(self, ty, |a, b| {
            let a = self.widen_half(a, half);
            let b = self.widen_half(b, half);
            self.b.ins().imul(a, b)
        });
    }

    /// Sums of neighbouring lanes, in lanes of twice the width.
    fn pairwise(&mut self, a: Value, signed: bool) -> Value {
        let (low, high) = if signed {
            (Half::LowS, Half::HighS)
        } else {
            (Half::LowU, Half::HighU)
        };
        let low = self.widen_half(a, low);
        let high = self.widen_half(a, high);
        self.b.ins().iadd_pairwise(low, high)
    }

    fn products(&mut self, a: Value, b: Value) -> (Value, Value) {
        let [low, high] = [Half::LowS, Half::HighS].map(|half| {
            let a = self.widen_half(a, half);
            let b = self.widen_half(b, half);
            self.b.ins().imul(a, b)
        });
        (low, high)
    }

    /// Translates `op` if it is integer arithmetic that changes the width of lanes. Returns true if
    /// it was.
    pub(super) fn simd_widen(&mut self, op: &Operator<'_>) -> bool {
        use Half::{HighS, HighU, LowS, LowU};
        use Operator as O;
        match op {
            O::I8x16NarrowI16x8S => binary!(self, I16X8, |a, b| self.b.ins().snarrow(a, b)),
            O::I8x16NarrowI16x8U => binary!(self, I16X8, |a, b| self.b.ins().unarrow(a, b)),
            O::I16x8NarrowI32x4S => binary!(self, I32X4, |a, b| self.b.ins().snarrow(a, b)),
            O::I16x8NarrowI32x4U => binary!(self, I32X4, |a, b| self.b.ins().unarrow(a, b)),
            O::I16x8ExtendLowI8x16S => self.extend(I8X16, LowS),
            O::I16x8ExtendHighI8x16S => self.extend(I8X16, HighS),
            O::I16x8ExtendLowI8x16U => self.extend(I8X16, LowU),
            O::I16x8ExtendHighI8x16U => self.extend(I8X16, HighU),
            O::I32x4ExtendLowI16x8S => self.extend(I16X8, LowS),
            O::I32x4ExtendHighI16x8S => self.extend(I16X8, HighS),
            O::I32x4ExtendLowI16x8U => self.extend(I16X8, LowU),
            O::I32x4ExtendHighI16x8U => self.extend(I16X8, HighU),
            O::I64x2ExtendLowI32x4S => self.extend(I32X4, LowS),
            O::I64x2ExtendHighI32x4S => self.extend(I32X4, HighS),
            O::I64x2ExtendLowI32x4U => self.extend(I32X4, LowU),
            O::I64x2ExtendHighI32x4U => self.extend(I32X4, HighU),
            O::I16x8ExtMulLowI8x16S => self.extmul(I8X16, LowS),
            O::I16x8ExtMulHighI8x16S => self.extmul(I8X16, HighS),
            O::I16x8ExtMulLowI8x16U => self.extmul(I8X16, LowU),
            O::I16x8ExtMulHighI8x16U => self.extmul(I8X16, HighU),
            O::I32x4ExtMulLowI16x8S => self.extmul(I16X8, LowS),
            O::I32x4ExtMulHighI16x8S => self.extmul(I16X8, HighS),
            O::I32x4ExtMulLowI16x8U => self.extmul(I16X8, LowU),
            O::I32x4ExtMulHighI16x8U => self.extmul(I16X8, HighU),
            O::I64x2ExtMulLowI32x4S => self.extmul(I32X4, LowS),
            O::I64x2ExtMulHighI32x4S => self.extmul(I32X4, HighS),
            O::I64x2ExtMulLowI32x4U => self.extmul(I32X4, LowU),
            O::I64x2ExtMulHighI32x4U => self.extmul(I32X4, HighU),
            O::I16x8ExtAddPairwiseI8x16S => unary!(self, I8X16, |a| self.pairwise(a, true)),
            O::I16x8ExtAddPairwiseI8x16U => unary!(self, I8X16, |a| self.pairwise(a, false)),
            O::I32x4ExtAddPairwiseI16x8S => unary!(self, I16X8, |a| self.pairwise(a, true)),
            O::I32x4ExtAddPairwiseI16x8U => unary!(self, I16X8, |a| self.pairwise(a, false)),
            O::I32x4DotI16x8S => binary!(self, I16X8, |a, b| {
                let (low, high) = self.products(a, b);
                self.b.ins().iadd_pairwise(low, high)
            }),
            _ => return false,
        }
        true
    }
}

/// Float arithmetic and conversions.
impl Translator<'_> {
    fn float_lanes(op: &Operator<'_>) -> Option<Type> {
        use Operator as O;
        Some(match op {
            O::F32x4Ceil
            | O::F32x4Floor
            | O::F32x4Trunc
            | O::F32x4Nearest
            | O::F32x4Abs
            | O::F32x4Neg
            | O::F32x4Sqrt
            | O::F32x4Add
            | O::F32x4Sub
            | O::F32x4Mul
            | O::F32x4Div
            | O::F32x4Min
            | O::F32x4Max
            | O::F32x4PMin
            | O::F32x4PMax => F32X4,
            O::F64x2Ceil
            | O::F64x2Floor
            | O::F64x2Trunc
            | O::F64x2Nearest
            | O::F64x2Abs
            | O::F64x2Neg
            | O::F64x2Sqrt
            | O::F64x2Add
            | O::F64x2Sub
            | O::F64x2Mul
            | O::F64x2Div
            | O::F64x2Min
            | O::F64x2Max
            | O::F64x2PMin
            | O::F64x2PMax => F64X2,
            _ => return None,
        })
    }

    /// Translates `op` if it is float arithmetic or a conversion. Returns true if it was.
    pub(super) fn simd_float(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        let Some(ty) = Self::float_lanes(op) else {
            return self.simd_convert(op);
        };
        match op {
            O::F32x4Ceil | O::F64x2Ceil => unary!(self, ty, |a| self.b.ins().ceil(a)),
            O::F32x4Floor | O::F64x2Floor => unary!(self, ty, |a| self.b.ins().floor(a)),
            O::F32x4Trunc | O::F64x2Trunc => unary!(self, ty, |a| self.b.ins().trunc(a)),
            O::F32x4Nearest | O::F64x2Nearest => unary!(self, ty, |a| self.b.ins().nearest(a)),
            O::F32x4Abs | O::F64x2Abs => unary!(self, ty, |a| self.b.ins().fabs(a)),
            O::F32x4Neg | O::F64x2Neg => unary!(self, ty, |a| self.b.ins().fneg(a)),
            O::F32x4Sqrt | O::F64x2Sqrt => unary!(self, ty, |a| self.b.ins().sqrt(a)),
            O::F32x4Add | O::F64x2Add => binary!(self, ty, |a, b| self.b.ins().fadd(a, b)),
            O::F32x4Sub | O::F64x2Sub => binary!(self, ty, |a, b| self.b.ins().fsub(a, b)),
            O::F32x4Mul | O::F64x2Mul => binary!(self, ty, |a, b| self.b.ins().fmul(a, b)),
            O::F32x4Div | O::F64x2Div => binary!(self, ty, |a, b| self.b.ins().fdiv(a, b)),
            O::F32x4Min | O::F64x2Min => binary!(self, ty, |a, b| self.b.ins().fmin(a, b)),
            O::F32x4Max | O::F64x2Max => binary!(self, ty, |a, b| self.b.ins().fmax(a, b)),
            O::F32x4PMin | O::F64x2PMin => binary!(self, ty, |a, b| self.pick(b, a, b, a)),
            _ => binary!(self, ty, |a, b| self.pick(a, b, b, a)),
        }
        true
    }

    /// Lane by lane: `yes` where `a < b`, else `no`.
    fn pick(&mut self, a: Value, b: Value, yes: Value, no: Value) -> Value {
        let ty = self.b.func.dfg.value_type(a);
        let less = self.b.ins().fcmp(FloatCC::LessThan, a, b);
        let less = self.as_vector(less, ty);
        self.b.ins().bitselect(less, yes, no)
    }

    /// Two lanes of i64 to the two low lanes of i32, saturated. The high lanes are zero.
    fn narrow_to_low(&mut self, a: Value, signed: bool) -> Value {
        // The back end knows these narrowings only together with a constant zero.
        let zero = self.lanes_const(I64X2, 0);
        if signed {
            self.b.ins().snarrow(a, zero)
        } else {
            self.b.ins().uunarrow(a, zero)
        }
    }

    fn simd_convert(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I32x4TruncSatF32x4S | O::I32x4RelaxedTruncF32x4S => {
                unary!(self, F32X4, |a| self.b.ins().fcvt_to_sint_sat(I32X4, a));
            }
            O::I32x4TruncSatF32x4U | O::I32x4RelaxedTruncF32x4U => {
                unary!(self, F32X4, |a| self.b.ins().fcvt_to_uint_sat(I32X4, a));
            }
            O::I32x4TruncSatF64x2SZero | O::I32x4RelaxedTruncF64x2SZero => {
                unary!(self, F64X2, |a| {
                    let wide = self.b.ins().fcvt_to_sint_sat(I64X2, a);
                    self.narrow_to_low(wide, true)
                });
            }
            O::I32x4TruncSatF64x2UZero | O::I32x4RelaxedTruncF64x2UZero => {
                unary!(self, F64X2, |a| {
                    let wide = self.b.ins().fcvt_to_uint_sat(I64X2, a);
                    self.narrow_to_low(wide, false)
                });
            }
            O::F32x4ConvertI32x4S => {
                unary!(self, I32X4, |a| self.b.ins().fcvt_from_sint(F32X4, a));
            }
            O::F32x4ConvertI32x4U => {
                unary!(self, I32X4, |a| self.b.ins().fcvt_from_uint(F32X4, a));
            }
            O::F64x2ConvertLowI32x4S => unary!(self, I32X4, |a| {
                let wide = self.b.ins().swiden_low(a);
                self.b.ins().fcvt_from_sint(F64X2, wide)
            }),
            O::F64x2ConvertLowI32x4U => unary!(self, I32X4, |a| {
                let wide = self.b.ins().uwiden_low(a);
                self.b.ins().fcvt_from_uint(F64X2, wide)
            }),
            O::F32x4DemoteF64x2Zero => unary!(self, F64X2, |a| self.b.ins().fvdemote(a)),
            O::F64x2PromoteLowF32x4 => unary!(self, F32X4, |a| self.b.ins().fvpromote_low(a)),
            _ => return false,
        }
        true
    }

    /// Not fused: a rounded product, then a rounded sum, as the deterministic profile prescribes.
    fn madd(&mut self, ty: Type, negated: bool) {
        let c = self.pop_vector(ty);
        binary!(self, ty, |a, b| {
            let a = if negated { self.b.ins().fneg(a) } else { a };
            let product = self.b.ins().fmul(a, b);
            self.b.ins().fadd(product, c)
        });
    }

    /// Sums of two products each of signed bytes, saturated to 16 bits.
    fn dot_bytes(&mut self, a: Value, b: Value) -> Value {
        let (low, high) = self.products(a, b);
        let low = self.pairwise(low, true);
        let high = self.pairwise(high, true);
        self.b.ins().snarrow(low, high)
    }

    /// Translates `op` if it is one of the other relaxed instructions. Returns true if it was.
    pub(super) fn simd_relaxed(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16RelaxedSwizzle => self.swizzle(),
            O::I8x16RelaxedLaneselect
            | O::I16x8RelaxedLaneselect
            | O::I32x4RelaxedLaneselect
            | O::I64x2RelaxedLaneselect => self.bitselect(),
            O::F32x4RelaxedMadd => self.madd(F32X4, false),
            O::F32x4RelaxedNmadd => self.madd(F32X4, true),
            O::F64x2RelaxedMadd => self.madd(F64X2, false),
            O::F64x2RelaxedNmadd => self.madd(F64X2, true),
            O::F32x4RelaxedMin => binary!(self, F32X4, |a, b| self.b.ins().fmin(a, b)),
            O::F32x4RelaxedMax => binary!(self, F32X4, |a, b| self.b.ins().fmax(a, b)),
            O::F64x2RelaxedMin => binary!(self, F64X2, |a, b| self.b.ins().fmin(a, b)),
            O::F64x2RelaxedMax => binary!(self, F64X2, |a, b| self.b.ins().fmax(a, b)),
            O::I16x8RelaxedQ15mulrS => {
                binary!(self, I16X8, |a, b| self.b.ins().sqmul_round_sat(a, b));
            }
            O::I16x8RelaxedDotI8x16I7x16S => {
                binary!(self, I8X16, |a, b| self.dot_bytes(a, b));
            }
            O::I32x4RelaxedDotI8x16I7x16AddS => {
                let c = self.pop_vector(I32X4);
                binary!(self, I8X16, |a, b| {
                    let sums = self.dot_bytes(a, b);
                    let sums = self.pairwise(sums, true);
                    self.b.ins().iadd(sums, c)
                });
            }
            _ => return false,
        }
        true
    }
}
