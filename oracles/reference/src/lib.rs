//! The reference interpreter: an independent implementation of WebAssembly 3.0 that is shaped like
//! the specification.
//!
//! - **Independent.** It was written from the specification alone. It depends on nothing but the
//!   standard library, has no `unsafe`, and shares no code with the engines that it judges.
//! - **Shaped like the specification.** Directories are named after the chapters of
//!   `specification/wasm-3.0`, files after their sections, functions and match arms after the
//!   rules. Beside the code of each rule stands the name of the rule ([`rules`]).
//! - **Small.** It has about 11,000 lines, comments and tests not counted, for the decoder, the
//!   validator and the evaluator of the whole language with its 256 vector instructions. It has no
//!   compiler and no collector: objects are never freed, and *live* is defined by [`reach`].
//! - **Fast enough.** It takes about 4 ns for an instruction on an idle machine: 12 ms for
//!   `fib(25)`, and 5 ms to build and sum a list of 100,000 structures (`cargo run --release -p
//!   gcrucible-reference --example speed`). With four times as much work as processors it was 16 ms
//!   and 7 ms. What makes it fast is apart from the rules, in `execution/machine`.
//!
//! | chapter of the specification | here |
//! |---|---|
//! | syntax | [`syntax`] |
//! | binary format | [`binary`]: [`syntax::Module::decode`] |
//! | validation | [`validation`]: [`syntax::Module::validate`] |
//! | numerics | [`numerics`] |
//! | execution | [`execution`]: [`execution::Store`] |
//! | appendix, embedding | [`execution::embedding`] |
//!
//! Beyond the specification: which objects are live ([`reach`]), which rules a run has applied
//! ([`rules`]), and what it did step by step ([`execution::trace`]).
//!
//! Out of scope: the text format, and every proposal that is not part of WebAssembly 3.0.
//!
//! Reading order: `rules`, `syntax`, `binary`, `validation`, `numerics`, `execution`, `reach`.
//!
//! A module is first decoded and then validated. If decoding fails it is malformed, if validation
//! fails it is invalid.
//!
//! ```
//! use gcrucible_reference::syntax::{FuncIdx, Module};
//! use gcrucible_reference::validation::{InvalidKind, Location, Space};
//!
//! // (module (type (func)) (func (type 0) local.get 0 drop))
//! let bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\
//!     \x0a\x07\x01\x05\0\x20\0\x1a\x0b";
//! let module = Module::decode(bytes)?;
//! let invalid = module.validate().unwrap_err();
//! assert_eq!(invalid.at, Location::Body(FuncIdx(0), 0));
//! assert_eq!(invalid.kind, InvalidKind::Unknown(Space::Local, 0));
//! assert_eq!(invalid.to_string(), "function 0, instruction 0: there is no local 0");
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
//! let divided_by_zero = store.invoke(div, &[7.into(), 0.into()]);
//! assert_eq!(divided_by_zero, Err(Halt::Trap(Trap::IntegerDivideByZero)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod binary;
pub mod execution;
pub mod numerics;
pub mod reach;
pub mod rules;
pub mod syntax;
pub mod validation;

pub use rules::{Coverage, Rule};
