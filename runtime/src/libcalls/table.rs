//! Tables and element segments (the rules `table.grow` to `elem.drop`), and what an instance's
//! compiled initialiser writes to them.

use super::{Answer, Call};
use crate::abi::vmctx::VmFuncRef;
use crate::index::{ElemIdx, TableIdx};
use crate::instance::TableId;
use crate::planted::planted;

/// Returns a function reference as compiled code passes it.
pub(super) fn funcref(raw: u64) -> *mut VmFuncRef {
    std::ptr::with_exposed_provenance_mut(raw as usize)
}

impl Call<'_> {
    fn table(&self, table: u32) -> TableId {
        self.data().tables[TableIdx(table).as_usize()]
    }

    pub(super) fn table_grow_ref(&mut self, table: u32, init: u32, delta: u64) -> Answer {
        let table = self.table(table);
        planted!(self.store.planted(), TableGrowKeepsCount => self.store.count_once_more(init)?;);
        let old = self.store.table_grow_ref(table, init, delta)?;
        Ok(old.unwrap_or(u64::MAX))
    }

    pub(super) fn table_grow_func(&mut self, table: u32, init: u64, delta: u64) -> Answer {
        let table = self.table(table);
        let old = self.store.table_grow_func(table, funcref(init), delta);
        Ok(old.unwrap_or(u64::MAX))
    }

    pub(super) fn table_fill_ref(&mut self, table: u32, at: u64, value: u32, len: u64) -> Answer {
        let table = self.table(table);
        self.store.table_fill_ref(table, at, value, len)?;
        Ok(0)
    }

    pub(super) fn table_fill_func(&mut self, table: u32, at: u64, value: u64, len: u64) -> Answer {
        let table = self.table(table);
        self.store.table_fill_func(table, at, funcref(value), len)?;
        Ok(0)
    }

    pub(super) fn table_copy(
        &mut self,
        to: u32,
        from: u32,
        at: u64,
        start: u64,
        len: u64,
    ) -> Answer {
        let (to, from) = (self.table(to), self.table(from));
        planted!(self.store.planted(), TableCopyNoBarrier => {
            return self.store.without_barriers(|store| {
                store.table_copy((to, at), (from, start), len).map(|()| 0)
            });
        });
        self.store.table_copy((to, at), (from, start), len)?;
        Ok(0)
    }

    pub(super) fn table_init(
        &mut self,
        table: u32,
        elem: u32,
        at: u64,
        from: u32,
        len: u32,
    ) -> Answer {
        let table = self.table(table);
        let elem = (self.instance, ElemIdx(elem));
        self.store.table_init(elem, table, at, from, len)?;
        Ok(0)
    }

    pub(super) fn elem_drop(&mut self, elem: u32) -> Answer {
        self.store.elem_drop(self.instance, ElemIdx(elem))?;
        Ok(0)
    }

    pub(super) fn init_table_ref(&mut self, table: u32, value: u32) -> Answer {
        let table = self.table(table);
        self.store.init_table_ref(table, value)?;
        Ok(0)
    }

    pub(super) fn init_table_func(&mut self, table: u32, value: u64) -> Answer {
        let table = self.table(table);
        self.store.init_table_func(table, funcref(value));
        Ok(0)
    }

    pub(super) fn init_segment_item(&mut self, elem: u32, item: u32, value: u32) -> Answer {
        let elem = ElemIdx(elem);
        self.store
            .init_segment_ref(self.instance, elem, item, value)?;
        Ok(0)
    }

    pub(super) fn init_segment_func(&mut self, elem: u32, item: u32, value: u64) -> Answer {
        let (elem, value) = (ElemIdx(elem), funcref(value));
        self.store
            .init_segment_func(self.instance, elem, item, value);
        Ok(0)
    }
}
