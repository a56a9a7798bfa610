//! Relaxed operators, in the deterministic profile.
//!
//! The specification gives each relaxed operator a parameter `R_...` that selects one of several
//! results, and prescribes 0, the first one, for the deterministic profile. That is the only
//! profile implemented here, so each operator below is the first alternative of its definition
//! (section "Relaxed Operations" of the prose):
//!
//! | operator | parameter | first alternative |
//! |---|---|---|
//! | `madd`, `nmadd` | `R_fmadd` | a rounded product, then a rounded sum: *not* fused |
//! | `min`, `max` | `R_fmin`, `R_fmax` | `$fmin_`, `$fmax_` |
//! | `dot`, `dot_add` | `R_idot` | both operands signed; the pair sum saturates to 16 bits |
//! | `q15mulr` | `R_iq15mulr` | saturating |
//! | `trunc` | `R_trunc_u`, `R_trunc_s` | `$trunc_sat__` |
//! | `swizzle` | `R_swizzle` | 0 for any index out of range |
//! | `laneselect` | `R_laneselect` | `$ibitselect_` |

use super::scalar::{Float, Int};
use super::vector;
use super::vector::V128;

/// `$frelaxed_madd_`.
pub fn madd<F: Float>(a: F, b: F, c: F) -> F {
    a.fmul(b).fadd(c)
}

/// `$frelaxed_nmadd_`.
pub fn nmadd<F: Float>(a: F, b: F, c: F) -> F {
    madd(a.fneg(), b, c)
}

/// `$frelaxed_min_`.
pub fn min<F: Float>(a: F, b: F) -> F {
    a.fmin(b)
}

/// `$frelaxed_max_`.
pub fn max<F: Float>(a: F, b: F) -> F {
    a.fmax(b)
}

/// `$irelaxed_q15mulr_`.
pub fn q15mulr_s(a: u16, b: u16) -> u16 {
    vector::q15mulr_sat_s(a, b)
}

/// `$irelaxed_laneselect_`.
pub fn laneselect<I: Int>(a: I, b: I, mask: I) -> I {
    a.ibitselect(b, mask)
}

/// `$relaxed_trunc__(M, N, S, z)`.
pub fn trunc_s<F: Float, N: Int>(z: F) -> N {
    z.trunc_sat_s()
}

/// `$relaxed_trunc__(M, N, U, z)`.
pub fn trunc_u<F: Float, N: Int>(z: F) -> N {
    z.trunc_sat_u()
}

/// `i8x16.relaxed_swizzle`.
pub fn swizzle(v: V128, indices: V128) -> V128 {
    vector::swizzle(v, indices)
}

/// `RELAXED_DOT S` from 16 lanes of 8 bits to 8 lanes of 16 bits.
pub fn dot(a: V128, b: V128) -> V128 {
    vector::dot::<u8, u16>(a, b, Int::iadd_sat_s)
}

/// `RELAXED_DOT_ADD S`: the dot product, its pairs added, and `c` added to that in 32 bits.
pub fn dot_add(a: V128, b: V128, c: V128) -> V128 {
    let sums = vector::extadd_pairwise_s::<u16, u32>(dot(a, b));
    vector::map2(sums, c, u32::iadd)
}
