//! Constants and lengths that are worth trying.

use super::source::Source;

/// An `i32`: mostly small, often at an edge of some width (8, 16, 31, 32 bits).
pub fn int32(src: &mut Source<'_>) -> i32 {
    const EDGES: [i32; 22] = [
        0,
        1,
        -1,
        2,
        3,
        7,
        127,
        128,
        255,
        256,
        -128,
        0x7fff,
        0x8000,
        0xffff,
        0x3fff_ffff,
        0x4000_0000,
        -0x4000_0000,
        -0x4000_0001,
        i32::MAX,
        i32::MIN,
        i32::MIN + 1,
        836_029_236,
    ];
    match src.below(4) {
        0 | 1 => src.below(12) as i32,
        2 => EDGES[src.below(EDGES.len())],
        _ => src.bits32() as i32,
    }
}

/// An `i64`, like [`int32`].
pub fn int64(src: &mut Source<'_>) -> i64 {
    match src.below(4) {
        0 | 1 => i64::from(int32(src)),
        2 => [0, i64::MAX, i64::MIN, 1 << 31, 1 << 32, -1 << 32][src.below(6)],
        _ => src.bits64() as i64,
    }
}

/// Draws the bits of an `f32`. A NaN is canonical.
pub fn float32(src: &mut Source<'_>) -> u32 {
    const EDGES: [f32; 12] = [
        0.0,
        1.0,
        -0.0,
        -1.0,
        0.5,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        2147483648.0,
        -2147483904.0,
        1e-45,
    ];
    match src.below(8) {
        0..=5 => EDGES[src.below(EDGES.len())].to_bits(),
        6 => 0x7fc0_0000,
        _ => (src.below(4096) as f32 - 2048.0).to_bits(),
    }
}

/// Draws the bits of an `f64`. A NaN is canonical.
pub fn float64(src: &mut Source<'_>) -> u64 {
    match src.below(4) {
        0..=2 => {
            let value = f32::from_bits(float32(src));
            if value.is_nan() {
                0x7ff8_0000_0000_0000
            } else {
                f64::from(value).to_bits()
            }
        }
        _ => [
            9_223_372_036_854_775_808.0_f64,
            1e300,
            -1e-320,
            4_294_967_296.5,
        ][src.below(4)]
        .to_bits(),
    }
}

/// Two random halves.
pub fn vector(src: &mut Source<'_>) -> u128 {
    match src.below(3) {
        0 => 0,
        1 => u128::MAX,
        _ => u128::from(src.bits64()) << 64 | u128::from(src.bits64()),
    }
}

/// Length of an array: mostly 1 to 8, sometimes 0, rarely wide.
pub fn length(src: &mut Source<'_>) -> u32 {
    match src.below(24) {
        0 => 0,
        1 => src.range(9, 40),
        2 => src.range(60, 260),
        _ => src.range(1, 8),
    }
}
