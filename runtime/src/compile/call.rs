//! Control instructions that call: direct, imported, through a reference, through a table, and
//! their tail forms.
//!
//! Every callee gets its own instance's context as the first argument. The context of a callee in
//! another instance is stored in the function reference or the import. The only other hidden
//! argument is the return area, if the signature has one.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::exception::Callee;
use super::trampoline::clif_type;
use super::translator::{MemoryRegion, Translator, Values};
use crate::abi::signature::{Lowered, SLOT_BYTES};
use crate::abi::vmctx::{VmFuncImport, VmFuncRef};
use crate::error::Trap;
use crate::heap::emit::Region;
use crate::index::{FuncIdx, TableIdx, TypeIdx};
use crate::limits::DISPLAY_ROW_BYTES;
use crate::planted::planted;
use crate::types::HeapKind;

/// Whether a call returns to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It returns.
    Call,
    /// It replaces the caller.
    Tail,
}

impl<'a> Translator<'a> {
    /// `call` and `return_call`.
    pub(super) fn call(&mut self, func: FuncIdx, way: Way) {
        let env = self.env;
        let ty = env.module.decls().funcs[func.as_usize()];
        let (callee, context) = match env.module.defined(func) {
            Some(index) => (Callee::Direct(self.func_ref(index, ty)), self.vmctx),
            None => {
                let record =
                    env.module.offsets().imported_funcs + func.0 * size_of::<VmFuncImport>() as u32;
                let code = offset_of!(VmFuncImport, code) as u32;
                let context = offset_of!(VmFuncImport, vmctx) as u32;
                let code = self.load_constant(types::I64, self.vmctx, record + code);
                let context = self.load_constant(types::I64, self.vmctx, record + context);
                (Callee::Indirect(self.sig_ref(ty), code), context)
            }
        };
        self.call_with(callee, context, env.ty(ty).signature(), way);
    }

    /// `call_ref` and `return_call_ref`.
    pub(super) fn call_ref(&mut self, ty: TypeIdx, way: Way) {
        let func = self.pop();
        self.call_func(func, ty, Some(Trap::NullFunctionReference), way);
    }

    /// `call_indirect` and `return_call_indirect`.
    pub(super) fn call_indirect(&mut self, table: TableIdx, ty: TypeIdx, way: Way) {
        let index = self.pop();
        let alike = planted!(self.config().planted(), TailCallTrapsAlike, if way == Way::Tail);
        let outside = if alike {
            Trap::UninitializedElement
        } else {
            Trap::UndefinedElement
        };
        let func = self.load_function(table, index, outside);
        let may_be_null = self.check_type(table, func, ty);
        let null = may_be_null.then_some(Trap::UninitializedElement);
        self.call_func(func, ty, null, way);
    }

    /// Checks that an element of the table has the expected type. Returns true if the element can
    /// still be null.
    fn check_type(&mut self, table: TableIdx, func: Value, ty: TypeIdx) -> bool {
        let env = self.env;
        let element = env.module.decls().tables[table.as_usize()].element;
        let expected = env.ty(ty);
        if let HeapKind::Defined(id, _) = element.heap
            && env.is_subtype(id, expected.id)
        {
            return element.nullable;
        }
        if self.is_explicit() {
            self.trap_unless(func, Trap::UninitializedElement);
        }
        let flags = if self.is_explicit() {
            self.flags(Region::Context)
        } else {
            self.trapping_flags(Region::Context, Trap::UninitializedElement)
        };
        let offset = offset_of!(VmFuncRef, type_id) as i32;
        let actual = self.b.ins().load(types::I32, flags, func, offset);
        let planted = self.config().planted();
        let actual = if expected.def.is_final || planted!(planted, CallIndirectByEquality) {
            actual
        } else {
            self.ancestor(actual, expected.def.depth)
        };
        let wanted = i64::from(expected.id.0);
        let differs = self.b.ins().icmp_imm_u(IntCC::NotEqual, actual, wanted);
        self.trap_if(differs, Trap::IndirectCallTypeMismatch);
        false
    }

    /// Returns the supertype at a depth of the type with identity `id`, or 0.
    pub(super) fn ancestor(&mut self, id: Value, depth: u32) -> Value {
        let depth = if planted!(self.config().planted(), DisplayOffByOne) {
            depth.saturating_sub(1)
        } else {
            depth
        };
        let displays = self.displays();
        let row = self.b.ins().uextend(types::I64, id);
        let shift = i64::from(DISPLAY_ROW_BYTES.trailing_zeros());
        let row = self.b.ins().ishl_imm_u(row, shift);
        let row = self.b.ins().iadd(displays, row);
        let flags = self.flags(Region::Context).with_aligned();
        self.b.ins().load(types::I32, flags, row, depth as i32 * 4)
    }

    /// Calls through a function reference. With `null`, the reference may be null, and that trap
    /// happens then.
    fn call_func(&mut self, func: Value, ty: TypeIdx, null: Option<Trap>, way: Way) {
        let flags = match null {
            Some(trap) if self.is_explicit() => {
                self.trap_unless(func, trap);
                self.flags(Region::Context)
            }
            Some(trap) => self.trapping_flags(Region::Context, trap),
            None => self.flags(Region::Context),
        };
        let code = offset_of!(VmFuncRef, code) as i32;
        let code = self.b.ins().load(types::I64, flags, func, code);
        let context = offset_of!(VmFuncRef, vmctx) as u32;
        let context = self.load_context(types::I64, func, context);
        let sig = self.sig_ref(ty);
        let lowered = self.env.ty(ty).signature();
        self.call_with(Callee::Indirect(sig, code), context, lowered, way);
    }

    fn call_with(&mut self, callee: Callee, context: Value, lowered: &Lowered, way: Way) {
        let mut args = Values::new();
        args.push(context);
        args.extend(self.pop_many(lowered.params.len()));
        if way == Way::Tail {
            if !planted!(self.config().planted(), TailCallKeepsItsPlace) {
                self.give_call_back();
            }
            args.extend(self.return_area.filter(|_| lowered.return_area));
            match callee {
                Callee::Direct(func) => self.b.ins().return_call(func, &args),
                Callee::Indirect(sig, code) => self.b.ins().return_call_indirect(sig, code, &args),
            };
            self.reachable = false;
            return;
        }
        if lowered.return_area {
            let area = self.results_area(lowered.results.len());
            args.push(area);
        }
        let results = self.invoke(callee, &args);
        if lowered.return_area {
            self.load_results(lowered);
            return;
        }
        let undeclared = planted!(self.config().planted(), CallResultUndeclared);
        for (&result, &ty) in results.iter().zip(&lowered.results) {
            if !undeclared {
                self.declare(result, ty);
            }
            self.push(result);
        }
    }

    /// The address of the function's return area. All calls share it, so it is as large as the
    /// largest call needs.
    fn results_area(&mut self, slots: usize) -> Value {
        let bytes = slots as u32 * SLOT_BYTES;
        let slot = self.results_slot.unwrap_or_else(|| self.frame_area());
        self.results_slot = Some(slot);
        let data = &mut self.b.func.sized_stack_slots[slot];
        data.size = data.size.max(bytes);
        self.b.ins().stack_addr(types::I64, slot, 0)
    }

    fn load_results(&mut self, lowered: &Lowered) {
        let flags = self.flags(MemoryRegion::ReturnArea);
        let area = self.results_area(lowered.results.len());
        for (at, &ty) in lowered.results.iter().enumerate() {
            let offset = at as i32 * SLOT_BYTES as i32;
            let result = self.b.ins().load(clif_type(ty), flags, area, offset);
            self.declare(result, ty);
            self.push(result);
        }
    }
}
