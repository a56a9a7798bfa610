//! 4.1 and 4.2: types at run time. Which type a reference has (`Ref_ok`), and how objects of a type
//! are laid out.
//!
//! All types here are closed: their uses are [`TypeUse::Def`], so they mean the same in every
//! module of the store.

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
pub(crate) struct Storage {
    /// The kind of the unpacked value. A vector takes two words, the low one first.
    pub(crate) kind: Kind,
    /// Number of the highest bits of the word that a `packtype` leaves unused; 0 if the field is
    /// not packed.
    unused: u8,
}

impl Storage {
    fn of(storage: StorageType) -> Storage {
        let (t, unused) = match storage {
            StorageType::I8 => (ValType::I32, 56),
            StorageType::I16 => (ValType::I32, 48),
            StorageType::Val(t) => (t, 0),
        };
        let kind = Kind::of(t);
        Storage { kind, unused }
    }

    /// Words for one field.
    #[inline(always)]
    pub(crate) fn words(self) -> usize {
        match self.kind {
            Kind::V128 => 2,
            _ => 1,
        }
    }

    /// `$packfield_`: the words that hold a value; the second is used by vectors only.
    #[inline(always)]
    pub(crate) fn pack(self, value: Word) -> Result<[u64; 2], Halt> {
        if value.kind != self.kind {
            return Err(Stuck::OperandType.into());
        }
        Ok([value.low << self.unused >> self.unused, value.high])
    }

    /// `$unpackfield_` with zero extension: the value held by the first of `words`.
    #[inline(always)]
    pub(crate) fn unpack(self, words: &[u64]) -> Result<Word, Halt> {
        let low = *words.first().or_stuck(Stuck::Address)?;
        let high = match self.kind {
            Kind::V128 => *words.get(1).or_stuck(Stuck::Address)?,
            _ => 0,
        };
        let kind = self.kind;
        Ok(Word { kind, low, high })
    }

    /// The rest of `$unpackfield_`: a packed value, as [`Storage::unpack`] gives it, extended as
    /// `sx` says.
    #[inline(always)]
    pub(crate) fn extend(self, value: Word, sx: Option<Sx>) -> Word {
        if self.unused == 0 || sx != Some(Sx::S) {
            return value;
        }
        let signed = (value.low as u32).iextend_s(64 - u32::from(self.unused));
        Word::new(Kind::I32, signed.into())
    }

    /// `$default_` of the unpacked type: zero, in every representation.
    pub(crate) fn default_value(self) -> Word {
        Word::new(self.kind, 0)
    }

    /// `$zsize` in bytes; 0 for references, which data segments cannot hold.
    pub(crate) fn bytes(self) -> usize {
        match self.kind {
            Kind::I32 if self.unused > 0 => 8 - usize::from(self.unused) / 8,
            Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
            Kind::V128 => 16,
            Kind::Ref => 0,
        }
    }

    /// The inverse of `$zbytes_`: the value whose little-endian bytes are `bytes`.
    pub(crate) fn read_bytes(self, bytes: &[u8]) -> Word {
        let mut padded = [0; 16];
        let used = bytes.len().min(16);
        padded[..used].copy_from_slice(&bytes[..used]);
        let Vec128 { low, high } = u128::from_le_bytes(padded).into();
        let kind = self.kind;
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
