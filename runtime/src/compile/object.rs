//! Reference instructions, and aggregate instructions on structures and i31. How fields are read
//! and written.
//!
//! If a field's offset is within the heap's first page, an access through null traps by itself
//! ([`NULL_PAGE_BYTES`](crate::heap::layout::NULL_PAGE_BYTES)). Otherwise, and always without
//! signals, the reference is compared with null first.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, InstructionData, MemFlagsData, Opcode, Value, types};

use super::emit::{reg, slot, value};
use super::env::{TypeInfo, is_function};
use super::facts::SlotName;
use super::trampoline::clif_type;
use super::translator::{Translator, Values};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::AbiTy;
use crate::abi::vmctx::{VmFuncRef, VmStore};
use crate::error::Trap;
use crate::heap::emit::{EmitAllocation, Holds, Region};
use crate::heap::layout::{Kind, NULL_PAGE_BYTES, storage_bytes, tag};
use crate::index::{FieldIdx, FuncIdx, TypeIdx};
use crate::planted::planted;
use crate::types::{HeapKind, StorageKind, Top, TypeId, ValKind};

/// The region of a storage type, for alias analysis.
fn region(storage: StorageKind) -> Region {
    match storage {
        StorageKind::Val(kind) if kind.is_collected() => Region::RefField,
        _ => Region::ScalarField,
    }
}

/// Returns what a collected reference in a field can be, or `None` for any other field.
fn holds(storage: StorageKind) -> Option<Holds> {
    match storage {
        StorageKind::Val(ValKind::Ref(kind)) if kind.is_collected() => Some(Holds::of(kind)),
        _ => None,
    }
}

/// Any reference.
impl Translator<'_> {
    pub(super) fn null(&mut self, heap: HeapKind) -> Value {
        match heap.top() {
            Top::Func => self.i64_const(0),
            Top::Any | Top::Extern | Top::Exn => self.i32_const(0),
        }
    }

    pub(super) fn ref_is_null(&mut self) {
        let reference = self.pop();
        let truth = self.b.ins().icmp_imm_u(IntCC::Equal, reference, 0);
        let truth = self.b.ins().uextend(types::I32, truth);
        self.push(truth);
    }

    pub(super) fn ref_as_non_null(&mut self) {
        let reference = self.stack[self.stack.len() - 1];
        self.trap_unless(reference, Trap::NullReference);
    }

    pub(super) fn ref_eq(&mut self) {
        let (a, b) = self.pop2();
        let truth = self.b.ins().icmp(IntCC::Equal, a, b);
        let truth = self.b.ins().uextend(types::I32, truth);
        self.push(truth);
    }

    /// Returns the reference of a function of this module's index space.
    pub(super) fn ref_func(&mut self, func: FuncIdx) -> Value {
        if planted!(self.config().planted(), FuncReferenceLost) {
            return self.i64_const(0);
        }
        let module = self.env.module;
        let offsets = module.offsets();
        match module.escape(func) {
            Some(escape) => {
                let offset = offsets.funcrefs + escape.0 * size_of::<VmFuncRef>() as u32;
                self.b.ins().iadd_imm_u(self.vmctx, i64::from(offset))
            }
            None => {
                use crate::abi::vmctx::VmFuncImport;
                let record = offsets.imported_funcs + func.0 * size_of::<VmFuncImport>() as u32;
                let funcref = offset_of!(VmFuncImport, funcref) as u32;
                self.load_constant(types::I64, self.vmctx, record + funcref)
            }
        }
    }
}

/// i31.
impl Translator<'_> {
    pub(super) fn ref_i31(&mut self) {
        let number = self.pop();
        let reference = self.b.ins().ishl_imm_u(number, 1);
        // No object: it needs no stack map.
        let reference = self.b.ins().bor_imm_u(reference, 1);
        self.push(reference);
    }

    pub(super) fn i31_get(&mut self, signed: bool) {
        let reference = self.pop();
        if !planted!(self.config().planted(), I31GetNullUnchecked) {
            self.trap_unless(reference, Trap::NullI31Reference);
        }
        let number = if signed {
            self.b.ins().sshr_imm_u(reference, 1)
        } else {
            self.b.ins().ushr_imm_u(reference, 1)
        };
        self.push(number);
    }
}

/// Fields of objects. `object` is the native address of the object (invariant G2).
impl Translator<'_> {
    /// Guards an access through a reference that may be null. Returns the trap if the access itself
    /// must trap on null, otherwise emits a check of its own.
    pub(super) fn null_guard(&mut self, reference: Value, end: u32, trap: Trap) -> Option<Trap> {
        if self.facts.is_not_null(reference) {
            return None;
        }
        self.facts.learn_not_null(reference);
        if !self.is_explicit() && end <= NULL_PAGE_BYTES {
            return Some(trap);
        }
        self.trap_unless(reference, trap);
        None
    }

    fn field_flags(&mut self, storage: StorageKind, null: Option<Trap>) -> MemFlagsData {
        match null {
            Some(trap) => self.trapping_flags(region(storage), trap),
            None => self.flags(region(storage)),
        }
    }

    /// Reads a field or an element. `name` is its name if it holds a reference. With `null`, the
    /// object may be null.
    pub(super) fn read_field(
        &mut self,
        (object, offset): (Value, u32),
        storage: StorageKind,
        name: SlotName,
        signed: bool,
        null: Option<Trap>,
    ) -> Value {
        if let Some(value) = self.facts.content(name) {
            return value;
        }
        let value = self.load_field(object, offset, storage, signed, null);
        if holds(storage).is_some() {
            self.facts.learn_read(name, value);
        }
        value
    }

    /// Loads a field, and declares the value if it is a reference. With `null`, the object may be
    /// null.
    pub(super) fn load_field(
        &mut self,
        object: Value,
        offset: u32,
        storage: StorageKind,
        signed: bool,
        null: Option<Trap>,
    ) -> Value {
        let flags = self.field_flags(storage, null);
        let offset = offset as i32;
        let kind = match storage {
            StorageKind::I8 if signed => {
                return self.b.ins().sload8(types::I32, flags, object, offset);
            }
            StorageKind::I8 => return self.b.ins().uload8(types::I32, flags, object, offset),
            StorageKind::I16 if signed => {
                return self.b.ins().sload16(types::I32, flags, object, offset);
            }
            StorageKind::I16 => return self.b.ins().uload16(types::I32, flags, object, offset),
            StorageKind::Val(kind) => kind,
        };
        match AbiTy::of(kind) {
            AbiTy::Ref => {
                let reference = self.b.ins().load(types::I32, flags, object, offset);
                let holds = holds(storage).unwrap_or(Holds::ANY);
                if !planted!(self.config().planted(), StructGetResultUndeclared) {
                    self.declare_if(reference, holds);
                }
                reference
            }
            AbiTy::Func => {
                let number = self.b.ins().load(types::I32, flags, object, offset);
                self.function_of_number(number)
            }
            ty => self.b.ins().load(clif_type(ty), flags, object, offset),
        }
    }

    /// Stores a field that is not a collected reference. A function is a number already.
    pub(super) fn store_scalar(
        &mut self,
        flags: MemFlagsData,
        object: Value,
        offset: u32,
        storage: StorageKind,
        new: Value,
    ) {
        let offset = offset as i32;
        match storage {
            StorageKind::I8 if planted!(self.config().planted(), PackedStoreTooWide) => {
                self.b.ins().istore16(flags, new, object, offset)
            }
            StorageKind::I8 => self.b.ins().istore8(flags, new, object, offset),
            StorageKind::I16 => self.b.ins().istore16(flags, new, object, offset),
            StorageKind::Val(_) => self.b.ins().store(flags, new, object, offset),
        };
    }

    /// Returns true if the value is known to be the integer or null whose bits are zero.
    pub(super) fn is_zero(&self, value: Value) -> bool {
        let dfg = &self.b.func.dfg;
        let inst = dfg.value_def(value).inst();
        matches!(
            inst.map(|inst| dfg.insts[inst]),
            Some(InstructionData::UnaryImm { opcode: Opcode::Iconst, imm }) if imm.bits() == 0
        )
    }

    /// Stores the first value of a field of a new object. A function is a number already.
    pub(super) fn init_field(
        &mut self,
        object: Value,
        offset: u32,
        storage: StorageKind,
        new: Value,
    ) {
        if self.is_zero(new) {
            return; // New objects are zero.
        }
        if let Some(holds) = holds(storage) {
            let slot = slot(object, offset, Region::RefField, None);
            self.collector(|collector, e| collector.init(e, slot, reg(new), holds));
            return;
        }
        let flags = self.flags(region(storage));
        self.store_scalar(flags, object, offset, storage, new);
    }

    /// Overwrites a field or an element. `name` is its name if it holds a reference. With `null`,
    /// the object may be null.
    pub(super) fn write_field(
        &mut self,
        (object, offset): (Value, u32),
        storage: StorageKind,
        name: SlotName,
        new: Value,
        null: Option<Trap>,
    ) {
        if let Some(holds) = holds(storage) {
            // The first access to the slot traps, whether it is a load or a store.
            self.slot_trap = null;
            self.overwrite(name, (object, offset), Region::RefField, new, holds);
            self.slot_trap = None;
            return;
        }
        let flags = self.field_flags(storage, null);
        self.store_scalar(flags, object, offset, storage, new);
    }

    /// The function with a number in the heap. A number out of range is a null reference.
    fn function_of_number(&mut self, number: Value) -> Value {
        let store = self.store();
        let len = self.load_context(types::I32, store, offset_of!(VmStore, funcrefs_len) as u32);
        let table = self.load_context(types::I64, store, offset_of!(VmStore, funcrefs) as u32);
        let known = self.b.ins().icmp(IntCC::UnsignedLessThan, number, len);
        let zero = self.i32_const(0);
        let number = self.b.ins().select(known, number, zero);
        let number = self.b.ins().uextend(types::I64, number);
        let entry = self.b.ins().ishl_imm_u(number, 3);
        let entry = self.b.ins().iadd(table, entry);
        self.load_context(types::I64, entry, 0)
    }

    /// Returns the number by which the heap refers to a function.
    pub(super) fn number_of_function(&mut self, func: Value) -> Value {
        if self.is_zero(func) {
            return self.i32_const(0);
        }
        let known = self.b.create_block();
        let unknown = self.cold_block();
        let join = self.b.create_block();
        let number = self.block_param(join, types::I32);
        let zero = self.i32_const(0);
        self.b.ins().brif(func, known, &[], join, &[zero.into()]);
        self.enter(known);
        let offset = offset_of!(VmFuncRef, heap_id) as u32;
        let id = self.load_context(types::I32, func, offset);
        self.b.ins().brif(id, join, &[id.into()], unknown, &[]);
        self.enter(unknown);
        let id = self.libcall(LibCall::intern_func, &[func]);
        self.b.ins().jump(join, &[id.into()]);
        self.enter(join);
        number
    }

    /// Replaces functions by their numbers, so that no call is between the allocation of an object
    /// and the stores of its fields.
    pub(super) fn intern_functions(
        &mut self,
        values: &mut Values,
        storages: impl Iterator<Item = StorageKind>,
    ) {
        for (value, storage) in values.iter_mut().zip(storages) {
            if is_function(storage) {
                *value = self.number_of_function(*value);
            }
        }
    }
}

/// Structures.
impl Translator<'_> {
    /// Returns a new object whose fields are all zero. The slow path calls `slow` with `args`.
    pub(super) fn allocate(
        &mut self,
        tag: u32,
        bytes: Value,
        slow: LibCall,
        args: &[Value],
    ) -> Value {
        if !self.allocates_inline {
            return self.libcall_object(slow, args);
        }
        let args: smallvec::SmallVec<[_; 4]> = args.iter().map(|&arg| reg(arg)).collect();
        let object = EmitAllocation {
            tag,
            bytes: reg(bytes),
            slow,
            args: &args,
        };
        let reference = value(self.collector(|collector, e| collector.allocate(e, &object)));
        self.declare(reference, AbiTy::Ref);
        reference
    }

    fn allocate_struct(&mut self, id: TypeId, bytes: u32) -> Value {
        let type_id = self.i32_const(id.0 as i32);
        if planted!(self.config().planted(), StructNewResultUndeclared) {
            return self.libcall_i32(LibCall::alloc_struct, &[type_id]);
        }
        if !self.allocates_inline {
            return self.libcall_object(LibCall::alloc_struct, &[type_id]);
        }
        let size = self.i32_const(bytes as i32);
        let tag = tag(Kind::Struct, id.0);
        self.allocate(tag, size, LibCall::alloc_struct, &[type_id])
    }

    pub(super) fn struct_new(&mut self, info: &TypeInfo) {
        let (fields, layout) = info.structure();
        let mut values = self.pop_many(fields.len());
        self.intern_functions(&mut values, fields.iter().map(|field| field.storage));
        let reference = self.allocate_struct(info.id, layout.size);
        let object = self.object_address(reference);
        for ((&value, field), &offset) in values.iter().zip(fields).zip(&layout.offsets) {
            self.init_field(object, offset, field.storage, value);
        }
        self.push(reference);
    }

    pub(super) fn struct_new_default(&mut self, info: &TypeInfo) {
        let (_, layout) = info.structure();
        let reference = self.allocate_struct(info.id, layout.size);
        self.push(reference);
    }

    pub(super) fn struct_get(&mut self, ty: TypeIdx, field: FieldIdx, signed: bool) {
        let (fields, layout) = self.env.ty(ty).structure();
        let storage = fields[field.as_usize()].storage;
        let offset = layout.offsets[field.as_usize()];
        let reference = self.pop();
        let name = SlotName::Field(reference, field);
        let end = offset + storage_bytes(storage);
        let null = self.null_guard(reference, end, Trap::NullStructReference);
        let object = self.object_address(reference);
        let value = self.read_field((object, offset), storage, name, signed, null);
        self.push(value);
    }

    pub(super) fn struct_set(&mut self, ty: TypeIdx, field: FieldIdx) {
        let (fields, layout) = self.env.ty(ty).structure();
        let storage = fields[field.as_usize()].storage;
        let offset = layout.offsets[field.as_usize()];
        let (reference, mut new) = self.pop2();
        let name = SlotName::Field(reference, field);
        if is_function(storage) {
            new = self.number_of_function(new);
        }
        let end = offset + storage_bytes(storage);
        let null = self.null_guard(reference, end, Trap::NullStructReference);
        let object = self.object_address(reference);
        self.write_field((object, offset), storage, name, new, null);
    }
}
