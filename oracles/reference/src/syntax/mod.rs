//! Abstract syntax (specification sections 1.1 to 1.4): values, types, instructions, modules.
//!
//! Always holds: these are plain data; nothing here judges validity.
//! Not here: the binary format (`binary`), typing rules (`validation`), behaviour (`execution`).

pub mod deftypes;
pub mod instructions;
pub mod modules;
pub mod types;
pub mod values;

pub use deftypes::*;
pub use instructions::*;
pub use modules::*;
pub use types::*;
pub use values::*;
