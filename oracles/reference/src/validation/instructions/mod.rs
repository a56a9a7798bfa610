//! Validation of instructions: the algorithm, and the table from instruction to rule.
//!
//! A [`Body`] checks one function body or constant expression from front to back. Its operand stack
//! holds closed types. In an unreachable block, an empty operand stack gives `Bot` without end. So
//! one pass decides the polymorphic rules.
//!
//! Reading order: `parametric`, `control`, `exception`, `variable`, `table`, `memory`, `reference`,
//! `aggregate`, `numeric`, `vector`.

mod aggregate;
mod control;
mod exception;
mod memory;
mod numeric;
mod parametric;
mod reference;
mod table;
mod variable;
mod vector;

use std::collections::BTreeSet;

use super::contexts::{Context, InvalidKind, Space};
use super::sidetable::SideTable;
use super::{Handler, Jump, Result};
use crate::Coverage;
use crate::syntax::{Catch, Instr, LabelIdx, LocalIdx, Locals, RefType, ValType};

/// A result type that is either a slice of the context or a single type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Types<'c> {
    One(ValType),
    Many(&'c [ValType]),
}

impl Types<'_> {
    fn as_slice(&self) -> &[ValType] {
        match self {
            Types::One(t) => std::slice::from_ref(t),
            Types::Many(ts) => ts,
        }
    }
}

/// What kind of block is open.
#[derive(Clone, Debug)]
enum BlockKind {
    Function,
    Block,
    Loop,
    /// With the jump taken when the condition is zero.
    If(u32),
    Else,
    /// With its clauses and their jumps.
    TryTable(Vec<(Catch, u32)>),
}

/// An open block.
#[derive(Clone, Debug)]
struct Frame<'c> {
    kind: BlockKind,
    params: Types<'c>,
    results: Types<'c>,
    /// Position of the instruction that opened the block.
    start: u32,
    /// Height of the operand stack below the parameters.
    height: usize,
    unreachable: bool,
    /// Length of [`Body::newly_set`] when the block was opened.
    set_height: usize,
    /// Jumps that lead to the end of this block.
    patches: Vec<u32>,
}

impl<'c> Frame<'c> {
    /// The types a branch to this block takes along.
    fn label(&self) -> Types<'c> {
        if matches!(self.kind, BlockKind::Loop) {
            self.params
        } else {
            self.results
        }
    }
}

/// The state of the algorithm.
pub(super) struct Body<'c> {
    cx: &'c Context,
    coverage: &'c mut Coverage,
    /// `C.LOCALS`: runs of locals of one type, each with the index after its last. A few bytes can
    /// declare many.
    locals: Vec<(u64, ValType)>,
    params: u32,
    /// `C.LOCALS`: those without default value that are known to be set, parameters apart.
    set: BTreeSet<LocalIdx>,
    /// `set`, in the order in which they became so.
    newly_set: Vec<LocalIdx>,
    /// `C.RETURN`.
    returns: Option<&'c [ValType]>,
    operands: Vec<ValType>,
    frames: Vec<Frame<'c>>,
    /// Position of the instruction being checked.
    at: u32,
    table: SideTable,
    /// Closed `try_table` blocks, whose jumps may still lead to open blocks.
    handlers: Vec<OpenHandler>,
}

/// A [`Handler`] with the positions of its jumps instead of the jumps.
struct OpenHandler {
    start: u32,
    end: u32,
    catches: Vec<(Catch, u32)>,
}

impl<'c> Body<'c> {
    /// Returns the body of a function with these parameters, locals and results. Types are closed.
    pub(super) fn function(
        cx: &'c Context,
        coverage: &'c mut Coverage,
        params: &'c [ValType],
        locals: impl Iterator<Item = Locals>,
        results: &'c [ValType],
    ) -> Body<'c> {
        let mut body = Body::new(cx, coverage, Types::Many(results));
        body.returns = Some(results);
        body.params = params.len() as u32;
        let mut end = 0;
        let params = params.iter().map(|ty| Locals { count: 1, ty: *ty });
        for Locals { count, ty } in params.chain(locals) {
            end += u64::from(count);
            body.locals.push((end, ty));
        }
        body
    }

    /// Returns a constant expression of this closed type.
    pub(super) fn constant(cx: &'c Context, coverage: &'c mut Coverage, t: ValType) -> Body<'c> {
        Body::new(cx, coverage, Types::One(t))
    }

    fn new(cx: &'c Context, coverage: &'c mut Coverage, results: Types<'c>) -> Body<'c> {
        coverage.restart();
        let outermost = Frame {
            kind: BlockKind::Function,
            params: Types::Many(&[]),
            results,
            start: 0,
            height: 0,
            unreachable: false,
            set_height: 0,
            patches: Vec::new(),
        };
        Body {
            cx,
            coverage,
            locals: Vec::new(),
            params: 0,
            set: BTreeSet::new(),
            newly_set: Vec::new(),
            returns: None,
            operands: Vec::new(),
            frames: vec![outermost],
            at: 0,
            table: SideTable::default(),
            handlers: Vec::new(),
        }
    }

    /// `Expr_ok`, of instructions with the `End` of the whole as the last.
    pub(super) fn check(
        mut self,
        instrs: &[Instr],
    ) -> std::result::Result<SideTable, (u32, InvalidKind)> {
        self.table.first = vec![SideTable::NONE; instrs.len()];
        for instr in instrs {
            if self.frames.is_empty() {
                return Err((self.at, InvalidKind::Unbalanced));
            }
            self.instr(instr).map_err(|kind| (self.at, kind))?;
            self.at += 1;
        }
        if self.frames.is_empty() {
            Ok(self.finish())
        } else {
            Err((self.at, InvalidKind::Unbalanced))
        }
    }

    /// The side table, when all jumps are resolved.
    fn finish(self) -> SideTable {
        let Body {
            mut table,
            handlers,
            ..
        } = self;
        let resolve = |(catch, id): (Catch, u32)| (catch, table.jumps[id as usize]);
        table.handlers = handlers
            .into_iter()
            .map(|h| Handler {
                start: h.start,
                end: h.end,
                catches: h.catches.into_iter().map(resolve).collect(),
            })
            .collect();
        table
    }

    // Operands

    fn push(&mut self, t: impl Into<ValType>) {
        self.operands.push(t.into());
        self.table.max_height = self.table.max_height.max(self.operands.len() as u32);
    }

    fn push_all(&mut self, ts: &[ValType]) {
        self.operands.extend(ts);
        self.table.max_height = self.table.max_height.max(self.operands.len() as u32);
    }

    /// Takes an operand of any type.
    fn pop_any(&mut self) -> Result<ValType> {
        let frame = self.frame();
        if self.operands.len() > frame.height {
            return self.operands.pop().ok_or(InvalidKind::Underflow);
        }
        if frame.unreachable {
            Ok(ValType::Bot)
        } else {
            Err(InvalidKind::Underflow)
        }
    }

    /// Takes an operand of a subtype of `expected`, and returns its type.
    fn pop(&mut self, expected: impl Into<ValType>) -> Result<ValType> {
        let expected = expected.into();
        let found = self.pop_any()?;
        self.matches(found, expected)?;
        Ok(found)
    }

    fn pop_all(&mut self, expected: &[ValType]) -> Result<()> {
        expected
            .iter()
            .rev()
            .try_for_each(|t| self.pop(*t).map(drop))
    }

    /// Takes `count` operands of subtypes of `expected`. In unreachable code it takes no time for
    /// the operands that are not there.
    fn pop_many(&mut self, expected: ValType, count: u32) -> Result<()> {
        let available = self.operands.len() - self.frame().height;
        if (count as usize) > available && !self.frame().unreachable {
            return Err(InvalidKind::Underflow);
        }
        (0..available.min(count as usize)).try_for_each(|_| self.pop(expected).map(drop))
    }

    /// Takes a reference. `None` stands for any reference, in unreachable code.
    fn pop_ref(&mut self) -> Result<Option<RefType>> {
        match self.pop_any()? {
            ValType::Ref(rt) => Ok(Some(rt)),
            ValType::Bot => Ok(None),
            t => Err(InvalidKind::NotReference(t)),
        }
    }

    /// `Valtype_sub`.
    fn matches(&self, found: ValType, expected: ValType) -> Result<()> {
        if self.cx.store.valtype_sub(found, expected) {
            Ok(())
        } else {
            Err(InvalidKind::Mismatch { expected, found })
        }
    }

    /// `Reftype_sub`.
    fn ref_matches(&self, found: RefType, expected: RefType) -> Result<()> {
        self.matches(ValType::Ref(found), ValType::Ref(expected))
    }

    // Blocks

    fn frame(&self) -> &Frame<'c> {
        self.frames
            .last()
            .expect("`check` stops when the outermost block is closed")
    }

    /// `C.LABELS[l]`, as a position in `frames`.
    fn label(&self, l: LabelIdx) -> Result<usize> {
        let outermost = self.frames.len() - 1;
        outermost
            .checked_sub(l.index())
            .ok_or(InvalidKind::Unknown(Space::Label, l.0))
    }

    fn open(&mut self, kind: BlockKind, params: Types<'c>, results: Types<'c>) {
        self.frames.push(Frame {
            kind,
            params,
            results,
            start: self.at,
            height: self.operands.len(),
            unreachable: false,
            set_height: self.newly_set.len(),
            patches: Vec::new(),
        });
        self.push_all(params.as_slice());
    }

    /// Takes the results of the innermost block, closes it, and forgets which locals it set.
    fn close(&mut self) -> Result<Frame<'c>> {
        let results = self.frame().results;
        self.pop_all(results.as_slice())?;
        let height = self.frame().height;
        if self.operands.len() > height {
            return Err(InvalidKind::Leftover((self.operands.len() - height) as u32));
        }
        let frame = self.frames.pop().ok_or(InvalidKind::Underflow)?;
        for x in self.newly_set.drain(frame.set_height..) {
            self.set.remove(&x);
        }
        Ok(frame)
    }

    /// The rest of the block cannot be reached.
    fn unreachable(&mut self) {
        let last = self.frames.len() - 1;
        let frame = &mut self.frames[last];
        frame.unreachable = true;
        self.operands.truncate(frame.height);
    }

    // Side table

    /// Adds a jump to the block at `frames[to]`. Its target is known at once if the block is a
    /// loop, else when it closes.
    fn add_jump(&mut self, to: usize) -> u32 {
        let id = self.table.jumps.len() as u32;
        let frame = &mut self.frames[to];
        let target = frame.start + 1;
        if !matches!(frame.kind, BlockKind::Loop) {
            frame.patches.push(id);
        }
        let arity = frame.label().as_slice().len() as u32;
        self.table.jumps.push(Jump {
            target,
            arity,
            height: frame.height as u32,
        });
        id
    }

    /// Makes jump `id` the first one of the instruction being checked.
    fn set_first(&mut self, id: u32) {
        self.table.first[self.at as usize] = id;
    }

    /// Resolves the jumps to the end of a block that has just closed.
    fn patch(&mut self, frame: Frame<'c>) {
        let target = match frame.kind {
            BlockKind::Function => self.at,
            _ => self.at + 1,
        };
        for id in frame.patches {
            self.table.jumps[id as usize].target = target;
        }
        if let BlockKind::TryTable(catches) = frame.kind {
            self.handlers.push(OpenHandler {
                start: frame.start + 1,
                end: self.at,
                catches,
            });
        }
    }

    /// `Instr_ok`: the rule for each instruction, under the specification's headings.
    fn instr(&mut self, instr: &Instr) -> Result<()> {
        match instr {
            Instr::Unreachable => self.unreachable_(),
            Instr::Nop => self.nop(),
            Instr::Drop => self.drop_(),
            Instr::Select => self.select_impl(),
            Instr::SelectTyped(ts) => self.select_expl(&ts.0),

            Instr::Block(bt) => self.block(*bt),
            Instr::Loop(bt) => self.loop_(*bt),
            Instr::If(bt) => self.if_(*bt),
            Instr::Else => self.else_(),
            Instr::End => self.end(),

            Instr::Br(l) => self.br(*l),
            Instr::BrIf(l) => self.br_if(*l),
            Instr::BrTable(t) => self.br_table(t),
            Instr::BrOnNull(l) => self.br_on_null(*l),
            Instr::BrOnNonNull(l) => self.br_on_non_null(*l),
            Instr::BrOnCast(c) => self.br_on_cast(c),
            Instr::BrOnCastFail(c) => self.br_on_cast_fail(c),

            Instr::Call(x) => self.call(*x),
            Instr::CallRef(x) => self.call_ref(*x),
            Instr::CallIndirect(x, y) => self.call_indirect(*x, *y),
            Instr::Return => self.return_(),
            Instr::ReturnCall(x) => self.return_call(*x),
            Instr::ReturnCallRef(x) => self.return_call_ref(*x),
            Instr::ReturnCallIndirect(x, y) => self.return_call_indirect(*x, *y),

            Instr::Throw(x) => self.throw(*x),
            Instr::ThrowRef => self.throw_ref(),
            Instr::TryTable(t) => self.try_table(t),

            Instr::LocalGet(x) => self.local_get(*x),
            Instr::LocalSet(x) => self.local_set(*x),
            Instr::LocalTee(x) => self.local_tee(*x),
            Instr::GlobalGet(x) => self.global_get(*x),
            Instr::GlobalSet(x) => self.global_set(*x),

            Instr::TableGet(x) => self.table_get(*x),
            Instr::TableSet(x) => self.table_set(*x),
            Instr::TableSize(x) => self.table_size(*x),
            Instr::TableGrow(x) => self.table_grow(*x),
            Instr::TableFill(x) => self.table_fill(*x),
            Instr::TableCopy(x1, x2) => self.table_copy(*x1, *x2),
            Instr::TableInit(x, y) => self.table_init(*x, *y),
            Instr::ElemDrop(x) => self.elem_drop(*x),

            Instr::Load {
                op,
                align,
                mem,
                offset,
            } => self.load(*op, *mem, *align, *offset),
            Instr::Store {
                op,
                align,
                mem,
                offset,
            } => self.store(*op, *mem, *align, *offset),
            Instr::VLoad {
                op,
                align,
                mem,
                offset,
            } => self.vload(*op, *mem, *align, *offset),
            Instr::VLoadLane {
                sz,
                lane,
                align,
                mem,
                offset,
            } => self.vload_lane(*sz, *lane, *mem, *align, *offset),
            Instr::VStore { align, mem, offset } => self.vstore(*mem, *align, *offset),
            Instr::VStoreLane {
                sz,
                lane,
                align,
                mem,
                offset,
            } => self.vstore_lane(*sz, *lane, *mem, *align, *offset),
            Instr::MemorySize(x) => self.memory_size(*x),
            Instr::MemoryGrow(x) => self.memory_grow(*x),
            Instr::MemoryFill(x) => self.memory_fill(*x),
            Instr::MemoryCopy(x1, x2) => self.memory_copy(*x1, *x2),
            Instr::MemoryInit(x, y) => self.memory_init(*x, *y),
            Instr::DataDrop(x) => self.data_drop(*x),

            Instr::RefNull(ht) => self.ref_null(*ht),
            Instr::RefIsNull => self.ref_is_null(),
            Instr::RefAsNonNull => self.ref_as_non_null(),
            Instr::RefEq => self.ref_eq(),
            Instr::RefTest(rt) => self.ref_test(*rt),
            Instr::RefCast(rt) => self.ref_cast(*rt),
            Instr::RefFunc(x) => self.ref_func(*x),
            Instr::RefI31 => self.ref_i31(),
            Instr::I31Get(_) => self.i31_get(),

            Instr::StructNew(x) => self.struct_new(*x),
            Instr::StructNewDefault(x) => self.struct_new_default(*x),
            Instr::StructGet(sx, x, i) => self.struct_get(*sx, *x, *i),
            Instr::StructSet(x, i) => self.struct_set(*x, *i),
            Instr::ArrayNew(x) => self.array_new(*x),
            Instr::ArrayNewDefault(x) => self.array_new_default(*x),
            Instr::ArrayNewFixed(x, n) => self.array_new_fixed(*x, *n),
            Instr::ArrayNewData(x, y) => self.array_new_data(*x, *y),
            Instr::ArrayNewElem(x, y) => self.array_new_elem(*x, *y),
            Instr::ArrayGet(sx, x) => self.array_get(*sx, *x),
            Instr::ArraySet(x) => self.array_set(*x),
            Instr::ArrayLen => self.array_len(),
            Instr::ArrayFill(x) => self.array_fill(*x),
            Instr::ArrayCopy(x1, x2) => self.array_copy(*x1, *x2),
            Instr::ArrayInitData(x, y) => self.array_init_data(*x, *y),
            Instr::ArrayInitElem(x, y) => self.array_init_elem(*x, *y),
            Instr::ExternConvertAny => self.extern_convert_any(),
            Instr::AnyConvertExtern => self.any_convert_extern(),

            Instr::I32Const(_) => self.const_(ValType::I32),
            Instr::I64Const(_) => self.const_(ValType::I64),
            Instr::F32Const(_) => self.const_(ValType::F32),
            Instr::F64Const(_) => self.const_(ValType::F64),
            Instr::I32Unop(_) => self.unop(ValType::I32),
            Instr::I64Unop(_) => self.unop(ValType::I64),
            Instr::F32Unop(_) => self.unop(ValType::F32),
            Instr::F64Unop(_) => self.unop(ValType::F64),
            Instr::I32Binop(_) => self.binop(ValType::I32),
            Instr::I64Binop(_) => self.binop(ValType::I64),
            Instr::F32Binop(_) => self.binop(ValType::F32),
            Instr::F64Binop(_) => self.binop(ValType::F64),
            Instr::I32Eqz => self.testop(ValType::I32),
            Instr::I64Eqz => self.testop(ValType::I64),
            Instr::I32Relop(_) => self.relop(ValType::I32),
            Instr::I64Relop(_) => self.relop(ValType::I64),
            Instr::F32Relop(_) => self.relop(ValType::F32),
            Instr::F64Relop(_) => self.relop(ValType::F64),
            Instr::Cvtop(op) => self.cvtop(*op),

            Instr::VConst(_) => self.vconst(),
            Instr::VvNot => self.vvunop(),
            Instr::VvBinop(_) => self.vvbinop(),
            Instr::VvBitselect => self.vvternop(),
            Instr::VvAnyTrue => self.vvtestop(),
            Instr::ViUnop(..) | Instr::VfUnop(..) => self.vunop(),
            Instr::ViBinop(..) | Instr::VfBinop(..) => self.vbinop(),
            Instr::ViRelaxedLaneselect(_) | Instr::VfTernop(..) => self.vternop(),
            Instr::ViAllTrue(_) => self.vtestop(),
            Instr::ViRelop(..) | Instr::VfRelop(..) => self.vrelop(),
            Instr::VShiftop(..) => self.vshiftop(),
            Instr::VBitmask(_) => self.vbitmask(),
            Instr::VSwizzlop(_) => self.vswizzlop(),
            Instr::VShuffle(lanes) => self.vshuffle(lanes),
            Instr::VExtaddPairwise(..) => self.vextunop(),
            Instr::VExtbinop(..) => self.vextbinop(),
            Instr::VRelaxedDotAdd => self.vextternop(),
            Instr::VNarrow(..) => self.vnarrow(),
            Instr::VCvtop(_) => self.vcvtop(),
            Instr::VSplat(sh) => self.vsplat(*sh),
            Instr::VExtractLane(sh, _, i) => self.vextract_lane(*sh, *i),
            Instr::VReplaceLane(sh, i) => self.vreplace_lane(*sh, *i),
        }
    }
}
