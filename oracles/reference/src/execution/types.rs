//! 4.1 and 4.2: types at run time. Which type a reference has (`Ref_ok`), and how objects of a type are laid out.
//!
//! All types here are closed: their uses are [`TypeUse::Def`], so they mean the same in every module of the store.

use crate::numerics::Int;
use crate::rules::Rule;
use crate::syntax::{
    AbsHeapType, AddrType, CompositeType, FieldType, RefType, StorageType, Sx, ValType,
};

use super::configurations::Store;
use super::instructions::trap::{Halt, Stuck};
use super::values::{Ref, Value, Vec128};

/// How a field is held in words of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
    /// Two words, the low one first.
    V128,
    Ref,
}

impl Storage {
    fn of(storage: StorageType) -> Storage {
        match storage {
            StorageType::I8 => Storage::I8,
            StorageType::I16 => Storage::I16,
            StorageType::Val(ValType::I32) => Storage::I32,
            StorageType::Val(ValType::I64) => Storage::I64,
            StorageType::Val(ValType::F32) => Storage::F32,
            StorageType::Val(ValType::F64) => Storage::F64,
            StorageType::Val(ValType::V128) => Storage::V128,
            StorageType::Val(ValType::Ref(_) | ValType::Bot) => Storage::Ref,
        }
    }

    /// Words for one field.
    #[inline(always)]
    pub(crate) fn words(self) -> usize {
        match self {
            Storage::V128 => 2,
            _ => 1,
        }
    }

    /// `$packfield_`: the words that hold `value`; the second is used by vectors only.
    #[inline(always)]
    pub(crate) fn pack(self, value: Value) -> Result<[u64; 2], Halt> {
        Ok(match (self, value) {
            (Storage::I8, Value::I32(i)) => [u64::from(i as u8), 0],
            (Storage::I16, Value::I32(i)) => [u64::from(i as u16), 0],
            (Storage::I32, Value::I32(i)) => [u64::from(i), 0],
            (Storage::F32, Value::F32(bits)) => [u64::from(bits), 0],
            (Storage::I64, Value::I64(i)) => [i, 0],
            (Storage::F64, Value::F64(bits)) => [bits, 0],
            (Storage::V128, Value::V128(v)) => [v.low, v.high],
            (Storage::Ref, Value::Ref(r)) => [r.to_word(), 0],
            _ => return Err(Stuck::OperandType.into()),
        })
    }

    /// `$unpackfield_` with zero extension: the value held by `words`.
    #[inline(always)]
    pub(crate) fn unpack(self, words: &[u64]) -> Result<Value, Halt> {
        let word = *words.first().ok_or(Stuck::Address)?;
        Ok(match self {
            Storage::I8 | Storage::I16 | Storage::I32 => Value::I32(word as u32),
            Storage::I64 => Value::I64(word),
            Storage::F32 => Value::F32(word as u32),
            Storage::F64 => Value::F64(word),
            Storage::V128 => Value::V128(Vec128 {
                low: word,
                high: *words.get(1).ok_or(Stuck::Address)?,
            }),
            Storage::Ref => Value::Ref(Ref::from_word(word)),
        })
    }

    /// The rest of `$unpackfield_`: a packed value, as [`Storage::unpack`] gives it, extended as `sx` says.
    #[inline(always)]
    pub(crate) fn extend(self, value: Value, sx: Option<Sx>) -> Value {
        match (self, value, sx) {
            (Storage::I8, Value::I32(i), Some(Sx::S)) => Value::I32(i.iextend_s(8)),
            (Storage::I16, Value::I32(i), Some(Sx::S)) => Value::I32(i.iextend_s(16)),
            _ => value,
        }
    }

    /// `$default_` of the unpacked type.
    pub(crate) fn default_value(self) -> Value {
        match self {
            Storage::I8 | Storage::I16 | Storage::I32 => Value::I32(0),
            Storage::I64 => Value::I64(0),
            Storage::F32 => Value::F32(0),
            Storage::F64 => Value::F64(0),
            Storage::V128 => Value::V128(Vec128 { low: 0, high: 0 }),
            Storage::Ref => Value::Ref(Ref::Null),
        }
    }

    /// `$zsize` in bytes; 0 for references, which data segments cannot hold.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Storage::I8 => 1,
            Storage::I16 => 2,
            Storage::I32 | Storage::F32 => 4,
            Storage::I64 | Storage::F64 => 8,
            Storage::V128 => 16,
            Storage::Ref => 0,
        }
    }

    /// The inverse of `$zbytes_`: the value whose little-endian bytes are `bytes`.
    pub(crate) fn read_bytes(self, bytes: &[u8]) -> Value {
        let mut padded = [0; 16];
        let used = bytes.len().min(16);
        padded[..used].copy_from_slice(&bytes[..used]);
        let bits = u128::from_le_bytes(padded);
        match self {
            Storage::I8 | Storage::I16 | Storage::I32 => Value::I32(bits as u32),
            Storage::I64 => Value::I64(bits as u64),
            Storage::F32 => Value::F32(bits as u32),
            Storage::F64 => Value::F64(bits as u64),
            Storage::V128 => Value::V128(bits.into()),
            Storage::Ref => Value::Ref(Ref::Null),
        }
    }
}

/// Where a field is, within its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// First word; for an array, of element 0.
    pub(crate) offset: u32,
    pub(crate) storage: Storage,
    /// What validation checks in wasm, and the embedding for the host.
    pub(crate) mutable: bool,
}

/// The layout of structures (any number of places) or arrays (one) of a defined type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) places: Box<[Place]>,
}

impl Layout {
    pub(crate) fn of(composite: &CompositeType) -> Layout {
        match composite {
            CompositeType::Func(_) => Layout::default(),
            CompositeType::Struct(fields) => Layout::of_fields(fields),
            CompositeType::Array(element) => Layout::of_fields(std::slice::from_ref(element)),
        }
    }

    fn of_fields(fields: &[FieldType]) -> Layout {
        let mut words = 0;
        let place = |field: &FieldType| {
            let storage = Storage::of(field.storage);
            let offset = words;
            words += storage.words() as u32;
            Place {
                offset,
                storage,
                mutable: field.mutable,
            }
        };
        Layout {
            places: fields.iter().map(place).collect(),
        }
    }

    /// The place of an array's elements.
    #[inline(always)]
    pub(crate) fn element(&self) -> Result<Place, Halt> {
        self.places.first().copied().ok_or(Stuck::Index.into())
    }
}

/// `Ref_ok`, without its rule `sub`: the rule that applies, and the least type it gives.
pub(crate) fn ref_ok(store: &Store, r: Ref) -> Result<(Rule, RefType), Halt> {
    let abs = |heap| RefType::abs(false, heap);
    let (rule, rt) = match r {
        Ref::Null => (
            const { Rule::named("Ref_ok/null") },
            RefType::abs(true, AbsHeapType::Bot),
        ),
        Ref::I31(_) => (const { Rule::named("Ref_ok/i31") }, abs(AbsHeapType::I31)),
        Ref::Struct(a) => (
            const { Rule::named("Ref_ok/struct") },
            RefType::def(false, store.heap.structure(a)?.ty),
        ),
        Ref::Array(a) => (
            const { Rule::named("Ref_ok/array") },
            RefType::def(false, store.heap.array(a)?.ty),
        ),
        Ref::Func(a) => (
            const { Rule::named("Ref_ok/func") },
            RefType::def(false, store.func(a)?.ty),
        ),
        Ref::Exn(a) => {
            store.heap.exception(a)?;
            (const { Rule::named("Ref_ok/exn") }, abs(AbsHeapType::Exn))
        }
        Ref::Host(_) => (const { Rule::named("Ref_ok/host") }, abs(AbsHeapType::Any)),
        Ref::Extern(internal) => {
            ref_ok(store, internal.into())?;
            (
                const { Rule::named("Ref_ok/extern") },
                abs(AbsHeapType::Extern),
            )
        }
    };
    Ok((rule, rt))
}

/// `Val_ok`: whether `value` has the closed type `t`.
pub(crate) fn val_ok(store: &Store, value: Value, t: ValType) -> bool {
    match (value, t) {
        (Value::I32(_), ValType::I32)
        | (Value::I64(_), ValType::I64)
        | (Value::F32(_), ValType::F32)
        | (Value::F64(_), ValType::F64)
        | (Value::V128(_), ValType::V128) => true,
        (Value::Ref(r), ValType::Ref(rt)) => {
            ref_ok(store, r).is_ok_and(|(_, actual)| store.types.reftype_sub(actual, rt))
        }
        _ => false,
    }
}

/// `2^$size(at) - 1`: most elements of a table.
pub(crate) fn most_elements(at: AddrType) -> u64 {
    u64::MAX >> (64 - at.bits())
}

/// `2^($size(at) - 16)`: most pages of a memory.
pub(crate) fn most_pages(at: AddrType) -> u64 {
    1 << (at.bits() - 16)
}
