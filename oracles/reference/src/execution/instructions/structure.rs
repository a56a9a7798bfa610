//! 4.3, Structure instructions.
//!
//! A structure's fields are laid out by its own type; since a subtype's fields begin with its supertype's, the layout
//! of the type an instruction names finds them just as well.

use super::trap::{Halt, Stuck, Trap};
use crate::execution::configurations::Store;
use crate::execution::stack::Machine;
use crate::execution::types::Place;
use crate::execution::values::{InstanceAddr, Ref};
use crate::rules::rule;
use crate::syntax::{FieldIdx, Sx, TypeIdx};

#[inline(always)]
pub(super) fn new(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m.coverage, "Step/struct.new");
    let ty = store.module_inst(instance)?.type_at(x)?;
    let layout = store.layouts.get(ty.0 as usize).ok_or(Stuck::Index)?;
    let first = m.top(layout.places.len())?;
    let value = |i| m.value(m.values[first + i]);
    let a = store.heap.add_struct(ty, &layout.places, value)?;
    m.values.truncate(first);
    m.push(Ref::Struct(a));
    Ok(())
}

pub(super) fn new_default(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m.coverage, "Step_read/struct.new_default");
    let (_, layout) = store.type_layout(instance, x)?;
    for place in &layout.places {
        m.push(place.storage.default_value());
    }
    new(store, m, instance, x)
}

/// The place of field `i` in structures of type `x`.
#[inline(always)]
fn place(store: &Store, instance: InstanceAddr, x: TypeIdx, i: FieldIdx) -> Result<Place, Halt> {
    let (_, layout) = store.type_layout(instance, x)?;
    layout
        .places
        .get(i.index())
        .copied()
        .ok_or(Halt::Stuck(Stuck::Index))
}

#[inline(always)]
pub(super) fn get(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (sx, x, i): (Option<Sx>, TypeIdx, FieldIdx),
) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m.coverage, "Step_read/struct.get-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m.coverage, "Step_read/struct.get-struct");
            let place = place(store, instance, x, i)?;
            let value = store.heap.field(store.heap.structure(a)?, place)?;
            m.push(place.storage.extend(value, sx));
            Ok(())
        }
        _ => Err(Stuck::OperandType.into()),
    }
}

#[inline(always)]
pub(super) fn set(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, i): (TypeIdx, FieldIdx),
) -> Result<(), Halt> {
    let slot = m.pop()?;
    let value = m.value(slot);
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m.coverage, "Step/struct.set-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m.coverage, "Step/struct.set-struct");
            let place = place(store, instance, x, i)?;
            let object = store.heap.structure(a)?;
            store.heap.set_field(object, place, value)
        }
        _ => Err(Stuck::OperandType.into()),
    }
}
