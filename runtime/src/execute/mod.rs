//! Entering compiled code, leaving it, and everything that ends it early.
//!
//! Reading order: `resume`, `math`, `stack`, `code_map`, `backtrace`, `raise`, `unwind`, `signals`,
//! `call`, `landing`, `fuel`.
//!
//! ```text
//! resume     the one jump that leaves the host other than by returning
//! math       arithmetic that compiled code calls out of line
//! stack      how much stack a thread has
//! code_map   code address -> module
//! backtrace  code addresses -> functions
//! raise      what can end an activation
//! unwind     frames of all activations: roots, exception handlers
//! signals    faults in compiled code -> the landing
//! call       host -> wasm: one activation; what it saves and restores
//! landing    the host ends an activation
//! fuel       deterministic budget
//! ```
//!
//! Invariants that unsafe code argues from:
//! - **E1** An [`Execution`] stays at its address while one of its activations runs, and is used
//!   only by the thread that runs it.
//! - **E2** Between the entry trampoline's first instructions and its return, `landing_{pc,sp,fp}`
//!   of its `VmStore` describe its handler, and its frame is on the stack. After the return they
//!   have the values from before.
//! - **E3** While the host runs inside of an activation, `exit_fp` is the frame pointer and
//!   `exit_pc` the return address of the newest wasm frame, or `exit_fp` equals `landing_fp` when
//!   there is none.
//! - **E4** Following saved frame pointers from `exit_fp` leads to `landing_fp`. At each frame
//!   pointer there are the caller's frame pointer and return address. Each return address on the
//!   way is in the code map.
//! - **E5** The slots of a return address's stack map lie in its frame and hold references or null.
//!   If a return address has no stack map, its frame holds no references.
//! - **E6** The thread's record names a store and its code map exactly while an activation of the
//!   store is the thread's newest.
//! - **E7** A Rust frame is left only by returning. A panic stops at the boundary (`raise::guard`)
//!   and continues above the landing.

pub mod backtrace;
pub mod call;
pub mod code_map;
pub mod fuel;
pub mod landing;
pub mod math;
pub mod raise;
pub mod resume;
pub mod signals;
pub mod stack;
pub mod unwind;

pub use backtrace::Backtrace;
pub use call::Execution;
pub use raise::{Ended, Raised};

#[cfg(test)]
mod tests;
