//! Control instructions on exceptions (`throw`, `throw_ref`, `try_table`), and calls inside of a
//! `try_table`.
//!
//! A call inside of a `try_table` is a `try_call` whose table lists the handlers in force,
//! innermost first and in the order of their clauses. Handlers after a clause that catches
//! everything are left out. The unwinder compares tags by their identity in the instance. It finds
//! the instance through the context, which is the first entry of the table. A handler gets the
//! exception's reference.
//!
//! A handler's code is made at the `end` of its `try_table`, and only if a call can reach it.

use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem, ExceptionTag, FuncRef,
    InstBuilder, SigRef, Value, types,
};
use wasmparser::{Catch, TryTable};

use super::emitted::trap_code;
use super::frame::{FrameKind, Handler};
use super::translator::{Args, Translator, Values};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::AbiTy;
use crate::error::{Rejected, Trap};
use crate::index::TagIdx;
use crate::types::StorageKind;

/// The callee of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    /// A function or stub by name.
    Direct(FuncRef),
    /// Code at an address.
    Indirect(SigRef, Value),
}

impl Translator<'_> {
    pub(super) fn try_table(&mut self, table: &TryTable) -> Result<(), Rejected> {
        let ty = self.block_ty(table.ty)?;
        let base = self.handlers.all.len();
        for catch in table.catches.iter().rev() {
            let (tag, label, keeps_reference) = match *catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let block = self.cold_block();
            self.block_param(block, types::I64);
            let frame = self.frame_at(label);
            self.handlers.all.push(Handler {
                tag,
                keeps_reference,
                frame,
                block,
                used: false,
            });
        }
        self.handlers.in_force = None;
        self.push_frame(FrameKind::Try(base), ty);
        Ok(())
    }

    /// Ends the `try_table` whose frame is at position `at`. `base` handlers are outside of it.
    pub(super) fn end_try(&mut self, at: usize, base: usize) {
        let handlers = self.handlers.all.split_off(base);
        self.handlers.in_force = None;
        if !handlers.iter().any(|handler| handler.used) {
            return;
        }
        if self.reachable {
            let (next, results) = self.target(at);
            let args = self.top_args(results.len());
            self.b.ins().jump(next, &args);
            self.reachable = false;
        }
        for handler in handlers.iter().filter(|handler| handler.used) {
            self.handler(handler);
        }
    }

    fn handler(&mut self, handler: &Handler) {
        self.enter(handler.block);
        let payload = self.b.block_params(handler.block)[0];
        let exception = self.b.ins().ireduce(types::I32, payload);
        self.declare(exception, AbiTy::Ref);
        let mut args = Args::new();
        if let Some(tag) = handler.tag {
            let env = self.env;
            let ty = env.module.decls().tags[TagIdx(tag).as_usize()];
            let layout = env.tag_layout(tag);
            let object = self.object_address(exception);
            for (&kind, &offset) in env.func_sig(ty).params.iter().zip(&layout.offsets) {
                let value = self.load_field(object, offset, StorageKind::Val(kind), false, None);
                args.push(BlockArg::Value(value));
            }
        }
        if handler.keeps_reference {
            args.push(BlockArg::Value(exception));
        }
        let (target, _) = self.target(handler.frame);
        self.b.ins().jump(target, &args);
    }

    /// Emits a call. An exception goes to the handlers in force. The results are not declared yet.
    pub(super) fn invoke(&mut self, callee: Callee, args: &[Value]) -> Values {
        if self.handlers.all.is_empty() {
            let inst = match callee {
                Callee::Direct(func) => self.b.ins().call(func, args),
                Callee::Indirect(sig, code) => self.b.ins().call_indirect(sig, code, args),
            };
            return self.b.inst_results(inst).into();
        }
        let sig = match callee {
            Callee::Direct(func) => self.b.func.dfg.ext_funcs[func].signature,
            Callee::Indirect(sig, _) => sig,
        };
        let normal = self.b.create_block();
        let results: Values = (0..self.b.func.dfg.signatures[sig].returns.len())
            .map(|at| {
                let ty = self.b.func.dfg.signatures[sig].returns[at].value_type;
                self.block_param(normal, ty)
            })
            .collect();
        let table = self.exception_table(sig, normal, results.len());
        let table = self.b.func.dfg.exception_tables.push(table);
        match callee {
            Callee::Direct(func) => self.b.ins().try_call(func, args, table),
            Callee::Indirect(_, code) => self.b.ins().try_call_indirect(code, args, table),
        };
        self.enter(normal);
        results
    }

    fn exception_table(
        &mut self,
        sig: SigRef,
        normal: Block,
        results: usize,
    ) -> ExceptionTableData {
        let lists = &mut self.b.func.dfg.value_lists;
        let normal = BlockCall::new(
            normal,
            (0..results).map(|at| BlockArg::TryCallRet(at as u32)),
            lists,
        );
        let mut items = vec![ExceptionTableItem::Context(self.vmctx)];
        self.handlers.in_force();
        let positions = self.handlers.in_force.take().unwrap_or_default();
        for &at in &positions {
            let handler = &mut self.handlers.all[at];
            handler.used = true;
            let call = BlockCall::new(handler.block, [BlockArg::TryCallExn(0)], lists);
            items.push(match handler.tag {
                Some(tag) => ExceptionTableItem::Tag(ExceptionTag::from_u32(tag), call),
                None => ExceptionTableItem::Default(call),
            });
        }
        self.handlers.in_force = Some(positions);
        ExceptionTableData::new(sig, normal, items)
    }

    /// `throw`.
    pub(super) fn throw(&mut self, tag: u32) {
        let env = self.env;
        let ty = env.module.decls().tags[TagIdx(tag).as_usize()];
        let kinds = &env.func_sig(ty).params;
        let layout = env.tag_layout(tag);
        let mut values = self.pop_many(kinds.len());
        self.intern_functions(
            &mut values,
            kinds.iter().map(|&kind| StorageKind::Val(kind)),
        );
        let number = self.i32_const(tag as i32);
        let exception = self.libcall_object(LibCall::alloc_exception, &[number]);
        let object = self.object_address(exception);
        for ((&value, &kind), &offset) in values.iter().zip(kinds).zip(&layout.offsets) {
            self.init_field(object, offset, StorageKind::Val(kind), value);
        }
        self.throw_exception(exception);
    }

    /// `throw_ref`.
    pub(super) fn throw_ref(&mut self) {
        let exception = self.pop();
        self.trap_unless(exception, Trap::NullExceptionReference);
        self.throw_exception(exception);
    }

    fn throw_exception(&mut self, exception: Value) {
        let func = self.libcall_ref(LibCall::throw_ref);
        let args = [self.vmctx, exception];
        self.invoke(Callee::Direct(func), &args);
        // The call does not return.
        self.b.ins().trap(trap_code(Trap::Unreachable));
        self.reachable = false;
    }
}
