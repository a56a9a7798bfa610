//! The embedder's API. Names and meanings are those of Wasmtime. New are [`Store::census`],
//! [`Store::audit`], [`Store::verify_heap`], schedules of collections, and [`NoGc`]. [`guide`] says
//! where to find what.
//!
//! A handle of one store is refused by every other store, and a stale handle is refused everywhere,
//! both with [`Error::Misuse`]. Nothing here panics on a handle or value that does not fit.
//!
//! Not here: anything that works without an embedder's data. That is in `instance`.
//!
//! Reading order: `engine`, `types`, `extern_types`, `display`, `reference`, `error`, `intern`,
//! `module`, `census`, `store`, `rooted`, `caller`, `handles`, `val`, `refs`, `object`, `raw_call`,
//! `typed`, `func`, `entity`, `instance`, `linker`, `nogc`, `guide`.

mod caller;
mod census;
mod display;
mod engine;
mod entity;
mod error;
mod extern_types;
mod func;
pub mod guide;
mod handles;
mod instance;
mod intern;
mod linker;
mod module;
mod nogc;
mod object;
mod raw_call;
mod reference;
mod refs;
mod rooted;
mod store;
mod typed;
mod types;
mod val;

pub use caller::Caller;
pub use census::{Census, CensusEntry, ObjectKind, StoreStats};
pub use engine::Engine;
pub use error::{Error, LinkError, Misuse, TrapInfo};
pub use extern_types::{ExportType, ExternType, GlobalType, ImportType, MemoryType, TableType};
pub use handles::{Extern, Func, FuncOrigin, Global, Instance, Memory, Table, Tag};
pub use linker::Linker;
pub use module::Module;
pub use nogc::{NoGc, RawRef, RawVal};
pub use reference::{
    AnyRef, ArrayRef, EqRef, ExnRef, ExternRef, OwnedRooted, Reference, Rooted, StructRef,
};
pub use refs::I31;
pub use rooted::RootScope;
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use typed::{IntoFunc, TypedFunc, WasmParams, WasmResults, WasmRet, WasmTy};
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
pub use crate::execute::backtrace::Frame;
pub use crate::heap::{CollectorTraits, CountFault, HeapFault, Referrer, RootKind};
pub use crate::index::FuncIdx;
pub use crate::instance::engine::EngineError;
pub use crate::instance::limiter::{ResourceLimiter, StoreLimits};
pub use crate::instance::{InstanceId, TagId};
pub use crate::planted::{Planted, PlantedFault};
pub use crate::types::{TypeId, TypeNames};
