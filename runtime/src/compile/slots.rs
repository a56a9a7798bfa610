//! Values that have a slot in the frame: their stores, and their loads after calls and in other
//! blocks.
//!
//! A value is stored once, after its definition. In each block, and after each call, it is loaded
//! again before its first use. So it need not be in a register in between.
//!
//! Not here: which values have a slot, and which slots are shared (`spill` for references, `demote`
//! for all values of large functions).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::EntityRef;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstBuilder, MemFlagsData, StackSlot,
    StackSlotData, StackSlotKind, Type, Value, ValueDef, types,
};
use smallvec::SmallVec;

/// A position in the function, in the order of the layout. The start of a block and each
/// instruction have even numbers. The edges out of a block have the number of its last instruction
/// plus one.
pub(super) type Position = u32;

/// Something that needs a slot, from its first position to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span<T> {
    pub first: Position,
    pub last: Position,
    pub of: T,
}

/// Makes slots of `bytes` bytes for spans. Spans that do not overlap can share a slot. Returns the
/// slot of each.
pub(super) fn assign<T: Copy + Ord>(
    func: &mut Function,
    spans: &mut [Span<T>],
    bytes: u32,
) -> Vec<(T, StackSlot)> {
    spans.sort_unstable();
    let mut taken = BinaryHeap::new();
    let mut slots = Vec::with_capacity(spans.len());
    for span in spans {
        let slot = match taken.peek() {
            Some(&Reverse((last, slot))) if last <= span.first => {
                taken.pop();
                slot
            }
            _ => {
                let align = bytes.trailing_zeros() as u8;
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, align);
                func.create_sized_stack_slot(data)
            }
        };
        taken.push(Reverse((span.last, slot)));
        slots.push((span.of, slot));
    }
    slots
}

/// Where the last instruction of a block may go.
pub(super) fn destinations(func: &Function, block: Block) -> &[BlockCall] {
    match func.layout.last_inst(block) {
        Some(last) => func.dfg.insts[last]
            .branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables),
        None => &[],
    }
}

/// Stores and loads.
pub(super) struct Rewriter<'a> {
    pub func: &'a mut Function,
    /// Flags of all accesses.
    flags: MemFlagsData,
    /// By value: its slot.
    slots: Vec<Option<StackSlot>>,
    /// By value: the value that holds it since the last call of the block, and the stretch between
    /// calls in which it does.
    current: Vec<(Value, u32)>,
    stretch: u32,
}

impl<'a> Rewriter<'a> {
    /// Rewrites the accesses to values that have these slots.
    pub fn new(
        func: &'a mut Function,
        flags: MemFlagsData,
        assigned: &[(Value, StackSlot)],
    ) -> Rewriter<'a> {
        let values = func.dfg.num_values();
        let mut slots = vec![None; values];
        for &(value, slot) in assigned {
            slots[value.index()] = Some(slot);
        }
        Rewriter {
            func,
            flags,
            slots,
            current: vec![(Value::from_u32(0), 0); values],
            stretch: 0,
        }
    }

    /// Returns the slot of a value.
    pub fn slot(&self, value: Value) -> Option<StackSlot> {
        self.slots.get(value.index()).copied().flatten()
    }

    /// Stores a value after its definition.
    pub fn store(&mut self, value: Value) {
        let next = match self.func.dfg.value_def(value) {
            ValueDef::Result(inst, _) => self.func.layout.next_inst(inst),
            ValueDef::Param(block, _) => self.func.layout.first_inst(block),
            ValueDef::Union(..) => None,
        };
        if let Some(next) = next {
            self.store_before(next, value);
        }
    }

    /// Stores a value before an instruction.
    pub fn store_before(&mut self, inst: Inst, value: Value) {
        let slot = self.slot(value).expect("it has a slot");
        store_before(self.func, inst, value, (slot, self.flags));
    }

    /// Loads the values that are used after a call, or in another block.
    pub fn reload(mut self) {
        let mut next = self.func.layout.entry_block();
        while let Some(block) = next {
            next = self.func.layout.next_block(block);
            self.block(block);
        }
    }

    fn block(&mut self, block: Block) {
        self.stretch += 1;
        let params: SmallVec<[Value; 8]> = self.func.dfg.block_params(block).into();
        self.define(&params);
        let mut next = self.func.layout.first_inst(block);
        while let Some(inst) = next {
            next = self.func.layout.next_inst(inst);
            let is_call = self.func.dfg.insts[inst].opcode().is_safepoint();
            if is_call && next.is_none() {
                self.load_on_edges(block, inst);
            }
            self.load_before(inst);
            if is_call {
                self.stretch += 1;
            }
            let results: SmallVec<[Value; 8]> = self.func.dfg.inst_results(inst).into();
            self.define(&results);
        }
    }

    /// `values` hold themselves up to the next call. Values that the rewriter added have no slot
    /// and are skipped.
    fn define(&mut self, values: &[Value]) {
        for &value in values {
            if let Some(current) = self.current.get_mut(value.index()) {
                *current = (value, self.stretch);
            }
        }
    }

    /// Replaces the operands of an instruction by the values that hold them since the last call.
    fn load_before(&mut self, inst: Inst) {
        let values: SmallVec<[Value; 8]> = self.func.dfg.inst_values(inst).collect();
        if values.iter().all(|value| self.slot(*value).is_none()) {
            return;
        }
        let held: SmallVec<[Value; 8]> = values
            .into_iter()
            .map(|value| match self.slot(value) {
                None => value,
                Some(_) if self.current[value.index()].1 == self.stretch => {
                    self.current[value.index()].0
                }
                Some(slot) => {
                    let loaded = self.load(slot, value, |c| c.at_inst(inst));
                    self.current[value.index()] = (loaded, self.stretch);
                    loaded
                }
            })
            .collect();
        self.func.dfg.overwrite_inst_values(inst, held.into_iter());
    }

    /// Handles a call that ends a block. The arguments that it passes to its successors are loaded
    /// after it, in a new block on the edge.
    fn load_on_edges(&mut self, block: Block, inst: Inst) {
        let mut after = block;
        for edge in 0..destinations(self.func, block).len() {
            let call = destinations(self.func, block)[edge];
            let target = call.block(&self.func.dfg.value_lists);
            let args: SmallVec<[BlockArg; 8]> = call.args(&self.func.dfg.value_lists).collect();
            let has_slot = |arg: &BlockArg| arg.as_value().is_some_and(|v| self.slot(v).is_some());
            if !args.iter().any(has_slot) {
                continue;
            }
            let landing = self.func.dfg.make_block();
            self.func.layout.insert_block_after(landing, after);
            if self.func.layout.is_cold(target) {
                self.func.layout.set_cold(landing);
            }
            after = landing;
            let call = self.landing(landing, target, &args);
            let dfg = &mut self.func.dfg;
            let destinations = dfg.insts[inst]
                .branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
            destinations[edge] = call;
        }
    }

    /// Fills a block on the edge to `target`. Returns the call of that block.
    fn landing(&mut self, landing: Block, target: Block, args: &[BlockArg]) -> BlockCall {
        let mut given: SmallVec<[BlockArg; 8]> = SmallVec::new();
        let mut passed: SmallVec<[BlockArg; 8]> = SmallVec::new();
        for (at, &arg) in args.iter().enumerate() {
            passed.push(BlockArg::Value(match arg {
                BlockArg::Value(value) => match self.slot(value) {
                    None => value,
                    Some(slot) => self.load(slot, value, |c| c.at_bottom(landing)),
                },
                BlockArg::TryCallRet(_) | BlockArg::TryCallExn(_) => {
                    let param = self.func.dfg.block_params(target)[at];
                    let ty = self.func.dfg.value_type(param);
                    given.push(arg);
                    self.func.dfg.append_block_param(landing, ty)
                }
            }));
        }
        let mut cursor = FuncCursor::new(self.func).at_bottom(landing);
        cursor.ins().jump(target, &passed);
        BlockCall::new(landing, given, &mut self.func.dfg.value_lists)
    }

    /// Loads a value from its slot at a position.
    fn load(
        &mut self,
        slot: StackSlot,
        value: Value,
        at: impl FnOnce(FuncCursor<'_>) -> FuncCursor<'_>,
    ) -> Value {
        let ty = self.func.dfg.value_type(value);
        load(at(FuncCursor::new(self.func)), ty, (slot, self.flags))
    }
}

fn load(mut cursor: FuncCursor<'_>, ty: Type, (slot, flags): (StackSlot, MemFlagsData)) -> Value {
    let address = cursor.ins().stack_addr(types::I64, slot, 0);
    cursor.ins().load(ty, flags, address, 0)
}

/// Stores a value in a slot before an instruction.
pub(super) fn store_before(
    func: &mut Function,
    inst: Inst,
    value: Value,
    (slot, flags): (StackSlot, MemFlagsData),
) {
    let mut cursor = FuncCursor::new(func).at_inst(inst);
    let address = cursor.ins().stack_addr(types::I64, slot, 0);
    cursor.ins().store(flags, value, address, 0);
}
