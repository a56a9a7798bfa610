//! Memory instructions.
//!
//! Bulk instructions move all bytes at once, as those of `table` move all elements.

use crate::execution::configurations::{MemInst, PAGE_BYTES, Store};
use crate::execution::halt::{Halt, OrStuck, Stuck, Trap};
use crate::execution::machine::Machine;
use crate::execution::pages;
use crate::execution::types::most_pages;
use crate::execution::values::{InstanceAddr, MemAddr, Value};
use crate::numerics::scalar::{Int, extend_s, extend_u};
use crate::numerics::vector::{self, Lane};
use crate::rules::rule;
use crate::syntax::{DataIdx, LoadOp, MemIdx, StoreOp, Sx, Sz, VLoadOp};

const OUT_OF_BOUNDS: Halt = Halt::Trap(Trap::OutOfBoundsMemoryAccess);

/// The memory operand of an access: which memory, and what is added to the address.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) instance: InstanceAddr,
    pub(crate) mem: MemIdx,
    pub(crate) offset: u64,
}

impl At {
    #[inline]
    fn mem(self, store: &Store) -> Result<&MemInst, Halt> {
        store.mem(self.instance, self.mem)
    }
}

/// `bytes[i : n]` as positions, if it is within `bytes`.
#[inline]
pub(crate) fn range(bytes: &[u8], i: u64, n: u64) -> Option<std::ops::Range<usize>> {
    let end = i.checked_add(n)?;
    (end <= bytes.len() as u64).then_some(i as usize..end as usize)
}

/// `mem.BYTES[i + offset : K]`.
#[inline]
fn read<const K: usize>(mem: &MemInst, i: u64, at: At) -> Option<[u8; K]> {
    let bytes = &mem.bytes[range(&mem.bytes, i.checked_add(at.offset)?, K as u64)?];
    bytes.first_chunk().copied()
}

/// `$with_mem`, unless it is out of bounds.
#[inline]
fn write(mem: &mut MemInst, i: u64, at: At, bytes: &[u8]) -> Option<()> {
    let range = range(&mem.bytes, i.checked_add(at.offset)?, bytes.len() as u64)?;
    mem.bytes[range].copy_from_slice(bytes);
    Some(())
}

#[inline]
fn load_num<const K: usize>(
    store: &Store,
    m: &mut Machine,
    at: At,
    value: impl FnOnce([u8; K]) -> Value,
) -> Result<(), Halt> {
    let mem = at.mem(store)?;
    let i = m.pop_addr(mem.ty.addr)?;
    match read(mem, i, at) {
        None => {
            rule!(m, "Step_read/load-num-oob");
            Err(OUT_OF_BOUNDS)
        }
        Some(bytes) => {
            rule!(m, "Step_read/load-num-val");
            m.push(value(bytes))
        }
    }
}

#[inline]
fn load_pack<const K: usize>(
    store: &Store,
    m: &mut Machine,
    at: At,
    value: impl FnOnce([u8; K]) -> Value,
) -> Result<(), Halt> {
    let mem = at.mem(store)?;
    let i = m.pop_addr(mem.ty.addr)?;
    match read(mem, i, at) {
        None => {
            rule!(m, "Step_read/load-pack-oob");
            Err(OUT_OF_BOUNDS)
        }
        Some(bytes) => {
            rule!(m, "Step_read/load-pack-val");
            m.push(value(bytes))
        }
    }
}

/// `$extend__` from M to N bits.
#[inline]
fn extend<M: Int, N: Int + Into<Value>>(i: M, sx: Sx) -> Value {
    let extended: N = match sx {
        Sx::S => extend_s(i),
        Sx::U => extend_u(i),
    };
    extended.into()
}

#[inline]
pub(crate) fn load(store: &Store, m: &mut Machine, op: LoadOp, at: At) -> Result<(), Halt> {
    let u16_of = u16::from_le_bytes;
    let u32_of = u32::from_le_bytes;
    match op {
        LoadOp::I32 => load_num(store, m, at, |b| Value::I32(u32_of(b))),
        LoadOp::I64 => load_num(store, m, at, |b| Value::I64(u64::from_le_bytes(b))),
        LoadOp::F32 => load_num(store, m, at, |b| Value::F32(u32_of(b))),
        LoadOp::F64 => load_num(store, m, at, |b| Value::F64(u64::from_le_bytes(b))),
        LoadOp::I32Load8(sx) => load_pack(store, m, at, |[b]| extend::<u8, u32>(b, sx)),
        LoadOp::I32Load16(sx) => load_pack(store, m, at, |b| extend::<u16, u32>(u16_of(b), sx)),
        LoadOp::I64Load8(sx) => load_pack(store, m, at, |[b]| extend::<u8, u64>(b, sx)),
        LoadOp::I64Load16(sx) => load_pack(store, m, at, |b| extend::<u16, u64>(u16_of(b), sx)),
        LoadOp::I64Load32(sx) => load_pack(store, m, at, |b| extend::<u32, u64>(u32_of(b), sx)),
    }
}

#[inline]
fn store_num(store: &mut Store, m: &mut Machine, at: At, bytes: &[u8]) -> Result<(), Halt> {
    let mem = store.mem_mut(at.instance, at.mem)?;
    let i = m.pop_addr(mem.ty.addr)?;
    if write(mem, i, at, bytes).is_none() {
        rule!(m, "Step/store-num-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step/store-num-val");
    Ok(())
}

#[inline]
fn store_pack(store: &mut Store, m: &mut Machine, at: At, bytes: &[u8]) -> Result<(), Halt> {
    let mem = store.mem_mut(at.instance, at.mem)?;
    let i = m.pop_addr(mem.ty.addr)?;
    if write(mem, i, at, bytes).is_none() {
        rule!(m, "Step/store-pack-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step/store-pack-val");
    Ok(())
}

#[inline]
pub(crate) fn store(store: &mut Store, m: &mut Machine, op: StoreOp, at: At) -> Result<(), Halt> {
    match (op, m.pop_value()?) {
        (StoreOp::I32, Value::I32(c)) => store_num(store, m, at, &c.to_le_bytes()),
        (StoreOp::I64, Value::I64(c)) => store_num(store, m, at, &c.to_le_bytes()),
        (StoreOp::F32, Value::F32(c)) => store_num(store, m, at, &c.to_le_bytes()),
        (StoreOp::F64, Value::F64(c)) => store_num(store, m, at, &c.to_le_bytes()),
        (StoreOp::I32Pack(sz), Value::I32(c)) => {
            let bytes = c.to_le_bytes();
            let low = bytes.get(..sz.bytes() as usize).or_stuck(Stuck::Shape)?;
            store_pack(store, m, at, low)
        }
        (StoreOp::I64Pack(sz), Value::I64(c)) => {
            store_pack(store, m, at, &c.to_le_bytes()[..sz.bytes() as usize])
        }
        _ => Err(Stuck::OperandType.into()),
    }
}

pub(crate) fn vload(store: &Store, m: &mut Machine, op: VLoadOp, at: At) -> Result<(), Halt> {
    let mem = at.mem(store)?;
    let i = m.pop_addr(mem.ty.addr)?;
    let vector = match op {
        VLoadOp::Full => {
            let bytes = read(mem, i, at);
            if bytes.is_some() {
                rule!(m, "Step_read/vload-val");
            } else {
                rule!(m, "Step_read/vload-oob");
            }
            bytes.map(u128::from_le_bytes)
        }
        VLoadOp::Pack(sz, sx) => {
            let bytes = read(mem, i, at);
            if bytes.is_some() {
                rule!(m, "Step_read/vload-pack-val");
            } else {
                rule!(m, "Step_read/vload-pack-oob");
            }
            let half = bytes.map(|b| u128::from(u64::from_le_bytes(b)));
            half.map(|half| extend_lanes(half, sz, sx)).transpose()?
        }
        VLoadOp::Splat(sz) => {
            let lane = read_lane(mem, i, at, sz);
            if lane.is_some() {
                rule!(m, "Step_read/vload-splat-val");
            } else {
                rule!(m, "Step_read/vload-splat-oob");
            }
            lane.map(|lane| splat(lane, sz))
        }
        VLoadOp::Zero(sz) => {
            let lane = read_lane(mem, i, at, sz);
            if lane.is_some() {
                rule!(m, "Step_read/vload-zero-val");
            } else {
                rule!(m, "Step_read/vload-zero-oob");
            }
            lane.map(u128::from)
        }
    };
    m.push(vector.ok_or(OUT_OF_BOUNDS)?)
}

/// One lane of memory, zero-extended.
fn read_lane(mem: &MemInst, i: u64, at: At, sz: Sz) -> Option<u64> {
    match sz {
        Sz::B8 => read(mem, i, at).map(|[b]| u64::from(b)),
        Sz::B16 => read(mem, i, at).map(|b| u64::from(u16::from_le_bytes(b))),
        Sz::B32 => read(mem, i, at).map(|b| u64::from(u32::from_le_bytes(b))),
        Sz::B64 => read(mem, i, at).map(u64::from_le_bytes),
    }
}

/// All lanes the low bits of `lane`.
fn splat(lane: u64, sz: Sz) -> u128 {
    match sz {
        Sz::B8 => vector::splat(lane as u8),
        Sz::B16 => vector::splat(lane as u16),
        Sz::B32 => vector::splat(lane as u32),
        Sz::B64 => vector::splat(lane),
    }
}

/// The lanes in the low half of a vector, each extended to twice its size.
fn extend_lanes(half: u128, sz: Sz, sx: Sx) -> Result<u128, Halt> {
    use crate::syntax::Half::Low;
    fn wide<M: Int + Lane, N: Int + Lane>(half: u128, sx: Sx) -> u128 {
        match sx {
            Sx::S => vector::convert_half(half, Low, extend_s::<M, N>),
            Sx::U => vector::convert_half(half, Low, extend_u::<M, N>),
        }
    }
    match sz {
        Sz::B8 => Ok(wide::<u8, u16>(half, sx)),
        Sz::B16 => Ok(wide::<u16, u32>(half, sx)),
        Sz::B32 => Ok(wide::<u32, u64>(half, sx)),
        Sz::B64 => Err(Stuck::Shape.into()),
    }
}

pub(crate) fn vload_lane(
    store: &Store,
    m: &mut Machine,
    (sz, lane): (Sz, u8),
    at: At,
) -> Result<(), Halt> {
    let mem = at.mem(store)?;
    let v = m.pop_num::<u128>()?;
    let i = m.pop_addr(mem.ty.addr)?;
    let Some(c) = read_lane(mem, i, at, sz) else {
        rule!(m, "Step_read/vload_lane-oob");
        return Err(OUT_OF_BOUNDS);
    };
    rule!(m, "Step_read/vload_lane-val");
    let lane = u32::from(lane);
    m.push(match sz {
        Sz::B8 => vector::replace(v, lane, c as u8),
        Sz::B16 => vector::replace(v, lane, c as u16),
        Sz::B32 => vector::replace(v, lane, c as u32),
        Sz::B64 => vector::replace(v, lane, c),
    })
}

pub(crate) fn vstore(store: &mut Store, m: &mut Machine, at: At) -> Result<(), Halt> {
    let mem = store.mem_mut(at.instance, at.mem)?;
    let v = m.pop_num::<u128>()?;
    let i = m.pop_addr(mem.ty.addr)?;
    if write(mem, i, at, &v.to_le_bytes()).is_none() {
        rule!(m, "Step/vstore-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step/vstore-val");
    Ok(())
}

pub(crate) fn vstore_lane(
    store: &mut Store,
    m: &mut Machine,
    (sz, lane): (Sz, u8),
    at: At,
) -> Result<(), Halt> {
    let mem = store.mem_mut(at.instance, at.mem)?;
    let v = m.pop_num::<u128>()?;
    let i = m.pop_addr(mem.ty.addr)?;
    let bytes = v.to_le_bytes();
    let lanes = bytes.chunks_exact(sz.bytes() as usize);
    let lane = lanes
        .into_iter()
        .nth(usize::from(lane))
        .or_stuck(Stuck::Shape)?;
    if write(mem, i, at, lane).is_none() {
        rule!(m, "Step/vstore_lane-oob");
        return Err(OUT_OF_BOUNDS);
    }
    rule!(m, "Step/vstore_lane-val");
    Ok(())
}

pub(crate) fn size(
    store: &Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: MemIdx,
) -> Result<(), Halt> {
    rule!(m, "Step_read/memory.size");
    let mem = store.mem(instance, x)?;
    m.push_addr(mem.ty.addr, Some(mem.bytes.len() as u64 / PAGE_BYTES))
}

pub(crate) fn grow(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: MemIdx,
) -> Result<(), Halt> {
    let a = store.module_inst(instance)?.mem_addr(x)?;
    let at = store.mem(instance, x)?.ty.addr;
    let n = m.pop_addr(at)?;
    // A memory that does not grow costs nothing.
    if can_grow(store, a, n)? {
        m.charge_bytes(n * PAGE_BYTES)?;
    }
    let size = grow_memory(store, a, n)?;
    if size.is_some() {
        rule!(m, "Step/memory.grow-succeed");
    } else {
        rule!(m, "Step/memory.grow-fail");
    }
    m.push_addr(at, size)
}

/// Whether the type of a memory and the limits of the store allow `n` more pages.
fn can_grow(store: &Store, a: MemAddr, n: u64) -> Result<bool, Halt> {
    let free = store.limits.memory_bytes - store.memory_bytes;
    let mem = store.mems.get(a.index()).or_stuck(Stuck::Address)?;
    let size = mem.bytes.len() as u64 / PAGE_BYTES;
    let most = most_pages(mem.ty.addr);
    let most = mem.ty.limits.max.map_or(most, |max| max.min(most));
    Ok(n <= most.saturating_sub(size) && n <= free / PAGE_BYTES)
}

/// `$growmem` by `n` pages: the old size in pages, or nothing if the type or a limit of the store
/// does not allow the new one.
pub(crate) fn grow_memory(store: &mut Store, a: MemAddr, n: u64) -> Result<Option<u64>, Halt> {
    if !can_grow(store, a, n)? {
        return Ok(None);
    }
    let mem = store.mems.get_mut(a.index()).or_stuck(Stuck::Address)?;
    let size = mem.bytes.len() as u64 / PAGE_BYTES;
    let added = n * PAGE_BYTES;
    if !pages::add_zeros(&mut mem.bytes, added as usize) {
        return Ok(None);
    }
    mem.ty.limits.min = size + n;
    store.memory_bytes += added;
    Ok(Some(size))
}

pub(crate) fn fill(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: MemIdx,
) -> Result<(), Halt> {
    let mem = store.mem_mut(instance, x)?;
    let n = m.pop_addr(mem.ty.addr)?;
    let value = m.pop_num::<u32>()?;
    let i = m.pop_addr(mem.ty.addr)?;
    let Some(range) = range(&mem.bytes, i, n) else {
        rule!(m, "Step_read/memory.fill-oob");
        return Err(OUT_OF_BOUNDS);
    };
    if n == 0 {
        rule!(m, "Step_read/memory.fill-zero");
    } else {
        rule!(m, "Step_read/memory.fill-succ");
        m.charge_bytes(n)?;
        mem.bytes[range].fill(value as u8);
    }
    Ok(())
}

pub(crate) fn copy(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x1, x2): (MemIdx, MemIdx),
) -> Result<(), Halt> {
    let inst = store.module_inst(instance)?;
    let (t, f) = (inst.mem_addr(x1)?.index(), inst.mem_addr(x2)?.index());
    let (to, from) = (store.mem(instance, x1)?, store.mem(instance, x2)?);
    let n = m.pop_addr(to.ty.addr.min(from.ty.addr))?;
    let i2 = m.pop_addr(from.ty.addr)?;
    let i1 = m.pop_addr(to.ty.addr)?;
    let ranges = (range(&to.bytes, i1, n), range(&from.bytes, i2, n));
    let (Some(target), Some(source)) = ranges else {
        rule!(m, "Step_read/memory.copy-oob");
        return Err(OUT_OF_BOUNDS);
    };
    if n == 0 {
        rule!(m, "Step_read/memory.copy-zero");
        return Ok(());
    }
    if i1 <= i2 {
        rule!(m, "Step_read/memory.copy-le");
    } else {
        rule!(m, "Step_read/memory.copy-gt");
    }
    m.charge_bytes(n)?;
    if t == f {
        store.mems[t].bytes.copy_within(source, target.start);
    } else {
        let mems = store.mems.get_disjoint_mut([t, f]);
        let [to, from] = mems.map_err(|_| Stuck::Address)?;
        to.bytes[target].copy_from_slice(&from.bytes[source]);
    }
    Ok(())
}

pub(crate) fn init(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    (x, y): (MemIdx, DataIdx),
) -> Result<(), Halt> {
    let inst = store.module_inst(instance)?;
    let (mem, data) = (inst.mem_addr(x)?.index(), inst.data_addr(y)?.index());
    let data = store.datas.get(data).or_stuck(Stuck::Address)?;
    let mem = store.mems.get_mut(mem).or_stuck(Stuck::Address)?;
    let n = u64::from(m.pop_num::<u32>()?);
    let j = u64::from(m.pop_num::<u32>()?);
    let i = m.pop_addr(mem.ty.addr)?;
    let ranges = (range(&mem.bytes, i, n), range(&data.bytes, j, n));
    let (Some(target), Some(source)) = ranges else {
        rule!(m, "Step_read/memory.init-oob");
        return Err(OUT_OF_BOUNDS);
    };
    if n == 0 {
        rule!(m, "Step_read/memory.init-zero");
    } else {
        rule!(m, "Step_read/memory.init-succ");
        m.charge_bytes(n)?;
        mem.bytes[target].copy_from_slice(&data.bytes[source]);
    }
    Ok(())
}

pub(crate) fn data_drop(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    x: DataIdx,
) -> Result<(), Halt> {
    rule!(m, "Step/data.drop");
    store.data_mut(instance, x)?.bytes = Vec::new();
    Ok(())
}
