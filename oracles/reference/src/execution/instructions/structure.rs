//! Structure instructions.
//!
//! The type of a structure says where its fields are. The type that an instruction names is a
//! supertype of it, and the fields of a subtype begin with those of its supertype.

use crate::execution::configurations::Store;
use crate::execution::halt::{Halt, OrStuck, Stuck, Trap};
use crate::execution::layout::Storage;
use crate::execution::machine::Machine;
use crate::execution::values::{InstanceAddr, Ref, StructAddr};
use crate::rules::rule;
use crate::syntax::{FieldIdx, Sx, TypeIdx};

#[inline]
pub(crate) fn new(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/struct.new");
    let ty = store.module_inst(instance)?.type_at(x)?;
    let layout = store.layouts.get(ty.0 as usize).or_stuck(Stuck::Index)?;
    let first = m.top(layout.fields.len())?;
    let a = store.heap.add_struct(ty, layout, m.operands(first))?;
    m.truncate(first);
    m.push(Ref::Struct(a))
}

pub(crate) fn new_default(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/struct.new_default");
    let (_, layout) = store.type_layout(instance, x)?;
    let fields = layout.fields.iter();
    m.push_all(fields.map(|field| field.storage.default_value()))?;
    new(store, m, instance, x)
}

/// The first word of field `i` of the structure at an address, and how the field is held there.
#[inline]
fn field(store: &Store, a: StructAddr, i: FieldIdx) -> Result<(usize, Storage), Halt> {
    let object = store.heap.structure(a)?;
    match store.layout(object.ty)?.fields.get(i.index()) {
        Some(field) => Ok((object.word(*field), field.storage)),
        None => Err(Stuck::Index.into()),
    }
}

#[inline]
pub(crate) fn get(store: &Store, m: &mut Machine, sx: Option<Sx>, i: FieldIdx) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_read/struct.get-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m, "Step_read/struct.get-struct");
            let (at, storage) = field(store, a, i)?;
            let value = store.heap.read(at, storage)?;
            m.push(storage.extend(value, sx))
        }
        _ => Err(Stuck::OperandType.into()),
    }
}

#[inline]
pub(crate) fn set(store: &mut Store, m: &mut Machine, i: FieldIdx) -> Result<(), Halt> {
    let value = m.pop_word()?;
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step/struct.set-null");
            Err(Trap::NullStructureReference.into())
        }
        Ref::Struct(a) => {
            rule!(m, "Step/struct.set-struct");
            let (at, storage) = field(store, a, i)?;
            store.heap.write(at, storage, value)
        }
        _ => Err(Stuck::OperandType.into()),
    }
}
