//! Validation (specification sections 2.0 to 2.4): which modules may be executed.
//!
//! Functions are named after the judgements (`Heaptype_sub` is `heaptype_sub`); an instruction's
//! method after its rule. The declarative rules are decided by the algorithm of the specification's
//! appendix: a stack of operand types, in which `Bot` stands for operands of unreachable code, and
//! a stack of open blocks. From that stack execution's side table falls out.
//!
//! Always holds: types are closed before they enter a [`Context`], so that nothing compares
//! module-relative indices; a [`ValidModule`] can only be made by `Module::validate`; nothing
//! recurses.

mod contexts;
mod instructions;
mod modules;
mod sidetable;
mod subtyping;
mod types;

pub use contexts::{Context, Invalid, InvalidKind, Place, Space};
pub use modules::ValidModule;
pub use sidetable::{Handler, Jump, SideTable};

type Result<T> = std::result::Result<T, InvalidKind>;
