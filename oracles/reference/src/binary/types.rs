//! Types.

use super::values::Reader;
use super::{MalformedKind, Result};
use crate::syntax::{
    AbsHeapType, AddrType, CompositeType, ExternType, FieldType, FuncType, GlobalType, HeapType,
    Limits, MemType, RecType, RefType, StorageType, SubType, TableType, TagType, TypeIdx, TypeUse,
    ValType,
};

/// `Babsheaptype`, by its byte.
fn absheaptype(byte: u8) -> Option<AbsHeapType> {
    Some(match byte {
        0x69 => AbsHeapType::Exn,
        0x6A => AbsHeapType::Array,
        0x6B => AbsHeapType::Struct,
        0x6C => AbsHeapType::I31,
        0x6D => AbsHeapType::Eq,
        0x6E => AbsHeapType::Any,
        0x6F => AbsHeapType::Extern,
        0x70 => AbsHeapType::Func,
        0x71 => AbsHeapType::None,
        0x72 => AbsHeapType::NoExtern,
        0x73 => AbsHeapType::NoFunc,
        0x74 => AbsHeapType::NoExn,
        _ => return None,
    })
}

/// Returns true if a byte is a whole negative number, as every one-byte type is.
pub(super) fn is_type_byte(byte: u8) -> bool {
    byte & 0xC0 == 0x40
}

impl Reader<'_> {
    pub(super) fn typeidx(&mut self) -> Result<TypeIdx> {
        Ok(TypeIdx(self.u32()?))
    }

    pub(super) fn heaptype(&mut self) -> Result<HeapType> {
        let byte = self.peek()?;
        if let Some(abs) = absheaptype(byte) {
            self.byte()?;
            return Ok(HeapType::Abs(abs));
        }
        Ok(HeapType::Use(TypeUse::Idx(TypeIdx(self.s33_as_u32()?))))
    }

    /// `Breftype`, by its first byte, which has been read.
    fn reftype_from(&mut self, byte: u8) -> Result<Option<RefType>> {
        Ok(match byte {
            0x63 => Some(RefType {
                nullable: true,
                heap: self.heaptype()?,
            }),
            0x64 => Some(RefType {
                nullable: false,
                heap: self.heaptype()?,
            }),
            _ => absheaptype(byte).map(|abs| RefType::abs(true, abs)),
        })
    }

    pub(super) fn reftype(&mut self) -> Result<RefType> {
        let byte = self.byte()?;
        match self.reftype_from(byte)? {
            Some(rt) => Ok(rt),
            None => self.fail(MalformedKind::RefType(byte)),
        }
    }

    /// `Bvaltype`, by its first byte, which has been read.
    fn valtype_from(&mut self, byte: u8) -> Result<ValType> {
        Ok(match byte {
            0x7F => ValType::I32,
            0x7E => ValType::I64,
            0x7D => ValType::F32,
            0x7C => ValType::F64,
            0x7B => ValType::V128,
            _ => match self.reftype_from(byte)? {
                Some(rt) => ValType::Ref(rt),
                None => return self.fail(MalformedKind::Type(byte)),
            },
        })
    }

    pub(super) fn valtype(&mut self) -> Result<ValType> {
        let byte = self.byte()?;
        self.valtype_from(byte)
    }

    fn mutability(&mut self) -> Result<bool> {
        match self.byte()? {
            0x00 => Ok(false),
            0x01 => Ok(true),
            byte => self.fail(MalformedKind::Mutability(byte)),
        }
    }

    fn fieldtype(&mut self) -> Result<FieldType> {
        let storage = match self.byte()? {
            0x77 => StorageType::I16,
            0x78 => StorageType::I8,
            byte => StorageType::Val(self.valtype_from(byte)?),
        };
        Ok(FieldType {
            mutable: self.mutability()?,
            storage,
        })
    }

    /// `Bcomptype`, by its first byte, which has been read.
    fn comptype_from(&mut self, byte: u8) -> Result<CompositeType> {
        Ok(match byte {
            0x5E => CompositeType::Array(self.fieldtype()?),
            0x5F => CompositeType::Struct(self.list(Self::fieldtype)?.into()),
            0x60 => {
                let params = self.list(Self::valtype)?.into();
                let results = self.list(Self::valtype)?.into();
                CompositeType::Func(FuncType { params, results })
            }
            _ => return self.fail(MalformedKind::Type(byte)),
        })
    }

    /// `Bsubtype`, by its first byte, which has been read.
    fn subtype_from(&mut self, byte: u8) -> Result<SubType> {
        if !matches!(byte, 0x4F | 0x50) {
            let composite = self.comptype_from(byte)?;
            return Ok(SubType {
                is_final: true,
                supers: Box::new([]),
                composite,
            });
        }
        let supers = self.list(|r| Ok(TypeUse::Idx(r.typeidx()?)))?.into();
        let first = self.byte()?;
        Ok(SubType {
            is_final: byte == 0x4F,
            supers,
            composite: self.comptype_from(first)?,
        })
    }

    pub(super) fn rectype(&mut self) -> Result<RecType> {
        let subtypes = match self.byte()? {
            0x4E => self.list(|r| {
                let byte = r.byte()?;
                r.subtype_from(byte)
            })?,
            byte => vec![self.subtype_from(byte)?],
        };
        Ok(RecType(subtypes.into()))
    }

    fn limits(&mut self) -> Result<(AddrType, Limits)> {
        let flags = self.byte()?;
        let (addr, bounded) = match flags {
            0x00 => (AddrType::I32, false),
            0x01 => (AddrType::I32, true),
            0x04 => (AddrType::I64, false),
            0x05 => (AddrType::I64, true),
            _ => return self.fail(MalformedKind::Limits(flags)),
        };
        let min = self.u64()?;
        let max = if bounded { Some(self.u64()?) } else { None };
        Ok((addr, Limits { min, max }))
    }

    pub(super) fn tagtype(&mut self) -> Result<TagType> {
        match self.byte()? {
            0x00 => Ok(TypeUse::Idx(self.typeidx()?)),
            byte => self.fail(MalformedKind::TagAttribute(byte)),
        }
    }

    pub(super) fn globaltype(&mut self) -> Result<GlobalType> {
        let val = self.valtype()?;
        Ok(GlobalType {
            mutable: self.mutability()?,
            val,
        })
    }

    pub(super) fn memtype(&mut self) -> Result<MemType> {
        let (addr, limits) = self.limits()?;
        Ok(MemType { addr, limits })
    }

    pub(super) fn tabletype(&mut self) -> Result<TableType> {
        let elem = self.reftype()?;
        let (addr, limits) = self.limits()?;
        Ok(TableType { addr, limits, elem })
    }

    pub(super) fn externtype(&mut self) -> Result<ExternType> {
        Ok(match self.byte()? {
            0x00 => ExternType::Func(TypeUse::Idx(self.typeidx()?)),
            0x01 => ExternType::Table(self.tabletype()?),
            0x02 => ExternType::Mem(self.memtype()?),
            0x03 => ExternType::Global(self.globaltype()?),
            0x04 => ExternType::Tag(self.tagtype()?),
            byte => return self.fail(MalformedKind::ExternKind(byte)),
        })
    }
}
