//! Operands at the boundaries of every width. Some are constants, which a compiler can fold. Others
//! come from parameters, globals and memories, so that it cannot.

use crate::generate::generator::Gen;
use crate::generate::source::Source;
use crate::generate::{calc, values};
use crate::program::numeric::{Hazard, NumId};
use crate::program::{Expr, GlobalId, Op, Ty};

/// An `i32` next to a power of two, or any.
pub(super) fn int32(src: &mut Source<'_>) -> i32 {
    match src.below(10) {
        // Where the sign of a packed field or of a narrow load changes.
        9 => [0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff][src.below(6)],
        8 => [0, 0, -1, i32::MIN, i32::MAX][src.below(5)],
        0..=3 => near_power(src, 32) as i32,
        4 => src.range(0, 40) as i32 - 8,
        5 => src.bits32() as i32,
        _ => values::int32(src),
    }
}

/// An `i64` next to a power of two, or any.
pub(super) fn int64(src: &mut Source<'_>) -> i64 {
    match src.below(10) {
        9 => {
            let bits = [24, 53][src.below(2)];
            near_half(src, bits, 63) as i64
        }
        8 => [0, 0, -1, i64::MIN, i64::MAX][src.below(5)],
        0..=3 => near_power(src, 64) as i64,
        4 => i64::from(int32(src)),
        5 => src.bits64() as i64,
        6 => i64::from(src.bits32()) << 32 | i64::from(src.below(3) as u32),
        _ => values::int64(src),
    }
}

/// A power of two below `2^width`, one more or one less, or the complement of one of these.
fn near_power(src: &mut Source<'_>, width: usize) -> u64 {
    let power = 1_u64 << src.below(width);
    let near = match src.below(3) {
        0 => power,
        1 => power.wrapping_sub(1),
        _ => power.wrapping_add(1),
    };
    if src.chance(25) { !near } else { near }
}

/// An operand of a conversion that is next to the middle of two possible results.
fn rounded(src: &mut Source<'_>, from: Ty, to: Ty) -> Option<Op> {
    let bits = if to == Ty::F32 { 24 } else { 53 };
    match (from, to) {
        (Ty::I64, Ty::F32 | Ty::F64) => Some(Op::I64(near_half(src, bits, 63) as i64)),
        (Ty::I32, Ty::F32) => Some(Op::I32(near_half(src, bits, 31) as i32)),
        (Ty::F64, Ty::F32) => Some(Op::F64(near_single(src))),
        _ => None,
    }
}

/// A number next to the middle of two neighbouring floats with that many bits of precision. It is
/// below `2^(most + 1)`.
fn near_half(src: &mut Source<'_>, bits: u32, most: u32) -> u64 {
    // Far up, half of the unit of a longer format is more than one.
    let least = bits + 1 + src.range(0, 1) * (most - bits - 1) / 2;
    let power = src.range(least, most);
    let unit = 1_u64 << (power - bits + 1);
    let odd = u64::from(src.range(0, 1));
    let off = [0, 1, u64::MAX][src.below(3)];
    (1 << power) + odd * unit + (unit / 2).wrapping_add(off)
}

/// Numbers at which conversions, rounding and comparisons change their results.
const EDGES: [f64; 44] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    -1.0000000000000002,
    -0.99999994,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    0.49999999999999994,
    -0.9999999999999999,
    127.5,
    128.0,
    -128.5,
    255.5,
    32767.5,
    -32768.5,
    65535.5,
    8388607.5,
    8388608.5,
    16777217.0,
    2147483647.0,
    2147483647.5,
    2147483648.0,
    -2147483648.0,
    -2147483648.9,
    -2147483649.0,
    4294967295.0,
    4294967295.9,
    4294967296.0,
    4503599627370495.5,
    9007199254740993.0,
    9223372036854775807.0,
    9223371487098961920.0,
    -9223372036854775808.0,
    -9223373136366403584.0,
    18446744073709551615.0,
    18446742974197923840.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// The bits of an `f32`. Some are of ordinary size with all bits of the fraction in use, so that
/// sums and products must be rounded.
pub(super) fn float32(src: &mut Source<'_>) -> u32 {
    match src.below(9) {
        8 => 0x3f00_0000 + src.bits32() % 0x0100_0000,
        0..=4 => canonical32(EDGES[src.below(EDGES.len())] as f32),
        5 => [1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff][src.below(5)],
        6 => values::float32(src),
        _ => canonical32(f32::from_bits(src.bits32())),
    }
}

/// The bits of an `f64`.
pub(super) fn float64(src: &mut Source<'_>) -> u64 {
    match src.below(9) {
        8 => 0x3fe0_0000_0000_0000 + src.bits64() % 0x0020_0000_0000_0000,
        0..=4 => canonical64(EDGES[src.below(EDGES.len())]),
        5 => [
            1,
            1 << 63 | 1,
            0x000f_ffff_ffff_ffff,
            0x7fef_ffff_ffff_ffff,
            // Just above and at the largest f32, and its rounding limit.
            0x47ef_ffff_e000_0000,
            0x47ef_ffff_efff_ffff,
        ][src.below(6)],
        6 => values::float64(src),
        7 if src.chance(50) => near_single(src),
        _ => canonical64(f64::from_bits(src.bits64())),
    }
}

/// The bits of an `f64` next to the middle of two neighbouring `f32`.
fn near_single(src: &mut Source<'_>) -> u64 {
    let low = [1 << 28, (1 << 28) + 1, (1 << 28) - 1][src.below(3)];
    let single = f64::from(f32::from_bits(src.bits32()));
    canonical64(f64::from_bits(single.to_bits() & !0x1fff_ffff | low))
}

fn canonical32(value: f32) -> u32 {
    if value.is_nan() {
        0x7fc0_0000
    } else {
        value.to_bits()
    }
}

fn canonical64(value: f64) -> u64 {
    if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        value.to_bits()
    }
}

/// The bits of a `v128` whose lanes of some width are at boundaries.
pub(super) fn vector(src: &mut Source<'_>) -> u128 {
    let mut bits = 0;
    match src.below(6) {
        0 => (0..16).for_each(|_| bits = bits << 8 | u128::from(near_power(src, 8) as u8)),
        1 => (0..8).for_each(|_| bits = bits << 16 | u128::from(near_power(src, 16) as u16)),
        2 => (0..4).for_each(|_| bits = bits << 32 | u128::from(int32(src) as u32)),
        3 => (0..2).for_each(|_| bits = bits << 64 | u128::from(int64(src) as u64)),
        4 => (0..4).for_each(|_| bits = bits << 32 | u128::from(float32(src))),
        _ => (0..2).for_each(|_| bits = bits << 64 | u128::from(float64(src))),
    }
    bits
}

/// A constant at a boundary.
pub(super) fn edge(src: &mut Source<'_>, ty: Ty) -> Expr {
    let op = match ty {
        Ty::I64 => Op::I64(int64(src)),
        Ty::F32 => Op::F32(float32(src)),
        Ty::F64 => Op::F64(float64(src)),
        Ty::V128 => Op::V128(vector(src)),
        Ty::I32 | Ty::Ref(_) => Op::I32(int32(src)),
    };
    let ty = if ty.as_ref().is_some() { Ty::I32 } else { ty };
    Expr::value(op, Vec::new(), ty)
}

/// Whether the instruction does one of these, for any type.
fn is_one_of(id: NumId, names: &[&str]) -> bool {
    let name = format!("{:?}", id.row().instruction);
    names.iter().any(|end| name.ends_with(end))
}

/// Two vectors whose lanes of some width are special cases: the least and the greatest integers,
/// zeros of both signs, infinities, NaN and a number.
fn special_lanes(src: &mut Source<'_>) -> (Op, Op) {
    let width = [8, 16, 16, 32, 64][src.below(5)];
    let least = 1_u64 << (width - 1);
    let (most, ones) = (least - 1, least | (least - 1));
    let floats = width >= 32 && src.chance(50);
    let (infinite, one) = match width {
        32 => (0x7f80_0000, 0x3f80_0000),
        _ => (0x7ff0_0000_0000_0000, 0x3ff0_0000_0000_0000),
    };
    let quiet = infinite | infinite >> 1 & !infinite;
    let pairs = match floats {
        false => [
            (least, least),
            (least, ones),
            (most, most),
            (most, 1),
            (least, 1),
            (most, least),
        ],
        true => [
            (0, least),
            (least, 0),
            (quiet, one),
            (one, quiet),
            (infinite, infinite | least),
            (infinite, 0),
        ],
    };
    let (mut a, mut b) = (0, 0);
    for _ in 0..128 / width {
        let (x, y) = pairs[src.below(pairs.len())];
        (a, b) = (a << width | u128::from(x), b << width | u128::from(y));
    }
    (Op::V128(a), Op::V128(b))
}

/// Two constants that are a special case of the instruction: zeros of both signs, NaN and a number,
/// -1 or 1 as the second operand, a shift by the width.
fn special_pair(src: &mut Source<'_>, id: NumId, ty: Ty) -> Option<(Op, Op)> {
    let is_shift = is_one_of(id, &["Shl", "ShrS", "ShrU", "Rotl", "Rotr"]);
    let pair = match ty {
        Ty::I32 => {
            let width = [31, 32, 32, 33, -1, 64][src.below(6)];
            let second = if is_shift {
                width
            } else {
                [-1, 1][src.below(2)]
            };
            (Op::I32(int32(src)), Op::I32(second))
        }
        Ty::I64 => {
            let width = [32, 63, 64, 64, 65, 128][src.below(6)];
            let second = if is_shift {
                width
            } else {
                [-1, 1][src.below(2)]
            };
            (Op::I64(int64(src)), Op::I64(second))
        }
        Ty::F32 => {
            let zeros = (0, 1 << 31);
            let (a, b) = [zeros, zeros, (0x7fc0_0000, 0x3f80_0000), (0x7f80_0000, 0)][src.below(4)];
            (Op::F32(a), Op::F32(b))
        }
        Ty::F64 => {
            let (a, b) = [
                (0, 1 << 63),
                (0, 1 << 63),
                (0x7ff8_0000_0000_0000, 0x3ff0_0000_0000_0000),
                (0x7ff0_0000_0000_0000, 0),
            ][src.below(4)];
            (Op::F64(a), Op::F64(b))
        }
        Ty::V128 => return Some(special_lanes(src)),
        Ty::Ref(_) => return None,
    };
    let float = matches!(ty, Ty::F32 | Ty::F64);
    Some(if float && src.chance(50) {
        (pair.1, pair.0)
    } else {
        pair
    })
}

impl Gen<'_> {
    /// A number that a compiler may or may not know.
    pub(super) fn operand(&mut self, ty: Ty) -> Expr {
        match self.src.below(8) {
            0..=2 => match self.local_below(ty) {
                Some(local) => Expr::get(local, ty),
                None => edge(&mut self.src, ty),
            },
            3 => match self.veil(ty) {
                Some(global) => Expr::value(Op::GlobalGet(global), Vec::new(), ty),
                None => edge(&mut self.src, ty),
            },
            _ => edge(&mut self.src, ty),
        }
    }

    /// Passes the value through the global of its type, so that the compiler knows nothing about
    /// it.
    pub(super) fn hidden(&mut self, value: Expr) -> Expr {
        let Some(&ty) = value.tys.first() else {
            return value;
        };
        match self.veil(ty).filter(|_| self.src.chance(50)) {
            Some(global) => Expr::value(
                Op::Seq,
                vec![
                    Expr::stmt(Op::GlobalSet(global), vec![value]),
                    Expr::value(Op::GlobalGet(global), Vec::new(), ty),
                ],
                ty,
            ),
            None => value,
        }
    }

    /// The exported mutable global of exactly this type that keeps what is computed.
    pub(in crate::generate) fn sink(&self, ty: Ty) -> Option<GlobalId> {
        let found = self
            .m
            .globals
            .iter()
            .find(|x| x.mutable && x.export.is_some() && x.id != self.fuel && x.ty == ty);
        found.map(|x| x.id)
    }

    /// The mutable global of this type that only hides operands and is not exported.
    fn veil(&self, ty: Ty) -> Option<GlobalId> {
        let found = self
            .m
            .globals
            .iter()
            .find(|x| x.mutable && x.export.is_none() && x.import.is_none() && x.ty == ty);
        found.map(|x| x.id)
    }

    /// Operands with which a numeric instruction does not trap, mostly at its boundaries.
    pub(super) fn numeric_operands(&mut self, id: NumId) -> Vec<Expr> {
        let row = id.row();
        match row.hazard {
            Hazard::Divisor => return self.division(id),
            Hazard::Range => {
                let number = in_range(&mut self.src, id);
                return vec![self.hidden(number)];
            }
            Hazard::None => {}
        }
        if let &[a, b] = row.params
            && a == b
            && self.src.chance(40)
        {
            if let Some((x, y)) = special_pair(&mut self.src, id, a) {
                let (x, y) = (Expr::value(x, Vec::new(), a), Expr::value(y, Vec::new(), a));
                return vec![self.hidden(x), y];
            }
            let same = self.operand(a);
            return vec![same.clone(), same];
        }
        if let &[ty] = row.params
            && self.src.chance(50)
            && let Some(middle) = rounded(&mut self.src, ty, row.result)
        {
            let middle = Expr::value(middle, Vec::new(), ty);
            return vec![self.hidden(middle)];
        }
        row.params.iter().map(|&ty| self.operand(ty)).collect()
    }

    /// The least integer and -1. Their signed quotient overflows, and their remainder is 0.
    pub(super) fn least_by_minus_one(&mut self, ty: Ty) -> Vec<Expr> {
        let (least, one) = match ty {
            Ty::I64 => (Op::I64(i64::MIN), Op::I64(-1)),
            _ => (Op::I32(i32::MIN), Op::I32(-1)),
        };
        let both = [least, one].map(|op| self.hidden(Expr::value(op, Vec::new(), ty)));
        both.into()
    }

    /// Dividend and divisor. Only a signed quotient overflows, and only by -1.
    fn division(&mut self, id: NumId) -> Vec<Expr> {
        let row = id.row();
        let ty = row.params[0];
        if is_one_of(id, &["RemS"]) && self.src.chance(25) {
            return self.least_by_minus_one(ty);
        }
        let quotient = is_one_of(id, &["DivS"]);
        let dividend = self.operand(ty);
        let divisor = match edge(&mut self.src, ty).op {
            Op::I64(0) => Op::I64(3),
            Op::I64(-1) if quotient => Op::I64(-2),
            Op::I32(0) => Op::I32(3),
            Op::I32(-1) if quotient => Op::I32(-2),
            other => other,
        };
        let divisor = Expr::value(divisor, Vec::new(), ty);
        let hidden = self.hidden(divisor);
        vec![dividend, hidden]
    }

    /// `sum * 31 + value`, so that the sum depends on every value that was added.
    pub(in crate::generate) fn absorbed(&self, global: GlobalId, value: Expr) -> Option<Expr> {
        let ty = *value.tys.first()?;
        let sum = Expr::value(Op::GlobalGet(global), Vec::new(), ty);
        let whole = match ty {
            Ty::I32 => calc::add(value, calc::mul(sum, Expr::i32(31))),
            Ty::I64 => calc::add64(value, calc::mul64(sum, Expr::i64(31))),
            _ => value,
        };
        Some(Expr::stmt(Op::GlobalSet(global), vec![whole]))
    }
}

/// The least integer that the conversion can give, and one more than the greatest.
fn limits(id: NumId) -> (f64, f64) {
    let row = id.row();
    let name = format!("{:?}", row.instruction);
    let bits = if row.result == Ty::I64 { 64 } else { 32 };
    match name.ends_with('S') {
        true => (-2_f64.powi(bits - 1), 2_f64.powi(bits - 1)),
        false => (0.0, 2_f64.powi(bits)),
    }
}

/// A float next to the first number outside of the conversion's range, on either side of it.
pub(super) fn at_limit(src: &mut Source<'_>, id: NumId) -> Expr {
    let (low, high) = limits(id);
    let limit = [low - 1.0, high][src.below(2)];
    let step = src.range(0, 2);
    if id.row().params[0] == Ty::F32 {
        let limit = limit as f32;
        let number = [limit.next_down(), limit, limit.next_up()][step as usize];
        return Expr::value(Op::F32(number.to_bits()), Vec::new(), Ty::F32);
    }
    let number = [limit.next_down(), limit, limit.next_up()][step as usize];
    Expr::value(Op::F64(number.to_bits()), Vec::new(), Ty::F64)
}

/// A float in the range of the conversion, often the last one in it.
fn in_range(src: &mut Source<'_>, id: NumId) -> Expr {
    let row = id.row();
    let (low, high) = limits(id);
    let single = row.params[0] == Ty::F32;
    let fits = |value: f64| {
        let value = if single {
            f64::from(value as f32)
        } else {
            value
        };
        let whole = value.trunc();
        whole >= low && whole < high
    };
    let found = (0..6)
        .map(|_| EDGES[src.below(EDGES.len())])
        .find(|&value| fits(value))
        .unwrap_or(0.0);
    if single {
        Expr::value(Op::F32((found as f32).to_bits()), Vec::new(), Ty::F32)
    } else {
        Expr::value(Op::F64(found.to_bits()), Vec::new(), Ty::F64)
    }
}
