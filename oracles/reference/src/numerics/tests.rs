//! Edge cases of the numeric primitives, as tables: operands, then the word the specification
//! demands.

use super::relaxed;
use super::scalar::*;
use super::vector;
use super::vector::*;
use crate::syntax::Half;

const NAN: u32 = 0x7fc0_0000;

#[track_caller]
fn f32s(f: fn(f32, f32) -> f32, rows: &[(u32, u32, u32)]) {
    for &(a, b, expected) in rows {
        let actual = f(f32::from_bits(a), f32::from_bits(b)).to_bits();
        assert_eq!(
            actual, expected,
            "{a:#x}, {b:#x} -> {actual:#x}, not {expected:#x}"
        );
    }
}

#[test]
fn division_rounds_towards_zero_and_is_partial() {
    let least = 0x8000_0000u32;
    type Division = Result<u32, Undefined>;
    let rows: &[(u32, u32, Division, Division)] = &[
        (7, 2, Ok(3), Ok(1)),
        ((-7i32) as u32, 2, Ok((-3i32) as u32), Ok((-1i32) as u32)),
        (7, (-2i32) as u32, Ok((-3i32) as u32), Ok(1)),
        (least, u32::MAX, Err(Undefined::Overflow), Ok(0)),
        (
            1,
            0,
            Err(Undefined::DivideByZero),
            Err(Undefined::DivideByZero),
        ),
    ];
    for &(a, b, quotient, remainder) in rows {
        assert_eq!(a.idiv_s(b), quotient);
        assert_eq!(a.irem_s(b), remainder);
    }
    assert_eq!(least.idiv_u(u32::MAX), Ok(0));
    assert_eq!(5u64.irem_u(0), Err(Undefined::DivideByZero));
}

#[test]
fn bit_counts_of_zero_are_the_width() {
    assert_eq!(
        (0u32.iclz(), 0u32.ictz(), 0u64.iclz(), 0u8.ictz()),
        (32, 32, 64, 8)
    );
    assert_eq!((u64::MAX.ipopcnt(), 1u16.iclz()), (64, 15));
}

#[test]
fn distances_count_modulo_the_width() {
    assert_eq!((1u32.ishl(33), 1u64.ishl(65), 1u8.ishl(9)), (2, 2, 2));
    assert_eq!((0x80u8.ishr_s(1), 0x80u8.ishr_u(8)), (0xc0, 0x80));
    assert_eq!((0x8000_0001u32.irotl(33), 1u64.irotr(65)), (3, 1 << 63));
}

#[test]
fn sign_extension_reads_the_low_bits_only() {
    assert_eq!(0x1ffu32.iextend_s(8), u32::MAX);
    assert_eq!(0x17fu64.iextend_s(8), 0x7f);
    assert_eq!(0x4000_0000u32.iextend_s(31), 0xc000_0000);
    assert_eq!(0xffff_ffffu64.iextend_s(32), u64::MAX);
    assert_eq!(extend_s::<u8, u32>(0x80), 0xffff_ff80);
    assert_eq!(extend_u::<u64, u16>(0x1_2345), 0x2345);
}

#[test]
fn saturation_stops_at_both_ends() {
    assert_eq!((0x7fu8.iadd_sat_s(1), 0x80u8.isub_sat_s(1)), (0x7f, 0x80));
    assert_eq!((0xffu8.iadd_sat_u(1), 0u8.isub_sat_u(1)), (0xff, 0));
    assert_eq!(
        (narrow_s::<u16, u8>(0x8000), narrow_u::<u16, u8>(0x8000)),
        (0x80, 0)
    );
    assert_eq!(
        (
            narrow_s::<u32, u16>(0x7fff_ffff),
            narrow_u::<u32, u16>(70_000)
        ),
        (0x7fff, 0xffff)
    );
    assert_eq!(
        (0xffu8.iavgr_u(0xfe), u64::MAX.iavgr_u(u64::MAX)),
        (0xff, u64::MAX)
    );
    assert_eq!(0x8000u16.iabs(), 0x8000);
}

#[test]
fn arithmetic_returns_the_canonical_nan() {
    let (signalling, negative) = (0x7f80_0001, 0xffc1_2345);
    for f in [
        Float::fadd,
        Float::fsub,
        Float::fmul,
        Float::fdiv,
        Float::fmin,
        Float::fmax,
    ] {
        f32s(
            f,
            &[(signalling, 0x3f80_0000, NAN), (0x3f80_0000, negative, NAN)],
        );
    }
    for f in [
        Float::fsqrt,
        Float::fceil,
        Float::ffloor,
        Float::ftrunc,
        Float::fnearest,
    ] {
        f32s(|a, _| a.canonical(), &[(signalling, 0, NAN)]);
        let f: fn(f32) -> f32 = f;
        assert_eq!(f(f32::from_bits(negative)).to_bits(), NAN);
    }
    assert_eq!((-1f32).fsqrt().to_bits(), NAN);
    assert_eq!(
        promote(f32::from_bits(negative)).to_bits(),
        0x7ff8_0000_0000_0000
    );
    assert_eq!(demote(f64::from_bits(0xfff0_0000_0000_0001)).to_bits(), NAN);
}

#[test]
fn bit_operators_keep_nan_payloads() {
    let nan = 0x7fa0_0001u32;
    assert_eq!(f32::from_bits(nan).fneg().to_bits(), nan | 0x8000_0000);
    assert_eq!(f32::from_bits(nan | 0x8000_0000).fabs().to_bits(), nan);
    f32s(Float::fcopysign, &[(nan, 0x8000_0000, nan | 0x8000_0000)]);
    f32s(Float::fpmin, &[(nan, 0, nan), (0, nan, 0)]);
    f32s(Float::fpmax, &[(nan, 0, nan), (0, nan, 0)]);
}

#[test]
fn zeros_are_ordered_by_min_and_max_only() {
    let minus = 0x8000_0000;
    f32s(
        Float::fmin,
        &[(0, minus, minus), (minus, 0, minus), (0, 0, 0)],
    );
    f32s(
        Float::fmax,
        &[(0, minus, 0), (minus, 0, 0), (minus, minus, minus)],
    );
    f32s(Float::fpmin, &[(0, minus, 0), (minus, 0, minus)]);
}

#[test]
fn nearest_goes_to_even_and_keeps_the_sign_of_zero() {
    let rows: [(f64, f64); 6] = [
        (0.5, 0.0),
        (1.5, 2.0),
        (2.5, 2.0),
        (-0.5, -0.0),
        (-1.5, -2.0),
        (4503599627370497.5, 4503599627370498.0),
    ];
    for (z, expected) in rows {
        assert_eq!(z.fnearest().to_bits(), expected.to_bits(), "nearest {z}");
    }
    assert_eq!((-0.25f64).fceil().to_bits(), (-0.0f64).to_bits());
}

#[test]
fn truncation_is_defined_up_to_the_last_representable_number() {
    assert_eq!((-2147483648.9f64).trunc_s::<u32>(), Ok(0x8000_0000));
    assert_eq!(
        (-2147483649.0f64).trunc_s::<u32>(),
        Err(Undefined::Overflow)
    );
    assert_eq!(2147483647.9f64.trunc_s::<u32>(), Ok(0x7fff_ffff));
    assert_eq!(2147483648f32.trunc_s::<u32>(), Err(Undefined::Overflow));
    assert_eq!((-0.99f32).trunc_u::<u32>(), Ok(0));
    assert_eq!((-1f32).trunc_u::<u64>(), Err(Undefined::Overflow));
    assert_eq!(
        18446744073709549568f64.trunc_u::<u64>(),
        Ok(0xffff_ffff_ffff_f800)
    );
    assert_eq!(
        18446744073709551616f64.trunc_u::<u64>(),
        Err(Undefined::Overflow)
    );
    assert_eq!((-9223372036854775808f32).trunc_s::<u64>(), Ok(1 << 63));
    assert_eq!(f64::NAN.trunc_s::<u64>(), Err(Undefined::NotANumber));
    assert_eq!(f32::INFINITY.trunc_u::<u32>(), Err(Undefined::Overflow));
}

#[test]
fn saturating_truncation_is_total() {
    assert_eq!(f32::NAN.trunc_sat_s::<u32>(), 0);
    assert_eq!(
        (
            f64::INFINITY.trunc_sat_s::<u64>(),
            f64::NEG_INFINITY.trunc_sat_s::<u64>()
        ),
        (i64::MAX as u64, 1 << 63)
    );
    assert_eq!(
        (
            f32::INFINITY.trunc_sat_u::<u32>(),
            f32::NEG_INFINITY.trunc_sat_u::<u32>()
        ),
        (u32::MAX, 0)
    );
}

#[test]
fn conversions_round_once_to_even() {
    assert_eq!(f32::convert_u(0x0100_0001), 16777216.0);
    assert_eq!(f32::convert_u(0x8000_0080_0000_0001).to_bits(), 0x5f00_0001);
    assert_eq!(f64::convert_u(u64::MAX), 18446744073709551616.0);
    assert_eq!(f32::convert_s(-1), -1.0);
}

#[test]
fn lanes_are_in_memory_order() {
    let v = u128::from_le_bytes(std::array::from_fn(|k| k as u8));
    assert_eq!(lane::<u16>(v, 1), 0x0302);
    assert_eq!(from_lanes(lanes::<u32>(v)), v);
    assert_eq!(lane::<u8>(replace(v, 15, 0xffu8), 15), 0xff);
    assert_eq!(replace(v, 0, lane::<u64>(v, 0)), v);
    assert_eq!(splat(1.0f64), 0x3ff0_0000_0000_0000_3ff0_0000_0000_0000);
    assert_eq!(
        shuffle(&std::array::from_fn(|k| 31 - k as u8), 0, v),
        v.swap_bytes()
    );
    assert_eq!(lane::<u8>(swizzle(v, splat(16u8)), 3), 0);
    assert_eq!(bitmask::<u8>(0x80 | 0xff << 120), 0x8001);
    assert!(all_true::<u64>(splat(1u64)) && !all_true::<u32>(splat(1u64)));
}

#[test]
fn lane_comparison_yields_masks() {
    assert_eq!(
        compare(splat(f32::NAN), splat(f32::NAN), |a: f32, b| a == b),
        0
    );
    assert_eq!(compare(splat(0xffu8), splat(1u8), u8::ilt_s), u128::MAX);
}

#[test]
fn pairwise_and_extended_products() {
    let bytes = splat(0x80u8);
    assert_eq!(extadd_pairwise_s::<u8, u16>(bytes), splat((-256i16) as u16));
    assert_eq!(extadd_pairwise_u::<u8, u16>(bytes), splat(256u16));
    assert_eq!(
        extmul_s::<u8, u16>(bytes, bytes, Half::High),
        splat(16384u16)
    );
    assert_eq!(
        extmul_u::<u32, u64>(u128::MAX, u128::MAX, Half::Low),
        splat(0xffff_fffe_0000_0001u64)
    );
    // 2 * 2^30 does not fit: `i32x4.dot_i16x8_s` wraps.
    assert_eq!(
        vector::dot::<u16, u32>(splat(0x8000u16), splat(0x8000u16), Int::iadd),
        splat(0x8000_0000u32)
    );
    assert_eq!(q15mulr_sat_s(0x8000, 0x8000), 0x7fff);
    assert_eq!(q15mulr_sat_s(0x4000, 0x8000), 0xc000);
}

#[test]
fn relaxed_operators_take_the_first_alternative() {
    // Fused, the product would keep its last bit and the sum would be 2^-46, not 0.
    let a = f32::from_bits(0x3f80_0001);
    assert_eq!(relaxed::madd(a, a, -f32::from_bits(0x3f80_0002)), 0.0);
    assert_eq!(relaxed::nmadd(2f64, 3.0, 10.0), 4.0);
    assert_eq!(relaxed::q15mulr_s(0x8000, 0x8000), 0x7fff);
    assert_eq!(relaxed::laneselect(0xf0u8, 0x0f, 0xc3), 0xcc);
    assert_eq!(relaxed::swizzle(splat(7u8), splat(16u8)), 0);
    // 2 * 2^14 saturates in 16 bits, before the second pairing.
    let least = splat(0x80u8);
    assert_eq!(relaxed::dot(least, least), splat(0x7fffu16));
    assert_eq!(
        relaxed::dot_add(least, least, splat(1u32)),
        splat(0xffffu32)
    );
    assert_eq!(relaxed::trunc_u::<f32, u32>(-1.0), 0);
    assert_eq!(relaxed::trunc_s::<f64, u32>(f64::NAN), 0);
    assert_eq!(relaxed::min(0.0f32, -0.0).to_bits(), 0x8000_0000);
    assert!(relaxed::max(1.0f64, f64::NAN).is_nan());
}
