//! Linear memories.
//!
//! Invariant **M4**: `VmMemory::base` and `len` always describe the accessible part of the memory's
//! reservation.
//!
//! Specification: `meminst`.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::mapping::{MemoryPool, Record, Reservation};
use crate::abi::vmctx::VmMemory;
use crate::error::{Exhausted, Trap};
use crate::execute::Raised;
use crate::limits::{MEMORY_BYTES_MAX, WASM_PAGE_BYTES};
use crate::module::MemoryType;

/// A memory of a store.
#[derive(Debug)]
pub struct MemoryData {
    vm: NonNull<VmMemory>,
    /// Keeps the record of a memory that no instance defines.
    _record: Option<Record>,
    ty: MemoryType,
    reservation: Option<Reservation>,
    pool: Arc<MemoryPool>,
}

impl MemoryData {
    /// Makes a memory of its initial size. Its record is at `vm`, or in a record of its own.
    ///
    /// # Errors
    /// `Exhausted(Memory)`.
    ///
    /// # Safety
    /// `vm` is valid for reads and writes for as long as the memory lives.
    pub unsafe fn new(
        ty: MemoryType,
        reservation: u64,
        pool: &Arc<MemoryPool>,
        vm: Option<NonNull<VmMemory>>,
    ) -> Result<MemoryData, Raised> {
        let bytes = ty
            .min
            .checked_mul(WASM_PAGE_BYTES)
            .filter(|bytes| *bytes <= MEMORY_BYTES_MAX)
            .ok_or(Raised::Exhausted(Exhausted::Memory))?;
        let reserved = reservation_bytes(reservation.max(bytes));
        let space = pool.take(reserved as usize, bytes as usize)?;
        let (vm, record) = match vm {
            Some(vm) => (vm, None),
            None => {
                let record = Record::new(size_of::<VmMemory>())?;
                (record.start().cast(), Some(record))
            }
        };
        let mut memory = MemoryData {
            vm,
            _record: record,
            ty,
            reservation: Some(space),
            pool: Arc::clone(pool),
        };
        memory.publish(bytes);
        Ok(memory)
    }

    /// Returns its type as declared.
    #[must_use]
    pub fn declared(&self) -> MemoryType {
        self.ty
    }

    /// Returns the record that compiled code uses.
    #[must_use]
    pub fn vm(&self) -> NonNull<VmMemory> {
        self.vm
    }

    /// Returns its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // SAFETY: the contract of `new`.
        unsafe { (*self.vm.as_ptr()).len }
    }

    /// Returns its size in pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.bytes() / WASM_PAGE_BYTES
    }

    fn publish(&mut self, len: u64) {
        let base = match &self.reservation {
            Some(space) => space.base(),
            None => ptr::null_mut(),
        };
        // SAFETY: the contract of `new`.
        unsafe { self.vm.write(VmMemory { base, len }) };
    }

    /// Returns the contents.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        // SAFETY: the contract of `new`.
        let vm = unsafe { self.vm.read() };
        // SAFETY: M4; wasm, which alone could write besides, does not run while the store is
        // borrowed.
        unsafe { std::slice::from_raw_parts(vm.base, vm.len as usize) }
    }

    /// Returns the contents.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: the contract of `new`.
        let vm = unsafe { self.vm.read() };
        // SAFETY: M4; wasm, which alone could access it besides, does not run while the store is
        // borrowed.
        unsafe { std::slice::from_raw_parts_mut(vm.base, vm.len as usize) }
    }

    /// Returns the largest size that type and implementation allow, in pages.
    #[must_use]
    pub fn pages_max(&self) -> u64 {
        let index = if self.ty.is_64 { 1 << 48 } else { 1 << 16 };
        self.ty
            .max
            .unwrap_or(index)
            .min(index)
            .min(MEMORY_BYTES_MAX / WASM_PAGE_BYTES)
    }

    /// Grows to `pages`, which are no more than [`MemoryData::pages_max`]. Moves if the reservation
    /// is too small. Returns false if there is no memory.
    pub(super) fn grow_to(&mut self, pages: u64) -> bool {
        let bytes = pages * WASM_PAGE_BYTES;
        let old = self.bytes() as usize;
        let Some(space) = &mut self.reservation else {
            return false;
        };
        if bytes <= space.reserved() as u64 {
            let grown = space.grow(bytes as usize).is_ok();
            if grown {
                self.publish(bytes);
            }
            return grown;
        }
        let doubled = (space.reserved() as u64 * 2).min(MEMORY_BYTES_MAX);
        let reserved = reservation_bytes(doubled.max(bytes));
        let Ok(larger) = self.pool.take(reserved as usize, bytes as usize) else {
            return false;
        };
        // SAFETY: M1: both are accessible for `old` bytes, and do not overlap.
        unsafe { ptr::copy_nonoverlapping(space.base(), larger.base(), old) };
        if let Some(smaller) = self.reservation.replace(larger) {
            self.pool.give(smaller);
        }
        self.publish(bytes);
        true
    }

    /// Copies `bytes` to the address `at`.
    ///
    /// # Errors
    /// `MemoryOutOfBounds`. Nothing was written then.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Raised> {
        let range = self.range(at, bytes.len() as u64)?;
        self.data_mut()[range].copy_from_slice(bytes);
        Ok(())
    }

    /// Returns the range `at..at + len` if it is in the memory.
    pub(super) fn range(&self, at: u64, len: u64) -> Result<std::ops::Range<usize>, Raised> {
        match at.checked_add(len) {
            Some(end) if end <= self.bytes() => Ok(at as usize..end as usize),
            _ => Err(Raised::Trap(Trap::MemoryOutOfBounds)),
        }
    }
}

impl Drop for MemoryData {
    fn drop(&mut self) {
        if let Some(space) = self.reservation.take() {
            self.pool.give(space);
        }
    }
}

/// Returns the size of a reservation for that many bytes. There are few sizes, so that the pool can
/// recycle reservations.
fn reservation_bytes(bytes: u64) -> u64 {
    if bytes > 4 << 30 {
        bytes.next_multiple_of(1 << 30)
    } else {
        bytes.max(WASM_PAGE_BYTES).next_power_of_two()
    }
}
