//! What compiled code and the host agree on. Both sides import it; neither defines it.

pub mod libcalls;
pub mod signature;
pub mod vmctx;
