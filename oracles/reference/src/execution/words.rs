//! How values are held: as words of 64 bits, each with the kind of value that it stands for.
//!
//! The specification stores values as they are. Fields, elements and stack slots here hold words,
//! which take less room and are moved in registers.

use crate::syntax::ValType;

use super::values::{
    ArrayAddr, ExnAddr, FuncAddr, HostAddr, Internal, Ref, StructAddr, Value, Vec128,
};

impl Ref {
    /// Returns the reference as the word that holds it. Zero is null.
    #[inline(always)]
    pub(crate) fn to_word(self) -> u64 {
        let (kind, payload) = match self {
            Ref::Null => (0u64, 0),
            Ref::I31(i) => (1, i),
            Ref::Struct(a) => (2, a.0),
            Ref::Array(a) => (3, a.0),
            Ref::Func(a) => (4, a.0),
            Ref::Exn(a) => (5, a.0),
            Ref::Host(a) => (6, a.0),
            Ref::Extern(Internal::I31(i)) => (7, i),
            Ref::Extern(Internal::Struct(a)) => (8, a.0),
            Ref::Extern(Internal::Array(a)) => (9, a.0),
            Ref::Extern(Internal::Host(a)) => (10, a.0),
        };
        kind << 32 | u64::from(payload)
    }

    /// Returns the inverse of [`Ref::to_word`]. Other words read as null.
    #[inline(always)]
    pub(crate) fn from_word(word: u64) -> Ref {
        let payload = word as u32;
        match word >> 32 {
            1 => Ref::I31(payload),
            2 => Ref::Struct(StructAddr(payload)),
            3 => Ref::Array(ArrayAddr(payload)),
            4 => Ref::Func(FuncAddr(payload)),
            5 => Ref::Exn(ExnAddr(payload)),
            6 => Ref::Host(HostAddr(payload)),
            7 => Ref::Extern(Internal::I31(payload)),
            8 => Ref::Extern(Internal::Struct(StructAddr(payload))),
            9 => Ref::Extern(Internal::Array(ArrayAddr(payload))),
            10 => Ref::Extern(Internal::Host(HostAddr(payload))),
            _ => Ref::Null,
        }
    }
}

/// What kind of value a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    I32,
    I64,
    F32,
    F64,
    V128,
    /// As [`Ref::to_word`].
    Ref,
}

impl Kind {
    /// Returns the kind of values of a type.
    pub(crate) fn of(t: ValType) -> Kind {
        match t {
            ValType::I32 => Kind::I32,
            ValType::I64 => Kind::I64,
            ValType::F32 => Kind::F32,
            ValType::F64 => Kind::F64,
            ValType::V128 => Kind::V128,
            ValType::Ref(_) | ValType::Bot => Kind::Ref,
        }
    }
}

/// A value as bits: what fields and stack slots are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) kind: Kind,
    pub(crate) low: u64,
    /// For vectors only.
    pub(crate) high: u64,
}

impl Word {
    /// Makes the word without high bits.
    #[inline(always)]
    pub(crate) fn new(kind: Kind, low: u64) -> Word {
        Word { kind, low, high: 0 }
    }
}

impl From<Value> for Word {
    #[inline(always)]
    fn from(value: Value) -> Word {
        match value {
            Value::I32(i) => Word::new(Kind::I32, i.into()),
            Value::I64(i) => Word::new(Kind::I64, i),
            Value::F32(bits) => Word::new(Kind::F32, bits.into()),
            Value::F64(bits) => Word::new(Kind::F64, bits),
            Value::V128(Vec128 { low, high }) => Word {
                kind: Kind::V128,
                low,
                high,
            },
            Value::Ref(r) => Word::new(Kind::Ref, r.to_word()),
        }
    }
}

impl From<Word> for Value {
    #[inline(always)]
    fn from(Word { kind, low, high }: Word) -> Value {
        match kind {
            Kind::I32 => Value::I32(low as u32),
            Kind::I64 => Value::I64(low),
            Kind::F32 => Value::F32(low as u32),
            Kind::F64 => Value::F64(low),
            Kind::V128 => Value::V128(Vec128 { low, high }),
            Kind::Ref => Value::Ref(Ref::from_word(low)),
        }
    }
}
