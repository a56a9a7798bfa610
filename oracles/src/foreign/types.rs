//! The types of several modules in one list. Equal recursion groups occur once, in the order in
//! which they are first defined.
//!
//! Always: two groups are the same if and only if their canonical forms are equal. In the canonical
//! form, indices of earlier groups are positions in the list, and indices of the group itself are
//! distances to its start (specification, section "Type Equivalence"). So the position of a type is
//! its identity, and its first definition is its [`TypeKey`].

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{
    ArrayType, CompositeInnerType, FieldType, FuncType, HeapType, RefType, StorageType, StructType,
    SubType, TypeSection, ValType,
};

use super::module::Module;
use crate::case::ModuleIndex;
use crate::observe::TypeKey;

/// All types of the modules added so far.
#[derive(Clone, Debug, Default)]
pub struct Types {
    /// The types, with indices into this list.
    pub list: Vec<SubType>,
    /// The first definition of each type.
    pub keys: Vec<TypeKey>,
    /// The positions of the types that objects can have.
    pub allocated: BTreeSet<u32>,
    /// How many types each group has.
    groups: Vec<u32>,
    /// The position of a group's first type, by the group's canonical form.
    known: BTreeMap<Vec<u8>, u32>,
}

/// Stands for an index of the group itself while groups are compared.
const OWN: u32 = 1 << 30;

impl Types {
    /// Adds the types of a module. Returns the position of each. Indices in `module` exist.
    pub fn add(&mut self, module: &Module, index: ModuleIndex) -> Vec<u32> {
        let mut positions: Vec<u32> = Vec::new();
        for &count in &module.groups {
            let first = positions.len() as u32;
            let types = &module.types[first as usize..(first + count) as usize];
            let written = {
                let own = |at: u32| match positions.get(at as usize) {
                    Some(&position) => position,
                    None => OWN + (at - first),
                };
                let mut section = TypeSection::new();
                section
                    .ty()
                    .rec(types.iter().map(|ty| mapped(ty, &own)).collect::<Vec<_>>());
                let mut bytes = Vec::new();
                wasm_encoder::Encode::encode(&section, &mut bytes);
                bytes
            };
            let next = self.list.len() as u32;
            let start = *self.known.entry(written).or_insert(next);
            if start == next {
                let place = |at: u32| match positions.get(at as usize) {
                    Some(&position) => position,
                    None => next + (at - first),
                };
                self.list.extend(types.iter().map(|ty| mapped(ty, &place)));
                self.groups.push(count);
                self.keys.extend((first..first + count).map(|at| TypeKey {
                    module: index,
                    index: at,
                }));
            }
            positions.extend((0..count).map(|at| start + at));
        }
        let made = module.allocates.iter();
        let made = made.filter_map(|&at| positions.get(at as usize));
        self.allocated.extend(made);
        positions
    }

    /// Returns how many types there are, and how many of them objects can have.
    pub fn counts(&self) -> (usize, usize) {
        (self.list.len(), self.allocated.len())
    }

    /// Writes all types into a type section, at their positions.
    pub fn write(&self, section: &mut TypeSection) {
        write(&self.list, &self.groups, section);
    }
}

/// Writes types, group by group.
pub fn write(types: &[SubType], groups: &[u32], section: &mut TypeSection) {
    let mut first = 0;
    for &count in groups {
        let types = &types[first as usize..(first + count) as usize];
        match types {
            [ty] => section.ty().subtype(ty),
            _ => section.ty().rec(types.iter().cloned()),
        }
        first += count;
    }
}

/// Returns the same type with other indices.
pub fn mapped(ty: &SubType, index: &impl Fn(u32) -> u32) -> SubType {
    let mut new = ty.clone();
    for supertype in &mut new.supertype_idxs {
        *supertype = index(*supertype);
    }
    let field = |field: &FieldType| FieldType {
        mutable: field.mutable,
        element_type: match field.element_type {
            StorageType::Val(ty) => StorageType::Val(mapped_val(ty, index)),
            packed => packed,
        },
    };
    new.composite_type.inner = match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => {
            let all = |types: &[ValType]| -> Vec<ValType> {
                types.iter().map(|&ty| mapped_val(ty, index)).collect()
            };
            CompositeInnerType::Func(FuncType::new(all(ty.params()), all(ty.results())))
        }
        CompositeInnerType::Array(ty) => CompositeInnerType::Array(ArrayType(field(&ty.0))),
        CompositeInnerType::Struct(ty) => CompositeInnerType::Struct(StructType {
            fields: ty.fields.iter().map(field).collect(),
        }),
        CompositeInnerType::Cont(ty) => CompositeInnerType::Cont(*ty),
    };
    new
}

fn mapped_val(ty: ValType, index: &impl Fn(u32) -> u32) -> ValType {
    match ty {
        ValType::Ref(RefType {
            nullable,
            heap_type: HeapType::Concrete(at),
        }) => ValType::Ref(RefType {
            nullable,
            heap_type: HeapType::Concrete(index(at)),
        }),
        other => other,
    }
}
