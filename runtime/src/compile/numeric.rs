//! Numeric instructions.
//!
//! With signals, the processor's own checks of divisions and conversions trap. Without signals, the
//! operands are checked first. Cranelift makes NaNs canonical if the configuration asks for it.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::Operator;

use super::translator::Translator;
use crate::error::Trap;

/// Pops one operand and pushes the value of the expression.
macro_rules! unary {
    ($t:ident, |$a:ident| $e:expr) => {{
        let $a = $t.pop();
        let result = $e;
        $t.push(result);
    }};
}

/// Pops two operands and pushes the value of the expression.
macro_rules! binary {
    ($t:ident, |$a:ident, $b:ident| $e:expr) => {{
        let ($a, $b) = $t.pop2();
        let result = $e;
        $t.push(result);
    }};
}

impl Translator<'_> {
    fn truth(&mut self, bit: Value) {
        let truth = self.b.ins().uextend(types::I32, bit);
        self.push(truth);
    }

    fn icmp(&mut self, cond: IntCC) {
        let (a, b) = self.pop2();
        let bit = self.b.ins().icmp(cond, a, b);
        self.truth(bit);
    }

    fn eqz(&mut self) {
        let a = self.pop();
        let bit = self.b.ins().icmp_imm_u(IntCC::Equal, a, 0);
        self.truth(bit);
    }

    fn fcmp(&mut self, cond: FloatCC) {
        let (a, b) = self.pop2();
        let bit = self.b.ins().fcmp(cond, a, b);
        self.truth(bit);
    }

    /// Checks the divisor of an integer division, and overflow if `overflows` says that it can.
    fn division_guard(&mut self, a: Value, b: Value, overflows: bool) {
        if !self.is_explicit() {
            return;
        }
        self.trap_unless(b, Trap::IntegerDivideByZero);
        if overflows {
            let ty = self.b.func.dfg.value_type(a);
            let min = if ty == types::I32 {
                i64::from(i32::MIN)
            } else {
                i64::MIN
            };
            let minimal = self.b.ins().icmp_imm_s(IntCC::Equal, a, min);
            let by_minus_one = self.b.ins().icmp_imm_s(IntCC::Equal, b, -1);
            let overflows = self.b.ins().band(minimal, by_minus_one);
            self.trap_if(overflows, Trap::IntegerOverflow);
        }
    }

    /// A conversion that traps on NaN and on numbers out of range.
    fn trunc(&mut self, to: Type, signed: bool) {
        let a = self.pop();
        let result = if self.is_explicit() {
            self.trunc_guard(a, to, signed);
            self.trunc_sat(a, to, signed)
        } else if signed {
            self.b.ins().fcvt_to_sint(to, a)
        } else {
            self.b.ins().fcvt_to_uint(to, a)
        };
        self.push(result);
    }

    fn trunc_sat(&mut self, a: Value, to: Type, signed: bool) -> Value {
        if signed {
            self.b.ins().fcvt_to_sint_sat(to, a)
        } else {
            self.b.ins().fcvt_to_uint_sat(to, a)
        }
    }

    /// Traps unless the number's integral part is a value of `to`. The number must lie strictly
    /// between two floats. There is one exception: if the float below the least integer is already
    /// too small, the lower bound is the least integer itself, and it is allowed.
    fn trunc_guard(&mut self, a: Value, to: Type, signed: bool) {
        let nan = self.b.ins().fcmp(FloatCC::Unordered, a, a);
        self.trap_if(nan, Trap::InvalidConversionToInteger);
        let bits = to.bits() as i32;
        let high = if signed {
            2f64.powi(bits - 1)
        } else {
            2f64.powi(bits)
        };
        // -(2^31) - 1 is an f64. The other numbers below a least integer are not floats of their
        // type.
        let is_f64 = self.b.func.dfg.value_type(a) == types::F64;
        let (low, below) = match (signed, is_f64 && to == types::I32) {
            (false, _) => (-1.0, FloatCC::LessThanOrEqual),
            (true, true) => (-high - 1.0, FloatCC::LessThanOrEqual),
            (true, false) => (-high, FloatCC::LessThan),
        };
        let (low, high) = if is_f64 {
            (self.b.ins().f64const(low), self.b.ins().f64const(high))
        } else {
            (
                self.b.ins().f32const(low as f32),
                self.b.ins().f32const(high as f32),
            )
        };
        let small = self.b.ins().fcmp(below, a, low);
        let large = self.b.ins().fcmp(FloatCC::GreaterThanOrEqual, a, high);
        let outside = self.b.ins().bor(small, large);
        self.trap_if(outside, Trap::IntegerOverflow);
    }

    fn sign_extend(&mut self, narrow: Type, wide: Type) {
        unary!(self, |a| {
            let low = self.b.ins().ireduce(narrow, a);
            self.b.ins().sextend(wide, low)
        });
    }

    /// Translates `op` if it is a scalar numeric instruction. Returns true if it was.
    pub(super) fn numeric(&mut self, op: &Operator<'_>) -> bool {
        self.constant(op)
            || self.comparison(op)
            || self.integer(op)
            || self.float(op)
            || self.conversion(op)
    }

    fn constant(&mut self, op: &Operator<'_>) -> bool {
        let value = match op {
            Operator::I32Const { value } => self.i32_const(*value),
            Operator::I64Const { value } => self.i64_const(*value),
            Operator::F32Const { value } => {
                let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(value.bits());
                self.b.ins().f32const(bits)
            }
            Operator::F64Const { value } => {
                let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(value.bits());
                self.b.ins().f64const(bits)
            }
            _ => return false,
        };
        self.push(value);
        true
    }

    fn comparison(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I32Eqz | O::I64Eqz => self.eqz(),
            O::I32Eq | O::I64Eq => self.icmp(IntCC::Equal),
            O::I32Ne | O::I64Ne => self.icmp(IntCC::NotEqual),
            O::I32LtS | O::I64LtS => self.icmp(IntCC::SignedLessThan),
            O::I32LtU | O::I64LtU => self.icmp(IntCC::UnsignedLessThan),
            O::I32GtS | O::I64GtS => self.icmp(IntCC::SignedGreaterThan),
            O::I32GtU | O::I64GtU => self.icmp(IntCC::UnsignedGreaterThan),
            O::I32LeS | O::I64LeS => self.icmp(IntCC::SignedLessThanOrEqual),
            O::I32LeU | O::I64LeU => self.icmp(IntCC::UnsignedLessThanOrEqual),
            O::I32GeS | O::I64GeS => self.icmp(IntCC::SignedGreaterThanOrEqual),
            O::I32GeU | O::I64GeU => self.icmp(IntCC::UnsignedGreaterThanOrEqual),
            O::F32Eq | O::F64Eq => self.fcmp(FloatCC::Equal),
            O::F32Ne | O::F64Ne => self.fcmp(FloatCC::NotEqual),
            O::F32Lt | O::F64Lt => self.fcmp(FloatCC::LessThan),
            O::F32Gt | O::F64Gt => self.fcmp(FloatCC::GreaterThan),
            O::F32Le | O::F64Le => self.fcmp(FloatCC::LessThanOrEqual),
            O::F32Ge | O::F64Ge => self.fcmp(FloatCC::GreaterThanOrEqual),
            _ => return false,
        }
        true
    }

    fn integer(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I32Clz | O::I64Clz => unary!(self, |a| self.b.ins().clz(a)),
            O::I32Ctz | O::I64Ctz => unary!(self, |a| self.b.ins().ctz(a)),
            O::I32Popcnt | O::I64Popcnt => unary!(self, |a| self.b.ins().popcnt(a)),
            O::I32Add | O::I64Add => binary!(self, |a, b| self.b.ins().iadd(a, b)),
            O::I32Sub | O::I64Sub => binary!(self, |a, b| self.b.ins().isub(a, b)),
            O::I32Mul | O::I64Mul => binary!(self, |a, b| self.b.ins().imul(a, b)),
            O::I32And | O::I64And => binary!(self, |a, b| self.b.ins().band(a, b)),
            O::I32Or | O::I64Or => binary!(self, |a, b| self.b.ins().bor(a, b)),
            O::I32Xor | O::I64Xor => binary!(self, |a, b| self.b.ins().bxor(a, b)),
            O::I32Shl | O::I64Shl => binary!(self, |a, b| self.b.ins().ishl(a, b)),
            O::I32ShrS | O::I64ShrS => binary!(self, |a, b| self.b.ins().sshr(a, b)),
            O::I32ShrU | O::I64ShrU => binary!(self, |a, b| self.b.ins().ushr(a, b)),
            O::I32Rotl | O::I64Rotl => binary!(self, |a, b| self.b.ins().rotl(a, b)),
            O::I32Rotr | O::I64Rotr => binary!(self, |a, b| self.b.ins().rotr(a, b)),
            O::I32DivS | O::I64DivS => binary!(self, |a, b| {
                self.division_guard(a, b, true);
                self.b.ins().sdiv(a, b)
            }),
            O::I32DivU | O::I64DivU => binary!(self, |a, b| {
                self.division_guard(a, b, false);
                self.b.ins().udiv(a, b)
            }),
            O::I32RemS | O::I64RemS => binary!(self, |a, b| {
                self.division_guard(a, b, false);
                self.b.ins().srem(a, b)
            }),
            O::I32RemU | O::I64RemU => binary!(self, |a, b| {
                self.division_guard(a, b, false);
                self.b.ins().urem(a, b)
            }),
            O::I32Extend8S => self.sign_extend(types::I8, types::I32),
            O::I32Extend16S => self.sign_extend(types::I16, types::I32),
            O::I64Extend8S => self.sign_extend(types::I8, types::I64),
            O::I64Extend16S => self.sign_extend(types::I16, types::I64),
            O::I64Extend32S => self.sign_extend(types::I32, types::I64),
            _ => return false,
        }
        true
    }

    fn float(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::F32Abs | O::F64Abs => unary!(self, |a| self.b.ins().fabs(a)),
            O::F32Neg | O::F64Neg => unary!(self, |a| self.b.ins().fneg(a)),
            O::F32Ceil | O::F64Ceil => unary!(self, |a| self.b.ins().ceil(a)),
            O::F32Floor | O::F64Floor => unary!(self, |a| self.b.ins().floor(a)),
            O::F32Trunc | O::F64Trunc => unary!(self, |a| self.b.ins().trunc(a)),
            O::F32Nearest | O::F64Nearest => unary!(self, |a| self.b.ins().nearest(a)),
            O::F32Sqrt | O::F64Sqrt => unary!(self, |a| self.b.ins().sqrt(a)),
            O::F32Add | O::F64Add => binary!(self, |a, b| self.b.ins().fadd(a, b)),
            O::F32Sub | O::F64Sub => binary!(self, |a, b| self.b.ins().fsub(a, b)),
            O::F32Mul | O::F64Mul => binary!(self, |a, b| self.b.ins().fmul(a, b)),
            O::F32Div | O::F64Div => binary!(self, |a, b| self.b.ins().fdiv(a, b)),
            O::F32Min | O::F64Min => binary!(self, |a, b| self.b.ins().fmin(a, b)),
            O::F32Max | O::F64Max => binary!(self, |a, b| self.b.ins().fmax(a, b)),
            O::F32Copysign | O::F64Copysign => {
                binary!(self, |a, b| self.b.ins().fcopysign(a, b));
            }
            _ => return false,
        }
        true
    }

    fn conversion(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        use types::{F32, F64, I32, I64};
        let plain = MemFlagsData::new();
        match op {
            O::I32WrapI64 => unary!(self, |a| self.b.ins().ireduce(I32, a)),
            O::I64ExtendI32S => unary!(self, |a| self.b.ins().sextend(I64, a)),
            O::I64ExtendI32U => unary!(self, |a| self.b.ins().uextend(I64, a)),
            O::I32TruncF32S | O::I32TruncF64S => self.trunc(I32, true),
            O::I32TruncF32U | O::I32TruncF64U => self.trunc(I32, false),
            O::I64TruncF32S | O::I64TruncF64S => self.trunc(I64, true),
            O::I64TruncF32U | O::I64TruncF64U => self.trunc(I64, false),
            O::I32TruncSatF32S | O::I32TruncSatF64S => {
                unary!(self, |a| self.trunc_sat(a, I32, true));
            }
            O::I32TruncSatF32U | O::I32TruncSatF64U => {
                unary!(self, |a| self.trunc_sat(a, I32, false));
            }
            O::I64TruncSatF32S | O::I64TruncSatF64S => {
                unary!(self, |a| self.trunc_sat(a, I64, true));
            }
            O::I64TruncSatF32U | O::I64TruncSatF64U => {
                unary!(self, |a| self.trunc_sat(a, I64, false));
            }
            O::F32ConvertI32S | O::F32ConvertI64S => {
                unary!(self, |a| self.b.ins().fcvt_from_sint(F32, a));
            }
            O::F32ConvertI32U | O::F32ConvertI64U => {
                unary!(self, |a| self.b.ins().fcvt_from_uint(F32, a));
            }
            O::F64ConvertI32S | O::F64ConvertI64S => {
                unary!(self, |a| self.b.ins().fcvt_from_sint(F64, a));
            }
            O::F64ConvertI32U | O::F64ConvertI64U => {
                unary!(self, |a| self.b.ins().fcvt_from_uint(F64, a));
            }
            O::F32DemoteF64 => unary!(self, |a| self.b.ins().fdemote(F32, a)),
            O::F64PromoteF32 => unary!(self, |a| self.b.ins().fpromote(F64, a)),
            O::I32ReinterpretF32 => unary!(self, |a| self.b.ins().bitcast(I32, plain, a)),
            O::I64ReinterpretF64 => unary!(self, |a| self.b.ins().bitcast(I64, plain, a)),
            O::F32ReinterpretI32 => unary!(self, |a| self.b.ins().bitcast(F32, plain, a)),
            O::F64ReinterpretI64 => unary!(self, |a| self.b.ins().bitcast(F64, plain, a)),
            _ => return false,
        }
        true
    }
}
