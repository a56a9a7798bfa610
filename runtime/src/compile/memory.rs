//! Memory instructions, except those on vectors (`simd_memory`).
//!
//! A 32-bit memory whose reservation holds all 4 GiB never moves, and a guard follows it. With
//! signals, an access to it needs no check if its constant offset stays within the guard. Every
//! other access compares its end with the memory's length.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::translator::{Cached, Translator};
use crate::abi::libcalls::LibCall;
use crate::abi::vmctx::VmMemory;
use crate::error::{Rejected, Trap};
use crate::heap::emit::Region;
use crate::index::MemIdx;
use crate::limits::{GUARD_BYTES, WASM_PAGE_BYTES};

/// An access whose bounds are checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    address: Value,
    offset: i32,
    flags: MemFlagsData,
}

/// The records of memories.
impl Translator<'_> {
    fn is_64(&self, memory: MemIdx) -> bool {
        self.env.module.decls().memories[memory.as_usize()].is_64
    }

    /// Whether the memory's first byte stays where it is.
    fn never_moves(&self, memory: MemIdx) -> bool {
        !self.is_64(memory) && self.config().memory_reservation >= 4 << 30
    }

    /// Where the memory's record is: an address and an offset from it.
    fn memory_record(&mut self, memory: MemIdx) -> (Value, u32) {
        let decls = self.env.module.decls();
        let offsets = self.env.module.offsets();
        match memory.0.checked_sub(decls.imported_memories) {
            Some(defined) => (
                self.vmctx,
                offsets.memories + defined * size_of::<VmMemory>() as u32,
            ),
            None => {
                let pointer = offsets.imported_memories + memory.0 * 8;
                let what = Cached::Memory(memory.0);
                (self.load_at_entry(what, self.vmctx, pointer), 0)
            }
        }
    }

    fn memory_base(&mut self, memory: MemIdx) -> Value {
        let (record, offset) = self.memory_record(memory);
        let offset = offset + offset_of!(VmMemory, base) as u32;
        if self.never_moves(memory) {
            self.load_at_entry(Cached::MemoryBase(memory.0), record, offset)
        } else {
            self.load_context(types::I64, record, offset)
        }
    }

    fn memory_len(&mut self, memory: MemIdx) -> Value {
        let (record, offset) = self.memory_record(memory);
        let offset = offset + offset_of!(VmMemory, len) as u32;
        self.load_context(types::I64, record, offset)
    }
}

/// Accesses.
impl Translator<'_> {
    /// Checks an access of `bytes` bytes whose index is the topmost operand.
    pub(super) fn access(&mut self, memarg: &MemArg, bytes: u64) -> Result<Access, Rejected> {
        let MemArgTarget::Memory(memory) = memarg.target else {
            return Err(Rejected::Unsupported("accesses of arrays as memory"));
        };
        let memory = MemIdx(memory);
        let index = self.pop();
        let wide = self.widen(index);
        let end = u128::from(memarg.offset) + u128::from(bytes);
        let unchecked =
            !self.is_explicit() && self.never_moves(memory) && end <= u128::from(GUARD_BYTES);
        let place = Region::Memory;
        let flags = if unchecked {
            self.trapping_flags(place, Trap::MemoryOutOfBounds)
        } else {
            self.check_end(memory, wide, end);
            self.flags(place)
        };
        let base = self.memory_base(memory);
        let mut address = self.b.ins().iadd(base, wide);
        let offset = match i32::try_from(memarg.offset) {
            Ok(offset) => offset,
            Err(_) => {
                let far = self.i64_const(memarg.offset as i64);
                address = self.b.ins().iadd(address, far);
                0
            }
        };
        Ok(Access {
            address,
            offset,
            flags: flags.with_endianness(Endianness::Little),
        })
    }

    /// Traps unless `index + end` is within the memory.
    fn check_end(&mut self, memory: MemIdx, index: Value, end: u128) {
        let Ok(end) = u64::try_from(end) else {
            // No memory is that long. The code after the trap is never executed.
            let always = self.i32_const(1);
            return self.trap_if(always, Trap::MemoryOutOfBounds);
        };
        let end = self.i64_const(end as i64);
        let len = self.memory_len(memory);
        let outside = if self.is_64(memory) {
            let (end, carry) = self.b.ins().uadd_overflow(index, end);
            let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
            self.b.ins().bor(carry, outside)
        } else {
            let end = self.b.ins().iadd(index, end);
            self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, len)
        };
        self.trap_if(outside, Trap::MemoryOutOfBounds);
    }

    /// Loads a whole value.
    pub(super) fn load(&mut self, at: Access, ty: Type) -> Value {
        self.b.ins().load(ty, at.flags, at.address, at.offset)
    }

    /// Loads `narrow` and extends it to `ty`.
    fn load_narrow(&mut self, at: Access, narrow: Type, signed: bool, ty: Type) -> Value {
        let (flags, address, offset) = (at.flags, at.address, at.offset);
        let ins = self.b.ins();
        match (narrow, signed) {
            (types::I8, true) => ins.sload8(ty, flags, address, offset),
            (types::I8, false) => ins.uload8(ty, flags, address, offset),
            (types::I16, true) => ins.sload16(ty, flags, address, offset),
            (types::I16, false) => ins.uload16(ty, flags, address, offset),
            (_, true) => ins.sload32(flags, address, offset),
            (_, false) => ins.uload32(flags, address, offset),
        }
    }

    /// Stores a whole value.
    pub(super) fn store_at(&mut self, at: Access, value: Value) {
        self.b.ins().store(at.flags, value, at.address, at.offset);
    }

    /// Stores the low part of a value, which has the type `narrow`.
    fn store_narrow(&mut self, at: Access, value: Value, narrow: Type) {
        let ins = self.b.ins();
        match narrow {
            types::I8 => ins.istore8(at.flags, value, at.address, at.offset),
            types::I16 => ins.istore16(at.flags, value, at.address, at.offset),
            _ => ins.istore32(at.flags, value, at.address, at.offset),
        };
    }

    /// Returns the flags, address and offset of an access, for vector operations.
    pub(super) fn access_parts(at: Access) -> (MemFlagsData, Value, i32) {
        (at.flags, at.address, at.offset)
    }

    fn do_load(&mut self, memarg: &MemArg, ty: Type) -> Result<(), Rejected> {
        let at = self.access(memarg, u64::from(ty.bytes()))?;
        let value = self.load(at, ty);
        self.push(value);
        Ok(())
    }

    fn do_load_narrow(
        &mut self,
        memarg: &MemArg,
        narrow: Type,
        signed: bool,
        ty: Type,
    ) -> Result<(), Rejected> {
        let at = self.access(memarg, u64::from(narrow.bytes()))?;
        let value = self.load_narrow(at, narrow, signed, ty);
        self.push(value);
        Ok(())
    }

    fn do_store(&mut self, memarg: &MemArg, ty: Type) -> Result<(), Rejected> {
        let value = self.pop();
        let at = self.access(memarg, u64::from(ty.bytes()))?;
        if self.b.func.dfg.value_type(value) == ty {
            self.store_at(at, value);
        } else {
            self.store_narrow(at, value, ty);
        }
        Ok(())
    }

    /// Translates `op` if it is a load or store of a number. Returns true if it was.
    pub(super) fn memory_access(&mut self, op: &Operator<'_>) -> Result<bool, Rejected> {
        use Operator as O;
        use types::{F32, F64, I8, I16, I32, I64};
        match op {
            O::I32Load { memarg } => self.do_load(memarg, I32)?,
            O::I64Load { memarg } => self.do_load(memarg, I64)?,
            O::F32Load { memarg } => self.do_load(memarg, F32)?,
            O::F64Load { memarg } => self.do_load(memarg, F64)?,
            O::I32Load8S { memarg } => self.do_load_narrow(memarg, I8, true, I32)?,
            O::I32Load8U { memarg } => self.do_load_narrow(memarg, I8, false, I32)?,
            O::I32Load16S { memarg } => self.do_load_narrow(memarg, I16, true, I32)?,
            O::I32Load16U { memarg } => self.do_load_narrow(memarg, I16, false, I32)?,
            O::I64Load8S { memarg } => self.do_load_narrow(memarg, I8, true, I64)?,
            O::I64Load8U { memarg } => self.do_load_narrow(memarg, I8, false, I64)?,
            O::I64Load16S { memarg } => self.do_load_narrow(memarg, I16, true, I64)?,
            O::I64Load16U { memarg } => self.do_load_narrow(memarg, I16, false, I64)?,
            O::I64Load32S { memarg } => self.do_load_narrow(memarg, I32, true, I64)?,
            O::I64Load32U { memarg } => self.do_load_narrow(memarg, I32, false, I64)?,
            O::I32Store { memarg } => self.do_store(memarg, I32)?,
            O::I64Store { memarg } => self.do_store(memarg, I64)?,
            O::F32Store { memarg } => self.do_store(memarg, F32)?,
            O::F64Store { memarg } => self.do_store(memarg, F64)?,
            O::I32Store8 { memarg } | O::I64Store8 { memarg } => self.do_store(memarg, I8)?,
            O::I32Store16 { memarg } | O::I64Store16 { memarg } => self.do_store(memarg, I16)?,
            O::I64Store32 { memarg } => self.do_store(memarg, I32)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Whole memories.
impl Translator<'_> {
    /// Translates `op` if it works on whole memories or data segments. Returns true if it did.
    pub(super) fn memory_bulk(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::MemorySize { mem } => self.memory_size(MemIdx(mem)),
            Operator::MemoryGrow { mem } => self.memory_grow(MemIdx(mem)),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryInit { data_index, mem } => self.memory_init(mem, data_index),
            Operator::DataDrop { data_index } => {
                let data = self.i32_const(data_index as i32);
                self.libcall(LibCall::data_drop, &[data]);
            }
            _ => return false,
        }
        true
    }

    fn push_size(&mut self, memory: MemIdx, pages: Value) {
        let pages = if self.is_64(memory) {
            pages
        } else {
            self.b.ins().ireduce(types::I32, pages)
        };
        self.push(pages);
    }

    fn memory_size(&mut self, memory: MemIdx) {
        let len = self.memory_len(memory);
        let shift = i64::from(WASM_PAGE_BYTES.trailing_zeros());
        let pages = self.b.ins().ushr_imm_u(len, shift);
        self.push_size(memory, pages);
    }

    fn memory_grow(&mut self, memory: MemIdx) {
        let delta = self.pop();
        let delta = self.widen(delta);
        let number = self.i32_const(memory.0 as i32);
        let old = self.libcall(LibCall::memory_grow, &[number, delta]);
        self.push_size(memory, old);
    }

    fn memory_fill(&mut self, memory: u32) {
        let (at, value, len) = self.pop3();
        let (at, len) = (self.widen(at), self.widen(len));
        let memory = self.i32_const(memory as i32);
        self.libcall(LibCall::memory_fill, &[memory, at, value, len]);
    }

    fn memory_copy(&mut self, to: u32, from: u32) {
        let (at, start, len) = self.pop3();
        let (at, start, len) = (self.widen(at), self.widen(start), self.widen(len));
        let to = self.i32_const(to as i32);
        let from = self.i32_const(from as i32);
        self.libcall(LibCall::memory_copy, &[to, from, at, start, len]);
    }

    fn memory_init(&mut self, memory: u32, data: u32) {
        let (at, from, len) = self.pop3();
        let at = self.widen(at);
        let memory = self.i32_const(memory as i32);
        let data = self.i32_const(data as i32);
        self.libcall(LibCall::memory_init, &[memory, data, at, from, len]);
    }
}
