//! Arithmetic that Cranelift calls out of line on processors without the instruction. Rounding and
//! NaNs follow the specification (`fceil`, `ffloor`, `ftrunc`, `fnearest`, and `frelaxed_madd` in
//! its fused form).

use crate::compile::emitted::Math;

macro_rules! functions {
    ($($name:ident: fn($($param:ident),+) -> $ty:ty = $body:expr;)*) => {
        $(extern "C" fn $name($($param: $ty),+) -> $ty { $body })*
    };
}

functions! {
    ceil_f32: fn(x) -> f32 = x.ceil();
    ceil_f64: fn(x) -> f64 = x.ceil();
    floor_f32: fn(x) -> f32 = x.floor();
    floor_f64: fn(x) -> f64 = x.floor();
    trunc_f32: fn(x) -> f32 = x.trunc();
    trunc_f64: fn(x) -> f64 = x.trunc();
    nearest_f32: fn(x) -> f32 = x.round_ties_even();
    nearest_f64: fn(x) -> f64 = x.round_ties_even();
    fma_f32: fn(x, y, z) -> f32 = x.mul_add(y, z);
    fma_f64: fn(x, y, z) -> f64 = x.mul_add(y, z);
}

/// Returns the address of the function.
#[must_use]
pub fn address(math: Math) -> usize {
    match math {
        Math::CeilF32 => (ceil_f32 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::CeilF64 => (ceil_f64 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::FloorF32 => (floor_f32 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::FloorF64 => (floor_f64 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::TruncF32 => (trunc_f32 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::TruncF64 => (trunc_f64 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::NearestF32 => (nearest_f32 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::NearestF64 => (nearest_f64 as extern "C" fn(_) -> _ as *const ()).addr(),
        Math::FmaF32 => (fma_f32 as extern "C" fn(_, _, _) -> _ as *const ()).addr(),
        Math::FmaF64 => (fma_f64 as extern "C" fn(_, _, _) -> _ as *const ()).addr(),
    }
}
