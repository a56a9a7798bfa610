//! For users of Wasmtime: what is the same, what has another name, and what is new. Every block of
//! code is a test. Complete programs are in `runtime/examples`.
//!
//! # The first five minutes
//!
//! An engine is made from a configuration, which is a plain struct. There is neither a builder nor
//! a default. Modules are in the binary format. The embedder chooses how to make them from text.
//! The crate `wast` does it here.
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn wat(text: &str) -> Vec<u8> {
//! #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
//! #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
//! # }
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config {
//!     collector: CollectorKind::Drc,
//!     ..Config::optimised()
//! })?;
//! let module = Module::new(
//!     &engine,
//!     wat(r#"(module
//!         (import "host" "log" (func $log (param i32)))
//!         (func (export "add") (param i32 i32) (result i32)
//!           (call $log (local.get 0))
//!           (i32.add (local.get 0) (local.get 1))))"#),
//! )?;
//! let mut linker: Linker<Vec<i32>> = Linker::new(&engine);
//! linker.func_wrap("host", "log", |mut caller: Caller<'_, Vec<i32>>, n: i32| {
//!     caller.data_mut().push(n);
//! })?;
//! let mut store = Store::new(&engine, Vec::new());
//! let instance = linker.instantiate(&mut store, &module)?;
//! let add = instance.get_typed_func::<(i32, i32), i32>(&store, "add")?;
//! assert_eq!(add.call(&mut store, (40, 2))?, 42);
//! assert_eq!(store.into_data(), [40]);
//! # Ok(())
//! # }
//! ```
//!
//! # Names
//!
//! | Wasmtime | this runtime |
//! |---|---|
//! | `Config::new().cranelift_opt_level(..)` and other methods | fields of [`Config`], beginning with [`Config::optimised`] or [`Config::fuzzing`]; stack size, heap limit, schedule and checks belong to a store, in [`StoreConfig`] |
//! | `Engine::new(..)` with `anyhow::Error` | [`EngineError`], which `?` converts to [`Error`] |
//! | `Config::consume_fuel`, `epoch_interruption` | [`Config::fuel`], [`Config::epochs`] |
//! | `Config::signals_based_traps(false)` | [`TrapMode::Explicit`] |
//! | `anyhow::Error`, `downcast_ref::<Trap>()` | [`Error`], an enum to match; [`Error::trap`] |
//! | `Trap::OutOfFuel`, `Trap::StackOverflow`, `Trap::Interrupt`, `GcHeapOutOfMemory` | [`Error::Exhausted`], because the specification does not define these outcomes |
//! | `WasmBacktrace` in the error's context | [`TrapInfo::backtrace`] |
//! | `store.throw(exn)`, `ThrownException`, `take_pending_exception` | [`Error::Thrown`], in both directions |
//! | `StoreLimitsBuilder` | [`StoreLimits`], a plain struct |
//! | `StructRefPre`, `ArrayRefPre`, `ExnRefPre` | not needed: [`StructRef::new`] takes the type |
//! | `Rooted::rooted_eq`, `Rooted::ref_eq` | [`Rooted::ref_eq`] |
//! | `ManuallyRooted`, `OwnedRooted` | [`OwnedRooted`] |
//! | `AutoAssertNoGc` | [`NoGc`], checked by the borrow checker |
//! | `linker.define(&store, module, name, item)` | [`Linker::define`] without the store: an entity names its store, and another store refuses it with [`Misuse::WrongStore`] |
//! | `externref.data(&store)` | [`ExternRef::data`] and [`ExternRef::data_mut`] with `&mut store`; [`ExternRef::get`] clones the data as a given type |
//! | `Display` of types | the text format; a defined type inside of another is shown as a name with its number, like `$struct7`, also in the `Display` of a [`Census`] |
//! | `UpdateDeadline::Continue(n)` | `Ok(n)` from [`Store::epoch_deadline_callback`] |
//! | `Func::wrap` with a result type `Result<..>` | the same, with [`Error`]; [`Error::host`] makes one from a message or any error |
//! | async, components, `SharedMemory`, WASI | not supported |
//!
//! # Objects and roots
//!
//! A [`Rooted`] is valid until the scope ends in which it was made: a [`RootScope`], a call of a
//! host function, or the store. An [`OwnedRooted`] is valid until it is dropped. A stale handle is
//! refused with [`Misuse::Stale`], without a panic.
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config::optimised())?;
//! let mut store = Store::new(&engine, ());
//! let field = |ty| FieldType::new(Mutability::Var, StorageType::ValType(ty));
//! let pair = StructType::new(&engine, [field(ValType::I32), field(ValType::ANYREF)])?;
//! let bytes = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I8))?;
//! let kept = {
//!     let mut scope = RootScope::new(&mut store);
//!     let array = ArrayRef::new(&mut scope, &bytes, &Val::I32(7), 3)?;
//!     let object = StructRef::new(&mut scope, &pair, &[Val::I32(1), array.to_anyref().into()])?;
//!     object.set_field(&mut scope, 0, 2i32)?;
//!     object.to_owned_rooted(&mut scope)?
//! };
//! store.gc()?;
//! assert_eq!(kept.field(&mut store, 0)?.i32(), Some(2));
//! let Val::AnyRef(Some(array)) = kept.field(&mut store, 1)? else { unreachable!() };
//! let array = array.as_array(&mut store)?.expect("an array");
//! assert_eq!(array.len(&mut store)?, 3);
//! assert_eq!(array.get(&mut store, 2)?.i32(), Some(7));
//! // New: the number of objects, by kind and type.
//! assert_eq!(store.census()?.of_kind(ObjectKind::Struct), 1);
//! # Ok(())
//! # }
//! ```
//!
//! An [`ExternRef`] holds data of the host. The data is dropped after the collection that frees the
//! reference, or with the store:
//!
//! ```
//! use std::sync::Arc;
//! use gcrucible_runtime::embed::*;
//! # fn main() -> Result<(), Error> {
//! let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
//! let data = Arc::new("mine".to_owned());
//! {
//!     let mut scope = RootScope::new(&mut store);
//!     let object = ExternRef::new(&mut scope, Arc::clone(&data))?;
//!     assert_eq!(*object.get::<Arc<String>>(&mut scope)?, "mine");
//!     assert_eq!(Arc::strong_count(&data), 2);
//! }
//! store.gc()?;
//! assert_eq!(Arc::strong_count(&data), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Heap types are enums. Most code needs only the top of the hierarchy:
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! fn zero(ty: &RefType) -> Option<Val> {
//!     let null = match ty.heap_type.top() {
//!         HeapTopType::Any => Val::AnyRef(None),
//!         HeapTopType::Func => Val::FuncRef(None),
//!         HeapTopType::Extern => Val::ExternRef(None),
//!         HeapTopType::Exn => Val::ExnRef(None),
//!     };
//!     ty.nullable.then_some(null)
//! }
//! let i31 = RefType::new(true, HeapType::I31);
//! assert!(matches!(zero(&i31), Some(Val::AnyRef(None))));
//! // The same, built in.
//! assert!(matches!(Val::null(i31.heap_type.top()), Val::AnyRef(None)));
//! ```
//!
//! # Tables, memories, globals and tags of the host
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn wat(text: &str) -> Vec<u8> {
//! #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
//! #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
//! # }
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config::optimised())?;
//! let mut store = Store::new(&engine, ());
//! let anyref = RefType::new(true, HeapType::Any);
//! let null = Val::null(HeapTopType::Any);
//! let table = Table::new(&mut store, &TableType::new(anyref, 2, Some(10)), null)?;
//! let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
//! let counter = Global::new(&mut store, &GlobalType::new(ValType::I32, Mutability::Var), 5i32)?;
//! let payload = FuncType::new(&engine, [ValType::I32], [])?;
//! let tag = Tag::new(&mut store, &payload)?;
//!
//! let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1))?;
//! table.set(&mut store, 0, one)?;
//! assert_eq!(table.grow(&mut store, 3, one)?, 2);
//! table.fill(&mut store, 1, null, 2)?;
//! memory.write(&mut store, 100, b"hello")?;
//!
//! let module = Module::new(&engine, wat(r#"(module
//!     (import "h" "t" (table 2 anyref)) (import "h" "m" (memory 1))
//!     (import "h" "c" (global $c (mut i32))) (import "h" "e" (tag $e (param i32)))
//!     (func (export "run")
//!       (global.set $c (i32.add (i32.load8_u (i32.const 100)) (i31.get_u (ref.cast i31ref (table.get 0 (i32.const 0))))))
//!       (throw $e (global.get $c))))"#))?;
//! let imports = [table.into(), memory.into(), counter.into(), tag.into()];
//! let instance = Instance::new(&mut store, &module, &imports)?;
//! let run = instance.get_typed_func::<(), ()>(&store, "run")?;
//! let Err(Error::Thrown(exception)) = run.call(&mut store, ()) else { unreachable!() };
//! assert_eq!(exception.tag(&mut store)?, tag);
//! assert_eq!(exception.field(&mut store, 0)?.i32(), Some(i32::from(b'h') + 1));
//! assert_eq!(counter.get(&mut store)?.i32(), Some(105));
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Errors are data. A trap has a backtrace. A link error names the import and both types:
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn wat(text: &str) -> Vec<u8> {
//! #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
//! #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
//! # }
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config::optimised())?;
//! let mut store = Store::new(&engine, ());
//! let module = Module::new(&engine, wat(r#"(module
//!     (func $divide (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
//!     (func (export "run") (result i32) (call $divide (i32.const 0))))"#))?;
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let run = instance.get_typed_func::<(), i32>(&store, "run")?;
//! let Err(Error::Trap(info)) = run.call(&mut store, ()) else { unreachable!() };
//! assert_eq!(info.trap, Trap::IntegerDivideByZero);
//! let names: Vec<_> = info.backtrace.frames().iter().map(|frame| frame.name()).collect();
//! assert_eq!(names, [Some("divide"), Some("run")]);
//!
//! let importer = Module::new(&engine, wat(r#"(module (import "m" "f" (func (param i64))))"#))?;
//! let f = Func::wrap(&mut store, |_: i32| {})?;
//! let Err(Error::Link(error)) = Instance::new(&mut store, &importer, &[f.into()]) else { unreachable!() };
//! assert_eq!((error.import, &*error.module, &*error.name), (0, "m", "f"));
//! assert_eq!(
//!     error.to_string(),
//!     r#"incompatible import type of "m" "f": expected (func (param i64)), found (func (param i32))"#
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Limits and interruption
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn wat(text: &str) -> Vec<u8> {
//! #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
//! #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
//! # }
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config {
//!     fuel: true,
//!     epochs: true,
//!     ..Config::optimised()
//! })?;
//! let config = StoreConfig { heap_limit: 1 << 20, ..StoreConfig::default() };
//! let limits = StoreLimits {
//!     memory_bytes: 1 << 20,
//!     table_elements: 1000,
//!     instances: 10,
//!     tables: 10,
//!     memories: 10,
//! };
//! let mut store = Store::with_config(&engine, &config, limits)?;
//! store.limiter(|limits| limits);
//! store.set_fuel(10_000)?;
//! let module = Module::new(&engine, wat(r#"(module (memory 1)
//!     (func (export "grow") (result i32) (memory.grow (i32.const 100)))
//!     (func (export "spin") (loop $l (br $l))))"#))?;
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let grow = instance.get_typed_func::<(), i32>(&store, "grow")?;
//! assert_eq!(grow.call(&mut store, ())?, -1, "the limiter refuses");
//! let spin = instance.get_typed_func::<(), ()>(&store, "spin")?;
//! assert!(matches!(spin.call(&mut store, ()), Err(Error::Exhausted(Exhausted::Fuel))));
//!
//! // Another thread ends what runs too long.
//! store.set_fuel(u64::MAX)?;
//! store.set_epoch_deadline(1);
//! let ticker = std::thread::spawn({
//!     let engine = engine.clone();
//!     move || engine.increment_epoch()
//! });
//! assert!(matches!(spin.call(&mut store, ()), Err(Error::Exhausted(Exhausted::Epoch))));
//! ticker.join().expect("it only counts");
//! # Ok(())
//! # }
//! ```
//!
//! # What is new
//!
//! [`Store::census`] counts live objects by kind and type. [`Store::audit`] compares reference
//! counts with the actual references. [`Store::verify_heap`] checks the whole heap. A [`Schedule`]
//! says at which collection points a store collects:
//!
//! ```
//! use gcrucible_runtime::embed::*;
//! # fn wat(text: &str) -> Vec<u8> {
//! #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
//! #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
//! # }
//! # fn main() -> Result<(), Error> {
//! let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying))?;
//! let config = StoreConfig { schedule: Schedule::Every, ..StoreConfig::fuzzing() };
//! let mut store = Store::with_config(&engine, &config, ())?;
//! let module = Module::new(&engine, wat(r#"(module
//!     (type $list (struct (field (ref null $list))))
//!     (global $g (export "g") (mut (ref null $list)) (struct.new $list (struct.new $list (ref.null $list))))
//!     (func (export "shorten") (global.set $g (struct.get $list 0 (global.get $g)))))"#))?;
//! let instance = Instance::new(&mut store, &module, &[])?;
//! assert_eq!(store.stats().collections, 2, "one for each allocation");
//! assert_eq!(store.census()?.total(), 2);
//! instance.get_typed_func::<(), ()>(&store, "shorten")?.call(&mut store, ())?;
//! assert_eq!(store.census()?.total(), 1);
//! store.verify_heap()?;
//! store.audit()?;
//! # Ok(())
//! # }
//! ```

#[cfg(doc)]
use super::*;
