//! Engines in processes of their own, which only speak the protocol.
//!
//! Reading order: `transport`, `process`.

pub mod transport;

pub mod process;
