//! What validation finds out about a body and execution needs: where branches go, how much of the
//! operand stack they keep, and which instructions a handler covers.
//!
//! The specification keeps labels and handlers on the stack. In valid code their number and their
//! stack heights are static, so a [`SideTable`] replaces them.
//!
//! Always holds: every reachable branch has an entry. Instructions that no execution can reach may
//! have entries with meaningless heights, or none.

use crate::syntax::Catch;

/// A branch that is taken.
///
/// To execute it: set the top `arity` values aside, cut the operand stack down to `height`, put the
/// values back, and continue at `target`. The operands of the branching instruction itself have
/// been popped before. But `br_on_non_null`, `br_on_cast` and `br_on_cast_fail` count the reference
/// among the values kept. A catch clause keeps the values that it pushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jump {
    /// Position in the body of the next instruction to execute. Leaving the function is a jump to
    /// its last `End`.
    pub target: u32,
    /// Number of values kept.
    pub arity: u32,
    /// Number of values of this frame below the ones kept.
    pub height: u32,
}

/// One `try_table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Position of the first instruction covered.
    pub start: u32,
    /// Position after the last instruction covered.
    pub end: u32,
    /// Clauses in order of precedence.
    pub catches: Vec<(Catch, Jump)>,
}

/// Branch targets and handlers of one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideTable {
    /// For each position the first of its jumps, or [`SideTable::NONE`].
    pub(crate) first: Vec<u32>,
    pub(crate) jumps: Vec<Jump>,
    /// In the order in which they end, hence inner ones first.
    pub(crate) handlers: Vec<Handler>,
    pub(crate) max_height: u32,
}

impl SideTable {
    pub(crate) const NONE: u32 = u32::MAX;

    /// Returns the jump of the instruction at `at`. `br`, `br_if`, `br_on_*` and `return` jump when
    /// taken, `if` jumps when the condition is zero, and `else` when it is reached from the first
    /// branch.
    ///
    /// # Panics
    /// If there is no such instruction there, or it is unreachable.
    #[must_use]
    #[inline]
    pub fn jump(&self, at: usize) -> Jump {
        self.jumps[self.first[at] as usize]
    }

    /// Returns the jump of the `br_table` at `at` for operand `operand`, where `len` is its number
    /// of labels without the default.
    ///
    /// # Panics
    /// As [`SideTable::jump`].
    #[must_use]
    pub fn table_jump(&self, at: usize, operand: u32, len: usize) -> Jump {
        self.jumps[self.first[at] as usize + len.min(operand as usize)]
    }

    /// Handlers that cover the instruction at `at`, innermost first.
    pub fn handlers_at(&self, at: usize) -> impl Iterator<Item = &Handler> {
        let from = self.handlers.partition_point(|h| h.end as usize <= at);
        self.handlers[from..]
            .iter()
            .filter(move |h| h.start as usize <= at)
    }

    /// Most operands that are on the stack of this frame at any time.
    #[must_use]
    pub fn max_height(&self) -> u32 {
        self.max_height
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{
        BlockType, BrTable, CompositeType, Func, FuncType, Instr, LabelIdx, Module, RecType,
        SubType, TryTable, TypeIdx, ValType,
    };

    /// The side table of a function `i32 -> i32` with this body.
    fn table(body: Vec<Instr>) -> SideTable {
        let ft = FuncType {
            params: Box::new([ValType::I32]),
            results: Box::new([ValType::I32]),
        };
        let composite = CompositeType::Func(ft);
        let sub = SubType {
            is_final: true,
            supers: Box::new([]),
            composite,
        };
        let func = Func {
            ty: TypeIdx(0),
            locals: vec![],
            body,
        };
        let module = Module {
            types: vec![RecType(Box::new([sub]))],
            funcs: vec![func],
            ..Module::default()
        };
        module.validate().expect("valid").side_tables()[0].clone()
    }

    fn jump(target: u32, arity: u32, height: u32) -> Jump {
        Jump {
            target,
            arity,
            height,
        }
    }

    #[test]
    fn branches_go_behind_blocks_into_loops_and_to_the_last_end() {
        let t = table(vec![
            Instr::I32Const(7),
            Instr::Block(BlockType::Val(ValType::I32)),
            Instr::I32Const(8),
            Instr::I32Const(9),
            Instr::Br(LabelIdx(0)),
            Instr::End,
            Instr::Loop(BlockType::Idx(TypeIdx(0))),
            Instr::I32Const(1),
            Instr::BrIf(LabelIdx(0)),
            Instr::End,
            Instr::Return,
            Instr::End,
        ]);
        assert_eq!(t.jump(4), jump(6, 1, 1));
        assert_eq!(t.jump(8), jump(7, 1, 1));
        assert_eq!(t.jump(10), jump(11, 1, 0));
        assert_eq!(t.max_height(), 3);
    }

    #[test]
    fn if_and_else_skip_the_other_branch() {
        let t = table(vec![
            Instr::I32Const(5),
            Instr::I32Const(0),
            Instr::If(BlockType::Idx(TypeIdx(0))),
            Instr::I32Const(1),
            Instr::BrIf(LabelIdx(0)),
            Instr::Else,
            Instr::Br(LabelIdx(0)),
            Instr::End,
            Instr::I32Const(0),
            Instr::If(BlockType::Empty),
            Instr::End,
            Instr::End,
        ]);
        assert_eq!(t.jump(2), jump(6, 1, 0));
        assert_eq!(t.jump(4), jump(8, 1, 0));
        assert_eq!(t.jump(5), jump(8, 1, 0));
        assert_eq!(t.jump(6), jump(8, 1, 0));
        assert_eq!(t.jump(9), jump(11, 0, 1));
    }

    #[test]
    fn br_table_has_a_jump_for_each_label_and_the_default() {
        let labels = vec![LabelIdx(0), LabelIdx(1)];
        let t = table(vec![
            Instr::Loop(BlockType::Empty),
            Instr::Block(BlockType::Empty),
            Instr::I32Const(0),
            Instr::BrTable(Box::new(BrTable {
                labels,
                default: LabelIdx(0),
            })),
            Instr::End,
            Instr::End,
            Instr::I32Const(0),
            Instr::End,
        ]);
        let jumps: Vec<u32> = (0..4)
            .map(|operand| t.table_jump(3, operand, 2).target)
            .collect();
        assert_eq!(jumps, [5, 1, 5, 5]);
    }

    #[test]
    fn handlers_cover_their_blocks_innermost_first() {
        let catch_all = |l| {
            let catches = vec![Catch::CatchAll(LabelIdx(l))];
            Instr::TryTable(Box::new(TryTable {
                ty: BlockType::Empty,
                catches,
            }))
        };
        let t = table(vec![
            Instr::Block(BlockType::Empty),
            catch_all(0),
            Instr::Nop,
            catch_all(1),
            Instr::Nop,
            Instr::End,
            Instr::Nop,
            Instr::End,
            Instr::Nop,
            Instr::End,
            Instr::I32Const(0),
            Instr::End,
        ]);
        let starts = |at| t.handlers_at(at).map(|h| h.start).collect::<Vec<_>>();
        assert_eq!(starts(1), [] as [u32; 0]);
        assert_eq!(starts(2), [2]);
        assert_eq!(starts(4), [4, 2]);
        assert_eq!(starts(6), [2]);
        assert_eq!(starts(8), [] as [u32; 0]);
        for handler in t.handlers_at(4) {
            assert_eq!(handler.catches[0].1, jump(10, 0, 0));
        }
    }
}
