//! Globals.
//!
//! Specification: `globalinst`, and the rule `global.get`.

use std::ptr::NonNull;

use super::mapping::Record;
use crate::abi::vmctx::{ValRaw, VmGlobal};
use crate::module::GlobalType;

/// A global of a store. Its record is valid for as long as the store lives (V1).
#[derive(Debug)]
pub struct GlobalData {
    vm: NonNull<VmGlobal>,
    /// Keeps the record of a global that no instance defines.
    _record: Option<Record>,
    ty: GlobalType,
}

impl GlobalData {
    /// Makes a global that is in an instance's context.
    ///
    /// # Safety
    /// `vm` is valid for reads and writes for as long as the global lives.
    #[must_use]
    pub unsafe fn defined(ty: GlobalType, vm: NonNull<VmGlobal>) -> GlobalData {
        GlobalData {
            vm,
            _record: None,
            ty,
        }
    }

    /// Makes a global of the host, all zero, in `record`, which is large enough.
    #[must_use]
    pub fn of_host(ty: GlobalType, record: Record) -> GlobalData {
        GlobalData {
            vm: record.start().cast(),
            _record: Some(record),
            ty,
        }
    }

    /// Returns its type.
    #[must_use]
    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    /// Returns the record that compiled code uses.
    #[must_use]
    pub fn vm(&self) -> NonNull<VmGlobal> {
        self.vm
    }

    /// Returns its bytes. A reference into the collected heap must be rooted before anything can
    /// collect.
    #[must_use]
    pub fn get(&self) -> ValRaw {
        // SAFETY: the contract of `defined`, or our own record.
        ValRaw(unsafe { (*self.vm.as_ptr()).bytes })
    }

    /// Returns the slot of the reference, if the global holds a reference into the collected heap.
    pub(super) fn slot(&mut self) -> Option<&mut u32> {
        if self.ty.content.is_collected() {
            // SAFETY: the contract of `defined`, or our own record; wasm does not run while the
            // store is borrowed.
            Some(unsafe { self.vm.cast::<u32>().as_mut() })
        } else {
            None
        }
    }
}
