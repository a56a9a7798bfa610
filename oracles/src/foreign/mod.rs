//! Engines in processes of their own, which only speak the protocol.
//!
//! Reading order: `transport`, `catalog`, `process`.

pub mod transport;

pub mod catalog;

pub mod process;
