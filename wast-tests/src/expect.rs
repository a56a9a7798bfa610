//! What `assert_return` and `assert_trap` expect, and whether an observation meets it.
//!
//! Always: an unknown pattern or unknown words never match. The official grammar calls the words of
//! a trap documentation, so several spellings stand for one [`Trap`]: the table is [`TRAP_WORDS`].

use std::fmt;

use gcrucible_oracles::observe::{Node, Observation};
use gcrucible_oracles::outcome::{Resource, Trap};
use gcrucible_oracles::value::{HeapTop, Ref, Target, Value};

/// A float, or a set of NaNs (specification, section "NaN Propagation").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float<B> {
    /// These bits.
    Bits(B),
    /// `nan:canonical`: only the most significant bit of the payload is set, with either sign.
    Canonical,
    /// `nan:arithmetic`: the payload's most significant bit, at least.
    Arithmetic,
}

/// A pattern for one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// These bits.
    I32(i32),
    /// These bits.
    I64(i64),
    /// A single.
    F32(Float<u32>),
    /// A double.
    F64(Float<u64>),
    /// These bits.
    V128(u128),
    /// Four singles.
    F32x4([Float<u32>; 4]),
    /// Two doubles.
    F64x2([Float<u64>; 2]),
    /// Null, of a hierarchy if one is given.
    Null(Option<HeapTop>),
    /// A non-null external reference, to a host object with a number if one is given.
    Extern(Option<u32>),
    /// An internal reference to the host object with this number.
    Host(u32),
    /// Any reference that is not null.
    Ref,
    /// A non-null function reference.
    Func,
    /// Any non-null internal reference.
    Any,
    /// A structure, an array or an i31.
    Eq,
    /// An array.
    Array,
    /// A structure.
    Struct,
    /// An unboxed scalar.
    I31,
    /// One of these.
    Either(Vec<Expect>),
}

impl Expect {
    /// Returns true if a value matches the pattern. References are looked up in the observation
    /// that has the value.
    pub fn matches(&self, value: Value, seen: &Observation) -> bool {
        match (self, value) {
            (Expect::Either(patterns), _) => {
                patterns.iter().any(|pattern| pattern.matches(value, seen))
            }
            (Expect::I32(expected), Value::I32(actual)) => *expected == actual,
            (Expect::I64(expected), Value::I64(actual)) => *expected == actual,
            (Expect::F32(expected), Value::F32(actual)) => single(*expected, actual),
            (Expect::F64(expected), Value::F64(actual)) => double(*expected, actual),
            (Expect::V128(expected), Value::V128(actual)) => *expected == actual,
            (Expect::F32x4(lanes), Value::V128(actual)) => {
                let lane = |number: usize| (actual >> (32 * number)) as u32;
                lanes
                    .iter()
                    .enumerate()
                    .all(|(number, &expected)| single(expected, lane(number)))
            }
            (Expect::F64x2(lanes), Value::V128(actual)) => {
                let lane = |number: usize| (actual >> (64 * number)) as u64;
                lanes
                    .iter()
                    .enumerate()
                    .all(|(number, &expected)| double(expected, lane(number)))
            }
            (pattern, Value::Ref(actual)) => pattern.matches_ref(actual, seen),
            _ => false,
        }
    }

    /// Returns true for a float that must be a NaN.
    pub fn is_nan(&self) -> bool {
        match self {
            Expect::F32(Float::Bits(bits)) => f32::from_bits(*bits).is_nan(),
            Expect::F64(Float::Bits(bits)) => f64::from_bits(*bits).is_nan(),
            Expect::F32(_) | Expect::F64(_) => true,
            _ => false,
        }
    }

    fn matches_ref(&self, actual: Ref, seen: &Observation) -> bool {
        let node = match actual.to {
            Target::Node(id) => seen.graph.get(id),
            _ => None,
        };
        let internal = actual.top == HeapTop::Any && !actual.is_null();
        match self {
            Expect::Null(top) => actual.is_null() && top.is_none_or(|top| top == actual.top),
            Expect::Extern(None) => actual.top == HeapTop::Extern && !actual.is_null(),
            Expect::Extern(Some(number)) => {
                actual.top == HeapTop::Extern && actual.to == Target::Host(*number)
            }
            Expect::Host(number) => internal && actual.to == Target::Host(*number),
            Expect::Ref => !actual.is_null(),
            Expect::Func => actual.top == HeapTop::Func && !actual.is_null(),
            Expect::Any => internal,
            Expect::Eq => internal && !matches!(actual.to, Target::Host(_)),
            Expect::Array => internal && matches!(node, Some(Node::Array { .. })),
            Expect::Struct => internal && matches!(node, Some(Node::Struct { .. })),
            Expect::I31 => internal && matches!(actual.to, Target::I31(_)),
            Expect::I32(_)
            | Expect::I64(_)
            | Expect::F32(_)
            | Expect::F64(_)
            | Expect::V128(_)
            | Expect::F32x4(_)
            | Expect::F64x2(_)
            | Expect::Either(_) => false,
        }
    }
}

fn single(expected: Float<u32>, actual: u32) -> bool {
    match expected {
        Float::Bits(bits) => bits == actual,
        Float::Canonical => actual & 0x7fff_ffff == 0x7fc0_0000,
        Float::Arithmetic => actual & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn double(expected: Float<u64>, actual: u64) -> bool {
    match expected {
        Float::Bits(bits) => bits == actual,
        Float::Canonical => actual & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        Float::Arithmetic => actual & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
    }
}

impl<B: fmt::LowerHex> fmt::Display for Float<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Float::Bits(bits) => write!(f, "{bits:#x}"),
            Float::Canonical => f.write_str("nan:canonical"),
            Float::Arithmetic => f.write_str("nan:arithmetic"),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, items: Vec<String>| {
            write!(f, "{name} {}", items.join(" "))
        };
        match self {
            Expect::I32(value) => write!(f, "i32.const {value}"),
            Expect::I64(value) => write!(f, "i64.const {value}"),
            Expect::F32(value) => write!(f, "f32 {value}"),
            Expect::F64(value) => write!(f, "f64 {value}"),
            Expect::V128(bits) => write!(f, "v128.const {bits:#034x}"),
            Expect::F32x4(lanes) => list(f, "f32x4", lanes.iter().map(Float::to_string).collect()),
            Expect::F64x2(lanes) => list(f, "f64x2", lanes.iter().map(Float::to_string).collect()),
            Expect::Null(None) => f.write_str("ref.null"),
            Expect::Null(Some(top)) => write!(f, "ref.null {top}"),
            Expect::Extern(None) => f.write_str("ref.extern"),
            Expect::Extern(Some(number)) => write!(f, "ref.extern {number}"),
            Expect::Host(number) => write!(f, "ref.host {number}"),
            Expect::Ref => f.write_str("ref"),
            Expect::Func => f.write_str("ref.func"),
            Expect::Any => f.write_str("ref.any"),
            Expect::Eq => f.write_str("ref.eq"),
            Expect::Array => f.write_str("ref.array"),
            Expect::Struct => f.write_str("ref.struct"),
            Expect::I31 => f.write_str("ref.i31"),
            Expect::Either(patterns) => list(
                f,
                "either",
                patterns.iter().map(|p| format!("({p})")).collect(),
            ),
        }
    }
}

/// The words that scripts use for traps. A script's text matches a row when it starts with the
/// row's words, so that `uninitialized element 7` is covered. One text may stand for several traps,
/// as in older scripts.
pub const TRAP_WORDS: &[(&str, &[Trap])] = &[
    ("unreachable", &[Trap::Unreachable]),
    ("integer divide by zero", &[Trap::IntegerDivideByZero]),
    // Scripts of other engines shorten it.
    ("divide by zero", &[Trap::IntegerDivideByZero]),
    ("integer overflow", &[Trap::IntegerOverflow]),
    (
        "invalid conversion to integer",
        &[Trap::InvalidConversionToInteger],
    ),
    (
        "out of bounds memory access",
        &[Trap::OutOfBoundsMemoryAccess],
    ),
    (
        "out of bounds table access",
        &[Trap::OutOfBoundsTableAccess],
    ),
    (
        "out of bounds array access",
        &[Trap::OutOfBoundsArrayAccess],
    ),
    // The words for bulk operations in the proposals' own scripts, and for indirect calls in
    // scripts of other engines.
    (
        "out of bounds",
        &[
            Trap::OutOfBoundsMemoryAccess,
            Trap::OutOfBoundsTableAccess,
            Trap::OutOfBoundsArrayAccess,
            Trap::UndefinedElement,
        ],
    ),
    // An index beyond the end of the table. `undefined` alone means the same.
    ("undefined", &[Trap::UndefinedElement]),
    // Some scripts call an index beyond the end uninitialised.
    (
        "uninitialized",
        &[Trap::UninitializedElement, Trap::UndefinedElement],
    ),
    ("indirect call", &[Trap::IndirectCallTypeMismatch]),
    ("call type mismatch", &[Trap::IndirectCallTypeMismatch]),
    // `null structure reference`, `null function reference` and so on. Scripts that say only this
    // leave the kind open.
    ("null", &[Trap::NullReference]),
    // The GC proposal's own scripts say only `cast`.
    ("cast", &[Trap::CastFailure]),
];

/// Returns true if a script's words stand for the trap. `None` if the words are in no row. They can
/// be the beginning of a message, so an empty text stands for every trap.
pub fn is_trap(words: &str, actual: Trap) -> Option<bool> {
    let rows = TRAP_WORDS.iter();
    if let Some((_, traps)) = rows.clone().find(|(known, _)| words.starts_with(known)) {
        return Some(traps.contains(&actual));
    }
    let begun = rows.filter(|(known, _)| known.starts_with(words));
    begun.fold(None, |any, (_, traps)| {
        Some(any.unwrap_or(false) || traps.contains(&actual))
    })
}

/// The words for resources that run out. Official scripts use only the first ones. The next are for
/// our own scripts, which must tell an exhausted heap from an exception and from a result. Scripts
/// of other engines use the last ones.
pub const EXHAUSTION_WORDS: &[(&str, Resource)] = &[
    ("call stack exhausted", Resource::CallDepth),
    ("call stack exhausted", Resource::CallStack),
    ("heap exhausted", Resource::Heap),
    ("memory exhausted", Resource::Memory),
    ("table exhausted", Resource::Table),
    ("fuel exhausted", Resource::Fuel),
    ("allocation size too large", Resource::Heap),
    (
        "overflow calculating table allocation size",
        Resource::Table,
    ),
];

/// Returns true if a script's words stand for the resource. `None` if the words are in no row. They
/// can be the beginning of a message.
pub fn is_resource(words: &str, actual: Resource) -> Option<bool> {
    let begun = EXHAUSTION_WORDS
        .iter()
        .filter(|(known, _)| known.starts_with(words));
    begun.fold(None, |any, (_, resource)| {
        Some(any.unwrap_or(false) || *resource == actual)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gcrucible_oracles::outcome::Outcome;

    #[test]
    fn patterns_match_what_they_say() {
        let seen = Observation::bare(Outcome::Returned(vec![]));
        let (canonical, arithmetic) = (
            Expect::F32(Float::Canonical),
            Expect::F32(Float::Arithmetic),
        );
        let table = [
            (&canonical, Value::F32(0x7fc0_0000), true),
            (&canonical, Value::F32(0xffc0_0000), true),
            (&canonical, Value::F32(0x7fc0_0001), false),
            (&canonical, Value::F32(0x7fa0_0000), false),
            (&arithmetic, Value::F32(0xffc0_0001), true),
            (&arithmetic, Value::F32(0x7fa0_0000), false),
            (&arithmetic, Value::F32(0x4040_0000), false),
            (&canonical, Value::F64(0x7ff8_0000_0000_0000), false),
            (
                &Expect::F64(Float::Canonical),
                Value::F64(0x7ff8_0000_0000_0000),
                true,
            ),
            (
                &Expect::F64(Float::Canonical),
                Value::F64(0x7ff8_0000_0000_0001),
                false,
            ),
            (&Expect::I32(3), Value::I32(3), true),
            (&Expect::I32(3), Value::I64(3), false),
            (
                &Expect::Null(None),
                Value::Ref(Ref::null(HeapTop::Exn)),
                true,
            ),
            (
                &Expect::Null(Some(HeapTop::Func)),
                Value::Ref(Ref::null(HeapTop::Any)),
                false,
            ),
            (&Expect::Extern(Some(4)), Value::Ref(Ref::host(4)), true),
            (&Expect::Extern(Some(4)), Value::Ref(Ref::host(5)), false),
            (
                &Expect::Extern(None),
                Value::Ref(Ref::null(HeapTop::Extern)),
                false,
            ),
            (&Expect::I31, Value::Ref(Ref::i31(1)), true),
            (&Expect::Eq, Value::Ref(Ref::i31(1)), true),
            (&Expect::Struct, Value::Ref(Ref::i31(1)), false),
            (&Expect::Any, Value::Ref(Ref::host(1)), false),
        ];
        for (pattern, value, expected) in table {
            assert_eq!(
                pattern.matches(value, &seen),
                expected,
                "{pattern} / {value}"
            );
        }
        let either = Expect::Either(vec![Expect::I32(1), Expect::I32(2)]);
        assert!(either.matches(Value::I32(2), &seen) && !either.matches(Value::I32(3), &seen));
        let lanes = Expect::F32x4([
            Float::Bits(1),
            Float::Canonical,
            Float::Arithmetic,
            Float::Bits(4),
        ]);
        let bits = 1 | 0x7fc0_0000 << 32 | 0x7fc0_0009 << 64 | 4 << 96;
        assert!(lanes.matches(Value::V128(bits), &seen));
        assert!(!lanes.matches(Value::V128(bits ^ 1 << 32), &seen));
    }

    #[test]
    fn every_trap_has_words_and_unknown_words_have_none() {
        for trap in Trap::ALL {
            assert_eq!(is_trap(trap.message(), trap), Some(true), "{trap}");
        }
        assert_eq!(
            is_trap("null structure reference", Trap::NullReference),
            Some(true)
        );
        assert_eq!(
            is_trap("out of bounds memory access", Trap::OutOfBoundsTableAccess),
            Some(false)
        );
        assert_eq!(is_trap("descriptor cast failure", Trap::CastFailure), None);
        for (words, trap, fits) in [
            ("", Trap::Unreachable, true),
            ("unreach", Trap::Unreachable, true),
            ("integer", Trap::IntegerOverflow, true),
            ("integer div", Trap::IntegerOverflow, false),
            ("out of", Trap::OutOfBoundsArrayAccess, true),
        ] {
            assert_eq!(is_trap(words, trap), Some(fits), "{words:?} / {trap}");
        }
        assert_eq!(is_resource("call stack", Resource::CallStack), Some(true));
        assert_eq!(is_resource("call stack", Resource::CallDepth), Some(true));
        assert_eq!(is_resource("call stack", Resource::Heap), Some(false));
        assert_eq!(is_resource("stack", Resource::CallStack), None);
    }
}
