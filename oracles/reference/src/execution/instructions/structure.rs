//! 4.3, Structure instructions.
//!
//! A structure's own type says where its fields are; the type an instruction names is a supertype
//! of it, and a subtype's fields begin with its supertype's.

use super::trap::{Halt, OrStuck, Stuck, Trap};
use crate::execution::configurations::Store;
use crate::execution::machine::Machine;
use crate::execution::types::Storage;
use crate::execution::values::{InstanceAddr, Ref, StructAddr};
use crate::rules::rule;
use crate::syntax::{FieldIdx, Sx, TypeIdx};

#[inline(always)]
pub(super) fn new(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/struct.new");
    let ty = store.module_inst(instance)?.type_at(x)?;
    let layout = store.layouts.get(ty.0 as usize).or_stuck(Stuck::Index)?;
    let first = m.top(layout.places.len())?;
    let a = store.heap.add_struct(ty, layout, m.operands(first))?;
    m.truncate(first);
    m.push(Ref::Struct(a))
}

pub(super) fn new_default(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/struct.new_default");
    let (_, layout) = store.type_layout(instance, x)?;
    m.reserve(layout.places.len());
    for place in &layout.places {
        m.push(place.storage.default_value())?;
    }
    new(store, m, instance, x)
}

/// The first word of field `i` of the structure at an address, and how the field is held there.
#[inline(always)]
fn place(store: &Store, a: StructAddr, i: FieldIdx) -> Result<(usize, Storage), Halt> {
    let object = store.heap.structure(a)?;
    match store.layout(object.ty)?.places.get(i.index()) {
        Some(place) => Ok((object.word(*place), place.storage)),
        None => Err(Stuck::Index.into()),
    }
}

#[inline(always)]
pub(super) fn get(store: &Store, m: &mut Machine, sx: Option<Sx>, i: FieldIdx) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_read/struct.get-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m, "Step_read/struct.get-struct");
            let (at, storage) = place(store, a, i)?;
            let value = store.heap.read(at, storage)?;
            m.push(storage.extend(value, sx))
        }
        _ => Err(Stuck::OperandType.into()),
    }
}

#[inline(always)]
pub(super) fn set(store: &mut Store, m: &mut Machine, i: FieldIdx) -> Result<(), Halt> {
    let slot = m.pop()?;
    let value = m.word(slot);
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step/struct.set-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m, "Step/struct.set-struct");
            let (at, storage) = place(store, a, i)?;
            store.heap.write(at, storage, value)
        }
        _ => Err(Stuck::OperandType.into()),
    }
}
