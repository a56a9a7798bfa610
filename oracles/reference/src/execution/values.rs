//! 4.0 and 4.1: values, references and addresses; default values; what is stored in a field.
//!
//! Floats are bit patterns here, so that values have equality and NaN payloads survive every move.
//!
//! Not here: which type a reference has (`types`), since that takes a store.

use std::fmt;

use crate::syntax::ValType;

macro_rules! addresses {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The address as a position in a Rust sequence.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

addresses! {
    /// `funcaddr`: a function in a store.
    FuncAddr,
    /// `tableaddr`: a table in a store.
    TableAddr,
    /// `memaddr`: a memory in a store.
    MemAddr,
    /// `globaladdr`: a global in a store.
    GlobalAddr,
    /// `tagaddr`: a tag in a store.
    TagAddr,
    /// `elemaddr`: an element segment in a store.
    ElemAddr,
    /// `dataaddr`: a data segment in a store.
    DataAddr,
    /// `structaddr`: a structure in a store.
    StructAddr,
    /// `arrayaddr`: an array in a store.
    ArrayAddr,
    /// `exnaddr`: an exception in a store.
    ExnAddr,
    /// `hostaddr`: an object of the embedder.
    HostAddr,
    /// A module instance in a store. (The specification has no addresses for these.)
    InstanceAddr,
}

/// A `v128`, kept as two words so that a [`Value`] needs no more than 8-byte alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vec128 {
    /// The low 64 bits: the first lanes.
    pub low: u64,
    /// The high 64 bits: the last lanes.
    pub high: u64,
}

impl Vec128 {
    /// The bits, lane 0 lowest.
    #[must_use]
    pub fn bits(self) -> u128 {
        u128::from(self.low) | u128::from(self.high) << 64
    }
}

impl From<u128> for Vec128 {
    fn from(bits: u128) -> Vec128 {
        Vec128 {
            low: bits as u64,
            high: (bits >> 64) as u64,
        }
    }
}

/// `val`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `CONST I32`.
    I32(u32),
    /// `CONST I64`.
    I64(u64),
    /// `CONST F32`, as bits.
    F32(u32),
    /// `CONST F64`, as bits.
    F64(u64),
    /// `VCONST V128`.
    V128(Vec128),
    /// A reference.
    Ref(Ref),
}

/// `ref`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ref {
    /// `REF.NULL_ADDR`, of any type.
    Null,
    /// `REF.I31_NUM`: the low 31 bits.
    I31(u32),
    /// `REF.STRUCT_ADDR`.
    Struct(StructAddr),
    /// `REF.ARRAY_ADDR`.
    Array(ArrayAddr),
    /// `REF.FUNC_ADDR`.
    Func(FuncAddr),
    /// `REF.EXN_ADDR`.
    Exn(ExnAddr),
    /// `REF.HOST_ADDR`: a host object seen from inside the `any` hierarchy.
    Host(HostAddr),
    /// `REF.EXTERN`: an internal reference seen from outside.
    Extern(Internal),
}

/// A non-null reference of the `any` hierarchy: all that [`Ref::Extern`] can wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Internal {
    /// As [`Ref::I31`].
    I31(u32),
    /// As [`Ref::Struct`].
    Struct(StructAddr),
    /// As [`Ref::Array`].
    Array(ArrayAddr),
    /// As [`Ref::Host`].
    Host(HostAddr),
}

/// References are stored by the million.
const _: () = assert!(size_of::<Ref>() == 8 && size_of::<Value>() == 24);

impl From<Internal> for Ref {
    #[inline(always)]
    fn from(internal: Internal) -> Ref {
        match internal {
            Internal::I31(i) => Ref::I31(i),
            Internal::Struct(a) => Ref::Struct(a),
            Internal::Array(a) => Ref::Array(a),
            Internal::Host(a) => Ref::Host(a),
        }
    }
}

impl Ref {
    /// Whether this is the null reference.
    #[must_use]
    #[inline(always)]
    pub fn is_null(self) -> bool {
        matches!(self, Ref::Null)
    }

    /// The reference as one of the `any` hierarchy, if it is one and not null.
    #[must_use]
    #[inline(always)]
    pub fn internal(self) -> Option<Internal> {
        match self {
            Ref::I31(i) => Some(Internal::I31(i)),
            Ref::Struct(a) => Some(Internal::Struct(a)),
            Ref::Array(a) => Some(Internal::Array(a)),
            Ref::Host(a) => Some(Internal::Host(a)),
            Ref::Null | Ref::Func(_) | Ref::Exn(_) | Ref::Extern(_) => None,
        }
    }

    /// The same object without the wrapping `REF.EXTERN`, if there is one.
    #[must_use]
    pub fn unwrapped(self) -> Ref {
        match self {
            Ref::Extern(internal) => internal.into(),
            other => other,
        }
    }

    /// The reference as the one word in which a field holds it; zero is null.
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

    /// The inverse of [`Ref::to_word`]; other words read as null.
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

impl Value {
    /// `$default_`. A type without a default value gives null: validation ensures that such a local
    /// is set before it is read.
    #[must_use]
    pub fn default_of(t: ValType) -> Value {
        match t {
            ValType::I32 => Value::I32(0),
            ValType::I64 => Value::I64(0),
            ValType::F32 => Value::F32(0),
            ValType::F64 => Value::F64(0),
            ValType::V128 => Value::V128(Vec128 { low: 0, high: 0 }),
            ValType::Ref(_) | ValType::Bot => Value::Ref(Ref::Null),
        }
    }

    /// The reference inside, if this is one.
    #[must_use]
    pub fn as_ref(self) -> Option<Ref> {
        match self {
            Value::Ref(r) => Some(r),
            _ => None,
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
    /// The kind of values of a type.
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
    /// The word without high bits.
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

macro_rules! value_from {
    ($($type:ty, $number:pat => $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($number: $type) -> Value {
                $value
            }
        }
    )*};
}

value_from! {
    u32, i => Value::I32(i);
    i32, i => Value::I32(i as u32);
    u64, i => Value::I64(i);
    i64, i => Value::I64(i as u64);
    f32, f => Value::F32(f.to_bits());
    f64, f => Value::F64(f.to_bits());
    u128, bits => Value::V128(bits.into());
}

impl From<Ref> for Value {
    fn from(r: Ref) -> Value {
        Value::Ref(r)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Ref::Null => write!(f, "ref.null"),
            Ref::I31(i) => write!(f, "ref.i31 {i}"),
            Ref::Struct(a) => write!(f, "ref.struct {}", a.0),
            Ref::Array(a) => write!(f, "ref.array {}", a.0),
            Ref::Func(a) => write!(f, "ref.func {}", a.0),
            Ref::Exn(a) => write!(f, "ref.exn {}", a.0),
            Ref::Host(a) => write!(f, "ref.host {}", a.0),
            Ref::Extern(internal) => write!(f, "ref.extern ({})", Ref::from(internal)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::I32(i) => write!(f, "i32.const {}", i as i32),
            Value::I64(i) => write!(f, "i64.const {}", i as i64),
            Value::F32(bits) => write!(f, "f32.const {} ({bits:#x})", f32::from_bits(bits)),
            Value::F64(bits) => write!(f, "f64.const {} ({bits:#x})", f64::from_bits(bits)),
            Value::V128(v) => write!(f, "v128.const {:#034x}", v.bits()),
            Value::Ref(r) => r.fmt(f),
        }
    }
}
