//! Translates one function body to Cranelift's form: the loop over its operators, and the list of
//! which file translates which operator.

use std::collections::BTreeSet;

use cranelift_codegen::ir::{
    self, ArgumentPurpose, Function, GlobalValueData, InstBuilder, Value, types,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::{BinaryReader, FunctionBody, Operator};

use super::call::Way;
use super::env::{Env, listing_name, unreadable};
use super::frame::{BlockTy, FrameKind};
use super::spill;
use super::targets::{Extent, VARIABLES_MAX};
use super::trampoline::{clif_type, tail_signature};
use super::translator::{Local, Translator};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::{AbiTy, Lowered};
use crate::abi::vmctx::{VmContext, VmStore};
use crate::config::TrapMode;
use crate::error::Rejected;
use crate::index::{DefinedFuncIdx, ElemIdx, FieldIdx, FuncIdx, GlobalIdx, TableIdx, TypeIdx};
use crate::planted::planted;

/// Translates a function of the module into `func`, which is empty.
///
/// # Errors
///
/// [`Rejected::Unsupported`] for what is not supported yet.
pub(super) fn translate(
    env: &Env<'_>,
    func: &mut Function,
    context: &mut FunctionBuilderContext,
    index: DefinedFuncIdx,
) -> Result<Extent, Rejected> {
    let decls = env.module.decls();
    let ty = decls.funcs[decls.imported_funcs as usize + index.as_usize()];
    let body = &decls.bodies[index.as_usize()].range;
    let bytes = &env.module.bytes()[body.clone()];
    let body = FunctionBody::new(BinaryReader::new(bytes, body.start as u64));
    let mut t = begin(env, func, context, env.ty(ty).signature(), index.0);
    t.take_call();
    t.locals(&body)?;
    t.body(&body)?;
    finish(t)
}

/// Begins a function with that signature and emits its prologue.
pub(super) fn begin<'a>(
    env: &'a Env<'a>,
    func: &'a mut Function,
    context: &'a mut FunctionBuilderContext,
    signature: &'a Lowered,
    name: u32,
) -> Translator<'a> {
    func.name = listing_name(name);
    func.signature = tail_signature(signature);
    func.signature.params[0].purpose = ArgumentPurpose::VMContext;
    if env.compiler.config().trap_mode == TrapMode::Signals {
        limit_stack(func);
    }
    let mut t = Translator::new(env, FunctionBuilder::new(func, context), signature);
    if t.is_explicit() {
        t.stack_check();
    }
    t
}

/// Completes a function whose last block is filled. Returns its extent.
///
/// # Errors
///
/// [`Rejected::Limit`] when its stack maps would be too large, or when too many references are live
/// in too many blocks.
pub(super) fn finish(mut t: Translator<'_>) -> Result<Extent, Rejected> {
    while !t.costs.is_empty() {
        t.end_cost();
    }
    t.finish_traps();
    let config = t.env.compiler.isa().frontend_config();
    let is_variable = |local: &&Local| matches!(local, Local::Variable(_));
    let extent = Extent {
        blocks: t.b.func.dfg.num_blocks(),
        values: t.locals.iter().filter(is_variable).count() + t.height,
        in_frame: t.locals_slot.is_some(),
        loop_depth: t.loops.max,
        small_frame: false,
    };
    let moves = t.env.compiler.traits().moves;
    spill::spill(t.b.func, t.references, moves)?;
    t.b.finalize(config);
    Ok(extent)
}

/// The locals that an operator of the body sets. The others keep their first value.
fn locals_that_are_set(body: &FunctionBody<'_>) -> Result<BTreeSet<u32>, Rejected> {
    let mut set = BTreeSet::new();
    let mut operators = body.get_operators_reader().map_err(unreadable)?;
    while !operators.eof() {
        match operators.read().map_err(unreadable)? {
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                set.insert(local_index);
            }
            _ => {}
        }
    }
    Ok(set)
}

/// Lets the prologue compare the stack pointer with `VmStore::stack_limit`.
fn limit_stack(func: &mut Function) {
    let flags = func
        .dfg
        .mem_flags
        .insert(ir::MemFlagsData::trusted())
        .expect("the first of the function's flag sets");
    let context = func.create_global_value(GlobalValueData::VMContext);
    let store = func.create_global_value(GlobalValueData::Load {
        base: context,
        offset: (std::mem::offset_of!(VmContext, store) as i32).into(),
        global_type: types::I64,
        flags,
    });
    let limit = func.create_global_value(GlobalValueData::Load {
        base: store,
        offset: (std::mem::offset_of!(VmStore, stack_limit) as i32).into(),
        global_type: types::I64,
        flags,
    });
    func.stack_limit = Some(limit);
}

impl<'a> Translator<'a> {
    /// A local in a variable.
    fn declare_variable(&mut self, ty: AbiTy, value: Value) {
        let variable = self.b.declare_var(clif_type(ty));
        self.b.def_var(variable, value);
        self.locals.push(Local::Variable(variable));
    }

    /// A local in the frame.
    fn declare_in_frame(&mut self, ty: AbiTy, value: Value) {
        let slot = self.locals_slot.unwrap_or_else(|| self.frame_area());
        self.locals_slot = Some(slot);
        let bytes = clif_type(ty).bytes();
        let size = &mut self.b.func.sized_stack_slots[slot].size;
        let offset = size.next_multiple_of(bytes);
        *size = offset + bytes;
        let offset = offset as i32;
        self.b.ins().stack_store(types::I64, value, slot, offset);
        self.locals.push(Local::Frame(offset, clif_type(ty)));
    }

    /// Declares parameters and locals. All locals of one declaration begin with the same zero.
    fn locals(&mut self, body: &FunctionBody<'_>) -> Result<(), Rejected> {
        let env = self.env;
        for (at, &ty) in self.signature.params.iter().enumerate() {
            let value = self.b.block_params(self.entry)[at + 1];
            self.declare(value, ty);
            self.declare_variable(ty, value);
        }
        let mut groups = Vec::new();
        let mut numbers = 0;
        for group in body.get_locals_reader().map_err(unreadable)? {
            let (count, ty) = group.map_err(unreadable)?;
            let ty = env.abi_ty(ty)?;
            numbers += if ty == AbiTy::Ref { 0 } else { count };
            groups.push((count, ty));
        }
        let in_frame = if numbers > VARIABLES_MAX {
            locals_that_are_set(body)?
        } else {
            BTreeSet::new()
        };
        for (count, ty) in groups {
            let zero = self.zero(ty);
            for _ in 0..count {
                let local = self.locals.len() as u32;
                if ty != AbiTy::Ref && in_frame.contains(&local) {
                    self.declare_in_frame(ty, zero);
                } else {
                    self.declare_variable(ty, zero);
                }
            }
        }
        Ok(())
    }

    /// Returns the default value of a type.
    pub(super) fn zero(&mut self, ty: AbiTy) -> ir::Value {
        match ty {
            AbiTy::I32 | AbiTy::Ref => self.i32_const(0),
            AbiTy::I64 | AbiTy::Func => self.i64_const(0),
            AbiTy::F32 => self.b.ins().f32const(0.0),
            AbiTy::F64 => self.b.ins().f64const(0.0),
            AbiTy::V128 => self.vector_const(0),
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Rejected> {
        self.interruption_check();
        self.push_frame(FrameKind::Function, BlockTy::Function);
        let mut operators = body.get_operators_reader().map_err(unreadable)?;
        while !operators.eof() {
            let op = operators.read().map_err(unreadable)?;
            if !self.reachable {
                self.skip(&op);
                continue;
            }
            if let Some((_, cost)) = self.costs.last_mut() {
                *cost += 1;
            }
            let effect = self.effect(&op);
            self.before(effect);
            self.operator(&op)?;
            self.after(effect);
        }
        Ok(())
    }

    /// Skips an operator of unreachable code, where only the ends of blocks matter.
    fn skip(&mut self, op: &Operator<'_>) {
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => self.push_dead_frame(),
            Operator::Else => self.else_(),
            Operator::End => {
                self.end();
            }
            _ => {}
        }
    }

    fn operator(&mut self, op: &Operator<'_>) -> Result<(), Rejected> {
        let done = self.variable(op)
            || self.control(op)?
            || self.numeric(op)
            || self.memory_access(op)?
            || self.call_operator(op)
            || self.reference(op)?
            || self.structure(op)
            || self.array(op)
            || self.table(op)
            || self.memory_bulk(op)
            || self.simd(op)?;
        if done {
            Ok(())
        } else {
            Err(Rejected::Unsupported("an instruction of a later proposal"))
        }
    }

    fn variable(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::LocalGet { local_index } => self.local_get(local_index),
            Operator::LocalSet { local_index } => self.local_set(local_index),
            Operator::LocalTee { local_index } => self.local_tee(local_index),
            Operator::GlobalGet { global_index } => self.global_get(GlobalIdx(global_index)),
            Operator::GlobalSet { global_index } => self.global_set(GlobalIdx(global_index)),
            Operator::Drop => {
                self.pop();
            }
            _ => return false,
        }
        true
    }

    fn control(&mut self, op: &Operator<'_>) -> Result<bool, Rejected> {
        match op {
            Operator::Nop => {}
            Operator::Unreachable => self.unreachable(),
            Operator::Block { blockty } => self.block(*blockty)?,
            Operator::Loop { blockty } => self.loop_(*blockty)?,
            Operator::If { blockty } => self.if_(*blockty)?,
            Operator::Else => self.else_(),
            Operator::End => {
                self.end();
            }
            Operator::Br { relative_depth } => self.br(*relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(*relative_depth),
            Operator::BrTable { targets } => self.br_table(targets)?,
            Operator::Return => self.return_(),
            Operator::BrOnNull { relative_depth } => self.br_on_null(*relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.br_on_non_null(*relative_depth),
            Operator::BrOnCast {
                relative_depth,
                to_ref_type,
                ..
            } => {
                let target = self.env.ref_kind(*to_ref_type)?;
                self.br_on_cast(*relative_depth, target);
            }
            Operator::BrOnCastFail {
                relative_depth,
                to_ref_type,
                ..
            } => {
                let target = self.env.ref_kind(*to_ref_type)?;
                self.br_on_cast_fail(*relative_depth, target);
            }
            Operator::TryTable { try_table } => self.try_table(try_table)?,
            Operator::Throw { tag_index } => self.throw(*tag_index),
            Operator::ThrowRef => self.throw_ref(),
            Operator::Select => self.select(None),
            Operator::TypedSelect { ty } => {
                let ty = self.env.abi_ty(*ty)?;
                self.select(Some(ty));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `select`. Without a type, the operands are numbers or vectors.
    fn select(&mut self, ty: Option<AbiTy>) {
        let (a, b, condition) = self.pop3();
        let value = self.b.ins().select(condition, a, b);
        if let Some(ty) = ty
            && !planted!(self.config().planted(), SelectResultUndeclared)
        {
            self.declare(value, ty);
        }
        self.push(value);
    }

    fn call_operator(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::Call { function_index } => self.call(FuncIdx(function_index), Way::Call),
            Operator::ReturnCall { function_index } => {
                self.call(FuncIdx(function_index), Way::Tail);
            }
            Operator::CallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(TableIdx(table_index), TypeIdx(type_index), Way::Call),
            Operator::ReturnCallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(TableIdx(table_index), TypeIdx(type_index), Way::Tail),
            Operator::CallRef { type_index } => self.call_ref(TypeIdx(type_index), Way::Call),
            Operator::ReturnCallRef { type_index } => {
                self.call_ref(TypeIdx(type_index), Way::Tail);
            }
            _ => return false,
        }
        true
    }

    fn reference(&mut self, op: &Operator<'_>) -> Result<bool, Rejected> {
        match *op {
            Operator::RefNull { hty } => {
                let heap = self.env.heap_kind(hty)?;
                let null = self.null(heap);
                self.push(null);
            }
            Operator::RefIsNull => self.ref_is_null(),
            Operator::RefAsNonNull => self.ref_as_non_null(),
            Operator::RefEq => self.ref_eq(),
            Operator::RefFunc { function_index } => {
                let func = self.ref_func(FuncIdx(function_index));
                self.push(func);
            }
            Operator::RefTestNonNull { hty } => self.test(hty, false)?,
            Operator::RefTestNullable { hty } => self.test(hty, true)?,
            Operator::RefCastNonNull { hty } => self.cast(hty, false)?,
            Operator::RefCastNullable { hty } => self.cast(hty, true)?,
            // Both keep the representation.
            Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
            Operator::RefI31 => self.ref_i31(),
            Operator::I31GetS => self.i31_get(true),
            Operator::I31GetU => self.i31_get(false),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn test(&mut self, heap: wasmparser::HeapType, nullable: bool) -> Result<(), Rejected> {
        let heap = self.env.heap_kind(heap)?;
        self.ref_test(crate::types::RefKind { nullable, heap });
        Ok(())
    }

    fn cast(&mut self, heap: wasmparser::HeapType, nullable: bool) -> Result<(), Rejected> {
        let heap = self.env.heap_kind(heap)?;
        self.ref_cast(crate::types::RefKind { nullable, heap });
        Ok(())
    }

    fn structure(&mut self, op: &Operator<'_>) -> bool {
        let env = self.env;
        match *op {
            Operator::StructNew { struct_type_index } => {
                self.struct_new(env.ty(TypeIdx(struct_type_index)));
            }
            Operator::StructNewDefault { struct_type_index } => {
                self.struct_new_default(env.ty(TypeIdx(struct_type_index)));
            }
            Operator::StructGet {
                struct_type_index,
                field_index,
            }
            | Operator::StructGetU {
                struct_type_index,
                field_index,
            } => self.struct_get(TypeIdx(struct_type_index), FieldIdx(field_index), false),
            Operator::StructGetS {
                struct_type_index,
                field_index,
            } => self.struct_get(TypeIdx(struct_type_index), FieldIdx(field_index), true),
            Operator::StructSet {
                struct_type_index,
                field_index,
            } => self.struct_set(TypeIdx(struct_type_index), FieldIdx(field_index)),
            _ => return false,
        }
        true
    }

    fn array(&mut self, op: &Operator<'_>) -> bool {
        let env = self.env;
        match *op {
            Operator::ArrayNew { array_type_index } => {
                self.array_new(env.ty(TypeIdx(array_type_index)));
            }
            Operator::ArrayNewDefault { array_type_index } => {
                self.array_new_default(env.ty(TypeIdx(array_type_index)));
            }
            Operator::ArrayNewFixed {
                array_type_index,
                array_size,
            } => self.array_new_fixed(env.ty(TypeIdx(array_type_index)), array_size),
            Operator::ArrayNewData {
                array_type_index,
                array_data_index,
            } => self.array_new_data(env.ty(TypeIdx(array_type_index)), array_data_index),
            Operator::ArrayNewElem {
                array_type_index,
                array_elem_index,
            } => self.array_new_elem(env.ty(TypeIdx(array_type_index)), array_elem_index),
            Operator::ArrayGet { array_type_index } | Operator::ArrayGetU { array_type_index } => {
                self.array_get(TypeIdx(array_type_index), false);
            }
            Operator::ArrayGetS { array_type_index } => {
                self.array_get(TypeIdx(array_type_index), true);
            }
            Operator::ArraySet { array_type_index } => self.array_set(TypeIdx(array_type_index)),
            Operator::ArrayLen => self.array_len(),
            Operator::ArrayFill { array_type_index } => self.array_fill(TypeIdx(array_type_index)),
            Operator::ArrayCopy { .. } => self.array_copy(),
            Operator::ArrayInitData {
                array_data_index, ..
            } => self.array_init(LibCall::array_init_data, array_data_index),
            Operator::ArrayInitElem {
                array_elem_index, ..
            } => self.array_init(LibCall::array_init_elem, ElemIdx(array_elem_index).0),
            _ => return false,
        }
        true
    }
}
