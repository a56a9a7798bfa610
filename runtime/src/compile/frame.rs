//! Control frames and exception handlers around the current position. Plain data: `control` and
//! `exception` say what instructions do with it.

use cranelift_codegen::ir::{Block, Value};

use crate::abi::signature::AbiTy;
use crate::index::TypeIdx;

/// The type of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum BlockTy {
    /// No parameters, no results.
    Empty,
    /// No parameters, one result.
    One(AbiTy),
    /// A function type's.
    Func(TypeIdx),
    /// No parameters, the function's own results.
    Function,
}

/// What a frame is.
#[derive(Debug)]
pub(super) enum FrameKind {
    /// The function's body.
    Function,
    /// `block`.
    Block,
    /// `loop`: branches go to its start.
    Loop(Block),
    /// `if`, before its `else`: the block where `else` begins, and the operands it begins with.
    Then(Block, Vec<Value>),
    /// `if`, after its `else`.
    Else,
    /// `try_table`, with how many handlers there were before.
    Try(usize),
    /// Anything whose beginning cannot be reached.
    Dead,
}

/// A control frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// Its type.
    pub ty: BlockTy,
    /// How many operands lie below the block's own parameters.
    pub height: usize,
    /// The block that begins at its `end`, if anything branches there.
    pub next: Option<Block>,
}

/// How deeply loops are nested.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LoopDepth {
    /// Around the current position.
    pub current: u32,
    /// The largest so far.
    pub max: u32,
}

impl LoopDepth {
    /// A loop begins.
    pub fn enter(&mut self) {
        self.current += 1;
        self.max = self.max.max(self.current);
    }

    /// A loop ends.
    pub fn leave(&mut self) {
        self.current -= 1;
    }
}

/// One clause of a `try_table`.
#[derive(Debug)]
pub(super) struct Handler {
    /// The tag that it catches, or `None` if it catches everything.
    pub tag: Option<u32>,
    /// Whether the reference is handed to the label as well.
    pub keeps_reference: bool,
    /// Position of the frame it branches to.
    pub frame: usize,
    /// Its code, which gets the reference as 64 bits.
    pub block: Block,
    /// Whether a call can reach it.
    pub used: bool,
}

/// The handlers in force. The last one is tried first.
#[derive(Debug, Default)]
pub(super) struct Handlers {
    /// All of them.
    pub all: Vec<Handler>,
    /// Positions in `all` of the handlers that can be reached, in the order in which they are
    /// tried. `None` after `all` changed.
    pub in_force: Option<Vec<usize>>,
}

impl Handlers {
    /// Computes [`Handlers::in_force`] if it is not there.
    pub fn in_force(&mut self) -> &[usize] {
        let all = &self.all;
        self.in_force.get_or_insert_with(|| {
            let mut tags = std::collections::BTreeSet::new();
            let mut positions = Vec::new();
            for (at, handler) in all.iter().enumerate().rev() {
                match handler.tag {
                    Some(tag) if !tags.insert(tag) => {}
                    Some(_) => positions.push(at),
                    None => {
                        positions.push(at);
                        break;
                    }
                }
            }
            positions
        })
    }
}
