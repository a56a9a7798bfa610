//! Array instructions.
//!
//! The type of an array says how its elements are held. The type that an instruction names is a
//! supertype of it.
//!
//! Bulk instructions check null, then bounds, as the specification does, and then move all elements
//! at once.

use super::{memory, table};
use crate::execution::configurations::Store;
use crate::execution::halt::{Halt, Stuck, Trap};
use crate::execution::heap::ArrayInst;
use crate::execution::layout::Storage;
use crate::execution::machine::Machine;
use crate::execution::values::{InstanceAddr, Ref, Value};
use crate::execution::words::Word;
use crate::rules::rule;
use crate::syntax::{DataIdx, DefTypeId, ElemIdx, Sx, TypeIdx};

const NULL: Halt = Halt::Trap(Trap::NullArrayReference);
const OUT_OF_BOUNDS: Halt = Halt::Trap(Trap::OutOfBoundsArrayAccess);

/// The array type an index means, and how its elements are held.
#[inline]
fn element(
    store: &Store,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(DefTypeId, Storage), Halt> {
    let (ty, layout) = store.type_layout(instance, x)?;
    Ok((ty, layout.element()?.storage))
}

/// Pops an array, or null.
#[inline]
fn pop_array(store: &Store, m: &mut Machine) -> Result<Option<ArrayInst>, Halt> {
    match m.pop_ref()? {
        Ref::Null => Ok(None),
        Ref::Array(a) => store.heap.array(a).map(Some),
        _ => Err(Stuck::OperandType.into()),
    }
}

/// Whether `n` elements from the `i`th are elements of `array`.
fn within(array: ArrayInst, i: u32, n: u32) -> bool {
    u64::from(i) + u64::from(n) <= u64::from(array.len)
}

pub(crate) fn new(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_pure/array.new");
    let n = m.pop_num::<u32>()?;
    let value = m.pop_word()?;
    new_fixed_from(store, m, instance, x, n, |_, _| Ok(value))
}

pub(crate) fn new_default(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/array.new_default");
    let n = m.pop_num::<u32>()?;
    let value = element(store, instance, x)?.1.default_value();
    new_fixed_from(store, m, instance, x, n, |_, _| Ok(value))
}

pub(crate) fn new_fixed(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, n): (TypeIdx, u32),
) -> Result<(), Halt> {
    let first = m.top(n as usize)?;
    new_fixed_from(store, m, instance, x, n, |m, i| {
        m.operand(first + i as usize)
    })?;
    m.cut(first, 1)
}

/// Makes an array of `n` elements, which `value` gives in order.
#[inline]
fn new_fixed_from(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
    n: u32,
    value: impl Fn(&Machine, u32) -> Result<Word, Halt>,
) -> Result<(), Halt> {
    rule!(m, "Step/array.new_fixed");
    let (ty, storage) = element(store, instance, x)?;
    // Whether it fits comes first: the steps to make it may run out as well.
    store.heap.check_size(storage, n)?;
    m.charge_values(n.into())?;
    let a = store.heap.add_array(ty, storage, n, |i| value(m, i))?;
    m.push(Ref::Array(a))
}

pub(crate) fn new_elem(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (TypeIdx, ElemIdx),
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let i = m.pop_num::<u32>()?;
    let refs = &store.elem(instance, y)?.refs;
    let Some(range) = table::range(refs, i.into(), n.into()) else {
        rule!(m, "Step_read/array.new_elem-oob");
        return Err(Trap::OutOfBoundsTableAccess.into());
    };
    rule!(m, "Step_read/array.new_elem-alloc");
    let refs = refs[range].to_vec();
    let value = |_: &Machine, k: u32| Ok(Value::Ref(refs[k as usize]).into());
    new_fixed_from(store, m, instance, x, n, value)
}

/// The value of element `k` of bytes that hold elements one after the other.
fn from_data(bytes: &[u8], storage: Storage, k: u32) -> Word {
    let size = storage.bytes();
    let first = k as usize * size;
    storage.read_bytes(&bytes[first..first + size])
}

pub(crate) fn new_data(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (TypeIdx, DataIdx),
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let i = m.pop_num::<u32>()?;
    let (_, storage) = element(store, instance, x)?;
    let size = u64::from(n) * storage.bytes() as u64;
    let bytes = &store.data(instance, y)?.bytes;
    let Some(range) = memory::range(bytes, i.into(), size) else {
        rule!(m, "Step_read/array.new_data-oob");
        return Err(Trap::OutOfBoundsMemoryAccess.into());
    };
    rule!(m, "Step_read/array.new_data-num");
    let bytes = bytes[range].to_vec();
    let value = |_: &Machine, k| Ok(from_data(&bytes, storage, k));
    new_fixed_from(store, m, instance, x, n, value)
}

#[inline]
pub(crate) fn get(store: &Store, m: &mut Machine, sx: Option<Sx>) -> Result<(), Halt> {
    let i = m.pop_num::<u32>()?;
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step_read/array.get-null");
        return Err(NULL);
    };
    if i >= array.len {
        rule!(m, "Step_read/array.get-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step_read/array.get-array");
    let storage = store.layout(array.ty)?.element()?.storage;
    let value = store.heap.element(array, storage, i)?;
    m.push(storage.extend(value, sx))
}

#[inline]
pub(crate) fn set(store: &mut Store, m: &mut Machine) -> Result<(), Halt> {
    let value = m.pop_word()?;
    let i = m.pop_num::<u32>()?;
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step/array.set-null");
        return Err(NULL);
    };
    if i >= array.len {
        rule!(m, "Step/array.set-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step/array.set-array");
    let storage = store.layout(array.ty)?.element()?.storage;
    store.heap.set_element(array, storage, i, value)
}

#[inline]
pub(crate) fn len(store: &Store, m: &mut Machine) -> Result<(), Halt> {
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step_read/array.len-null");
        return Err(NULL);
    };
    rule!(m, "Step_read/array.len-array");
    m.push(array.len)
}

pub(crate) fn fill(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TypeIdx,
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let value = m.pop_word()?;
    let i = m.pop_num::<u32>()?;
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step_read/array.fill-null");
        return Err(NULL);
    };
    if !within(array, i, n) {
        rule!(m, "Step_read/array.fill-oob");
        return Err(OUT_OF_BOUNDS);
    }
    if n == 0 {
        rule!(m, "Step_read/array.fill-zero");
        return Ok(());
    }
    rule!(m, "Step_read/array.fill-succ");
    m.charge_values(n.into())?;
    let (_, storage) = element(store, instance, x)?;
    (i..i + n).try_for_each(|k| store.heap.set_element(array, storage, k, value))
}

pub(crate) fn copy(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x1: TypeIdx,
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let i2 = m.pop_num::<u32>()?;
    let from = pop_array(store, m)?;
    let i1 = m.pop_num::<u32>()?;
    let to = pop_array(store, m)?;
    let Some(to) = to else {
        rule!(m, "Step_read/array.copy-null1");
        return Err(NULL);
    };
    let Some(from) = from else {
        rule!(m, "Step_read/array.copy-null2");
        return Err(NULL);
    };
    if !within(to, i1, n) {
        rule!(m, "Step_read/array.copy-oob1");
        return Err(OUT_OF_BOUNDS);
    }
    if !within(from, i2, n) {
        rule!(m, "Step_read/array.copy-oob2");
        return Err(OUT_OF_BOUNDS);
    }
    if n == 0 {
        rule!(m, "Step_read/array.copy-zero");
        return Ok(());
    }
    if i1 <= i2 {
        rule!(m, "Step_read/array.copy-le");
    } else {
        rule!(m, "Step_read/array.copy-gt");
    }
    m.charge_values(n.into())?;
    let (_, storage) = element(store, instance, x1)?;
    store.heap.copy_elements((to, i1), (from, i2), n, storage);
    Ok(())
}

pub(crate) fn init_elem(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (TypeIdx, ElemIdx),
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let j = m.pop_num::<u32>()?;
    let i = m.pop_num::<u32>()?;
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step_read/array.init_elem-null");
        return Err(NULL);
    };
    if !within(array, i, n) {
        rule!(m, "Step_read/array.init_elem-oob1");
        return Err(OUT_OF_BOUNDS);
    }
    let refs = &store.elem(instance, y)?.refs;
    let Some(range) = table::range(refs, j.into(), n.into()) else {
        rule!(m, "Step_read/array.init_elem-oob2");
        return Err(Trap::OutOfBoundsTableAccess.into());
    };
    if n == 0 {
        rule!(m, "Step_read/array.init_elem-zero");
        return Ok(());
    }
    rule!(m, "Step_read/array.init_elem-succ");
    m.charge_values(n.into())?;
    let refs = refs[range].to_vec();
    let (_, storage) = element(store, instance, x)?;
    let set = |(k, r): (u32, &Ref)| {
        let value = Value::Ref(*r).into();
        store.heap.set_element(array, storage, k, value)
    };
    (i..).zip(&refs).try_for_each(set)
}

pub(crate) fn init_data(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (TypeIdx, DataIdx),
) -> Result<(), Halt> {
    let n = m.pop_num::<u32>()?;
    let j = m.pop_num::<u32>()?;
    let i = m.pop_num::<u32>()?;
    let Some(array) = pop_array(store, m)? else {
        rule!(m, "Step_read/array.init_data-null");
        return Err(NULL);
    };
    if !within(array, i, n) {
        rule!(m, "Step_read/array.init_data-oob1");
        return Err(OUT_OF_BOUNDS);
    }
    let (_, storage) = element(store, instance, x)?;
    let bytes = &store.data(instance, y)?.bytes;
    let size = u64::from(n) * storage.bytes() as u64;
    let Some(range) = memory::range(bytes, j.into(), size) else {
        rule!(m, "Step_read/array.init_data-oob2");
        return Err(Trap::OutOfBoundsMemoryAccess.into());
    };
    if n == 0 {
        rule!(m, "Step_read/array.init_data-zero");
        return Ok(());
    }
    rule!(m, "Step_read/array.init_data-num");
    m.charge_values(n.into())?;
    let bytes = bytes[range].to_vec();
    (0..n).try_for_each(|k| {
        let value = from_data(&bytes, storage, k);
        store.heap.set_element(array, storage, i + k, value)
    })
}
