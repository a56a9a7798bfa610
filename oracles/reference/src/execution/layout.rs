//! How the fields of structures and the elements of arrays are held in words.

use crate::numerics::Int;
use crate::syntax::{CompositeType, FieldType, StorageType, Sx, ValType};

use super::halt::{Halt, OrStuck, Stuck};
use super::values::Vec128;
use super::words::{Kind, Word};

/// How a field is held in words of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    /// The kind of the unpacked value. A vector takes two words, the low one first.
    pub(crate) kind: Kind,
    /// Number of the highest bits of the word that a `packtype` leaves unused. It is 0 if the field
    /// is not packed.
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
    #[inline]
    pub(crate) fn words(self) -> usize {
        match self.kind {
            Kind::V128 => 2,
            _ => 1,
        }
    }

    /// `$packfield_`: the words that hold a value. Only vectors use the second.
    #[inline]
    pub(crate) fn pack(self, value: Word) -> Result<[u64; 2], Halt> {
        if value.kind != self.kind {
            return Err(Stuck::OperandType.into());
        }
        Ok([value.low << self.unused >> self.unused, value.high])
    }

    /// `$unpackfield_` with zero extension: the value held by the first of `words`.
    #[inline]
    pub(crate) fn unpack(self, words: &[u64]) -> Result<Word, Halt> {
        let low = *words.first().or_stuck(Stuck::Address)?;
        let high = match self.kind {
            Kind::V128 => *words.get(1).or_stuck(Stuck::Address)?,
            _ => 0,
        };
        let kind = self.kind;
        Ok(Word { kind, low, high })
    }

    /// Returns the rest of `$unpackfield_`: a packed value, as [`Storage::unpack`] gives it,
    /// extended as `sx` says.
    #[inline]
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

    /// `$zsize` in bytes, or 0 for references, which data segments cannot hold.
    pub(crate) fn bytes(self) -> usize {
        match self.kind {
            Kind::I32 if self.unused > 0 => 8 - usize::from(self.unused) / 8,
            Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
            Kind::V128 => 16,
            Kind::Ref => 0,
        }
    }

    /// Returns the inverse of `$zbytes_`: the value whose little-endian bytes are `bytes`.
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
pub(crate) struct Field {
    /// First word of the field or, for an array, of element 0.
    pub(crate) offset: u32,
    pub(crate) storage: Storage,
    /// What validation checks in wasm, and the embedding for the host.
    pub(crate) mutable: bool,
}

/// The layout of structures of a defined type, or of arrays, which have one field for all elements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) fields: Box<[Field]>,
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
        let field = |field: &FieldType| {
            let storage = Storage::of(field.storage);
            let offset = words;
            words += storage.words() as u32;
            Field {
                offset,
                storage,
                mutable: field.mutable,
            }
        };
        let fields = fields.iter().map(field).collect();
        Layout { fields, words }
    }

    /// Returns how the elements of an array are held.
    #[inline]
    pub(crate) fn element(&self) -> Result<Field, Halt> {
        self.fields.first().copied().or_stuck(Stuck::Index)
    }
}
