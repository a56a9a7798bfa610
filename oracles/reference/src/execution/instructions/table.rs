//! Table instructions.
//!
//! In the specification `table.fill`, `table.copy` and `table.init` check the bounds and then
//! reduce element by element. Here all elements move at once after the check. So `table.copy` does
//! the same for both rules of direction.

use crate::execution::configurations::{Store, TableInst};
use crate::execution::halt::{Halt, OrStuck, Stuck, Trap};
use crate::execution::machine::Machine;
use crate::execution::types::most_elements;
use crate::execution::values::{InstanceAddr, Ref, TableAddr};
use crate::rules::rule;
use crate::syntax::{ElemIdx, TableIdx};

const OUT_OF_BOUNDS: Halt = Halt::Trap(Trap::OutOfBoundsTableAccess);

/// `refs[i : n]` as positions, if it is within `refs`.
pub(crate) fn range(refs: &[Ref], i: u64, n: u64) -> Option<std::ops::Range<usize>> {
    let end = i.checked_add(n)?;
    (end <= refs.len() as u64).then_some(i as usize..end as usize)
}

#[inline]
pub(crate) fn get(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
) -> Result<(), Halt> {
    let table = store.table(instance, x)?;
    let i = m.pop_addr(table.ty.addr)?;
    match usize::try_from(i).ok().and_then(|i| table.refs.get(i)) {
        None => {
            rule!(m, "Step_read/table.get-oob");
            Err(OUT_OF_BOUNDS)
        }
        Some(r) => {
            rule!(m, "Step_read/table.get-val");
            m.push(*r)
        }
    }
}

#[inline]
pub(crate) fn set(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
) -> Result<(), Halt> {
    let table = store.table_mut(instance, x)?;
    let r = m.pop_ref()?;
    let i = m.pop_addr(table.ty.addr)?;
    match usize::try_from(i).ok().and_then(|i| table.refs.get_mut(i)) {
        None => {
            rule!(m, "Step/table.set-oob");
            Err(OUT_OF_BOUNDS)
        }
        Some(place) => {
            rule!(m, "Step/table.set-val");
            *place = r;
            Ok(())
        }
    }
}

pub(crate) fn size(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/table.size");
    let table = store.table(instance, x)?;
    m.push_addr(table.ty.addr, Some(table.refs.len() as u64))
}

pub(crate) fn grow(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
) -> Result<(), Halt> {
    let a = store.module_inst(instance)?.table_addr(x)?;
    let at = store.table(instance, x)?.ty.addr;
    let n = m.pop_addr(at)?;
    let r = m.pop_ref()?;
    // A table that does not grow costs nothing.
    if can_grow(store, a, n)? {
        m.charge_values(n)?;
    }
    let size = grow_table(store, a, n, r)?;
    if size.is_some() {
        rule!(m, "Step/table.grow-succeed");
    } else {
        rule!(m, "Step/table.grow-fail");
    }
    m.push_addr(at, size)
}

/// Whether the type of a table and the limits of the store allow `n` more elements.
fn can_grow(store: &Store, a: TableAddr, n: u64) -> Result<bool, Halt> {
    let free = store.limits.table_elements - store.table_elements;
    let table = store.tables.get(a.index()).or_stuck(Stuck::Address)?;
    let size = table.refs.len() as u64;
    let most = most_elements(table.ty.addr);
    let most = table.ty.limits.max.map_or(most, |max| max.min(most));
    Ok(n <= most.saturating_sub(size) && n <= free)
}

/// `$growtable`: the old size, or nothing if the type or a limit of the store does not allow the
/// new one.
pub(crate) fn grow_table(
    store: &mut Store,
    a: TableAddr,
    n: u64,
    r: Ref,
) -> Result<Option<u64>, Halt> {
    if !can_grow(store, a, n)? {
        return Ok(None);
    }
    let table = store.tables.get_mut(a.index()).or_stuck(Stuck::Address)?;
    let size = table.refs.len() as u64;
    if !add_elements(table, n, r) {
        return Ok(None);
    }
    store.table_elements += n;
    Ok(Some(size))
}

/// Whether memory for the elements was found.
fn add_elements(table: &mut TableInst, n: u64, r: Ref) -> bool {
    let found = table.refs.try_reserve(n as usize).is_ok();
    if found {
        table.refs.extend(std::iter::repeat_n(r, n as usize));
        table.ty.limits.min = table.refs.len() as u64;
    }
    found
}

pub(crate) fn fill(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: TableIdx,
) -> Result<(), Halt> {
    let table = store.table_mut(instance, x)?;
    let n = m.pop_addr(table.ty.addr)?;
    let r = m.pop_ref()?;
    let i = m.pop_addr(table.ty.addr)?;
    let Some(range) = range(&table.refs, i, n) else {
        rule!(m, "Step_read/table.fill-oob");
        return Err(OUT_OF_BOUNDS);
    };
    if n == 0 {
        rule!(m, "Step_read/table.fill-zero");
    } else {
        rule!(m, "Step_read/table.fill-succ");
        m.charge_values(n)?;
        table.refs[range].fill(r);
    }
    Ok(())
}

pub(crate) fn copy(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x1, x2): (TableIdx, TableIdx),
) -> Result<(), Halt> {
    let (to, from) = (store.table(instance, x1)?, store.table(instance, x2)?);
    let n = m.pop_addr(to.ty.addr.min(from.ty.addr))?;
    let i2 = m.pop_addr(from.ty.addr)?;
    let i1 = m.pop_addr(to.ty.addr)?;
    if range(&to.refs, i1, n).is_none() || range(&from.refs, i2, n).is_none() {
        rule!(m, "Step_read/table.copy-oob");
        return Err(OUT_OF_BOUNDS);
    }
    if n == 0 {
        rule!(m, "Step_read/table.copy-zero");
        return Ok(());
    }
    if i1 <= i2 {
        rule!(m, "Step_read/table.copy-le");
    } else {
        rule!(m, "Step_read/table.copy-gt");
    }
    m.charge_values(n)?;
    let inst = store.module_inst(instance)?;
    let (to, from) = (inst.table_addr(x1)?, inst.table_addr(x2)?);
    copy_table(store, (to, i1), (from, i2), n)?.ok_or(OUT_OF_BOUNDS)
}

/// Copies elements between tables, or within one. Nothing is returned, and nothing done, if a range
/// is out of bounds.
pub(crate) fn copy_table(
    store: &mut Store,
    (to, i1): (TableAddr, u64),
    (from, i2): (TableAddr, u64),
    n: u64,
) -> Result<Option<()>, Halt> {
    let (t, f) = (to.index(), from.index());
    let source = &store.tables.get(f).or_stuck(Stuck::Address)?.refs;
    let target = &store.tables.get(t).or_stuck(Stuck::Address)?.refs;
    let (Some(target), Some(source)) = (range(target, i1, n), range(source, i2, n)) else {
        return Ok(None);
    };
    if t == f {
        store.tables[t].refs.copy_within(source, target.start);
    } else {
        let [to, from] = store
            .tables
            .get_disjoint_mut([t, f])
            .map_err(|_| Stuck::Address)?;
        to.refs[target].copy_from_slice(&from.refs[source]);
    }
    Ok(Some(()))
}

pub(crate) fn init(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (TableIdx, ElemIdx),
) -> Result<(), Halt> {
    let table = store.module_inst(instance)?.table_addr(x)?;
    let elem = store.module_inst(instance)?.elem_addr(y)?;
    let elem = store.elems.get(elem.index()).or_stuck(Stuck::Address)?;
    let table = store
        .tables
        .get_mut(table.index())
        .or_stuck(Stuck::Address)?;
    let n = u64::from(m.pop_num::<u32>()?);
    let j = u64::from(m.pop_num::<u32>()?);
    let i = m.pop_addr(table.ty.addr)?;
    let ranges = (range(&table.refs, i, n), range(&elem.refs, j, n));
    let (Some(target), Some(source)) = ranges else {
        rule!(m, "Step_read/table.init-oob");
        return Err(OUT_OF_BOUNDS);
    };
    if n == 0 {
        rule!(m, "Step_read/table.init-zero");
    } else {
        rule!(m, "Step_read/table.init-succ");
        m.charge_values(n)?;
        table.refs[target].copy_from_slice(&elem.refs[source]);
    }
    Ok(())
}

pub(crate) fn elem_drop(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: ElemIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/elem.drop");
    store.elem_mut(instance, x)?.refs = Vec::new();
    Ok(())
}
