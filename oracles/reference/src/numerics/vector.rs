//! Vector primitives: a vector is 128 bits, its lanes are read and written by [`Lane`].
//!
//! The lane-wise operators of the specification (`$ivunop_`, `$fvbinop_`, ...) are the `map`
//! functions here, applied to a scalar operator. Operators that are not lane-wise (shuffles,
//! narrowing, pairwise sums, dot products) have functions of their own.

use super::scalar::{Int, extend_s, extend_u};
use crate::syntax::Half;

/// A `v128`: lane 0 is in the least significant bits, as in memory.
pub type V128 = u128;

/// A lane type: how a lane is read from, and written to, the low bits of a vector.
pub trait Lane: Copy {
    /// Width in bits.
    const BITS: u32;
    /// Number of lanes.
    const M: u32 = 128 / Self::BITS;
    /// The lane in the low bits of `bits`.
    fn from_low_bits(bits: u128) -> Self;
    /// The lane in the low bits of a word that is otherwise zero.
    fn to_low_bits(self) -> u128;
}

macro_rules! lane {
    ($int:ident) => {
        impl Lane for $int {
            const BITS: u32 = $int::BITS;
            #[inline]
            fn from_low_bits(bits: u128) -> Self {
                bits as $int
            }
            #[inline]
            fn to_low_bits(self) -> u128 {
                u128::from(self)
            }
        }
    };
    ($float:ident as $int:ident) => {
        impl Lane for $float {
            const BITS: u32 = $int::BITS;
            #[inline]
            fn from_low_bits(bits: u128) -> Self {
                $float::from_bits(bits as $int)
            }
            #[inline]
            fn to_low_bits(self) -> u128 {
                u128::from(self.to_bits())
            }
        }
    };
}

lane!(u8);
lane!(u16);
lane!(u32);
lane!(u64);
lane!(f32 as u32);
lane!(f64 as u64);

/// `$lanes_(sh, v)[k]`, for `k < M`.
#[inline]
pub fn lane<L: Lane>(v: V128, k: u32) -> L {
    L::from_low_bits(v >> (k * L::BITS))
}

/// `$lanes_(sh, v)`, from the first.
pub fn lanes<L: Lane>(v: V128) -> impl Iterator<Item = L> {
    (0..L::M).map(move |k| lane(v, k))
}

/// `$inv_lanes_(sh, c*)`. Lanes not given are zero.
pub fn from_lanes<L: Lane>(lanes: impl IntoIterator<Item = L>) -> V128 {
    let place = |v, (k, c): (usize, L)| v | (c.to_low_bits() << (k as u32 * L::BITS));
    lanes
        .into_iter()
        .take(L::M as usize)
        .enumerate()
        .fold(0, place)
}

/// `v` with lane `k < M` replaced.
pub fn replace<L: Lane>(v: V128, k: u32, c: L) -> V128 {
    let mask = L::from_low_bits(u128::MAX).to_low_bits() << (k * L::BITS);
    (v & !mask) | (c.to_low_bits() << (k * L::BITS))
}

/// All lanes `c`.
pub fn splat<L: Lane>(c: L) -> V128 {
    from_lanes((0..L::M).map(|_| c))
}

/// `$ivunop_`, `$fvunop_`.
pub fn map1<L: Lane>(v: V128, f: impl Fn(L) -> L) -> V128 {
    from_lanes(lanes(v).map(f))
}

/// `$ivbinop_`, `$ivbinopsx_`, `$ivbinopsxnd_`, `$fvbinop_`.
pub fn map2<L: Lane>(a: V128, b: V128, f: impl Fn(L, L) -> L) -> V128 {
    from_lanes(lanes(a).zip(lanes(b)).map(|(a, b)| f(a, b)))
}

/// `$ivternopnd_`, `$fvternop_`.
pub fn map3<L: Lane>(a: V128, b: V128, c: V128, f: impl Fn(L, L, L) -> L) -> V128 {
    from_lanes((0..L::M).map(|k| f(lane(a, k), lane(b, k), lane(c, k))))
}

/// `$ivrelop_`, `$ivrelopsx_`, `$fvrelop_`: a lane of ones where `f` holds, of zeros elsewhere.
pub fn compare<L: Lane>(a: V128, b: V128, f: impl Fn(L, L) -> bool) -> V128 {
    let ones = L::from_low_bits(u128::MAX).to_low_bits();
    (0..L::M)
        .filter(|&k| f(lane(a, k), lane(b, k)))
        .fold(0, |v, k| v | (ones << (k * L::BITS)))
}

/// `VTESTOP ALL_TRUE`.
pub fn all_true<L: Lane + Int>(v: V128) -> bool {
    lanes::<L>(v).all(|c| !c.ieqz())
}

/// `$ivbitmaskop_`: the sign of lane k in bit k.
pub fn bitmask<L: Lane + Int>(v: V128) -> u32 {
    (0..L::M)
        .filter(|&k| lane::<L>(v, k).ilt_s(L::ZERO))
        .fold(0, |mask, k| mask | (1 << k))
}

/// `$vswizzlop_(SWIZZLE)`: lane `indices[k]` of `v`, 0 when out of range.
pub fn swizzle(v: V128, indices: V128) -> V128 {
    map1(
        indices,
        |i: u8| if i < 16 { lane(v, u32::from(i)) } else { 0 },
    )
}

/// `$vshufflop_`: for each index below 32, that lane of `a` followed by `b`.
pub fn shuffle(indices: &[u8; 16], a: V128, b: V128) -> V128 {
    from_lanes(indices.iter().map(|&i| -> u8 {
        let (v, k) = if i < 16 { (a, i) } else { (b, i % 16) };
        lane(v, u32::from(k))
    }))
}

/// `$vnarrowop__`: the lanes of `a`, then of `b`, each through `f`.
pub fn narrow<Wide: Lane, Slim: Lane>(a: V128, b: V128, f: impl Fn(Wide) -> Slim) -> V128 {
    from_lanes(lanes(a).chain(lanes(b)).map(f))
}

/// The lanes of one half of `v`.
fn half<L: Lane>(v: V128, half: Half) -> impl Iterator<Item = L> {
    let first = match half {
        Half::Low => 0,
        Half::High => L::M / 2,
    };
    (first..first + L::M / 2).map(move |k| lane(v, k))
}

/// `$vcvtop__` with as many lanes of the result as of the operand, or fewer lanes of the operand
/// than of the result (`ZERO`: the rest is zero).
pub fn convert<From: Lane, To: Lane>(v: V128, f: impl Fn(From) -> To) -> V128 {
    from_lanes(lanes(v).map(f))
}

/// `$vcvtop__` of one half of the lanes.
pub fn convert_half<From: Lane, To: Lane>(v: V128, which: Half, f: impl Fn(From) -> To) -> V128 {
    from_lanes(half(v, which).map(f))
}

/// `EXTADD_PAIRWISE S`.
pub fn extadd_pairwise_s<Slim: Lane + Int, Wide: Lane + Int>(v: V128) -> V128 {
    from_lanes((0..Wide::M).map(|k| {
        let wide = |k| extend_s::<Slim, Wide>(lane(v, k));
        wide(2 * k).iadd(wide(2 * k + 1))
    }))
}

/// `EXTADD_PAIRWISE U`.
pub fn extadd_pairwise_u<Slim: Lane + Int, Wide: Lane + Int>(v: V128) -> V128 {
    from_lanes((0..Wide::M).map(|k| {
        let wide = |k| extend_u::<Slim, Wide>(lane(v, k));
        wide(2 * k).iadd(wide(2 * k + 1))
    }))
}

/// `EXTMUL half S`.
pub fn extmul_s<Slim: Lane + Int, Wide: Lane + Int>(a: V128, b: V128, which: Half) -> V128 {
    let pairs = half::<Slim>(a, which).zip(half::<Slim>(b, which));
    from_lanes(pairs.map(|(a, b)| extend_s::<Slim, Wide>(a).imul(extend_s(b))))
}

/// `EXTMUL half U`.
pub fn extmul_u<Slim: Lane + Int, Wide: Lane + Int>(a: V128, b: V128, which: Half) -> V128 {
    let pairs = half::<Slim>(a, which).zip(half::<Slim>(b, which));
    from_lanes(pairs.map(|(a, b)| extend_u::<Slim, Wide>(a).imul(extend_u(b))))
}

/// `$ivdot_` and `$ivdot_sat_`: products of signed lanes, pairs of them summed by `add`.
pub fn dot<Slim: Lane + Int, Wide: Lane + Int>(
    a: V128,
    b: V128,
    add: impl Fn(Wide, Wide) -> Wide,
) -> V128 {
    from_lanes((0..Wide::M).map(|k| {
        let product =
            |k| extend_s::<Slim, Wide>(lane(a, k)).imul(extend_s::<Slim, Wide>(lane(b, k)));
        add(product(2 * k), product(2 * k + 1))
    }))
}

/// `$iq15mulr_sat_(16, S, ..)`: (a * b + 2^14) / 2^15, saturated.
pub fn q15mulr_sat_s(a: u16, b: u16) -> u16 {
    super::scalar::sat_s((a.signed() * b.signed() + 0x4000) >> 15)
}
