//! Numeric instructions. All are pure: operands come from the stack, the operator from `numerics`.
//!
//! Each rule has one function here, over all types and operators. Where a partial operator has no
//! result, the trap rule applies.

use crate::execution::halt::Halt;
use crate::execution::machine::{Machine, Number};
use crate::execution::values::Value;
use crate::numerics::scalar::{demote, extend_s, extend_u, promote};
use crate::numerics::{Float, Int, Undefined};
use crate::rules::rule;
use crate::syntax::{Cvtop, FBinop, FRelop, FUnop, IBinop, IRelop, IUnop, Sx};

/// `CONST nt c`, a value already.
#[inline(always)]
pub(crate) fn constant(m: &mut Machine, value: Value) -> Result<(), Halt> {
    m.push(value)
}

#[inline]
fn unop<T: Number>(m: &mut Machine, f: impl FnOnce(T) -> T) -> Result<(), Halt> {
    rule!(m, "Step_pure/unop-val");
    let c = m.pop_num()?;
    m.push(f(c))
}

#[inline(always)]
fn binop<T: Number>(
    m: &mut Machine,
    f: impl FnOnce(T, T) -> Result<T, Undefined>,
) -> Result<(), Halt> {
    let second = m.pop_num()?;
    let first = m.pop_num()?;
    match f(first, second) {
        Ok(c) => {
            rule!(m, "Step_pure/binop-val");
            m.push(c)
        }
        Err(reason) => {
            rule!(m, "Step_pure/binop-trap");
            Err(Halt::Trap(reason.into()))
        }
    }
}

#[inline(always)]
fn testop<T: Number>(m: &mut Machine, f: impl FnOnce(T) -> bool) -> Result<(), Halt> {
    rule!(m, "Step_pure/testop");
    let c = m.pop_num()?;
    m.push(u32::from(f(c)))
}

#[inline(always)]
fn relop<T: Number>(m: &mut Machine, f: impl FnOnce(T, T) -> bool) -> Result<(), Halt> {
    rule!(m, "Step_pure/relop");
    let second = m.pop_num()?;
    let first = m.pop_num()?;
    m.push(u32::from(f(first, second)))
}

#[inline]
fn convert<T1: Number, T2: Number>(
    m: &mut Machine,
    f: impl FnOnce(T1) -> Result<T2, Undefined>,
) -> Result<(), Halt> {
    match f(m.pop_num()?) {
        Ok(c) => {
            rule!(m, "Step_pure/cvtop-val");
            m.push(c)
        }
        Err(reason) => {
            rule!(m, "Step_pure/cvtop-trap");
            Err(Halt::Trap(reason.into()))
        }
    }
}

/// `$unop_(Inn, ..)`.
#[inline]
pub(crate) fn iunop<I: Int + Number>(m: &mut Machine, op: IUnop) -> Result<(), Halt> {
    match op {
        IUnop::Clz => unop(m, I::iclz),
        IUnop::Ctz => unop(m, I::ictz),
        IUnop::Popcnt => unop(m, I::ipopcnt),
        IUnop::Extend(sz) => unop(m, |i: I| i.iextend_s(8 * sz.bytes())),
    }
}

/// `$unop_(Fnn, ..)`.
#[inline]
pub(crate) fn funop<F: Float + Number>(m: &mut Machine, op: FUnop) -> Result<(), Halt> {
    match op {
        FUnop::Abs => unop(m, F::fabs),
        FUnop::Neg => unop(m, F::fneg),
        FUnop::Sqrt => unop(m, F::fsqrt),
        FUnop::Ceil => unop(m, F::fceil),
        FUnop::Floor => unop(m, F::ffloor),
        FUnop::Trunc => unop(m, F::ftrunc),
        FUnop::Nearest => unop(m, F::fnearest),
    }
}

/// `$binop_(Inn, ..)`.
#[inline(always)]
pub(crate) fn ibinop<I: Int + Number>(m: &mut Machine, op: IBinop) -> Result<(), Halt> {
    binop(m, |a: I, b: I| {
        Ok(match op {
            IBinop::Add => a.iadd(b),
            IBinop::Sub => a.isub(b),
            IBinop::Mul => a.imul(b),
            IBinop::Div(Sx::S) => a.idiv_s(b)?,
            IBinop::Div(Sx::U) => a.idiv_u(b)?,
            IBinop::Rem(Sx::S) => a.irem_s(b)?,
            IBinop::Rem(Sx::U) => a.irem_u(b)?,
            IBinop::And => a.iand(b),
            IBinop::Or => a.ior(b),
            IBinop::Xor => a.ixor(b),
            IBinop::Shl => a.ishl(b.low_u32()),
            IBinop::Shr(Sx::S) => a.ishr_s(b.low_u32()),
            IBinop::Shr(Sx::U) => a.ishr_u(b.low_u32()),
            IBinop::Rotl => a.irotl(b.low_u32()),
            IBinop::Rotr => a.irotr(b.low_u32()),
        })
    })
}

/// `$binop_(Fnn, ..)`.
#[inline]
pub(crate) fn fbinop<F: Float + Number>(m: &mut Machine, op: FBinop) -> Result<(), Halt> {
    match op {
        FBinop::Add => binop(m, |a: F, b| Ok(a.fadd(b))),
        FBinop::Sub => binop(m, |a: F, b| Ok(a.fsub(b))),
        FBinop::Mul => binop(m, |a: F, b| Ok(a.fmul(b))),
        FBinop::Div => binop(m, |a: F, b| Ok(a.fdiv(b))),
        FBinop::Min => binop(m, |a: F, b| Ok(a.fmin(b))),
        FBinop::Max => binop(m, |a: F, b| Ok(a.fmax(b))),
        FBinop::Copysign => binop(m, |a: F, b| Ok(a.fcopysign(b))),
    }
}

/// `$testop_(Inn, EQZ, ..)`.
#[inline(always)]
pub(crate) fn eqz<I: Int + Number>(m: &mut Machine) -> Result<(), Halt> {
    testop(m, I::ieqz)
}

/// `$relop_(Inn, ..)`.
#[inline(always)]
pub(crate) fn irelop<I: Int + Number>(m: &mut Machine, op: IRelop) -> Result<(), Halt> {
    relop(m, |a: I, b: I| match op {
        IRelop::Eq => a == b,
        IRelop::Ne => a != b,
        IRelop::Lt(Sx::S) => a.ilt_s(b),
        IRelop::Lt(Sx::U) => a < b,
        IRelop::Gt(Sx::S) => a.igt_s(b),
        IRelop::Gt(Sx::U) => a > b,
        IRelop::Le(Sx::S) => a.ile_s(b),
        IRelop::Le(Sx::U) => a <= b,
        IRelop::Ge(Sx::S) => a.ige_s(b),
        IRelop::Ge(Sx::U) => a >= b,
    })
}

/// `$relop_(Fnn, ..)`. Rust's comparisons are those of IEEE 754.
#[inline]
pub(crate) fn frelop<F: Float + Number>(m: &mut Machine, op: FRelop) -> Result<(), Halt> {
    match op {
        FRelop::Eq => relop(m, |a: F, b| a == b),
        FRelop::Ne => relop(m, |a: F, b| a != b),
        FRelop::Lt => relop(m, |a: F, b| a < b),
        FRelop::Gt => relop(m, |a: F, b| a > b),
        FRelop::Le => relop(m, |a: F, b| a <= b),
        FRelop::Ge => relop(m, |a: F, b| a >= b),
    }
}

/// `$cvtop__(Fnn, Inn, TRUNC sx, ..)`.
#[inline]
fn trunc<F: Float + Number, I: Int + Number>(m: &mut Machine, sx: Sx) -> Result<(), Halt> {
    match sx {
        Sx::S => convert(m, F::trunc_s::<I>),
        Sx::U => convert(m, F::trunc_u::<I>),
    }
}

/// `$cvtop__(Fnn, Inn, TRUNC_SAT sx, ..)`.
#[inline]
fn trunc_sat<F: Float + Number, I: Int + Number>(m: &mut Machine, sx: Sx) -> Result<(), Halt> {
    match sx {
        Sx::S => convert(m, |z: F| Ok(z.trunc_sat_s::<I>())),
        Sx::U => convert(m, |z: F| Ok(z.trunc_sat_u::<I>())),
    }
}

/// `$cvtop__(Inn, Fnn, CONVERT sx, ..)`.
#[inline]
fn convert_int<I: Int + Number, F: Float + Number>(m: &mut Machine, sx: Sx) -> Result<(), Halt> {
    match sx {
        Sx::S => convert(m, |i: I| Ok(F::convert_s(i.signed()))),
        Sx::U => convert(m, |i: I| Ok(F::convert_u(i.extend_u64()))),
    }
}

/// `$cvtop__`.
#[inline]
pub(crate) fn cvtop(m: &mut Machine, op: Cvtop) -> Result<(), Halt> {
    match op {
        Cvtop::I32WrapI64 => convert(m, |i: u64| Ok(extend_u::<u64, u32>(i))),
        Cvtop::I64ExtendI32(Sx::S) => convert(m, |i: u32| Ok(extend_s::<u32, u64>(i))),
        Cvtop::I64ExtendI32(Sx::U) => convert(m, |i: u32| Ok(extend_u::<u32, u64>(i))),
        Cvtop::I32TruncF32(sx) => trunc::<f32, u32>(m, sx),
        Cvtop::I32TruncF64(sx) => trunc::<f64, u32>(m, sx),
        Cvtop::I64TruncF32(sx) => trunc::<f32, u64>(m, sx),
        Cvtop::I64TruncF64(sx) => trunc::<f64, u64>(m, sx),
        Cvtop::I32TruncSatF32(sx) => trunc_sat::<f32, u32>(m, sx),
        Cvtop::I32TruncSatF64(sx) => trunc_sat::<f64, u32>(m, sx),
        Cvtop::I64TruncSatF32(sx) => trunc_sat::<f32, u64>(m, sx),
        Cvtop::I64TruncSatF64(sx) => trunc_sat::<f64, u64>(m, sx),
        Cvtop::F32ConvertI32(sx) => convert_int::<u32, f32>(m, sx),
        Cvtop::F32ConvertI64(sx) => convert_int::<u64, f32>(m, sx),
        Cvtop::F64ConvertI32(sx) => convert_int::<u32, f64>(m, sx),
        Cvtop::F64ConvertI64(sx) => convert_int::<u64, f64>(m, sx),
        Cvtop::F32DemoteF64 => convert(m, |z| Ok(demote(z))),
        Cvtop::F64PromoteF32 => convert(m, |z| Ok(promote(z))),
        Cvtop::I32ReinterpretF32 => convert(m, |z: f32| Ok(z.to_bits())),
        Cvtop::I64ReinterpretF64 => convert(m, |z: f64| Ok(z.to_bits())),
        Cvtop::F32ReinterpretI32 => convert(m, |i| Ok(f32::from_bits(i))),
        Cvtop::F64ReinterpretI64 => convert(m, |i| Ok(f64::from_bits(i))),
    }
}
