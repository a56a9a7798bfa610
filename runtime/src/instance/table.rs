//! Tables. Their elements are either references into the collected heap (4 bytes) or functions (8
//! bytes, no heap needed).
//!
//! Invariant **B1**: `VmTable::base` and `len` always describe the elements of [`TableData`].
//!
//! Specification: `tableinst`, and the rule `table.get`.

use std::ops::Range;
use std::ptr::NonNull;

use super::mapping::Record;
use crate::abi::vmctx::{VmFuncRef, VmTable};
use crate::error::{Exhausted, Trap};
use crate::execute::Raised;
use crate::limits::TABLE_ELEMENTS_MAX;
use crate::module::TableType;

/// The elements of a table.
#[derive(Debug)]
pub enum Elements {
    /// References into the collected heap.
    Refs(Vec<u32>),
    /// Functions; null is the null reference.
    Funcs(Vec<*mut VmFuncRef>),
}

/// A table of a store. Its record is valid for as long as the store lives (V1).
#[derive(Debug)]
pub struct TableData {
    vm: NonNull<VmTable>,
    /// Keeps the record of a table that no instance defines.
    _record: Option<Record>,
    ty: TableType,
    pub(super) elements: Elements,
}

/// One element, for a copy from one table to another of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A reference into the collected heap, to be rooted before anything can collect.
    Ref(u32),
    /// A function.
    Func(*mut VmFuncRef),
}

pub(super) const OUT: Raised = Raised::Trap(Trap::TableOutOfBounds);

impl TableData {
    /// Makes a table of its initial size, all null, whose record is at `vm`. `record` owns that
    /// record, if no instance does.
    ///
    /// # Errors
    /// `Exhausted(Table)`.
    ///
    /// # Safety
    /// `vm` is valid for reads and writes for as long as the table lives.
    pub unsafe fn new(
        ty: TableType,
        vm: NonNull<VmTable>,
        record: Option<Record>,
    ) -> Result<TableData, Raised> {
        let elements = if ty.element.is_collected() {
            Elements::Refs(Vec::new())
        } else {
            Elements::Funcs(Vec::new())
        };
        let mut table = TableData {
            vm,
            _record: record,
            ty,
            elements,
        };
        if ty.min > TABLE_ELEMENTS_MAX || !table.extend(ty.min) {
            return Err(Raised::Exhausted(Exhausted::Table));
        }
        Ok(table)
    }

    /// Returns its type as declared.
    #[must_use]
    pub fn declared(&self) -> TableType {
        self.ty
    }

    /// Returns the record that compiled code uses.
    #[must_use]
    pub fn vm(&self) -> NonNull<VmTable> {
        self.vm
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.elements {
            Elements::Refs(e) => e.len() as u64,
            Elements::Funcs(e) => e.len() as u64,
        }
    }

    /// Returns the largest size that type and implementation allow.
    #[must_use]
    pub fn size_max(&self) -> u64 {
        self.ty.max.unwrap_or(u64::MAX).min(TABLE_ELEMENTS_MAX)
    }

    /// Returns an element.
    #[must_use]
    pub fn get(&self, at: u64) -> Option<Element> {
        let at = usize::try_from(at).ok()?;
        match &self.elements {
            Elements::Refs(e) => e.get(at).map(|raw| Element::Ref(*raw)),
            Elements::Funcs(e) => e.get(at).map(|func| Element::Func(*func)),
        }
    }

    /// Appends `delta` null elements. Returns false if there is no memory for them.
    pub(super) fn extend(&mut self, delta: u64) -> bool {
        let delta = delta as usize;
        let enough = match &mut self.elements {
            Elements::Refs(e) => e.try_reserve(delta).is_ok(),
            Elements::Funcs(e) => e.try_reserve(delta).is_ok(),
        };
        if enough {
            match &mut self.elements {
                Elements::Refs(e) => e.resize(e.len() + delta, 0),
                Elements::Funcs(e) => e.resize(e.len() + delta, std::ptr::null_mut()),
            }
            self.publish();
        }
        enough
    }

    fn publish(&mut self) {
        let record = match &mut self.elements {
            Elements::Refs(e) => VmTable {
                base: e.as_mut_ptr().cast(),
                len: e.len() as u64,
            },
            Elements::Funcs(e) => VmTable {
                base: e.as_mut_ptr().cast(),
                len: e.len() as u64,
            },
        };
        // SAFETY: the contract of `new`.
        unsafe { self.vm.write(record) };
    }

    pub(super) fn range(&self, at: u64, len: u64) -> Result<Range<usize>, Raised> {
        range(self.size(), at, len)
    }

    pub(super) fn refs(&mut self) -> &mut Vec<u32> {
        match &mut self.elements {
            Elements::Refs(e) => e,
            Elements::Funcs(_) => unreachable!("validated: a table of GC references"),
        }
    }

    pub(super) fn funcs(&mut self) -> &mut Vec<*mut VmFuncRef> {
        match &mut self.elements {
            Elements::Funcs(e) => e,
            Elements::Refs(_) => unreachable!("validated: a table of functions"),
        }
    }
}

/// Returns the range `at..at + len` if it is within `size` elements.
pub(super) fn range(size: u64, at: u64, len: u64) -> Result<Range<usize>, Raised> {
    match at.checked_add(len) {
        Some(end) if end <= size => Ok(at as usize..end as usize),
        _ => Err(OUT),
    }
}
