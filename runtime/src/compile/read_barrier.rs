//! Read barriers that nobody needs, taken out again.
//!
//! A collector with a read barrier wants to know what frames refer to while it runs. A reference that is gone before the next call, or
//! has become an address, a comparison or a store with a barrier by then, is nothing that a collection could see. When it is loaded
//! nobody knows yet what becomes of it, so each load gets its barrier, and those are removed whose reference
//!
//! - is not alive over a call (`spill` finds out), and
//! - does not leave the function, as an argument, a result, or through memory of which the collector does not know, and
//! - does not become another value of which one of these is true.
//!
//! Not here: what a barrier does (the collectors).

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::EntitySet;
use cranelift_codegen::ir::{
    Block, BlockArg, Function, Inst, InstBuilder, InstructionData, Opcode, Value, ValueDef,
};

use super::spill::{Code, destinations};
use crate::heap::emit::Region;

/// The code that a collector emitted directly behind a load.
#[derive(Debug)]
pub(super) struct ReadBarrier {
    /// What was loaded.
    pub reference: Value,
    /// Where the function goes on.
    pub after: Block,
}

/// Regions of memory whose references the collector knows: they are written through barriers, or are its own lists.
const KNOWN: [Region; 4] = [
    Region::RefField,
    Region::Table,
    Region::Global,
    Region::AllocState,
];

/// Removes those of `barriers` that nobody needs; `held` are the references that are alive over calls.
pub(super) fn remove(
    func: &mut Function,
    code: &Code,
    barriers: &[ReadBarrier],
    held: impl Iterator<Item = Value>,
) {
    if barriers.is_empty() {
        return;
    }
    let mut needed = Needed::default();
    needed.work.extend(held);
    needed.scan(func);
    needed.follow(func, code);
    for barrier in barriers {
        if !needed.values.contains(barrier.reference) {
            remove_one(func, barrier);
        }
    }
}

/// Values that a collection may see, or that become such values.
#[derive(Default)]
struct Needed {
    values: EntitySet<Value>,
    work: Vec<Value>,
}

impl Needed {
    /// Finds what leaves the function.
    fn scan(&mut self, func: &Function) {
        for block in func.layout.blocks() {
            for inst in func.layout.block_insts(block) {
                self.work.extend_from_slice(leaving(func, inst));
            }
        }
    }

    /// From each value back to those it was made of.
    fn follow(&mut self, func: &Function, code: &Code) {
        while let Some(value) = self.work.pop() {
            if !self.values.insert(value) {
                continue;
            }
            match func.dfg.value_def(value) {
                ValueDef::Result(inst, _) if !forgets(func.dfg.insts[inst].opcode()) => {
                    self.work.extend_from_slice(func.dfg.inst_args(inst));
                }
                ValueDef::Param(block, at) => self.follow_param(func, code, block, at),
                _ => {}
            }
        }
    }

    /// What is passed to a block for one of its parameters.
    fn follow_param(&mut self, func: &Function, code: &Code, block: Block, at: usize) {
        for from in code.predecessors(block) {
            for call in destinations(func, from) {
                if call.block(&func.dfg.value_lists) == block
                    && let Some(BlockArg::Value(value)) = call.args(&func.dfg.value_lists).nth(at)
                {
                    self.work.push(value);
                }
            }
        }
    }
}

/// The operands of an instruction that are somewhere else afterwards.
fn leaving(func: &Function, inst: Inst) -> &[Value] {
    let data = &func.dfg.insts[inst];
    let opcode = data.opcode();
    let args = func.dfg.inst_args(inst);
    if opcode.is_call() || opcode.is_return() {
        return args;
    }
    match data {
        // What is stored comes first, then the address.
        InstructionData::Store { .. } if is_known(func, data) => &[],
        InstructionData::Store { .. } => &args[..1],
        _ if opcode.can_store() => args,
        _ => &[],
    }
}

fn is_known(func: &Function, store: &InstructionData) -> bool {
    let flags = store.memflags_data(&func.dfg);
    let region = flags.and_then(|flags| flags.alias_region());
    region.is_some_and(|region| {
        let id = func.dfg.alias_regions[region].user_id;
        KNOWN.iter().any(|region| *region as u32 == id)
    })
}

/// Whether a result says nothing about which object an operand refers to.
fn forgets(opcode: Opcode) -> bool {
    opcode.is_call() || opcode.can_load() || matches!(opcode, Opcode::Icmp | Opcode::Fcmp)
}

/// Lets the function go on behind the load. The barrier's blocks go as well: they use what its first instructions made.
fn remove_one(func: &mut Function, barrier: &ReadBarrier) {
    let load = func.dfg.value_def(barrier.reference).unwrap_inst();
    let before = func.layout.inst_block(load);
    let before = before.expect("the load is in the function");
    let mut own = successors(func, before);
    while let Some(inst) = func.layout.next_inst(load) {
        func.layout.remove_inst(inst);
    }
    let mut cursor = FuncCursor::new(func).at_bottom(before);
    cursor.ins().jump(barrier.after, &[]);
    while let Some(block) = own.pop() {
        if block == barrier.after || !func.layout.is_block_inserted(block) {
            continue;
        }
        own.extend(successors(func, block));
        while let Some(inst) = func.layout.first_inst(block) {
            func.layout.remove_inst(inst);
        }
        func.layout.remove_block(block);
    }
}

fn successors(func: &Function, block: Block) -> Vec<Block> {
    let calls = destinations(func, block).iter();
    calls
        .map(|call| call.block(&func.dfg.value_lists))
        .collect()
}
