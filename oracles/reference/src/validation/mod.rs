//! Validation: which modules may be executed.
//!
//! Functions are named after the judgements (`Heaptype_sub` is `heaptype_sub`), the methods of
//! instructions after their rules. The algorithm in the appendix of the specification decides the
//! declarative rules. It has a stack of operand types, in which `Bot` stands for operands of
//! unreachable code, and a stack of open blocks. The side table that execution uses is made from
//! these stacks.
//!
//! Always holds: types are closed before they enter a [`Context`], so that nothing compares indices
//! of a module. Only `Module::validate` makes a [`ValidModule`]. Nothing recurses.
//!
//! Reading order: `contexts`, `sidetable`, `subtyping`, `types`, `instructions`, `modules`.

mod contexts;
mod instructions;
mod modules;
mod sidetable;
mod subtyping;
mod types;

pub use contexts::{Context, Invalid, InvalidKind, Location, Space};
pub use modules::ValidModule;
pub use sidetable::{Handler, Jump, SideTable};

type Result<T> = std::result::Result<T, InvalidKind>;
