//! 4.1 and 4.2: types at run time. Which type a reference has (`Ref_ok`), and how objects of a type are laid out.
//!
//! All types here are closed: their uses are [`TypeUse::Def`], so they mean the same in every module of the store.

use crate::numerics::Int;
use crate::rules::Rule;
use crate::syntax::{
    AbsHeapType, AddrType, CompositeType, FieldType, RefType, StorageType, Sx, ValType,
};

use super::configurations::Store;
use super::instructions::trap::{Halt, OrStuck, Stuck};
use super::values::{Kind, Ref, Value, Vec128, Word};

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

    /// The kind of the unpacked value.
    #[inline(always)]
    fn kind(self) -> Kind {
        match self {
            Storage::I8 | Storage::I16 | Storage::I32 => Kind::I32,
            Storage::I64 => Kind::I64,
            Storage::F32 => Kind::F32,
            Storage::F64 => Kind::F64,
            Storage::V128 => Kind::V128,
            Storage::Ref => Kind::Ref,
        }
    }

    /// `$packfield_`: the words that hold a value; the second is used by vectors only.
    #[inline(always)]
    pub(crate) fn pack(self, value: Word) -> Result<[u64; 2], Halt> {
        if value.kind != self.kind() {
            return Err(Stuck::OperandType.into());
        }
        Ok(match self {
            Storage::I8 => [u64::from(value.low as u8), 0],
            Storage::I16 => [u64::from(value.low as u16), 0],
            _ => [value.low, value.high],
        })
    }

    /// `$unpackfield_` with zero extension: the value held by the first of `words`.
    #[inline(always)]
    pub(crate) fn unpack(self, words: &[u64]) -> Result<Word, Halt> {
        let low = *words.first().or_stuck(Stuck::Address)?;
        let high = match self {
            Storage::V128 => *words.get(1).or_stuck(Stuck::Address)?,
            _ => 0,
        };
        let kind = self.kind();
        Ok(Word { kind, low, high })
    }

    /// The rest of `$unpackfield_`: a packed value, as [`Storage::unpack`] gives it, extended as `sx` says.
    #[inline(always)]
    pub(crate) fn extend(self, value: Word, sx: Option<Sx>) -> Word {
        let signed = |bits| Word::new(Kind::I32, u64::from((value.low as u32).iextend_s(bits)));
        match (self, sx) {
            (Storage::I8, Some(Sx::S)) => signed(8),
            (Storage::I16, Some(Sx::S)) => signed(16),
            _ => value,
        }
    }

    /// `$default_` of the unpacked type: zero, in every representation.
    pub(crate) fn default_value(self) -> Word {
        Word::new(self.kind(), 0)
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
    pub(crate) fn read_bytes(self, bytes: &[u8]) -> Word {
        let mut padded = [0; 16];
        let used = bytes.len().min(16);
        padded[..used].copy_from_slice(&bytes[..used]);
        let Vec128 { low, high } = u128::from_le_bytes(padded).into();
        let kind = self.kind();
        Word { kind, low, high }
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
    /// Words of a structure, or of an element of an array.
    pub(crate) words: u32,
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
        let places = fields.iter().map(place).collect();
        Layout { places, words }
    }

    /// The place of an array's elements.
    #[inline(always)]
    pub(crate) fn element(&self) -> Result<Place, Halt> {
        self.places.first().copied().or_stuck(Stuck::Index)
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
        Ref::I31(i) if i > i32::MAX as u32 => return Err(Stuck::OperandType.into()),
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
