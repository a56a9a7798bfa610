//! What compiled code and the host agree on. Both sides import it, and neither defines it.
//!
//! Reading order: `libcalls`, `signature`, `vmctx`.

pub mod libcalls;
pub mod signature;
pub mod vmctx;
