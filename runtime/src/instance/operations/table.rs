//! Operations on tables: the rules `table.set` to `table.init`. References and functions have
//! separate operations.
//!
//! Invariants:
//! - Every store of a GC reference into a table is one of
//!   [`LazyHeap`](crate::instance::lazy_heap::LazyHeap)'s writes to roots, whether an instruction
//!   asks for it, a segment, or the embedder.
//! - A table stays in its store during every operation on it, so that its elements are roots
//!   whenever something may collect.
//! - A reference handed to growth is held by the new elements only: once for each, and not at all
//!   when growth fails.

use crate::abi::vmctx::VmFuncRef;
use crate::execute::Raised;
use crate::heap::{GcRef, PointKind};
use crate::index::ElemIdx;
use crate::instance::segment::Segment;
use crate::instance::store::StoreOpaque;
use crate::instance::table::{Elements, OUT, TableData, range};
use crate::instance::{InstanceId, TableId};
use crate::planted::planted;

impl StoreOpaque {
    /// Returns a table.
    ///
    /// # Panics
    /// When no table of this store has that number.
    #[must_use]
    pub fn table(&self, id: TableId) -> &TableData {
        &self.contents.tables[id.at()]
    }

    fn table_mut(&mut self, id: TableId) -> &mut TableData {
        &mut self.contents.tables[id.at()]
    }

    /// `table.set` of a GC reference. No collection point.
    ///
    /// # Errors
    /// `TableOutOfBounds`.
    pub fn table_set_ref(&mut self, id: TableId, at: u64, value: u32) -> Result<(), Raised> {
        let slots = self.contents.tables[id.at()].refs();
        let slot = usize::try_from(at).ok().and_then(|at| slots.get_mut(at));
        let slot = slot.ok_or(OUT)?;
        Ok(self.heap.write_root(slot, GcRef::from_raw(value))?)
    }

    /// `table.set` of a function.
    ///
    /// # Errors
    /// `TableOutOfBounds`.
    pub fn table_set_func(
        &mut self,
        id: TableId,
        at: u64,
        value: *mut VmFuncRef,
    ) -> Result<(), Raised> {
        let elements = self.table_mut(id).funcs();
        let at = usize::try_from(at).map_err(|_| OUT)?;
        *elements.get_mut(at).ok_or(OUT)? = value;
        Ok(())
    }

    /// Appends `delta` null elements. Returns the old size, or `None` if type, implementation or
    /// limiter refuse.
    fn table_extend(&mut self, id: TableId, delta: u64) -> Option<u64> {
        let table = self.table(id);
        let (old, max) = (table.size(), table.size_max());
        let wanted = old.checked_add(delta).filter(|size| *size <= max)?;
        let declared = table.declared().max;
        if delta > 0 && !self.limit(|l| l.table_growing(old, wanted, declared)) {
            return None;
        }
        self.table_mut(id).extend(delta).then_some(old)
    }

    /// `table.grow` of GC references. A collection point. Returns the old size, or `None` if type,
    /// implementation or limiter refuse.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn table_grow_ref(
        &mut self,
        id: TableId,
        init: u32,
        delta: u64,
    ) -> Result<Option<u64>, Raised> {
        let init = if planted!(self.planted(), TableGrowInitUnrooted) {
            self.point(PointKind::Growth)?;
            init
        } else {
            let [init] = self.point_with(PointKind::Growth, [init])?;
            init
        };
        let Some(old) = self.table_extend(id, delta) else {
            return Ok(None);
        };
        let slots = &mut self.contents.tables[id.at()].refs()[old as usize..];
        self.heap.init_roots(slots, GcRef::from_raw(init))?;
        Ok(Some(old))
    }

    /// `table.grow` of functions. Returns the old size, or `None` if type, implementation or
    /// limiter refuse.
    pub fn table_grow_func(
        &mut self,
        id: TableId,
        init: *mut VmFuncRef,
        delta: u64,
    ) -> Option<u64> {
        let old = self.table_extend(id, delta)?;
        self.table_mut(id).funcs()[old as usize..].fill(init);
        Some(old)
    }

    /// `table.fill` of GC references. A collection point.
    ///
    /// # Errors
    /// `TableOutOfBounds`. Nothing was written then.
    pub fn table_fill_ref(
        &mut self,
        id: TableId,
        at: u64,
        value: u32,
        len: u64,
    ) -> Result<(), Raised> {
        let [value] = self.point_with(PointKind::Table, [value])?;
        let range = self.table(id).range(at, len)?;
        let slots = &mut self.contents.tables[id.at()].refs()[range];
        Ok(self.heap.fill_roots(slots, GcRef::from_raw(value))?)
    }

    /// `table.fill` of functions.
    ///
    /// # Errors
    /// `TableOutOfBounds`. Nothing was written then.
    pub fn table_fill_func(
        &mut self,
        id: TableId,
        at: u64,
        value: *mut VmFuncRef,
        len: u64,
    ) -> Result<(), Raised> {
        let range = self.table(id).range(at, len)?;
        self.table_mut(id).funcs()[range].fill(value);
        Ok(())
    }

    /// `table.copy`. Both tables hold GC references, or both hold functions. A collection point for
    /// GC references.
    ///
    /// # Errors
    /// `TableOutOfBounds`. Nothing was written then.
    pub fn table_copy(
        &mut self,
        (to, at): (TableId, u64),
        (from, start): (TableId, u64),
        len: u64,
    ) -> Result<(), Raised> {
        let collected = self.table(to).declared().element.is_collected();
        if collected {
            let [] = self.point_with(PointKind::Table, [])?;
        }
        let source = self.table(from).range(start, len)?;
        let target = self.table(to).range(at, len)?;
        if to == from && planted!(self.planted(), TableCopyForgotten) {
            return Ok(());
        }
        if to == from {
            let (at, start, len) = (target.start, source.start, source.len());
            match &mut self.contents.tables[to.at()].elements {
                Elements::Funcs(slots) => slots.copy_within(source, at),
                Elements::Refs(slots) => self.heap.copy_roots_within(slots, at, start, len)?,
            }
            return Ok(());
        }
        let (to, from) = self.contents.two_tables(to, from);
        match (&mut to.elements, &from.elements) {
            (Elements::Funcs(slots), Elements::Funcs(items)) => {
                slots[target].copy_from_slice(&items[source]);
            }
            (Elements::Refs(slots), Elements::Refs(items)) => {
                self.heap.copy_roots(&mut slots[target], &items[source])?;
            }
            _ => unreachable!("validated: both tables hold the same kind of reference"),
        }
        Ok(())
    }

    /// `table.init`. A collection point for GC references.
    ///
    /// # Errors
    /// `TableOutOfBounds` if either range is out of bounds. Nothing was written then.
    pub fn table_init(
        &mut self,
        (instance, elem): (InstanceId, ElemIdx),
        id: TableId,
        at: u64,
        from: u32,
        len: u32,
    ) -> Result<(), Raised> {
        if self.table(id).declared().element.is_collected() {
            let [] = self.point_with(PointKind::Table, [])?;
        }
        let uncounted = planted!(self.planted(), TableInitNoBarrier);
        let items = self.segment(instance, elem).len() as u64;
        let source = range(items, from.into(), len.into())?;
        let target = self.table(id).range(at, len.into())?;
        let (table, segment) = self.contents.table_and_segment(id, instance, elem);
        match (&mut table.elements, segment) {
            (Elements::Funcs(slots), Segment::Funcs(items)) => {
                slots[target].copy_from_slice(&items[source]);
            }
            (Elements::Refs(slots), Segment::Refs(items)) => {
                let (slots, items) = (&mut slots[target], &items[source]);
                if uncounted {
                    slots.copy_from_slice(items);
                } else {
                    self.heap.copy_roots(slots, items)?;
                }
            }
            _ => unreachable!("validated: table and segment hold the same kind of reference"),
        }
        Ok(())
    }

    /// Sets the initial value of all elements of a table that is being made.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn init_table_ref(&mut self, id: TableId, value: u32) -> Result<(), Raised> {
        let slots = self.contents.tables[id.at()].refs();
        Ok(self.heap.fill_roots(slots, GcRef::from_raw(value))?)
    }

    /// Sets the initial value of all elements of a table that is being made.
    pub fn init_table_func(&mut self, id: TableId, value: *mut VmFuncRef) {
        self.table_mut(id).funcs().fill(value);
    }
}
