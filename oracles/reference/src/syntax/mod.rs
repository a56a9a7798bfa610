//! Abstract syntax: values, types, instructions, modules.
//!
//! Always holds: these are plain data. Nothing here judges validity. Not here: the binary format
//! (`binary`), typing rules (`validation`), behaviour (`execution`).
//!
//! Reading order: `values`, `types`, `deftypes`, `instructions`, `text`, `modules`.

pub mod deftypes;
pub mod instructions;
pub mod modules;
mod text;
pub mod types;
pub mod values;

pub use deftypes::*;
pub use instructions::*;
pub use modules::*;
pub use types::*;
pub use values::*;
