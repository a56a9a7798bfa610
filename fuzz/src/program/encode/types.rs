//! Types, and the type section.

use wasm_encoder as enc;
use wasm_encoder::BlockType;

use super::spaces::{Context, Dangling};
use crate::program::syntax::{Global, Memory, TableTy};
use crate::program::types::{Composite, Field, Heap, RefTy, Sig, Storage, Ty, TypeId};

impl Context<'_> {
    pub(super) fn heap(&self, heap: Heap) -> Result<enc::HeapType, Dangling> {
        use enc::AbstractHeapType as A;
        let ty = match heap {
            Heap::Any => A::Any,
            Heap::Eq => A::Eq,
            Heap::I31 => A::I31,
            Heap::Struct => A::Struct,
            Heap::Array => A::Array,
            Heap::None => A::None,
            Heap::Func => A::Func,
            Heap::NoFunc => A::NoFunc,
            Heap::Extern => A::Extern,
            Heap::NoExtern => A::NoExtern,
            Heap::Exn => A::Exn,
            Heap::NoExn => A::NoExn,
            Heap::Def(id) => return Ok(enc::HeapType::Concrete(self.ty(id)?)),
        };
        Ok(enc::HeapType::Abstract { shared: false, ty })
    }

    pub(super) fn ref_type(&self, ty: RefTy) -> Result<enc::RefType, Dangling> {
        Ok(enc::RefType {
            nullable: ty.null,
            heap_type: self.heap(ty.heap)?,
        })
    }

    pub(super) fn val_type(&self, ty: Ty) -> Result<enc::ValType, Dangling> {
        Ok(match ty {
            Ty::I32 => enc::ValType::I32,
            Ty::I64 => enc::ValType::I64,
            Ty::F32 => enc::ValType::F32,
            Ty::F64 => enc::ValType::F64,
            Ty::V128 => enc::ValType::V128,
            Ty::Ref(r) => enc::ValType::Ref(self.ref_type(r)?),
        })
    }

    pub(super) fn val_types(&self, tys: &[Ty]) -> Result<Vec<enc::ValType>, Dangling> {
        tys.iter().map(|&ty| self.val_type(ty)).collect()
    }

    pub(super) fn field(&self, field: Field) -> Result<enc::FieldType, Dangling> {
        Ok(enc::FieldType {
            element_type: match field.storage {
                Storage::I8 => enc::StorageType::I8,
                Storage::I16 => enc::StorageType::I16,
                Storage::Val(ty) => enc::StorageType::Val(self.val_type(ty)?),
            },
            mutable: field.mutable,
        })
    }

    pub(super) fn sub_type(&self, id: TypeId) -> Result<enc::SubType, Dangling> {
        let def = self.types.def(id);
        let inner = match &def.body {
            Composite::Struct(fields) => enc::CompositeInnerType::Struct(enc::StructType {
                fields: fields
                    .iter()
                    .map(|&f| self.field(f))
                    .collect::<Result<_, _>>()?,
            }),
            Composite::Array(field) => {
                enc::CompositeInnerType::Array(enc::ArrayType(self.field(*field)?))
            }
            Composite::Func(sig) => enc::CompositeInnerType::Func(enc::FuncType::new(
                self.val_types(&sig.params)?,
                self.val_types(&sig.results)?,
            )),
        };
        let supertype = def.supertype.map(|up| self.ty(up)).transpose()?;
        Ok(enc::SubType {
            is_final: def.is_final,
            supertype_idxs: supertype.into_iter().collect(),
            composite_type: enc::CompositeType {
                inner,
                shared: false,
                descriptor: None,
                describes: None,
            },
        })
    }

    pub(super) fn type_section(&self) -> Result<enc::TypeSection, Dangling> {
        let mut section = enc::TypeSection::new();
        for &group in &self.module.groups {
            let defs = self.types.groups[group]
                .iter()
                .map(|&id| self.sub_type(id))
                .collect::<Result<Vec<_>, _>>()?;
            match defs.as_slice() {
                [one] => section.ty().subtype(one),
                _ => section.ty().rec(defs),
            }
        }
        for sig in &self.block_sigs {
            let params = self.val_types(&sig.params)?;
            section.ty().function(params, self.val_types(&sig.results)?);
        }
        Ok(section)
    }

    pub(super) fn block_type(
        &mut self,
        params: &[Ty],
        results: &[Ty],
    ) -> Result<BlockType, Dangling> {
        Ok(match (params, results) {
            ([], []) => BlockType::Empty,
            ([], &[one]) => BlockType::Result(self.val_type(one)?),
            _ => {
                let sig = Sig {
                    params: params.to_vec(),
                    results: results.to_vec(),
                };
                let known = self.block_sigs.iter().position(|s| *s == sig);
                let at = known.unwrap_or_else(|| {
                    self.block_sigs.push(sig);
                    self.block_sigs.len() - 1
                });
                BlockType::FunctionType(self.type_count + at as u32)
            }
        })
    }

    pub(super) fn table_type(&self, ty: &TableTy) -> Result<enc::TableType, Dangling> {
        Ok(enc::TableType {
            element_type: self.ref_type(ty.elem)?,
            table64: ty.is64,
            minimum: ty.min,
            maximum: ty.max,
            shared: false,
        })
    }

    pub(super) fn tag_type(&self, ty: TypeId) -> Result<enc::TagType, Dangling> {
        Ok(enc::TagType {
            kind: enc::TagKind::Exception,
            func_type_idx: self.ty(ty)?,
        })
    }

    pub(super) fn global_type(&self, global: &Global) -> Result<enc::GlobalType, Dangling> {
        Ok(enc::GlobalType {
            val_type: self.val_type(global.ty)?,
            mutable: global.mutable,
            shared: false,
        })
    }
}

pub(super) fn memory_type(mem: &Memory) -> enc::MemoryType {
    enc::MemoryType {
        minimum: mem.min,
        maximum: mem.max,
        memory64: mem.is64,
        shared: false,
        page_size_log2: None,
    }
}
