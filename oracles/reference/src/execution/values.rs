//! Values, references and addresses, and the default values of types.
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
            /// Returns the address as a position in a Rust sequence.
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

/// A reference the host holds on to: a root until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u32);

/// A `v128`, kept as two words so that a [`Value`] needs no more than 8-byte alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vec128 {
    /// The low 64 bits: the first lanes.
    pub low: u64,
    /// The high 64 bits: the last lanes.
    pub high: u64,
}

impl Vec128 {
    /// Returns the bits, lane 0 lowest.
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
    #[inline]
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
    /// Returns true if this is the null reference.
    #[must_use]
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self, Ref::Null)
    }

    /// Returns the reference as one of the `any` hierarchy, if it is one and not null.
    #[must_use]
    #[inline]
    pub fn internal(self) -> Option<Internal> {
        match self {
            Ref::I31(i) => Some(Internal::I31(i)),
            Ref::Struct(a) => Some(Internal::Struct(a)),
            Ref::Array(a) => Some(Internal::Array(a)),
            Ref::Host(a) => Some(Internal::Host(a)),
            Ref::Null | Ref::Func(_) | Ref::Exn(_) | Ref::Extern(_) => None,
        }
    }

    /// Returns the same object without the wrapping `REF.EXTERN`, if there is one.
    #[must_use]
    pub fn unwrapped(self) -> Ref {
        match self {
            Ref::Extern(internal) => internal.into(),
            other => other,
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

    /// Returns the reference inside, if this is one.
    #[must_use]
    pub fn as_ref(self) -> Option<Ref> {
        match self {
            Value::Ref(r) => Some(r),
            _ => None,
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
