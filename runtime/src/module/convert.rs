//! `wasmparser`'s types to canonical ones.
//!
//! The sections are validated, so an index is never out of range. If it were, the result would be
//! an error and not a panic.

use wasmparser::{
    AbstractHeapType, CompositeInnerType, HeapType, RecGroup, RefType, StorageType, SubType,
    UnpackedIndex, ValType,
};

use super::classify::unsupported;
use crate::error::Rejected;
use crate::types::registry::Registered;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

/// The types of a module that are decoded so far.
pub(super) struct TypeSpace {
    /// Keeps the types alive. Its ids are in the order of the module's indices.
    pub registered: Registered,
    /// The shape of each type, including the types of the group that is being decoded.
    shapes: Vec<Shape>,
}

impl TypeSpace {
    pub fn new(registered: Registered) -> TypeSpace {
        TypeSpace {
            registered,
            shapes: Vec::new(),
        }
    }

    /// Adds the module's next recursion group.
    pub fn add_group(&mut self, group: &RecGroup) -> Result<(), Rejected> {
        for member in group.types() {
            self.shapes.push(match &member.composite_type.inner {
                CompositeInnerType::Func(_) => Shape::Func,
                CompositeInnerType::Struct(_) => Shape::Struct,
                CompositeInnerType::Array(_) => Shape::Array,
                CompositeInnerType::Cont(_) => return Err(unsupported("continuation types")),
            });
        }
        let members = group
            .types()
            .map(|member| self.member(member))
            .collect::<Result<Vec<_>, _>>()?;
        self.registered.add_group(members)?;
        Ok(())
    }

    /// Identity of a type of the module.
    pub fn id(&self, index: u32) -> Result<TypeId, Rejected> {
        let known = self.registered.ids();
        match known.get(index as usize) {
            Some(id) => Ok(*id),
            None if (index as usize) < self.shapes.len() => {
                Ok(TypeId::relative(index - known.len() as u32))
            }
            None => Err(unsupported("type index out of range")),
        }
    }

    fn member(&self, ty: &SubType) -> Result<TypeDef, Rejected> {
        let supertype = match ty.supertype_idxs.first() {
            Some(index) => Some(self.unpacked(index.unpack())?.0),
            None => None,
        };
        let composite = match &ty.composite_type.inner {
            CompositeInnerType::Func(f) => Composite::Func(FuncSig {
                params: self.vals(f.params())?,
                results: self.vals(f.results())?,
            }),
            CompositeInnerType::Struct(s) => Composite::Struct(
                s.fields
                    .iter()
                    .map(|f| self.field(f))
                    .collect::<Result<_, _>>()?,
            ),
            CompositeInnerType::Array(a) => Composite::Array(self.field(&a.0)?),
            CompositeInnerType::Cont(_) => return Err(unsupported("continuation types")),
        };
        Ok(TypeDef {
            is_final: ty.is_final,
            supertype,
            composite,
            depth: 0,
        })
    }

    fn vals(&self, vals: &[ValType]) -> Result<Box<[ValKind]>, Rejected> {
        vals.iter().map(|v| self.val(*v)).collect()
    }

    fn field(&self, field: &wasmparser::FieldType) -> Result<FieldKind, Rejected> {
        Ok(FieldKind {
            storage: match field.element_type {
                StorageType::I8 => StorageKind::I8,
                StorageType::I16 => StorageKind::I16,
                StorageType::Val(v) => StorageKind::Val(self.val(v)?),
            },
            mutable: field.mutable,
        })
    }

    fn unpacked(&self, index: UnpackedIndex) -> Result<(TypeId, Shape), Rejected> {
        let index = match index {
            UnpackedIndex::Module(index) => index,
            UnpackedIndex::RecGroup(at) => self.registered.ids().len() as u32 + at,
            UnpackedIndex::Id(_) => return Err(unsupported("validator's type identity")),
        };
        Ok((self.id(index)?, self.shapes[index as usize]))
    }

    /// Returns a value type.
    pub fn val(&self, val: ValType) -> Result<ValKind, Rejected> {
        Ok(match val {
            ValType::I32 => ValKind::I32,
            ValType::I64 => ValKind::I64,
            ValType::F32 => ValKind::F32,
            ValType::F64 => ValKind::F64,
            ValType::V128 => ValKind::V128,
            ValType::Ref(r) => ValKind::Ref(self.reference(r)?),
        })
    }

    /// Returns a reference type.
    pub fn reference(&self, reference: RefType) -> Result<RefKind, Rejected> {
        Ok(RefKind {
            nullable: reference.is_nullable(),
            heap: self.heap(reference.heap_type())?,
        })
    }

    /// Returns a heap type.
    pub fn heap(&self, heap: HeapType) -> Result<HeapKind, Rejected> {
        Ok(match heap {
            HeapType::Abstract { shared: true, .. } => return Err(unsupported("shared types")),
            HeapType::Abstract { shared: false, ty } => match ty {
                AbstractHeapType::Any => HeapKind::Any,
                AbstractHeapType::Eq => HeapKind::Eq,
                AbstractHeapType::I31 => HeapKind::I31,
                AbstractHeapType::Struct => HeapKind::Struct,
                AbstractHeapType::Array => HeapKind::Array,
                AbstractHeapType::None => HeapKind::None,
                AbstractHeapType::Func => HeapKind::Func,
                AbstractHeapType::NoFunc => HeapKind::NoFunc,
                AbstractHeapType::Extern => HeapKind::Extern,
                AbstractHeapType::NoExtern => HeapKind::NoExtern,
                AbstractHeapType::Exn => HeapKind::Exn,
                AbstractHeapType::NoExn => HeapKind::NoExn,
                AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                    return Err(unsupported("continuation types"));
                }
            },
            HeapType::Concrete(index) => {
                let (id, shape) = self.unpacked(index)?;
                HeapKind::Defined(id, shape)
            }
            HeapType::Exact(_) => return Err(unsupported("exact types")),
        })
    }
}
