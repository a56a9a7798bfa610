//! The embedder's API. Names and meanings are those that users of Wasmtime know; what is new is
//! [`Store::census`], [`Store::audit`], [`Store::verify_heap`], schedules of collections, and
//! [`NoGc`]. Where to find what: [`guide`].
//!
//! ```text
//! engine module        what is shared by stores
//! store caller         the owner of everything that runs
//! types extern_types   types as the embedder sees them, registered in an engine
//! rooted val refs object nogc      values and references
//! func typed entity instance linker
//! census               what there is in a store
//! display guide        types as text; what users of Wasmtime find where
//! ```
//!
//! Always: a handle of one store is refused by every other, a stale one everywhere, both with
//! [`Error::Misuse`]; nothing here panics on a handle or value that does not fit.
//!
//! Not here: anything that works without an embedder's data; that is in `instance`.

pub mod caller;
pub mod census;
mod display;
pub mod engine;
pub mod entity;
pub mod error;
pub mod extern_types;
pub mod func;
pub mod guide;
pub mod instance;
pub mod linker;
pub mod module;
pub mod nogc;
pub mod object;
pub mod refs;
pub mod rooted;
pub mod store;
pub mod typed;
pub mod types;
pub mod val;

pub use caller::Caller;
pub use census::{Census, CensusEntry, ObjectKind, StoreStats};
pub use engine::Engine;
pub use entity::{Extern, Global, Memory, Table, Tag};
pub use error::{Error, LinkError, Misuse, TrapInfo};
pub use extern_types::{ExportType, ExternType, GlobalType, ImportType, MemoryType, TableType};
pub use func::{Func, FuncOrigin};
pub use instance::Instance;
pub use linker::Linker;
pub use module::Module;
pub use nogc::{NoGc, RawRef, RawVal};
pub use object::{ArrayRef, ExnRef, StructRef};
pub use refs::{AnyRef, EqRef, ExternRef, I31};
pub use rooted::{OwnedRooted, RootScope, Rooted};
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use typed::{TypedFunc, WasmParams, WasmResults, WasmTy};
pub use types::{
    ArrayType, FieldType, FuncType, HeapTopType, HeapType, Mutability, RefType, StorageType,
    StructType, ValType,
};
pub use val::{Ref, Val};

pub use crate::config::{
    CollectorKind, Config, ConfigError, OptLevel, RegAlloc, Schedule, StoreConfig, TrapMode,
};
pub use crate::error::{Exhausted, Rejected, Trap};
pub use crate::execute::Backtrace;
pub use crate::instance::engine::EngineError;
pub use crate::instance::limiter::{ResourceLimiter, StoreLimits};
