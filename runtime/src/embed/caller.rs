//! The argument of a host function: the store, and the calling instance.

use super::engine::Engine;
use super::error::Error;
use super::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::instance::InstanceId;

/// The store in which a host function runs, and the instance that called it. A host function can
/// call back into WebAssembly:
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn wat(text: &str) -> Vec<u8> {
/// #     let buffer = wast::parser::ParseBuffer::new(text).unwrap();
/// #     wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
/// # }
/// # fn main() -> Result<(), Error> {
/// let engine = Engine::new(&Config::optimised())?;
/// let mut linker: Linker<u32> = Linker::new(&engine);
/// linker.func_wrap("host", "again", |mut caller: Caller<'_, u32>, n: i32| {
///     *caller.data_mut() += 1;
///     let Some(Extern::Func(run)) = caller.get_export("run") else {
///         return Err(Error::host("`run` is not exported"));
///     };
///     run.typed::<i32, i32>(&caller)?.call(&mut caller, n - 1)
/// })?;
/// let module = Module::new(&engine, wat(r#"(module
///     (import "host" "again" (func $again (param i32) (result i32)))
///     (func (export "run") (param i32) (result i32)
///       (if (result i32) (local.get 0)
///         (then (i32.add (local.get 0) (call $again (local.get 0))))
///         (else (i32.const 0)))))"#))?;
/// let mut store = Store::new(&engine, 0);
/// let instance = linker.instantiate(&mut store, &module)?;
/// let run = instance.get_typed_func::<i32, i32>(&store, "run")?;
/// assert_eq!(run.call(&mut store, 10)?, 55);
/// assert_eq!(*store.data(), 10);
/// # Ok(())
/// # }
/// ```
pub struct Caller<'a, T> {
    pub(crate) store: StoreContextMut<'a, T>,
    pub(crate) instance: Option<InstanceId>,
}

impl<T> Caller<'_, T> {
    /// Returns the embedder's data.
    #[must_use]
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// Returns the embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.store.engine()
    }

    /// Returns the remaining fuel, after the fuel that the calling code has used until now.
    ///
    /// # Errors
    /// `Misuse` when the engine's code consumes none.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        self.store.get_fuel()
    }

    /// Sets the fuel of the store to `fuel`, also for the calling code.
    ///
    /// # Errors
    /// `Misuse` when the engine's code consumes none.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.store.set_fuel(fuel)
    }

    /// Collects everything that the collector can reclaim. References in wasm frames stay alive.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn gc(&mut self) -> Result<(), Error> {
        self.store.gc()
    }
}

impl<T> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}
