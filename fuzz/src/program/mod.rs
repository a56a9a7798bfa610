//! A generated program: modules, steps on them, and when collections happen.
//!
//! The generator builds this form, the mutator edits it and the reducer shrinks it. Engines do not
//! see it: `encode` turns each module into bytes, and `targets` turns the whole into a `Case`.
//!
//! A program as generated is valid. After an edit it may not be: [`Program::validate`] decides.
//!
//! Reading order: `types`, `numeric`, `ops`, `names`, `syntax`, `encode`, `validate`, `print`,
//! `checking`, `edit`, `canaries`, `filled`, `ballast`, `quiet`, `portable`.

pub mod ballast;
pub mod canaries;
pub mod checking;
pub mod edit;
pub mod encode;
pub mod filled;
mod names;
pub mod numeric;
pub mod ops;
pub mod portable;
pub mod print;
pub mod quiet;
pub mod syntax;
pub mod types;
pub mod validate;

pub use encode::{Dangling, encode_module};
pub use ops::{
    ArrayOp, Catch, DataId, ElemId, Expr, FuncId, GlobalId, LabelId, Load, LocalId, MemId,
    MemoryOp, Op, RefOp, Sign, Store, StructOp, TableId, TableOp, TagId, To,
};
pub use syntax::{
    Data, Elem, Func, Global, Import, Memory, Mode, Module, Program, Step, Table, TableTy, Tag,
};
pub use types::{Composite, Field, Heap, RefTy, Sig, Storage, Ty, TypeDef, TypeId, Universe};
pub use validate::{Invalid, features};
