//! Vector instructions. All are pure: each rule has one function, which applies an
//! operator of `numerics` chosen by shape.
//!
//! The trap rules of `vunop`, `vbinop` and `vternop` have no code: every operator has a result.

use crate::execution::halt::{Halt, Stuck};
use crate::execution::machine::Machine;
use crate::execution::values::Value;
use crate::numerics::scalar::{
    demote, extend_s, extend_u, narrow_s as sat_narrow_s, narrow_u as sat_narrow_u, promote,
};
use crate::numerics::vector::{self as v, Lane};
use crate::numerics::{Float, Int, relaxed};
use crate::rules::rule;
use crate::syntax::{
    FRelop, FShape, FUnop, Half, IRelop, IShape, Shape, Sx, VCvtop, VExtbinop, VShiftop, VSwizzlop,
    VfBinop, VfTernop, ViBinop, ViUnop, VvBinop,
};

type Done = Result<(), Halt>;

/// There is no such operator for this shape. Decoding does not produce it.
const NO_OPERATOR: Halt = Halt::Stuck(Stuck::Shape);

/// Pops one operand, pushes the result of `f`.
#[inline]
fn unary(m: &mut Machine, f: impl FnOnce(u128) -> u128) -> Done {
    let a = m.pop_num()?;
    m.push(f(a))
}

/// Pops two operands, pushes the result of `f`.
#[inline]
fn binary(m: &mut Machine, f: impl FnOnce(u128, u128) -> u128) -> Done {
    let b = m.pop_num()?;
    let a = m.pop_num()?;
    m.push(f(a, b))
}

/// Pops three operands, pushes the result of `f`.
#[inline]
fn ternary(m: &mut Machine, f: impl FnOnce(u128, u128, u128) -> u128) -> Done {
    let c = m.pop_num()?;
    binary(m, |a, b| f(a, b, c))
}

/// Calls a generic function with the lane type of an integer shape.
macro_rules! by_ishape {
    ($sh:expr, $f:ident($($argument:expr),*)) => {
        match $sh {
            IShape::I8x16 => $f::<u8>($($argument),*),
            IShape::I16x8 => $f::<u16>($($argument),*),
            IShape::I32x4 => $f::<u32>($($argument),*),
            IShape::I64x2 => $f::<u64>($($argument),*),
        }
    };
}

/// Calls a generic function with the lane type of a floating-point shape.
macro_rules! by_fshape {
    ($sh:expr, $f:ident($($argument:expr),*)) => {
        match $sh {
            FShape::F32x4 => $f::<f32>($($argument),*),
            FShape::F64x2 => $f::<f64>($($argument),*),
        }
    };
}

pub(crate) fn constant(m: &mut Machine, bits: u128) -> Done {
    m.push(bits)
}

pub(crate) fn vvnot(m: &mut Machine) -> Done {
    rule!(m, "Step_pure/vvunop");
    unary(m, |a| !a)
}

pub(crate) fn vvbinop(m: &mut Machine, op: VvBinop) -> Done {
    rule!(m, "Step_pure/vvbinop");
    binary(m, |a, b| match op {
        VvBinop::And => a & b,
        VvBinop::AndNot => a & !b,
        VvBinop::Or => a | b,
        VvBinop::Xor => a ^ b,
    })
}

pub(crate) fn vvbitselect(m: &mut Machine) -> Done {
    rule!(m, "Step_pure/vvternop");
    ternary(m, |a, b, mask| (a & mask) | (b & !mask))
}

pub(crate) fn vvany_true(m: &mut Machine) -> Done {
    rule!(m, "Step_pure/vvtestop");
    let a = m.pop_num::<u128>()?;
    m.push(u32::from(a != 0))
}

fn vunop(m: &mut Machine, f: impl FnOnce(u128) -> u128) -> Done {
    rule!(m, "Step_pure/vunop-val");
    unary(m, f)
}

/// `$vunop_(Jnn X M, ..)`.
pub(crate) fn viunop(m: &mut Machine, sh: IShape, op: ViUnop) -> Done {
    fn apply<J: Int + Lane>(m: &mut Machine, op: ViUnop) -> Done {
        match op {
            ViUnop::Abs => vunop(m, |a| v::map1(a, J::iabs)),
            ViUnop::Neg => vunop(m, |a| v::map1(a, J::ineg)),
            ViUnop::Popcnt => vunop(m, |a| v::map1(a, J::ipopcnt)),
        }
    }
    by_ishape!(sh, apply(m, op))
}

/// `$vunop_(Fnn X M, ..)`.
pub(crate) fn vfunop(m: &mut Machine, sh: FShape, op: FUnop) -> Done {
    fn apply<F: Float + Lane>(m: &mut Machine, op: FUnop) -> Done {
        let f = match op {
            FUnop::Abs => F::fabs,
            FUnop::Neg => F::fneg,
            FUnop::Sqrt => F::fsqrt,
            FUnop::Ceil => F::fceil,
            FUnop::Floor => F::ffloor,
            FUnop::Trunc => F::ftrunc,
            FUnop::Nearest => F::fnearest,
        };
        vunop(m, |a| v::map1(a, f))
    }
    by_fshape!(sh, apply(m, op))
}

fn vbinop(m: &mut Machine, f: impl FnOnce(u128, u128) -> u128) -> Done {
    rule!(m, "Step_pure/vbinop-val");
    binary(m, f)
}

/// `$vbinop_(Jnn X M, ..)`.
pub(crate) fn vibinop(m: &mut Machine, sh: IShape, op: ViBinop) -> Done {
    fn apply<J: Int + Lane>(m: &mut Machine, op: ViBinop) -> Done {
        let f = match op {
            ViBinop::Add => J::iadd,
            ViBinop::Sub => J::isub,
            ViBinop::Mul => J::imul,
            ViBinop::AddSat(Sx::S) => J::iadd_sat_s,
            ViBinop::AddSat(Sx::U) => J::iadd_sat_u,
            ViBinop::SubSat(Sx::S) => J::isub_sat_s,
            ViBinop::SubSat(Sx::U) => J::isub_sat_u,
            ViBinop::Min(Sx::S) => J::imin_s,
            ViBinop::Min(Sx::U) => J::imin_u,
            ViBinop::Max(Sx::S) => J::imax_s,
            ViBinop::Max(Sx::U) => J::imax_u,
            ViBinop::Avgr => J::iavgr_u,
            ViBinop::Q15mulrSat | ViBinop::RelaxedQ15mulr => return Err(NO_OPERATOR),
        };
        vbinop(m, |a, b| v::map2(a, b, f))
    }
    match (sh, op) {
        (IShape::I16x8, ViBinop::Q15mulrSat) => vbinop(m, |a, b| v::map2(a, b, v::q15mulr_sat_s)),
        (IShape::I16x8, ViBinop::RelaxedQ15mulr) => {
            vbinop(m, |a, b| v::map2(a, b, relaxed::q15mulr_s))
        }
        _ => by_ishape!(sh, apply(m, op)),
    }
}

/// `$vbinop_(Fnn X M, ..)`.
pub(crate) fn vfbinop(m: &mut Machine, sh: FShape, op: VfBinop) -> Done {
    fn apply<F: Float + Lane>(m: &mut Machine, op: VfBinop) -> Done {
        let f: fn(F, F) -> F = match op {
            VfBinop::Add => F::fadd,
            VfBinop::Sub => F::fsub,
            VfBinop::Mul => F::fmul,
            VfBinop::Div => F::fdiv,
            VfBinop::Min => F::fmin,
            VfBinop::Max => F::fmax,
            VfBinop::Pmin => F::fpmin,
            VfBinop::Pmax => F::fpmax,
            VfBinop::RelaxedMin => relaxed::min,
            VfBinop::RelaxedMax => relaxed::max,
        };
        vbinop(m, |a, b| v::map2(a, b, f))
    }
    by_fshape!(sh, apply(m, op))
}

fn vternop(m: &mut Machine, f: impl FnOnce(u128, u128, u128) -> u128) -> Done {
    rule!(m, "Step_pure/vternop-val");
    ternary(m, f)
}

/// `$vternop_(Jnn X M, RELAXED_LANESELECT, ..)`.
pub(crate) fn virelaxed_laneselect(m: &mut Machine, sh: IShape) -> Done {
    fn apply<J: Int + Lane>(m: &mut Machine) -> Done {
        vternop(m, |a, b, mask| {
            v::map3(a, b, mask, relaxed::laneselect::<J>)
        })
    }
    by_ishape!(sh, apply(m))
}

/// `$vternop_(Fnn X M, ..)`.
pub(crate) fn vfternop(m: &mut Machine, sh: FShape, op: VfTernop) -> Done {
    fn apply<F: Float + Lane>(m: &mut Machine, op: VfTernop) -> Done {
        let f: fn(F, F, F) -> F = match op {
            VfTernop::RelaxedMadd => relaxed::madd,
            VfTernop::RelaxedNmadd => relaxed::nmadd,
        };
        vternop(m, |a, b, c| v::map3(a, b, c, f))
    }
    by_fshape!(sh, apply(m, op))
}

pub(crate) fn viall_true(m: &mut Machine, sh: IShape) -> Done {
    rule!(m, "Step_pure/vtestop");
    let a = m.pop_num()?;
    let all_true = match sh {
        IShape::I8x16 => v::all_true::<u8>(a),
        IShape::I16x8 => v::all_true::<u16>(a),
        IShape::I32x4 => v::all_true::<u32>(a),
        IShape::I64x2 => v::all_true::<u64>(a),
    };
    m.push(u32::from(all_true))
}

fn vrelop<L: Lane>(m: &mut Machine, f: impl Fn(L, L) -> bool) -> Done {
    rule!(m, "Step_pure/vrelop");
    binary(m, |a, b| v::compare(a, b, f))
}

/// `$vrelop_(Jnn X M, ..)`.
pub(crate) fn virelop(m: &mut Machine, sh: IShape, op: IRelop) -> Done {
    fn apply<J: Int + Lane>(m: &mut Machine, op: IRelop) -> Done {
        match op {
            IRelop::Eq => vrelop(m, |a: J, b| a == b),
            IRelop::Ne => vrelop(m, |a: J, b| a != b),
            IRelop::Lt(Sx::S) => vrelop(m, J::ilt_s),
            IRelop::Lt(Sx::U) => vrelop(m, |a: J, b| a < b),
            IRelop::Gt(Sx::S) => vrelop(m, J::igt_s),
            IRelop::Gt(Sx::U) => vrelop(m, |a: J, b| a > b),
            IRelop::Le(Sx::S) => vrelop(m, J::ile_s),
            IRelop::Le(Sx::U) => vrelop(m, |a: J, b| a <= b),
            IRelop::Ge(Sx::S) => vrelop(m, J::ige_s),
            IRelop::Ge(Sx::U) => vrelop(m, |a: J, b| a >= b),
        }
    }
    by_ishape!(sh, apply(m, op))
}

/// `$vrelop_(Fnn X M, ..)`.
pub(crate) fn vfrelop(m: &mut Machine, sh: FShape, op: FRelop) -> Done {
    fn apply<F: Float + Lane>(m: &mut Machine, op: FRelop) -> Done {
        match op {
            FRelop::Eq => vrelop(m, |a: F, b| a == b),
            FRelop::Ne => vrelop(m, |a: F, b| a != b),
            FRelop::Lt => vrelop(m, |a: F, b| a < b),
            FRelop::Gt => vrelop(m, |a: F, b| a > b),
            FRelop::Le => vrelop(m, |a: F, b| a <= b),
            FRelop::Ge => vrelop(m, |a: F, b| a >= b),
        }
    }
    by_fshape!(sh, apply(m, op))
}

pub(crate) fn vshiftop(m: &mut Machine, sh: IShape, op: VShiftop) -> Done {
    fn apply<J: Int + Lane>(a: u128, op: VShiftop, distance: u32) -> u128 {
        match op {
            VShiftop::Shl => v::map1(a, |a: J| a.ishl(distance)),
            VShiftop::Shr(Sx::S) => v::map1(a, |a: J| a.ishr_s(distance)),
            VShiftop::Shr(Sx::U) => v::map1(a, |a: J| a.ishr_u(distance)),
        }
    }
    rule!(m, "Step_pure/vshiftop");
    let distance = m.pop_num()?;
    unary(m, |a| by_ishape!(sh, apply(a, op, distance)))
}

pub(crate) fn vbitmask(m: &mut Machine, sh: IShape) -> Done {
    rule!(m, "Step_pure/vbitmask");
    let a = m.pop_num()?;
    m.push(match sh {
        IShape::I8x16 => v::bitmask::<u8>(a),
        IShape::I16x8 => v::bitmask::<u16>(a),
        IShape::I32x4 => v::bitmask::<u32>(a),
        IShape::I64x2 => v::bitmask::<u64>(a),
    })
}

pub(crate) fn vswizzlop(m: &mut Machine, op: VSwizzlop) -> Done {
    rule!(m, "Step_pure/vswizzlop");
    binary(m, |a, b| match op {
        VSwizzlop::Swizzle => v::swizzle(a, b),
        VSwizzlop::RelaxedSwizzle => relaxed::swizzle(a, b),
    })
}

pub(crate) fn vshuffle(m: &mut Machine, indices: &[u8; 16]) -> Done {
    rule!(m, "Step_pure/vshuffle");
    binary(m, |a, b| v::shuffle(indices, a, b))
}

/// `EXTADD_PAIRWISE`, to shape `sh`.
pub(crate) fn vextadd_pairwise(m: &mut Machine, sh: IShape, sx: Sx) -> Done {
    rule!(m, "Step_pure/vextunop");
    let f = match (sh, sx) {
        (IShape::I16x8, Sx::S) => v::extadd_pairwise_s::<u8, u16>,
        (IShape::I16x8, Sx::U) => v::extadd_pairwise_u::<u8, u16>,
        (IShape::I32x4, Sx::S) => v::extadd_pairwise_s::<u16, u32>,
        (IShape::I32x4, Sx::U) => v::extadd_pairwise_u::<u16, u32>,
        _ => return Err(NO_OPERATOR),
    };
    unary(m, f)
}

/// `$vextbinop__`, to shape `sh`.
pub(crate) fn vextbinop(m: &mut Machine, sh: IShape, op: VExtbinop) -> Done {
    rule!(m, "Step_pure/vextbinop");
    fn extmul<J1: Int + Lane, J2: Int + Lane>(m: &mut Machine, half: Half, sx: Sx) -> Done {
        binary(m, |a, b| match sx {
            Sx::S => v::extmul_s::<J1, J2>(a, b, half),
            Sx::U => v::extmul_u::<J1, J2>(a, b, half),
        })
    }
    match (sh, op) {
        (IShape::I16x8, VExtbinop::Extmul(half, sx)) => extmul::<u8, u16>(m, half, sx),
        (IShape::I32x4, VExtbinop::Extmul(half, sx)) => extmul::<u16, u32>(m, half, sx),
        (IShape::I64x2, VExtbinop::Extmul(half, sx)) => extmul::<u32, u64>(m, half, sx),
        (IShape::I32x4, VExtbinop::Dot) => binary(m, |a, b| v::dot::<u16, u32>(a, b, Int::iadd)),
        (IShape::I16x8, VExtbinop::RelaxedDot) => binary(m, relaxed::dot),
        _ => Err(NO_OPERATOR),
    }
}

pub(crate) fn vrelaxed_dot_add(m: &mut Machine) -> Done {
    rule!(m, "Step_pure/vextternop");
    ternary(m, relaxed::dot_add)
}

/// `$vnarrowop__`, to shape `sh`.
pub(crate) fn vnarrow(m: &mut Machine, sh: IShape, sx: Sx) -> Done {
    rule!(m, "Step_pure/vnarrow");
    match (sh, sx) {
        (IShape::I8x16, Sx::S) => binary(m, |a, b| v::narrow(a, b, sat_narrow_s::<u16, u8>)),
        (IShape::I8x16, Sx::U) => binary(m, |a, b| v::narrow(a, b, sat_narrow_u::<u16, u8>)),
        (IShape::I16x8, Sx::S) => binary(m, |a, b| v::narrow(a, b, sat_narrow_s::<u32, u16>)),
        (IShape::I16x8, Sx::U) => binary(m, |a, b| v::narrow(a, b, sat_narrow_u::<u32, u16>)),
        _ => Err(NO_OPERATOR),
    }
}

/// `$vcvtop__`.
pub(crate) fn vcvtop(m: &mut Machine, op: VCvtop) -> Done {
    use Half::Low;
    fn extend<J1: Int + Lane, J2: Int + Lane>(m: &mut Machine, half: Half, sx: Sx) -> Done {
        unary(m, |a| match sx {
            Sx::S => v::convert_half(a, half, extend_s::<J1, J2>),
            Sx::U => v::convert_half(a, half, extend_u::<J1, J2>),
        })
    }
    fn trunc<F: Float + Lane>(m: &mut Machine, sx: Sx) -> Done {
        unary(m, |a| match sx {
            Sx::S => v::convert(a, F::trunc_sat_s::<u32>),
            Sx::U => v::convert(a, F::trunc_sat_u::<u32>),
        })
    }
    fn relaxed_trunc<F: Float + Lane>(m: &mut Machine, sx: Sx) -> Done {
        unary(m, |a| match sx {
            Sx::S => v::convert(a, relaxed::trunc_s::<F, u32>),
            Sx::U => v::convert(a, relaxed::trunc_u::<F, u32>),
        })
    }
    fn from_i32<F: Float>(sx: Sx) -> fn(u32) -> F {
        match sx {
            Sx::S => |i| F::convert_s(i.signed()),
            Sx::U => |i| F::convert_u(u64::from(i)),
        }
    }
    rule!(m, "Step_pure/vcvtop");
    match op {
        VCvtop::Extend(IShape::I16x8, half, sx) => extend::<u8, u16>(m, half, sx),
        VCvtop::Extend(IShape::I32x4, half, sx) => extend::<u16, u32>(m, half, sx),
        VCvtop::Extend(IShape::I64x2, half, sx) => extend::<u32, u64>(m, half, sx),
        VCvtop::Extend(IShape::I8x16, ..) => Err(NO_OPERATOR),
        VCvtop::I32x4TruncSatF32x4(sx) => trunc::<f32>(m, sx),
        VCvtop::I32x4TruncSatF64x2Zero(sx) => trunc::<f64>(m, sx),
        VCvtop::I32x4RelaxedTruncF32x4(sx) => relaxed_trunc::<f32>(m, sx),
        VCvtop::I32x4RelaxedTruncF64x2Zero(sx) => relaxed_trunc::<f64>(m, sx),
        VCvtop::F32x4ConvertI32x4(sx) => unary(m, |a| v::convert(a, from_i32::<f32>(sx))),
        VCvtop::F64x2ConvertLowI32x4(sx) => {
            unary(m, |a| v::convert_half(a, Low, from_i32::<f64>(sx)))
        }
        VCvtop::F32x4DemoteF64x2Zero => unary(m, |a| v::convert(a, demote)),
        VCvtop::F64x2PromoteLowF32x4 => unary(m, |a| v::convert_half(a, Low, promote)),
    }
}

/// A vector of lanes `c`, packed (`$lpacknum_`).
pub(crate) fn vsplat(m: &mut Machine, sh: Shape) -> Done {
    rule!(m, "Step_pure/vsplat");
    let vector = match (sh, m.pop_value()?) {
        (Shape::I8x16, Value::I32(c)) => v::splat(c as u8),
        (Shape::I16x8, Value::I32(c)) => v::splat(c as u16),
        (Shape::I32x4, Value::I32(c)) | (Shape::F32x4, Value::F32(c)) => v::splat(c),
        (Shape::I64x2, Value::I64(c)) | (Shape::F64x2, Value::F64(c)) => v::splat(c),
        _ => return Err(Stuck::OperandType.into()),
    };
    m.push(vector)
}

pub(crate) fn vextract_lane(m: &mut Machine, sh: Shape, sx: Option<Sx>, i: u8) -> Done {
    let a = m.pop_num()?;
    let k = u32::from(i);
    match sh {
        Shape::I8x16 | Shape::I16x8 => {
            rule!(m, "Step_pure/vextract_lane-pack");
            m.push(match (sh, sx) {
                (Shape::I8x16, Some(Sx::S)) => extend_s::<u8, u32>(v::lane(a, k)),
                (Shape::I8x16, _) => extend_u::<u8, u32>(v::lane(a, k)),
                (_, Some(Sx::S)) => extend_s::<u16, u32>(v::lane(a, k)),
                _ => extend_u::<u16, u32>(v::lane(a, k)),
            })?;
        }
        _ => {
            rule!(m, "Step_pure/vextract_lane-num");
            m.push(match sh {
                Shape::I64x2 => Value::I64(v::lane(a, k)),
                Shape::F32x4 => Value::F32(v::lane(a, k)),
                Shape::F64x2 => Value::F64(v::lane(a, k)),
                _ => Value::I32(v::lane(a, k)),
            })?;
        }
    }
    Ok(())
}

pub(crate) fn vreplace_lane(m: &mut Machine, sh: Shape, i: u8) -> Done {
    rule!(m, "Step_pure/vreplace_lane");
    let c = m.pop_value()?;
    let a = m.pop_num()?;
    let k = u32::from(i);
    let vector = match (sh, c) {
        (Shape::I8x16, Value::I32(c)) => v::replace(a, k, c as u8),
        (Shape::I16x8, Value::I32(c)) => v::replace(a, k, c as u16),
        (Shape::I32x4, Value::I32(c)) | (Shape::F32x4, Value::F32(c)) => v::replace(a, k, c),
        (Shape::I64x2, Value::I64(c)) | (Shape::F64x2, Value::F64(c)) => v::replace(a, k, c),
        _ => return Err(Stuck::OperandType.into()),
    };
    m.push(vector)
}
