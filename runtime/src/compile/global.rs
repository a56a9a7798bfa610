//! Variable instructions: locals and globals.

use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::emit::{reg, slot};
use super::facts::SlotName;
use super::trampoline::clif_type;
use super::translator::{Local, Translator};
use crate::abi::signature::AbiTy;
use crate::abi::vmctx::VmGlobal;
use crate::heap::emit::{Holds, Region};
use crate::index::GlobalIdx;
use crate::planted::planted;
use crate::types::ValKind;

impl Translator<'_> {
    pub(super) fn local_get(&mut self, local: u32) {
        let value = match self.locals[local as usize] {
            Local::Variable(variable) => self.b.use_var(variable),
            Local::Frame(offset, ty) => {
                let slot = self.locals_slot.expect("there is such a local");
                self.b.ins().stack_load(types::I64, ty, slot, offset)
            }
        };
        self.push(value);
    }

    pub(super) fn local_set(&mut self, local: u32) {
        let value = self.pop();
        self.set_local(local, value);
    }

    pub(super) fn local_tee(&mut self, local: u32) {
        let value = self.stack[self.stack.len() - 1];
        self.set_local(local, value);
    }

    fn set_local(&mut self, local: u32, value: Value) {
        match self.locals[local as usize] {
            Local::Variable(variable) => {
                let value = self.value_for_variable(value);
                self.b.def_var(variable, value);
            }
            Local::Frame(offset, _) => {
                let slot = self.locals_slot.expect("there is such a local");
                self.b.ins().stack_store(types::I64, value, slot, offset);
            }
        }
    }

    /// The value that a variable is set to. With the planted fault it is a copy that no stack map
    /// knows.
    fn value_for_variable(&mut self, value: Value) -> Value {
        let is_copied = planted!(
            self.config().planted(),
            LocalsUndeclared,
            if self.b.func.dfg.value_type(value) == types::I32
        );
        if is_copied {
            self.b.ins().iadd_imm_u(value, 0)
        } else {
            value
        }
    }

    /// Where a global's value is: an address and an offset from it.
    fn global_address(&mut self, global: GlobalIdx) -> (Value, u32) {
        let decls = self.env.module.decls();
        let offsets = self.env.module.offsets();
        match global.0.checked_sub(decls.imported_globals) {
            Some(defined) => (
                self.vmctx,
                offsets.globals + defined * size_of::<VmGlobal>() as u32,
            ),
            None => {
                let pointer = offsets.imported_globals + global.0 * 8;
                (self.load_constant(types::I64, self.vmctx, pointer), 0)
            }
        }
    }

    pub(super) fn global_ty(&self, global: GlobalIdx) -> AbiTy {
        AbiTy::of(self.env.module.decls().globals[global.as_usize()].content)
    }

    /// What a global of collected references can be.
    fn global_holds(&self, global: GlobalIdx) -> Holds {
        match self.env.module.decls().globals[global.as_usize()].content {
            ValKind::Ref(kind) => Holds::of(kind),
            _ => Holds::ANY,
        }
    }

    pub(super) fn global_get(&mut self, global: GlobalIdx) {
        let ty = self.global_ty(global);
        let name = SlotName::Global(global);
        if let Some(value) = self.facts.content(name) {
            return self.push(value);
        }
        let (base, offset) = self.global_address(global);
        let flags = self.flags(Region::Global);
        let value = self.b.ins().load(clif_type(ty), flags, base, offset as i32);
        if ty == AbiTy::Ref {
            let holds = self.global_holds(global);
            self.declare_if(value, holds);
            self.facts.learn_read(name, value);
        }
        self.push(value);
    }

    pub(super) fn global_set(&mut self, global: GlobalIdx) {
        let value = self.pop();
        let (base, offset) = self.global_address(global);
        if self.global_ty(global) == AbiTy::Ref {
            let name = SlotName::Global(global);
            let holds = self.global_holds(global);
            self.overwrite(name, (base, offset), Region::Global, value, holds);
            return;
        }
        self.store_global(base, offset, value);
    }

    /// Stores the first value of a global of this module.
    pub(super) fn global_init(&mut self, global: GlobalIdx, value: Value) {
        let (base, offset) = self.global_address(global);
        if self.global_ty(global) == AbiTy::Ref {
            let slot = slot(base, offset, Region::Global, None);
            let holds = self.global_holds(global);
            self.collector(|collector, e| collector.init(e, slot, reg(value), holds));
            return;
        }
        self.store_global(base, offset, value);
    }

    fn store_global(&mut self, base: Value, offset: u32, value: Value) {
        let flags = self.flags(Region::Global);
        self.b.ins().store(flags, value, base, offset as i32);
    }
}
