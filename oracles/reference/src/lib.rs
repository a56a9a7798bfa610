//! The reference interpreter: a slow, small and independent implementation of WebAssembly 3.0.
//!
//! Directories are named after the chapters of `specification/wasm-3.0`, files after its sections, functions and match arms
//! after its rules. It shares no code with the engines it judges and depends on nothing but the standard library.
//!
//! | specification | here |
//! |---|---|
//! | 1.1 to 1.4, abstract syntax | [`syntax`] |
//! | 5.1 to 5.4, binary format | [`binary`]: [`syntax::Module::decode`] |
//! | 2.0 to 2.4, validation | [`validation`]: [`syntax::Module::validate`] |
//! | 3.0 to 3.2, numerics | [`numerics`] |
//! | 4.0 to 4.4, execution | [`execution`] |
//!
//! Out of scope: the text format, and every proposal that is not part of WebAssembly 3.0.
//!
//! Modules stand in reading order; each uses only those above it.
//!
//! A module is decoded, then validated; what fails in the first step is malformed, in the second invalid.
//!
//! ```
//! use gcrucible_reference::syntax::{FuncIdx, Module};
//! use gcrucible_reference::validation::{InvalidKind, Place, Space};
//!
//! // (module (type (func)) (func (type 0) local.get 0 drop))
//! let bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x07\x01\x05\0\x20\0\x1a\x0b";
//! let module = Module::decode(bytes)?;
//! let invalid = module.validate().unwrap_err();
//! assert_eq!(invalid.place, Place::Body(FuncIdx(0), 0));
//! assert_eq!(invalid.kind, InvalidKind::Unknown(Space::Local, 0));
//!
//! let malformed = Module::decode(&bytes[..bytes.len() - 1]).unwrap_err();
//! assert_eq!(malformed.offset, 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
