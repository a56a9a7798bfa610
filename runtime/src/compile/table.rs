//! Table instructions.
//!
//! There are two kinds of tables, with separate code: tables of collected references (4 bytes each,
//! with barriers) and tables of functions (8 bytes each). `table.get`, `table.set` and `table.size`
//! are inline. An index is compared with the length before the element is accessed, whatever the
//! type of the elements.

use std::mem::offset_of;

use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

use super::facts::SlotName;
use super::translator::Translator;
use crate::abi::libcalls::LibCall;
use crate::abi::vmctx::VmTable;
use crate::error::Trap;
use crate::heap::emit::{Holds, Region};
use crate::index::TableIdx;
use crate::planted::planted;
use crate::types::HeapKind;

impl Translator<'_> {
    pub(super) fn is_collected(&self, table: TableIdx) -> bool {
        self.env.module.decls().tables[table.as_usize()]
            .element
            .is_collected()
    }

    /// What its elements can be.
    fn table_holds(&self, table: TableIdx) -> Holds {
        Holds::of(self.env.module.decls().tables[table.as_usize()].element)
    }

    /// Where the table's record is: an address and an offset from it.
    fn table_record(&mut self, table: TableIdx) -> (Value, u32) {
        let decls = self.env.module.decls();
        let offsets = self.env.module.offsets();
        match table.0.checked_sub(decls.imported_tables) {
            Some(defined) => (
                self.vmctx,
                offsets.tables + defined * size_of::<VmTable>() as u32,
            ),
            None => {
                let pointer = offsets.imported_tables + table.0 * 8;
                (self.load_constant(types::I64, self.vmctx, pointer), 0)
            }
        }
    }

    /// The size of a table whose minimum and maximum are equal. Its elements never move.
    fn fixed_size(&self, table: TableIdx) -> Option<u64> {
        let ty = &self.env.module.decls().tables[table.as_usize()];
        (ty.max == Some(ty.min)).then_some(ty.min)
    }

    fn table_len(&mut self, table: TableIdx) -> Value {
        if let Some(size) = self.fixed_size(table) {
            return self.i64_const(size as i64);
        }
        let (record, offset) = self.table_record(table);
        let offset = offset + offset_of!(VmTable, len) as u32;
        self.load_context(types::I64, record, offset)
    }

    /// The address of an element, its index checked.
    fn table_element(&mut self, table: TableIdx, index: Value, trap: Trap) -> Value {
        let name = SlotName::Entry(table, index);
        let index = self.widen(index);
        self.check_index(name, index, |t| t.table_len(table), trap);
        let (record, offset) = self.table_record(table);
        let offset = offset + offset_of!(VmTable, base) as u32;
        let base = if self.fixed_size(table).is_some() {
            self.load_constant(types::I64, record, offset)
        } else {
            self.load_context(types::I64, record, offset)
        };
        let shift = if self.is_collected(table) { 2 } else { 3 };
        let bytes = self.b.ins().ishl_imm_u(index, shift);
        self.b.ins().iadd(base, bytes)
    }

    /// Returns the function at an index of a table of functions, for a call. Traps with `outside`
    /// if the index is out of bounds.
    pub(super) fn load_function(&mut self, table: TableIdx, index: Value, outside: Trap) -> Value {
        let address = self.table_element(table, index, outside);
        let flags = self.flags(Region::Table);
        self.b.ins().load(types::I64, flags, address, 0)
    }

    /// A collection point before an operation on a collected table, if the configuration has them.
    fn table_point(&mut self, table: TableIdx) {
        if self.config().collection_points && self.is_collected(table) {
            self.libcall(LibCall::collection_point, &[]);
        }
    }

    pub(super) fn table_get(&mut self, table: TableIdx) {
        let index = self.pop();
        self.table_point(table);
        let heap = self.env.module.decls().tables[table.as_usize()]
            .element
            .heap;
        if planted!(self.config().planted(), TableGetBoundsUnchecked, if heap == HeapKind::None) {
            let null = self.null(heap);
            return self.push(null);
        }
        let address = self.table_element(table, index, Trap::TableOutOfBounds);
        let flags = self.flags(Region::Table);
        if !self.is_collected(table) {
            let func = self.b.ins().load(types::I64, flags, address, 0);
            return self.push(func);
        }
        let name = SlotName::Entry(table, index);
        if let Some(reference) = self.facts.content(name) {
            return self.push(reference);
        }
        let reference = self.b.ins().load(types::I32, flags, address, 0);
        let holds = self.table_holds(table);
        self.declare_if(reference, holds);
        self.facts.learn_read(name, reference);
        self.push(reference);
    }

    pub(super) fn table_set(&mut self, table: TableIdx) {
        let (index, new) = self.pop2();
        self.table_point(table);
        let address = self.table_element(table, index, Trap::TableOutOfBounds);
        if !self.is_collected(table) {
            let flags = self.flags(Region::Table);
            self.b.ins().store(flags, new, address, 0);
            return;
        }
        let holds = self.table_holds(table);
        let name = SlotName::Entry(table, index);
        self.overwrite(name, (address, 0), Region::Table, new, holds);
    }

    fn push_table_size(&mut self, table: TableIdx, size: Value) {
        let is_64 = self.env.module.decls().tables[table.as_usize()].is_64;
        let size = if is_64 {
            size
        } else {
            self.b.ins().ireduce(types::I32, size)
        };
        self.push(size);
    }

    fn table_grow(&mut self, table: TableIdx) {
        let (init, delta) = self.pop2();
        let delta = self.widen(delta);
        let call = if self.is_collected(table) {
            LibCall::table_grow_ref
        } else {
            LibCall::table_grow_func
        };
        let number = self.i32_const(table.0 as i32);
        let mut old = self.libcall(call, &[number, init, delta]);
        if planted!(self.config().planted(), TableGrowFailureTruncated) {
            let low = self.b.ins().ireduce(types::I32, old);
            old = self.b.ins().uextend(types::I64, low);
        }
        self.push_table_size(table, old);
    }

    fn table_fill(&mut self, table: TableIdx) {
        let (at, value, len) = self.pop3();
        let (at, len) = (self.widen(at), self.widen(len));
        let call = if self.is_collected(table) {
            LibCall::table_fill_ref
        } else {
            LibCall::table_fill_func
        };
        let mut number = table.0;
        if planted!(self.config().planted(), TableFillDefinedIndex) {
            number = number.saturating_sub(self.env.module.decls().imported_tables);
        }
        let number = self.i32_const(number as i32);
        self.libcall(call, &[number, at, value, len]);
    }

    fn table_copy(&mut self, to: u32, from: u32) {
        let (at, start, len) = self.pop3();
        let (at, start, len) = (self.widen(at), self.widen(start), self.widen(len));
        let to = self.i32_const(to as i32);
        let from = self.i32_const(from as i32);
        self.libcall(LibCall::table_copy, &[to, from, at, start, len]);
    }

    fn table_init(&mut self, table: u32, elem: u32) {
        let (at, from, len) = self.pop3();
        let at = self.widen(at);
        let table = self.i32_const(table as i32);
        let elem = self.i32_const(elem as i32);
        self.libcall(LibCall::table_init, &[table, elem, at, from, len]);
    }

    /// Translates `op` if it is a table instruction. Returns true if it was.
    pub(super) fn table(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::TableGet { table } => self.table_get(TableIdx(table)),
            Operator::TableSet { table } => self.table_set(TableIdx(table)),
            Operator::TableSize { table } => {
                let len = self.table_len(TableIdx(table));
                self.push_table_size(TableIdx(table), len);
            }
            Operator::TableGrow { table } => self.table_grow(TableIdx(table)),
            Operator::TableFill { table } => self.table_fill(TableIdx(table)),
            Operator::TableCopy {
                dst_table,
                src_table,
            } => self.table_copy(dst_table, src_table),
            Operator::TableInit { elem_index, table } => self.table_init(table, elem_index),
            Operator::ElemDrop { elem_index } => {
                let elem = self.i32_const(elem_index as i32);
                self.libcall(LibCall::elem_drop, &[elem]);
            }
            _ => return false,
        }
        true
    }
}
