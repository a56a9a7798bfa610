//! The reference interpreter: a slow, small and independent implementation of WebAssembly 3.0.
//!
//! Directories are named after the chapters of `specification/wasm-3.0`, files after its sections, functions and match arms
//! after its rules. It shares no code with the engines it judges and depends on nothing but the standard library.
//!
//! Modules stand in reading order; each uses only those above it.
#![forbid(unsafe_code)]

pub mod rules;

pub mod syntax;

pub mod binary;

pub mod validation;

pub mod numerics;

pub mod execution;

pub mod reach;

pub mod trace;

pub use rules::{Coverage, Rule};
