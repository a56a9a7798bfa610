//! Control instructions: blocks, branches, fuel and epochs, and what unreachable code does.
//!
//! A frame's branch target is made when the first branch to it is translated. A block that nobody
//! branches to costs nothing. Code after an unconditional branch is skipped, but its frames are
//! pushed (as [`FrameKind::Dead`]), so that labels keep their depths. Nesting never uses the host's
//! stack.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, InstBuilder, InstructionData, JumpTableData, Opcode, Value, types,
};
use cranelift_codegen::isa::CallConv;
use wasmparser::{BlockType, BrTable};

use super::env::unreadable;
use super::frame::{BlockTy, Frame, FrameKind};
use super::stubs;
use super::translator::{Args, MemoryRegion, Translator};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::{AbiTy, SLOT_BYTES};
use crate::abi::vmctx::VmStore;
use crate::error::{Rejected, Trap};
use crate::heap::emit::Region;
use crate::index::TypeIdx;
use crate::planted::planted;

const fn one(ty: AbiTy) -> &'static [AbiTy] {
    match ty {
        AbiTy::I32 => &[AbiTy::I32],
        AbiTy::I64 => &[AbiTy::I64],
        AbiTy::F32 => &[AbiTy::F32],
        AbiTy::F64 => &[AbiTy::F64],
        AbiTy::V128 => &[AbiTy::V128],
        AbiTy::Ref => &[AbiTy::Ref],
        AbiTy::Func => &[AbiTy::Func],
    }
}

impl<'a> Translator<'a> {
    fn block_params(&self, ty: BlockTy) -> &'a [AbiTy] {
        match ty {
            BlockTy::Func(ty) => &self.env.ty(ty).signature().params,
            _ => &[],
        }
    }

    fn block_results(&self, ty: BlockTy) -> &'a [AbiTy] {
        match ty {
            BlockTy::Empty => &[],
            BlockTy::One(ty) => one(ty),
            BlockTy::Func(ty) => &self.env.ty(ty).signature().results,
            BlockTy::Function => &self.signature.results,
        }
    }

    pub(super) fn block_ty(&self, ty: BlockType) -> Result<BlockTy, Rejected> {
        Ok(match ty {
            BlockType::Empty => BlockTy::Empty,
            BlockType::Type(ty) => BlockTy::One(self.env.abi_ty(ty)?),
            BlockType::FuncType(index) => BlockTy::Func(TypeIdx(index)),
        })
    }

    /// Pushes a frame whose parameters are the topmost operands.
    pub(super) fn push_frame(&mut self, kind: FrameKind, ty: BlockTy) {
        let height = self.stack.len() - self.block_params(ty).len();
        self.frames.push(Frame {
            kind,
            ty,
            height,
            next: None,
        });
    }

    /// Pushes a frame in unreachable code.
    pub(super) fn push_dead_frame(&mut self) {
        self.frames.push(Frame {
            kind: FrameKind::Dead,
            ty: BlockTy::Empty,
            height: self.stack.len(),
            next: None,
        });
    }

    /// Returns the block to which a branch to the frame at that position goes, and the types of its
    /// arguments.
    pub(super) fn target(&mut self, at: usize) -> (Block, &'a [AbiTy]) {
        let frame = &self.frames[at];
        if let FrameKind::Loop(header) = frame.kind {
            return (header, self.block_params(frame.ty));
        }
        let results = self.block_results(frame.ty);
        let block = match frame.next {
            Some(block) => block,
            None => {
                let block = self.block_with(results);
                self.frames[at].next = Some(block);
                block
            }
        };
        (block, results)
    }

    /// Returns the position of the frame that a label refers to.
    pub(super) fn frame_at(&self, depth: u32) -> usize {
        self.frames.len() - 1 - depth as usize
    }

    fn label(&mut self, depth: u32) -> (Block, usize) {
        let (block, tys) = self.target(self.frame_at(depth));
        (block, tys.len())
    }

    pub(super) fn block(&mut self, ty: BlockType) -> Result<(), Rejected> {
        let ty = self.block_ty(ty)?;
        self.push_frame(FrameKind::Block, ty);
        Ok(())
    }

    pub(super) fn loop_(&mut self, ty: BlockType) -> Result<(), Rejected> {
        let ty = self.block_ty(ty)?;
        let params = self.block_params(ty);
        let header = self.block_with(params);
        let args = self.top_args(params.len());
        self.b.ins().jump(header, &args);
        self.push_frame(FrameKind::Loop(header), ty);
        self.loops.enter();
        let height = self.stack.len() - params.len();
        self.stack.truncate(height);
        self.stack.extend_from_slice(self.b.block_params(header));
        self.b.switch_to_block(header);
        self.interruption_check();
        Ok(())
    }

    pub(super) fn if_(&mut self, ty: BlockType) -> Result<(), Rejected> {
        let ty = self.block_ty(ty)?;
        let condition = self.pop();
        let then = self.b.create_block();
        let otherwise = self.b.create_block();
        self.b.ins().brif(condition, then, &[], otherwise, &[]);
        let at = self.stack.len() - self.block_params(ty).len();
        let params = self.stack[at..].to_vec();
        self.push_frame(FrameKind::Then(otherwise, params), ty);
        self.enter(then);
        Ok(())
    }

    pub(super) fn else_(&mut self) {
        let at = self.frames.len() - 1;
        let frame = &mut self.frames[at];
        if !matches!(frame.kind, FrameKind::Then(..)) {
            return; // The whole `if` is unreachable.
        }
        let FrameKind::Then(otherwise, params) =
            std::mem::replace(&mut frame.kind, FrameKind::Else)
        else {
            unreachable!("checked above");
        };
        let height = frame.height;
        if self.reachable {
            let (next, results) = self.target(at);
            let args = self.top_args(results.len());
            self.b.ins().jump(next, &args);
        }
        self.stack.truncate(height);
        self.stack.extend(params);
        self.enter(otherwise);
        self.reachable = true;
    }

    /// Translates the `end` of a frame. Returns true if it was the function's own.
    pub(super) fn end(&mut self) -> bool {
        let at = self.frames.len() - 1;
        match &self.frames[at].kind {
            FrameKind::Dead => {
                self.frames.pop();
                return false;
            }
            FrameKind::Function => {
                self.end_function();
                return true;
            }
            FrameKind::Then(..) => self.else_(),
            FrameKind::Loop(header) => {
                let header = *header;
                self.b.seal_block(header);
                self.loops.leave();
                self.end_cost();
            }
            FrameKind::Try(base) => {
                let base = *base;
                self.end_try(at, base);
            }
            FrameKind::Block | FrameKind::Else => {}
        }
        self.join(at);
        self.frames.pop();
        false
    }

    /// Continues after the frame at that position, which is the innermost one.
    fn join(&mut self, at: usize) {
        let Some(next) = self.frames[at].next else {
            if !self.reachable {
                let height = self.frames[at].height;
                self.stack.truncate(height);
            }
            return;
        };
        if self.reachable {
            let results = self.block_results(self.frames[at].ty);
            let args = self.top_args(results.len());
            self.b.ins().jump(next, &args);
        }
        let height = self.frames[at].height;
        self.stack.truncate(height);
        self.enter(next);
        self.stack.extend_from_slice(self.b.block_params(next));
        self.reachable = true;
    }

    fn end_function(&mut self) {
        self.join(0);
        self.frames.pop();
        if self.reachable {
            self.return_();
        }
    }

    /// Returns with the topmost operands.
    pub(super) fn return_(&mut self) {
        self.give_call_back();
        let results = self.pop_many(self.signature.results.len());
        if let Some(area) = self.return_area {
            let flags = self.flags(MemoryRegion::ReturnArea);
            for (at, &result) in results.iter().enumerate() {
                let offset = at as i32 * SLOT_BYTES as i32;
                self.b.ins().store(flags, result, area, offset);
            }
            self.b.ins().return_(&[]);
        } else {
            self.b.ins().return_(&results);
        }
        self.reachable = false;
    }

    pub(super) fn br(&mut self, depth: u32) {
        if self.frame_at(depth) == 0 {
            return self.return_();
        }
        let (block, arity) = self.label(depth);
        let args = self.top_args(arity);
        self.b.ins().jump(block, &args);
        self.reachable = false;
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.pop();
        let (block, arity) = self.label(depth);
        let args = self.top_args(arity);
        let next = self.b.create_block();
        self.b.ins().brif(condition, block, &args, next, &[]);
        self.enter(next);
    }

    pub(super) fn br_table(&mut self, table: &BrTable<'_>) -> Result<(), Rejected> {
        let index = self.pop();
        let default = table.default();
        let mut edges = Edges::default();
        let default = edges.to(self, default);
        let mut blocks = Vec::with_capacity(table.len() as usize);
        for depth in table.targets() {
            let depth = depth.map_err(unreadable)?;
            blocks.push(edges.to(self, depth));
        }
        let table = self
            .b
            .create_jump_table(JumpTableData::new(default, &blocks));
        self.b.ins().br_table(index, table);
        for (depth, block) in edges.made {
            self.enter(block);
            let (target, arity) = self.label(depth);
            let args = self.top_args(arity);
            self.b.ins().jump(target, &args);
        }
        self.reachable = false;
        Ok(())
    }

    /// `br_on_null`.
    pub(super) fn br_on_null(&mut self, depth: u32) {
        let reference = self.pop();
        let (block, arity) = self.label(depth);
        let mut args = self.top_args(arity);
        if planted!(self.config().planted(), BrOnNullKeepsTheReference) {
            self.replace_last(&mut args, reference);
        }
        let next = self.b.create_block();
        self.b.ins().brif(reference, next, &[], block, &args);
        self.enter(next);
        self.push(reference);
    }

    /// Replaces the last argument by `value` if their machine types are equal: a planted fault.
    fn replace_last(&self, args: &mut Args, value: Value) {
        let ty = |value| self.b.func.dfg.value_type(value);
        if let Some(BlockArg::Value(last)) = args.last_mut()
            && ty(*last) == ty(value)
        {
            *last = value;
        }
    }

    /// `br_on_non_null`.
    pub(super) fn br_on_non_null(&mut self, depth: u32) {
        let reference = self.stack[self.stack.len() - 1];
        let (block, arity) = self.label(depth);
        let args = self.top_args(arity);
        let next = self.b.create_block();
        self.b.ins().brif(reference, block, &args, next, &[]);
        self.enter(next);
        self.pop();
    }

    /// Jumps from the current block to a label with the topmost operands. Does not mark the current
    /// position as unreachable.
    pub(super) fn jump_to_label(&mut self, depth: u32) {
        let (block, arity) = self.label(depth);
        let args = self.top_args(arity);
        self.b.ins().jump(block, &args);
    }
}

/// One block for each label with arguments that a `br_table` names: entries of jump tables cannot
/// pass arguments.
#[derive(Default)]
struct Edges {
    made: Vec<(u32, Block)>,
    by_depth: std::collections::BTreeMap<u32, Block>,
}

impl Edges {
    /// A new entry of a jump table. No two entries may share one list of arguments: the builder
    /// appends to each.
    fn to(&mut self, t: &mut Translator<'_>, depth: u32) -> BlockCall {
        let block = match self.by_depth.get(&depth) {
            Some(&block) => block,
            None => {
                let block = self.block(t, depth);
                self.by_depth.insert(depth, block);
                block
            }
        };
        BlockCall::new(block, [], &mut t.b.func.dfg.value_lists)
    }

    fn block(&mut self, t: &mut Translator<'_>, depth: u32) -> Block {
        let (target, arity) = t.label(depth);
        if arity == 0 {
            return target;
        }
        let edge = t.b.create_block();
        self.made.push((depth, edge));
        edge
    }
}

/// Fuel and epochs. Both are checked on entry and at the start of every loop, which every backward
/// branch passes.
impl Translator<'_> {
    /// At the start of the function or of a loop's body.
    pub(super) fn interruption_check(&mut self) {
        if self.config().fuel {
            self.fuel_check();
        }
        if self.config().epochs {
            self.epoch_check();
        }
    }

    fn fuel_check(&mut self) {
        let store = self.store();
        let offset = offset_of!(VmStore, fuel) as u32;
        let fuel = self.load_context(types::I64, store, offset);
        let cost = self.i64_const(0);
        let inst = self.b.func.dfg.value_def(cost).unwrap_inst();
        self.costs.push((inst, 1));
        let left = self.b.ins().isub(fuel, cost);
        let flags = self.flags(Region::Context).with_aligned();
        self.b.ins().store(flags, left, store, offset as i32);
        let empty = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        self.call_rarely(empty, LibCall::out_of_fuel);
    }

    fn epoch_check(&mut self) {
        let store = self.store();
        let epoch = self.load_constant(types::I64, store, offset_of!(VmStore, epoch) as u32);
        // Atomic, so that it is loaded again in every iteration: another thread writes it.
        let flags = self.flags(Region::Context).with_aligned();
        let now = self.b.ins().atomic_load(types::I64, flags, epoch);
        let offset = offset_of!(VmStore, epoch_deadline) as u32;
        let deadline = self.load_context(types::I64, store, offset);
        let passed = self
            .b
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, now, deadline);
        self.call_rarely(passed, LibCall::epoch_passed);
    }

    fn call_rarely(&mut self, condition: Value, call: LibCall) {
        let cold = self.cold_block();
        let next = self.b.create_block();
        self.b.ins().brif(condition, cold, &[], next, &[]);
        self.enter(cold);
        self.libcall(call, &[]);
        self.b.ins().jump(next, &[]);
        self.enter(next);
    }

    /// Patches the cost of the innermost loop, or of the function outside of loops, into its fuel
    /// check.
    pub(super) fn end_cost(&mut self) {
        if let Some((inst, cost)) = self.costs.pop() {
            self.b.func.dfg.insts[inst] = InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm: cost.into(),
            };
        }
    }

    /// `TrapMode::Explicit`: compares the stack pointer, which is already below this function's
    /// frame, with the limit. The frame is given up before the host is called, so that the call
    /// itself never runs far below the limit.
    pub(super) fn stack_check(&mut self) {
        let store = self.store();
        let offset = offset_of!(VmStore, stack_limit) as u32;
        let limit = self.load_context(types::I64, store, offset);
        let pointer = self.b.ins().get_stack_pointer(types::I64);
        let over = self.b.ins().icmp(IntCC::UnsignedLessThan, pointer, limit);
        self.end_early_if(over, LibCall::stack_overflow);
    }

    /// Gives up the function's frame and raises, at the beginning of a function.
    fn end_early_if(&mut self, condition: Value, call: LibCall) {
        let cold = self.cold_block();
        let next = self.b.create_block();
        self.b.ins().brif(condition, cold, &[], next, &[]);
        self.enter(cold);
        let mut signature = stubs::signature(call, CallConv::Tail);
        signature.returns = self.b.func.signature.returns.clone();
        let callee = self.libcall_as(call, signature);
        let vmctx = self.vmctx;
        self.b.ins().return_call(callee, &[vmctx]);
        self.enter(next);
    }

    /// Takes one of the calls that may be nested, at the beginning of a function. Code of the
    /// initialiser takes none.
    pub(super) fn take_call(&mut self) {
        if !self.config().counted_calls {
            return;
        }
        let (store, left) = self.calls_left();
        let none = self.b.ins().icmp_imm_u(IntCC::Equal, left, 0);
        self.end_early_if(none, LibCall::calls_used_up);
        self.set_calls_left(store, left, -1);
        self.takes_call = true;
    }

    /// Gives the call back, at every end of the function. The unwinder does so for the frames that
    /// an exception leaves.
    pub(super) fn give_call_back(&mut self) {
        if self.takes_call {
            let (store, left) = self.calls_left();
            self.set_calls_left(store, left, 1);
        }
    }

    fn calls_left(&mut self) -> (Value, Value) {
        let store = self.store();
        let offset = offset_of!(VmStore, calls_left) as u32;
        (store, self.load_context(types::I32, store, offset))
    }

    fn set_calls_left(&mut self, store: Value, left: Value, more: i64) {
        let flags = self.flags(Region::Context).with_aligned();
        let left = self.b.ins().iadd_imm_s(left, more);
        let offset = offset_of!(VmStore, calls_left) as i32;
        self.b.ins().store(flags, left, store, offset);
    }

    /// `unreachable`.
    pub(super) fn unreachable(&mut self) {
        self.trap_now(Trap::Unreachable);
    }
}
