//! Spills references that are live across calls. Each has a slot in the frame, and the stack maps
//! of these calls name the slot.
//!
//! ```text
//! declared values -> References (with the parameters that SSA construction added)
//!                 -> Code        positions, calls, uses, predecessors
//!                 -> Liveness    which values are live across which calls, and their slots
//!                 -> stack maps, and the stores and loads of `slots`
//! ```
//!
//! If objects move, a value that was loaded or made before a call is not used after it: it is
//! loaded again from its slot. If objects do not move, only collections read the slots, so a slot
//! need not be written long before a call. A value that is only an argument of a call is not live
//! across it.
//!
//! Cranelift's frontend can do this as well. Its fixed point over sets of values visits a chain of
//! n branches n² times: 400 branches over as many references took seconds. Here each value is
//! followed from its uses up to its definition (Boissinot et al., "Computing Liveness Sets for
//! SSA-Form Programs", section 5.2), so the cost is linear in the output.
//!
//! Not here: which values are references (`translator`, invariant G1), and where in the frame slots
//! are (`emitted`).

use std::ops::Range;

use cranelift_codegen::entity::{EntityRef, EntitySet};
use cranelift_codegen::ir::{
    AliasRegionData, Block, BlockArg, Function, Inst, MemFlagsData, UserStackMapEntry, Value, types,
};

use super::slots::{self, Position, Rewriter, Span, destinations};
use crate::error::Rejected;
use crate::limits::{LIVE_RANGES_MAX, STACK_MAP_ENTRIES_MAX};

/// Identity of the region of the slots.
const REGION: u32 = 100;
/// A value that is live only across at most this many cold calls is stored before each of them,
/// which keeps hot code free of stores. A larger number would let the size of the code grow with
/// the square of the number of allocations.
const COLD_STORES_MAX: usize = 4;

/// The values of a function that may be references.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Values that are references.
    pub declared: EntitySet<Value>,
    /// Parameters of blocks that the translator made. Other parameters come from SSA construction,
    /// and are references if an argument is.
    pub own_params: EntitySet<Value>,
}

/// Assigns a slot to every reference that is live across a call, and adds stack maps to the calls.
/// Every block must be filled and sealed. `moves` says whether a call may change the slots.
///
/// # Errors
///
/// [`Rejected::Limit`] when stack maps would be too large.
pub(super) fn spill(
    func: &mut Function,
    references: References,
    moves: bool,
) -> Result<(), Rejected> {
    if references.declared.is_empty() {
        return Ok(());
    }
    let is_reference = references.resolve(func);
    let code = Code::scan(func, &is_reference);
    let mut liveness = Liveness::find(&code)?;
    if !liveness.spans.is_empty() {
        let slots = slots::assign(func, &mut liveness.spans, types::I32.bytes());
        let flags = flags(func);
        let mut rewriter = Rewriter::new(func, flags, &slots);
        add_maps(&mut rewriter, &code, &liveness);
        store(&mut rewriter, &code, &liveness, moves);
        if moves {
            rewriter.reload();
        }
    }
    Ok(())
}

impl References {
    /// Whether each value is a reference. Leaves no use of an alias.
    fn resolve(self, func: &mut Function) -> Vec<bool> {
        let mut is_reference = vec![false; func.dfg.num_values()];
        let resolved = self.declared.iter().map(|v| func.dfg.resolve_aliases(v));
        let mut work: Vec<Value> = resolved.collect();
        func.dfg.resolve_all_aliases();
        // The arguments that SSA construction passes on, each with its parameter.
        let mut passed: Vec<(Value, Value)> = Vec::new();
        for block in func.layout.blocks() {
            for call in destinations(func, block) {
                let params = func.dfg.block_params(call.block(&func.dfg.value_lists));
                for (arg, &param) in call.args(&func.dfg.value_lists).zip(params) {
                    if let BlockArg::Value(arg) = arg
                        && func.dfg.value_type(param) == types::I32
                        && !self.own_params.contains(param)
                    {
                        passed.push((arg, param));
                    }
                }
            }
        }
        passed.sort_unstable();
        while let Some(value) = work.pop() {
            if !std::mem::replace(&mut is_reference[value.index()], true) {
                let first = passed.partition_point(|(arg, _)| *arg < value);
                let to = passed[first..].iter().take_while(|(arg, _)| *arg == value);
                work.extend(to.map(|(_, param)| *param));
            }
        }
        is_reference
    }
}

/// Where a block is.
#[derive(Clone, Default)]
struct Stretch {
    begin: Position,
    /// The position of its outgoing edges.
    end: Position,
    /// Its calls in [`Code::calls`].
    calls: Range<u32>,
}

/// A function as the search for live values needs it.
struct Code {
    /// By block.
    blocks: Vec<Stretch>,
    /// Every call that returns to the function.
    calls: Vec<(Position, Inst)>,
    /// By value: where it is defined, if it is a reference.
    defs: Vec<(Block, Position)>,
    /// Every use of a reference, by value.
    uses: Vec<(Value, Block, Position)>,
    /// Edges: successor and predecessor, by successor.
    edges: Vec<(Block, Block)>,
}

impl Code {
    fn scan(func: &Function, is_reference: &[bool]) -> Code {
        let nowhere = (Block::from_u32(0), 0);
        let mut code = Code {
            blocks: vec![Stretch::default(); func.dfg.num_blocks()],
            calls: Vec::new(),
            defs: vec![nowhere; func.dfg.num_values()],
            uses: Vec::new(),
            edges: Vec::new(),
        };
        let mut at = 0;
        for block in func.layout.blocks() {
            let (begin, first) = (at, code.calls.len() as u32);
            code.define(func.dfg.block_params(block), block, at);
            for inst in func.layout.block_insts(block) {
                at += 2;
                for &arg in func.dfg.inst_args(inst) {
                    if is_reference[arg.index()] {
                        code.uses.push((arg, block, at));
                    }
                }
                code.define(func.dfg.inst_results(inst), block, at);
                if func.dfg.insts[inst].opcode().is_safepoint() {
                    code.calls.push((at, inst));
                }
            }
            for call in destinations(func, block) {
                code.edges.push((call.block(&func.dfg.value_lists), block));
                for arg in call.args(&func.dfg.value_lists) {
                    if let BlockArg::Value(arg) = arg
                        && is_reference[arg.index()]
                    {
                        code.uses.push((arg, block, at + 1));
                    }
                }
            }
            code.blocks[block.index()] = Stretch {
                begin,
                end: at + 1,
                calls: first..code.calls.len() as u32,
            };
            at += 2;
        }
        code.uses.sort_unstable();
        code.edges.sort_unstable();
        code.edges.dedup();
        code
    }

    fn define(&mut self, values: &[Value], block: Block, at: Position) {
        for value in values {
            self.defs[value.index()] = (block, at);
        }
    }

    fn predecessors(&self, block: Block) -> impl Iterator<Item = Block> {
        let first = self.edges.partition_point(|(to, _)| *to < block);
        let edges = self.edges[first..].iter();
        edges.take_while(move |(to, _)| *to == block).map(|e| e.1)
    }

    /// The numbers of the calls of a block from one position to another, both excluded.
    fn calls_between(&self, block: Block, from: Position, to: Position) -> Range<u32> {
        let range = &self.blocks[block.index()].calls;
        let calls = &self.calls[range.start as usize..range.end as usize];
        let first = calls.partition_point(|(at, _)| *at <= from) as u32;
        let end = calls.partition_point(|(at, _)| *at < to) as u32;
        range.start + first..range.start + end.max(first)
    }
}

/// Which values are live across which calls.
struct Liveness {
    spans: Vec<Span<Value>>,
    /// Pairs of a call, by number, and a value that is live across it.
    over: Vec<(u32, Value)>,
}

/// Where one value is live. Reused for the next value without clearing it.
struct LiveBlocks {
    /// By block: the value that was last found to be live in it, and up to which position.
    until: Vec<(Option<Value>, Position)>,
    /// Blocks in which the value is live.
    blocks: Vec<Block>,
    /// Blocks at whose start the value is live, and whose predecessors are still to be visited.
    work: Vec<Block>,
}

impl Liveness {
    fn find(code: &Code) -> Result<Liveness, Rejected> {
        let mut liveness = Liveness {
            spans: Vec::new(),
            over: Vec::new(),
        };
        let mut live = LiveBlocks {
            until: vec![(None, 0); code.blocks.len()],
            blocks: Vec::new(),
            work: Vec::new(),
        };
        let mut visited = 0;
        for uses in code.uses.chunk_by(|a, b| a.0 == b.0) {
            live.follow(code, uses);
            liveness.add(code, uses[0].0, &live);
            visited += live.blocks.len();
            if liveness.over.len() > STACK_MAP_ENTRIES_MAX {
                return Err(Rejected::Limit("references held over calls".to_owned()));
            }
            if visited > LIVE_RANGES_MAX {
                return Err(Rejected::Limit("references held over blocks".to_owned()));
            }
        }
        Ok(liveness)
    }

    /// Adds a value if it is live across a call.
    fn add(&mut self, code: &Code, value: Value, live: &LiveBlocks) {
        let (home, defined) = code.defs[value.index()];
        let before = self.over.len();
        let (mut first, mut last) = (defined, defined);
        for &block in &live.blocks {
            let begin = if block == home {
                defined
            } else {
                code.blocks[block.index()].begin
            };
            let (_, until) = live.until[block.index()];
            let calls = code.calls_between(block, begin, until);
            self.over.extend(calls.map(|call| (call, value)));
            first = first.min(begin);
            last = last.max(until);
        }
        if self.over.len() > before {
            self.spans.push(Span {
                first,
                last,
                of: value,
            });
        }
    }
}

impl LiveBlocks {
    /// Finds the blocks in which a value is live, from its uses in the order of their positions.
    fn follow(&mut self, code: &Code, uses: &[(Value, Block, Position)]) {
        self.blocks.clear();
        let value = uses[0].0;
        let home = code.defs[value.index()].0;
        for &(_, block, at) in uses {
            self.reach(value, block, at, home);
            while let Some(block) = self.work.pop() {
                for before in code.predecessors(block) {
                    let end = code.blocks[before.index()].end;
                    self.reach(value, before, end, home);
                }
            }
        }
    }

    /// The value is live in `block` up to `at`.
    fn reach(&mut self, value: Value, block: Block, at: Position, home: Block) {
        let (known, until) = &mut self.until[block.index()];
        if *known == Some(value) {
            *until = at.max(*until);
            return;
        }
        (*known, *until) = (Some(value), at);
        self.blocks.push(block);
        if block != home {
            self.work.push(block);
        }
    }
}

/// Flags of accesses to the slots.
fn flags(func: &mut Function) -> MemFlagsData {
    let region = func.dfg.alias_regions.insert(AliasRegionData {
        user_id: REGION,
        description: "stack map slots".into(),
    });
    MemFlagsData::trusted().with_alias_region(Some(region))
}

/// Adds the stack maps to the calls.
fn add_maps(rewriter: &mut Rewriter<'_>, code: &Code, liveness: &Liveness) {
    for &(call, value) in &liveness.over {
        let slot = rewriter.slot(value).expect("it is live across a call");
        let (_, inst) = code.calls[call as usize];
        let (ty, offset) = (types::I32, 0);
        let entry = UserStackMapEntry { ty, slot, offset };
        rewriter.func.dfg.append_user_stack_map_entry(inst, entry);
    }
}

/// Stores the values that are live across calls. A value is stored once, after its definition. If
/// objects do not move and all of its calls are cold, it is stored before the calls instead.
fn store(rewriter: &mut Rewriter<'_>, code: &Code, liveness: &Liveness, moves: bool) {
    for over in liveness.over.chunk_by(|a, b| a.1 == b.1) {
        let value = over[0].1;
        let calls = over.iter().map(|(call, _)| code.calls[*call as usize].1);
        let few = !moves && over.len() <= COLD_STORES_MAX;
        if few && calls.clone().all(|call| is_cold(rewriter.func, call)) {
            calls.for_each(|call| rewriter.store_before(call, value));
        } else {
            rewriter.store(value);
        }
    }
}

fn is_cold(func: &Function, inst: Inst) -> bool {
    let block = func.layout.inst_block(inst);
    block.is_some_and(|block| func.layout.is_cold(block))
}
