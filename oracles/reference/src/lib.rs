//! The reference interpreter: a slow, small and independent implementation of WebAssembly 3.0.
//!
//! Directories are named after the chapters of `specification/wasm-3.0`, files after its sections,
//! functions and match arms after its rules. It shares no code with the engines it judges and
//! depends on nothing but the standard library.
//!
//! | specification | here |
//! |---|---|
//! | 1.1 to 1.4, abstract syntax | [`syntax`] |
//! | 5.1 to 5.4, binary format | [`binary`]: [`syntax::Module::decode`] |
//! | 2.0 to 2.4, validation | [`validation`]: [`syntax::Module::validate`] |
//! | 3.0 to 3.2, numerics | [`numerics`] |
//! | 4.0 to 4.4, execution | [`execution`]: [`execution::Store`] |
//! | appendix, embedding | [`execution::embedding`] |
//!
//! Beyond the specification: which objects live ([`reach`]), which rules a run has applied
//! ([`rules`]), and what it did step by step ([`trace`]).
//!
//! Out of scope: the text format, and every proposal that is not part of WebAssembly 3.0.
//!
//! Modules stand in reading order.
//!
//! A module is decoded, then validated; what fails in the first step is malformed, in the second
//! invalid.
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
//!
//! A valid module is instantiated in a store, and its exports are called.
//!
//! ```
//! use std::rc::Rc;
//! use gcrucible_reference::execution::{Extern, Halt, Store, StoreLimits, Trap, Value};
//! use gcrucible_reference::syntax::Module;
//!
//! // (module (func (export "div") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s))
//! let bytes = b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\
//!     \x07\x07\x01\x03div\0\0\x0a\x09\x01\x07\0\x20\0\x20\x01\x6d\x0b";
//! let module = Rc::new(Module::decode(bytes)?.validate()?);
//! let mut store = Store::new(StoreLimits::default());
//! let instance = store.instantiate(&module, &[])?;
//! let Some(Extern::Func(div)) = store.export(instance, "div") else { panic!("exported") };
//! assert_eq!(store.invoke(div, &[7.into(), 2.into()]), Ok(vec![Value::I32(3)]));
//! assert_eq!(store.invoke(div, &[7.into(), 0.into()]), Err(Halt::Trap(Trap::IntegerDivideByZero)));
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
