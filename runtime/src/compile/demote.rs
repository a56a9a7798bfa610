//! Keeps the frames of large functions small when registers are allocated in a single pass.
//!
//! That allocator gives a slot of its own to each value that is live across a block's end or a
//! call, and to each parameter of a block. It also visits each of them in each block where it is
//! live, and the optimiser makes values live long: it places an addition where its sum is used.
//! Here such values get slots of our own, which values that do not live together share. Then
//! nothing is left to the allocator that lives longer than a block.
//!
//! ```text
//! scan      where each value lives, as one span of positions
//! assign    a slot for each span (`slots`)
//! pass      parameters of blocks become stores before the jump and loads at the block's start
//! reload    other values are stored once, and loaded in each block that uses them (`slots`)
//! ```
//!
//! It comes after the optimiser, which would turn slots into values again. A span covers every
//! position at which the value is live, and may cover more. So the search for spans is linear in
//! the size of the function, apart from loops, which cost a logarithm.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::EntityRef;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstBuilder, MemFlagsData, Opcode, StackSlot,
    Value, types,
};
use smallvec::SmallVec;

use super::slots::{self, Position, Rewriter, Span, destinations, store_before};

/// Functions with fewer instructions have no large frame.
const INSTRUCTIONS_MIN: usize = 150;
/// With fewer values that need a slot, a slot for each of them is cheaper.
const VALUES_MIN: usize = 64;

/// Returns true if a function is so large that its frame may be.
pub(super) fn is_large(func: &Function) -> bool {
    func.dfg.num_insts() >= INSTRUCTIONS_MIN
}

/// Demotes the values of a function whose registers are to be allocated in a single pass. The
/// function must be optimised already. Returns the number of its calls.
pub(super) fn demote(func: &mut Function) -> usize {
    let scan = Scan::new(func);
    let mut spans = scan.spans(func);
    if spans.len() < VALUES_MIN {
        return scan.calls;
    }
    let wide = |span: &Span<Holder>| func.dfg.value_type(span.of.value()).bytes() > 8;
    let (mut wide, mut narrow): (Vec<_>, Vec<_>) = spans.drain(..).partition(wide);
    let mut assigned = slots::assign(func, &mut narrow, 8);
    assigned.extend(slots::assign(func, &mut wide, 16));
    let mut held = Vec::new();
    let mut passed = vec![None; func.dfg.num_values()];
    for (holder, slot) in assigned {
        match holder {
            Holder::Value(value) => held.push((value, slot)),
            Holder::Passed(param) => passed[param.index()] = Some(slot),
        }
    }
    pass(func, &scan, &passed);
    let mut rewriter = Rewriter::new(func, flags(), &held);
    for (value, _) in held {
        rewriter.store(value);
    }
    rewriter.reload();
    scan.calls
}

/// Flags of all accesses to the slots.
fn flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// A value, from its definition to its last use.
    Value(Value),
    /// The next value of a block's parameter, from a jump to the block's start. The parameter's
    /// last value may still be used then, so this slot is never the value's own.
    Passed(Value),
}

impl Holder {
    fn value(self) -> Value {
        match self {
            Holder::Value(value) | Holder::Passed(value) => value,
        }
    }
}

/// Where a value lives.
#[derive(Clone, Copy, Debug)]
struct Life {
    first: Position,
    last: Position,
    /// Its block, once its definition was seen, and how many calls came before it.
    home: Option<(Block, u32)>,
    /// Whether it lives across the end of a block or across a call.
    crosses: bool,
    /// Whether it stays a value.
    stays: bool,
}

const NOWHERE: Life = Life {
    first: Position::MAX,
    last: 0,
    home: None,
    crosses: false,
    stays: false,
};

impl Life {
    fn define(&mut self, at: Position, home: (Block, u32)) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.home = Some(home);
    }

    fn use_(&mut self, at: Position, here: (Block, u32)) {
        self.last = self.last.max(at);
        self.crosses |= self.home != Some(here);
        if self.home.is_none() {
            // The layout is not in the order of dominance.
            (self.first, self.last) = (0, Position::MAX);
        }
    }
}

/// Where the values of a function live.
struct Scan {
    /// By value.
    lives: Vec<Life>,
    /// By value: from the first jump that passes it to the last, if it is a parameter.
    passed: Vec<Life>,
    /// By block: whether its parameters stay, because a call or two edges of one branch pass them.
    keeps_params: Vec<bool>,
    /// Jumps backwards: to which position and from which.
    loops: Vec<(Position, Position)>,
    /// How many calls there are.
    calls: usize,
}

impl Scan {
    fn new(func: &Function) -> Scan {
        let values = func.dfg.num_values();
        let mut scan = Scan {
            lives: vec![NOWHERE; values],
            passed: vec![NOWHERE; values],
            keeps_params: vec![false; func.dfg.num_blocks()],
            loops: Vec::new(),
            calls: 0,
        };
        let mut begins: Vec<Option<Position>> = vec![None; func.dfg.num_blocks()];
        if let Some(entry) = func.layout.entry_block() {
            scan.keeps_params[entry.index()] = true;
        }
        let (mut at, mut calls) = (0, 0);
        for block in func.layout.blocks() {
            begins[block.index()] = Some(at);
            for param in func.dfg.block_params(block) {
                scan.lives[param.index()].define(at, (block, calls));
            }
            for inst in func.layout.block_insts(block) {
                at += 2;
                for value in func.dfg.inst_values(inst) {
                    scan.lives[value.index()].use_(at, (block, calls));
                }
                calls += u32::from(func.dfg.insts[inst].opcode().is_safepoint());
                for result in func.dfg.inst_results(inst) {
                    scan.lives[result.index()].define(at, (block, calls));
                    scan.lives[result.index()].stays = stays(func.dfg.insts[inst].opcode());
                }
            }
            scan.edges(func, block, (at, calls), &begins);
            at += 2;
        }
        scan.loops.sort_unstable();
        scan.calls = calls as usize;
        scan
    }

    /// Looks at the edges out of a block, whose last instruction is at a position.
    fn edges(
        &mut self,
        func: &Function,
        block: Block,
        (at, calls): (Position, u32),
        begins: &[Option<Position>],
    ) {
        let edges = destinations(func, block);
        let last = func.layout.last_inst(block);
        let is_call = last.is_some_and(|inst| func.dfg.insts[inst].opcode().is_call());
        let mut targets: SmallVec<[Block; 4]> = SmallVec::new();
        for call in edges {
            let target = call.block(&func.dfg.value_lists);
            let params = func.dfg.block_params(target);
            if let Some(begin) = begins[target.index()] {
                self.loops.push((begin, at + 1));
            }
            if params.is_empty() {
                continue;
            }
            if is_call {
                self.keeps_params[target.index()] = true;
            }
            targets.push(target);
            for (arg, param) in call.args(&func.dfg.value_lists).zip(params) {
                let passed = &mut self.passed[param.index()];
                // The store comes before the last use of any other value by the jump.
                passed.first = passed.first.min(at - 1);
                passed.last = passed.last.max(at);
                if is_call && let BlockArg::Value(arg) = arg {
                    // It is used after the call.
                    self.lives[arg.index()].use_(at + 1, (block, calls));
                }
            }
        }
        targets.sort_unstable();
        for pair in targets.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.keeps_params[pair[0].index()] = true;
        }
    }

    /// Returns the spans of everything that needs a slot.
    fn spans(&self, func: &Function) -> Vec<Span<Holder>> {
        let ends = Ends::new(&self.loops);
        let mut spans = Vec::new();
        // The context stays a value: prologues and tables of exception handlers name it.
        let entry = func.layout.entry_block();
        let context = entry.and_then(|entry| func.dfg.block_params(entry).first().copied());
        for block in func
            .layout
            .blocks()
            .filter(|b| !self.keeps_params[b.index()])
        {
            for &param in func.dfg.block_params(block) {
                let Life { first, last, .. } = self.passed[param.index()];
                // The parameters are loaded one by one, and each may be stored before the next.
                let begin = self.lives[param.index()].first;
                let (first, last) = (first.min(begin), last.max(begin + 1));
                let last = ends.extended(first, last);
                let of = Holder::Passed(param);
                spans.push(Span { first, last, of });
            }
        }
        for (value, life) in func.dfg.values().map(|v| (v, &self.lives[v.index()])) {
            if life.crosses && !life.stays && Some(value) != context {
                let last = ends.extended(life.first, life.last);
                let (first, of) = (life.first, Holder::Value(value));
                spans.push(Span { first, last, of });
            }
        }
        spans
    }
}

/// Returns true if the results of an operation stay values. Constants are made again in each block.
/// The code generator has no instruction for some conversions of lanes alone, and must see them
/// together with what uses them.
fn stays(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Iconst
            | Opcode::F32const
            | Opcode::F64const
            | Opcode::Vconst
            | Opcode::FcvtToSintSat
            | Opcode::FcvtToUintSat
            | Opcode::SwidenLow
            | Opcode::SwidenHigh
            | Opcode::UwidenLow
            | Opcode::UwidenHigh
    )
}

/// The ends of loops, for questions about ranges: a tree of maxima.
struct Ends<'a> {
    loops: &'a [(Position, Position)],
    tree: Vec<Position>,
}

impl<'a> Ends<'a> {
    fn new(loops: &'a [(Position, Position)]) -> Ends<'a> {
        let mut tree = vec![0; loops.len()];
        tree.extend(loops.iter().map(|(_, end)| *end));
        for at in (1..loops.len()).rev() {
            tree[at] = tree[2 * at].max(tree[2 * at + 1]);
        }
        Ends { loops, tree }
    }

    /// The last position at which a value is live that is defined at `first` and used at `last`. A
    /// value that is used in a loop and defined before it is live up to the loop's end.
    fn extended(&self, first: Position, mut last: Position) -> Position {
        let begin = self.loops.partition_point(|(begin, _)| *begin <= first);
        loop {
            let end = self.loops.partition_point(|(begin, _)| *begin <= last);
            let longest = self.max(begin, end);
            if longest <= last {
                return last;
            }
            last = longest;
        }
    }

    /// The largest end of the loops `begin..end`.
    fn max(&self, begin: usize, end: usize) -> Position {
        let (mut low, mut high) = (begin + self.loops.len(), end + self.loops.len());
        let mut max = 0;
        while low < high {
            if low % 2 == 1 {
                max = max.max(self.tree[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                max = max.max(self.tree[high]);
            }
            (low, high) = (low / 2, high / 2);
        }
        max
    }
}

/// Replaces parameters of blocks by slots.
fn pass(func: &mut Function, scan: &Scan, passed: &[Option<StackSlot>]) {
    let mut next = func.layout.entry_block();
    while let Some(block) = next {
        next = func.layout.next_block(block);
        if let Some(last) = func.layout.last_inst(block) {
            store_arguments(func, block, last, passed);
        }
    }
    let mut next = func.layout.entry_block();
    while let Some(block) = next {
        next = func.layout.next_block(block);
        if !scan.keeps_params[block.index()] {
            load_params(func, block, passed);
        }
    }
}

/// Stores what the last instruction of a block passes to parameters that have slots.
fn store_arguments(func: &mut Function, block: Block, last: Inst, passed: &[Option<StackSlot>]) {
    for edge in 0..destinations(func, block).len() {
        let call = destinations(func, block)[edge];
        let target = call.block(&func.dfg.value_lists);
        let params: SmallVec<[Value; 8]> = func.dfg.block_params(target).into();
        let Some(_) = params.first().and_then(|param| passed[param.index()]) else {
            continue;
        };
        let args: SmallVec<[BlockArg; 8]> = call.args(&func.dfg.value_lists).collect();
        for (arg, param) in args.iter().zip(params) {
            let slot = passed[param.index()].expect("all parameters of a block, or none");
            let value = arg.as_value().expect("only calls pass their results");
            store_before(func, last, value, (slot, flags()));
        }
        let without = BlockCall::new(target, [], &mut func.dfg.value_lists);
        let dfg = &mut func.dfg;
        dfg.insts[last].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables)
            [edge] = without;
    }
}

/// Loads the parameters of a block at its start.
fn load_params(func: &mut Function, block: Block, passed: &[Option<StackSlot>]) {
    let params: SmallVec<[Value; 8]> = func.dfg.block_params(block).into();
    func.dfg.detach_block_params(block);
    let Some(first) = func.layout.first_inst(block) else {
        return;
    };
    for param in params {
        let slot = passed[param.index()].expect("it is passed in a slot");
        let ty = func.dfg.value_type(param);
        let mut cursor = FuncCursor::new(func).at_inst(first);
        let address = cursor.ins().stack_addr(types::I64, slot, 0);
        cursor
            .ins()
            .with_result(param)
            .load(ty, flags(), address, 0);
    }
}
