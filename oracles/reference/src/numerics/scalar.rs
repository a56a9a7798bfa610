//! Numeric primitives on scalars: integers of N bits ([`Int`]) and floats ([`Float`]).
//!
//! Integers are unsigned words, as in the specification (`iN`). The name of an operator that reads
//! them as signed ends with `_s`. Partial operators return [`Undefined`], the reason why the
//! specification's result set is empty, because scripts expect different trap messages for
//! different reasons.

/// Why a partial operator has no result (`eps` in the specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Integer division or remainder by zero.
    DivideByZero,
    /// The mathematical result does not fit the result type.
    Overflow,
    /// Conversion of a NaN to an integer.
    NotANumber,
}

/// `iN`: an unsigned word of [`Int::N`] bits with its operators.
pub trait Int: Copy + Eq + Ord {
    /// Width in bits.
    const N: u32;
    /// The word with all bits clear.
    const ZERO: Self;
    /// The word with all bits set.
    const ONES: Self;

    /// `$ineg_`: two's complement negation.
    fn ineg(self) -> Self;
    /// `$iabs_`: the magnitude. The least value is its own magnitude.
    fn iabs(self) -> Self;
    /// `$iclz_`: number of leading zero bits, [`Int::N`] for zero.
    fn iclz(self) -> Self;
    /// `$ictz_`: number of trailing zero bits, [`Int::N`] for zero.
    fn ictz(self) -> Self;
    /// `$ipopcnt_`: number of one bits.
    fn ipopcnt(self) -> Self;
    /// `$iextend_(N, K, S, i)`: the low `k` bits (1 to N) read as signed.
    fn iextend_s(self, k: u32) -> Self;
    /// `$iadd_`, modulo 2^N.
    fn iadd(self, other: Self) -> Self;
    /// `$isub_`, modulo 2^N.
    fn isub(self, other: Self) -> Self;
    /// `$imul_`, modulo 2^N.
    fn imul(self, other: Self) -> Self;
    /// `$idiv_(N, U, ..)`, rounding towards zero.
    fn idiv_u(self, other: Self) -> Result<Self, Undefined>;
    /// `$idiv_(N, S, ..)`, rounding towards zero.
    fn idiv_s(self, other: Self) -> Result<Self, Undefined>;
    /// `$irem_(N, U, ..)`.
    fn irem_u(self, other: Self) -> Result<Self, Undefined>;
    /// `$irem_(N, S, ..)`: the sign is that of the dividend. The least value by -1 leaves 0.
    fn irem_s(self, other: Self) -> Result<Self, Undefined>;
    /// `$imin_(N, U, ..)`.
    fn imin_u(self, other: Self) -> Self;
    /// `$imin_(N, S, ..)`.
    fn imin_s(self, other: Self) -> Self;
    /// `$imax_(N, U, ..)`.
    fn imax_u(self, other: Self) -> Self;
    /// `$imax_(N, S, ..)`.
    fn imax_s(self, other: Self) -> Self;
    /// `$iadd_sat_(N, U, ..)`.
    fn iadd_sat_u(self, other: Self) -> Self;
    /// `$iadd_sat_(N, S, ..)`.
    fn iadd_sat_s(self, other: Self) -> Self;
    /// `$isub_sat_(N, U, ..)`.
    fn isub_sat_u(self, other: Self) -> Self;
    /// `$isub_sat_(N, S, ..)`.
    fn isub_sat_s(self, other: Self) -> Self;
    /// `$iavgr_(N, U, ..)`: the mean, rounding halves up.
    fn iavgr_u(self, other: Self) -> Self;
    /// `$inot_`.
    fn inot(self) -> Self;
    /// `$iand_`.
    fn iand(self, other: Self) -> Self;
    /// `$iandnot_`: `self` and not `other`.
    fn iandnot(self, other: Self) -> Self;
    /// `$ior_`.
    fn ior(self, other: Self) -> Self;
    /// `$ixor_`.
    fn ixor(self, other: Self) -> Self;
    /// `$ishl_`. The distance counts modulo N.
    fn ishl(self, distance: u32) -> Self;
    /// `$ishr_(N, U, ..)`. The distance counts modulo N.
    fn ishr_u(self, distance: u32) -> Self;
    /// `$ishr_(N, S, ..)`. The distance counts modulo N.
    fn ishr_s(self, distance: u32) -> Self;
    /// `$irotl_`. The distance counts modulo N.
    fn irotl(self, distance: u32) -> Self;
    /// `$irotr_`. The distance counts modulo N.
    fn irotr(self, distance: u32) -> Self;
    /// `$ilt_(N, S, ..)`. The unsigned comparisons are Rust's.
    fn ilt_s(self, other: Self) -> bool;
    /// The low 32 bits: what a shift distance or a lane read as `i32` needs.
    fn low_u32(self) -> u32;
    /// The low N bits of a word.
    fn wrap_u64(word: u64) -> Self;
    /// `$extend__(N, 64, U, i)`.
    fn extend_u64(self) -> u64;
    /// `$signed_(N, i)`.
    fn signed(self) -> i64;

    /// `$ibitselect_`: bits of `self` where `mask` is one, of `other` where it is zero.
    fn ibitselect(self, other: Self, mask: Self) -> Self {
        self.iand(mask).ior(other.iandnot(mask))
    }
    /// `$ieqz_`.
    fn ieqz(self) -> bool {
        self == Self::ZERO
    }
    /// `$igt_(N, S, ..)`.
    fn igt_s(self, other: Self) -> bool {
        other.ilt_s(self)
    }
    /// `$ile_(N, S, ..)`.
    fn ile_s(self, other: Self) -> bool {
        !other.ilt_s(self)
    }
    /// `$ige_(N, S, ..)`.
    fn ige_s(self, other: Self) -> bool {
        !self.ilt_s(other)
    }
}

macro_rules! int {
    ($word:ident, $signed:ident) => {
        impl Int for $word {
            const N: u32 = $word::BITS;
            const ZERO: Self = 0;
            const ONES: Self = $word::MAX;

            #[inline]
            fn ineg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline]
            fn iabs(self) -> Self {
                (self as $signed).unsigned_abs()
            }
            #[inline]
            fn iclz(self) -> Self {
                self.leading_zeros() as $word
            }
            #[inline]
            fn ictz(self) -> Self {
                self.trailing_zeros() as $word
            }
            #[inline]
            fn ipopcnt(self) -> Self {
                self.count_ones() as $word
            }
            #[inline]
            fn iextend_s(self, k: u32) -> Self {
                let unused = $word::BITS - k;
                (((self << unused) as $signed) >> unused) as $word
            }
            #[inline]
            fn iadd(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline]
            fn isub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline]
            fn imul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline]
            fn idiv_u(self, other: Self) -> Result<Self, Undefined> {
                self.checked_div(other).ok_or(Undefined::DivideByZero)
            }
            #[inline]
            fn idiv_s(self, other: Self) -> Result<Self, Undefined> {
                match other {
                    0 => Err(Undefined::DivideByZero),
                    _ => match (self as $signed).checked_div(other as $signed) {
                        Some(quotient) => Ok(quotient as $word),
                        None => Err(Undefined::Overflow),
                    },
                }
            }
            #[inline]
            fn irem_u(self, other: Self) -> Result<Self, Undefined> {
                self.checked_rem(other).ok_or(Undefined::DivideByZero)
            }
            #[inline]
            fn irem_s(self, other: Self) -> Result<Self, Undefined> {
                match other {
                    0 => Err(Undefined::DivideByZero),
                    _ => Ok((self as $signed).wrapping_rem(other as $signed) as $word),
                }
            }
            #[inline]
            fn imin_u(self, other: Self) -> Self {
                self.min(other)
            }
            #[inline]
            fn imin_s(self, other: Self) -> Self {
                (self as $signed).min(other as $signed) as $word
            }
            #[inline]
            fn imax_u(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline]
            fn imax_s(self, other: Self) -> Self {
                (self as $signed).max(other as $signed) as $word
            }
            #[inline]
            fn iadd_sat_u(self, other: Self) -> Self {
                self.saturating_add(other)
            }
            #[inline]
            fn iadd_sat_s(self, other: Self) -> Self {
                (self as $signed).saturating_add(other as $signed) as $word
            }
            #[inline]
            fn isub_sat_u(self, other: Self) -> Self {
                self.saturating_sub(other)
            }
            #[inline]
            fn isub_sat_s(self, other: Self) -> Self {
                (self as $signed).saturating_sub(other as $signed) as $word
            }
            #[inline]
            fn iavgr_u(self, other: Self) -> Self {
                ((u128::from(self) + u128::from(other) + 1) >> 1) as $word
            }
            #[inline]
            fn inot(self) -> Self {
                !self
            }
            #[inline]
            fn iand(self, other: Self) -> Self {
                self & other
            }
            #[inline]
            fn iandnot(self, other: Self) -> Self {
                self & !other
            }
            #[inline]
            fn ior(self, other: Self) -> Self {
                self | other
            }
            #[inline]
            fn ixor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline]
            fn ishl(self, distance: u32) -> Self {
                self.wrapping_shl(distance)
            }
            #[inline]
            fn ishr_u(self, distance: u32) -> Self {
                self.wrapping_shr(distance)
            }
            #[inline]
            fn ishr_s(self, distance: u32) -> Self {
                (self as $signed).wrapping_shr(distance) as $word
            }
            #[inline]
            fn irotl(self, distance: u32) -> Self {
                self.rotate_left(distance % $word::BITS)
            }
            #[inline]
            fn irotr(self, distance: u32) -> Self {
                self.rotate_right(distance % $word::BITS)
            }
            #[inline]
            fn ilt_s(self, other: Self) -> bool {
                (self as $signed) < (other as $signed)
            }
            #[inline]
            fn low_u32(self) -> u32 {
                self as u32
            }
            #[inline]
            fn wrap_u64(word: u64) -> Self {
                word as $word
            }
            #[inline]
            fn extend_u64(self) -> u64 {
                u64::from(self)
            }
            #[inline]
            fn signed(self) -> i64 {
                i64::from(self as $signed)
            }
        }
    };
}

int!(u8, i8);
int!(u16, i16);
int!(u32, i32);
int!(u64, i64);

/// `$extend__(M, N, S, i)`.
#[inline]
pub fn extend_s<M: Int, N: Int>(i: M) -> N {
    N::wrap_u64(i.signed() as u64)
}

/// `$extend__(M, N, U, i)`, and `$wrap__(M, N, i)` when N is the narrower.
#[inline]
pub fn extend_u<M: Int, N: Int>(i: M) -> N {
    N::wrap_u64(i.extend_u64())
}

/// `$sat_s_(N, i)` as an N-bit word.
pub fn sat_s<N: Int>(i: i64) -> N {
    let most = (1i128 << (N::N - 1)) - 1;
    let i = i128::from(i).clamp(-most - 1, most);
    N::wrap_u64(i as u64)
}

/// `$sat_u_(N, i)`.
pub fn sat_u<N: Int>(i: i64) -> N {
    let most = (1i128 << N::N) - 1;
    N::wrap_u64(i128::from(i).clamp(0, most) as u64)
}

/// `$narrow__(M, N, S, i)`: the signed reading of `i`, saturated to N signed bits.
pub fn narrow_s<M: Int, N: Int>(i: M) -> N {
    sat_s(i.signed())
}

/// `$narrow__(M, N, U, i)`: the signed reading of `i`, saturated to N unsigned bits.
pub fn narrow_u<M: Int, N: Int>(i: M) -> N {
    sat_u(i.signed())
}

/// `fN`: an IEEE 754 number with its operators, NaNs canonicalised (see the module above).
pub trait Float: Copy + PartialOrd {
    /// The result that stands for every NaN an arithmetic operator may return.
    const CANONICAL_NAN: Self;

    /// This number, or the canonical NaN for any NaN.
    fn canonical(self) -> Self;
    /// Whether this is a NaN.
    fn is_nan(self) -> bool;
    /// `$fabs_`, on bits.
    fn fabs(self) -> Self;
    /// `$fneg_`, on bits.
    fn fneg(self) -> Self;
    /// `$fcopysign_`, on bits.
    fn fcopysign(self, sign: Self) -> Self;
    /// `$fsqrt_`.
    fn fsqrt(self) -> Self;
    /// `$fceil_`.
    fn fceil(self) -> Self;
    /// `$ffloor_`.
    fn ffloor(self) -> Self;
    /// `$ftrunc_`.
    fn ftrunc(self) -> Self;
    /// `$fnearest_`: halves go to the even neighbour.
    fn fnearest(self) -> Self;
    /// `$fadd_`.
    fn fadd(self, other: Self) -> Self;
    /// `$fsub_`.
    fn fsub(self, other: Self) -> Self;
    /// `$fmul_`.
    fn fmul(self, other: Self) -> Self;
    /// `$fdiv_`.
    fn fdiv(self, other: Self) -> Self;
    /// `$fmin_`: a NaN wins, and -0 is less than +0.
    fn fmin(self, other: Self) -> Self;
    /// `$fmax_`: a NaN wins, and -0 is less than +0.
    fn fmax(self, other: Self) -> Self;
    /// `$trunc__(M, N, S, z)`.
    fn trunc_s<N: Int>(self) -> Result<N, Undefined>;
    /// `$trunc__(M, N, U, z)`.
    fn trunc_u<N: Int>(self) -> Result<N, Undefined>;
    /// `$convert__(64, N, S, i)`. Narrower integers are extended first, which is exact.
    fn convert_s(i: i64) -> Self;
    /// `$convert__(64, N, U, i)`. Narrower integers are extended first, which is exact.
    fn convert_u(i: u64) -> Self;

    /// `$fpmin_`: the first operand unless the second is less.
    #[inline]
    fn fpmin(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
    /// `$fpmax_`: the first operand unless the second is greater.
    #[inline]
    fn fpmax(self, other: Self) -> Self {
        if self < other { other } else { self }
    }
    /// `$trunc_sat__(M, N, S, z)`: NaN is 0, and what is out of range goes to the nearest end.
    fn trunc_sat_s<N: Int>(self) -> N;
    /// `$trunc_sat__(M, N, U, z)`: NaN is 0, and what is out of range goes to the nearest end.
    fn trunc_sat_u<N: Int>(self) -> N;
}

macro_rules! float {
    ($float:ident, $canonical:literal, $sign:literal) => {
        impl Float for $float {
            const CANONICAL_NAN: Self = $float::from_bits($canonical);

            #[inline]
            fn canonical(self) -> Self {
                // On bits: the compiler takes all NaNs of arithmetic for equal, and folds a choice
                // between them away.
                let bits = self.to_bits();
                $float::from_bits(if bits & !$sign > $float::INFINITY.to_bits() {
                    $canonical
                } else {
                    bits
                })
            }
            #[inline]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
            #[inline]
            fn fabs(self) -> Self {
                $float::from_bits(self.to_bits() & !$sign)
            }
            #[inline]
            fn fneg(self) -> Self {
                $float::from_bits(self.to_bits() ^ $sign)
            }
            #[inline]
            fn fcopysign(self, sign: Self) -> Self {
                $float::from_bits((self.to_bits() & !$sign) | (sign.to_bits() & $sign))
            }
            #[inline]
            fn fsqrt(self) -> Self {
                self.sqrt().canonical()
            }
            #[inline]
            fn fceil(self) -> Self {
                self.ceil().canonical()
            }
            #[inline]
            fn ffloor(self) -> Self {
                self.floor().canonical()
            }
            #[inline]
            fn ftrunc(self) -> Self {
                self.trunc().canonical()
            }
            #[inline]
            fn fnearest(self) -> Self {
                self.round_ties_even().canonical()
            }
            #[inline]
            fn fadd(self, other: Self) -> Self {
                (self + other).canonical()
            }
            #[inline]
            fn fsub(self, other: Self) -> Self {
                (self - other).canonical()
            }
            #[inline]
            fn fmul(self, other: Self) -> Self {
                (self * other).canonical()
            }
            #[inline]
            fn fdiv(self, other: Self) -> Self {
                (self / other).canonical()
            }
            fn fmin(self, other: Self) -> Self {
                if self.is_nan() || other.is_nan() {
                    Self::CANONICAL_NAN
                } else if self == 0.0 && other == 0.0 {
                    $float::from_bits(self.to_bits() | other.to_bits())
                } else if self < other {
                    self
                } else {
                    other
                }
            }
            fn fmax(self, other: Self) -> Self {
                if self.is_nan() || other.is_nan() {
                    Self::CANONICAL_NAN
                } else if self == 0.0 && other == 0.0 {
                    $float::from_bits(self.to_bits() & other.to_bits())
                } else if self > other {
                    self
                } else {
                    other
                }
            }
            fn trunc_s<N: Int>(self) -> Result<N, Undefined> {
                // 2^(N-1) is exact in either format, so the comparisons are those of the real
                // numbers.
                let end = (1u64 << (N::N - 1)) as $float;
                let whole = self.trunc();
                if whole.is_nan() {
                    Err(Undefined::NotANumber)
                } else if whole < -end || whole >= end {
                    Err(Undefined::Overflow)
                } else {
                    Ok(N::wrap_u64(whole as i64 as u64))
                }
            }
            fn trunc_u<N: Int>(self) -> Result<N, Undefined> {
                let end = (1u128 << N::N) as $float;
                let whole = self.trunc();
                if whole.is_nan() {
                    Err(Undefined::NotANumber)
                } else if whole < 0.0 || whole >= end {
                    Err(Undefined::Overflow)
                } else {
                    Ok(N::wrap_u64(whole as u64))
                }
            }
            fn trunc_sat_s<N: Int>(self) -> N {
                match self.trunc_s() {
                    Ok(i) => i,
                    Err(Undefined::NotANumber) => N::ZERO,
                    Err(_) if self < 0.0 => N::ONES.ixor(N::ONES.ishr_u(1)),
                    Err(_) => N::ONES.ishr_u(1),
                }
            }
            fn trunc_sat_u<N: Int>(self) -> N {
                match self.trunc_u() {
                    Ok(i) => i,
                    Err(Undefined::NotANumber) => N::ZERO,
                    Err(_) if self < 0.0 => N::ZERO,
                    Err(_) => N::ONES,
                }
            }
            #[inline]
            fn convert_s(i: i64) -> Self {
                i as $float
            }
            #[inline]
            fn convert_u(i: u64) -> Self {
                i as $float
            }
        }
    };
}

float!(f32, 0x7fc0_0000, 0x8000_0000);
float!(f64, 0x7ff8_0000_0000_0000, 0x8000_0000_0000_0000);

/// `$promote__(32, 64, z)`.
#[inline]
pub fn promote(z: f32) -> f64 {
    f64::from(z).canonical()
}

/// `$demote__(64, 32, z)`.
#[inline]
pub fn demote(z: f64) -> f32 {
    (z as f32).canonical()
}
