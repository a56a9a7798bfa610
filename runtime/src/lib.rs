//! A complete WebAssembly 3.0 runtime on Cranelift, with several garbage collectors.
//!
//! ```text
//! bytes -> validated module -> compiled code -> instance -> outcome
//!          module              compile          instance    execute
//!                     \________ heap ________/      (layout, barriers, roots)
//!                      \________ abi ________/      (records and tables shared with compiled code)
//!                                               embed       (what an embedder uses)
//! ```
//!
//! Reading order: `index`, `limits`, `planted`, `config`, `error`, `types`, `abi`, `module`,
//! `heap`, `compile`, `execute`, `instance`, `libcalls`, `embed`.
//!
//! A file uses only rooms that come earlier. If a later room must serve an earlier one, the earlier
//! room defines a trait or holds an address, and the later room implements it. The collectors emit
//! code through `heap::Emit`, the store is `heap::Roots`, and compiled code finds the bodies of
//! libcalls through `compile::stubs::HostCode`.
//!
//! An embedder uses [`embed`]: it runs modules, chooses a collector and a schedule of collections,
//! and lists live objects. The other rooms are private. This package knows nothing about fuzzing.
//!
//! ```
//! use gcrucible_runtime::embed::{Config, Engine, Instance, Module, ObjectKind, Store};
//! # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
//! // (module (type $s (struct (field i32))) (func (export "make") (result (ref $s)) i32.const 7 struct.new $s))
//! let bytes = b"\0asm\x01\0\0\0\x01\x0a\x02\x5f\x01\x7f\x00\x60\x00\x01\x64\x00\x03\x02\x01\x01\x07\x08\x01\x04make\x00\x00\x0a\x09\x01\x07\x00\x41\x07\xfb\x00\x00\x0b";
//! let engine = Engine::new(&Config::optimised())?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &Module::new(&engine, bytes)?, &[])?;
//! let make = instance.get_func(&store, "make").expect("an export");
//! let mut made = [gcrucible_runtime::embed::Val::I32(0)];
//! make.call(&mut store, &[], &mut made)?;
//! make.call(&mut store, &[], &mut made)?;
//! // Both are rooted by the store's own scope until it is dropped.
//! assert_eq!(store.census()?.of_kind(ObjectKind::Struct), 2);
//! # Ok(())
//! # }
//! ```

mod abi;
mod compile;
mod config;
pub mod embed;
mod error;
mod execute;
mod heap;
mod index;
mod instance;
mod libcalls;
mod limits;
mod module;
mod planted;
mod types;

/// Random operations directly on a heap, against a model. Test equipment.
#[cfg(feature = "heap-ops")]
pub use heap::ops as heap_ops;
