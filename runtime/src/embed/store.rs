//! Stores, and how functions of this API access them.
//!
//! Invariant **O1**: a store's [`StoreInner`] is on the Rust heap at one address from creation to
//! drop. `StoreOpaque::outer` is that address, obtained before any reference to it was made.
//! `VmStore::host` is the address of its `opaque`.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::census::{self, Census, StoreStats};
use super::engine::Engine;
use super::error::{Error, into_raised_without_store};
use crate::config::{ConfigError, StoreConfig};
use crate::error::Exhausted;
use crate::execute::Raised;
use crate::heap::PointKind;
use crate::instance::limiter::{Ask, EpochHook, LimiterHook, ResourceLimiter};
use crate::instance::store::StoreOpaque;

type Limiter<T> = Box<dyn (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync>;
type EpochCallback<T> = Box<dyn (FnMut(&mut T) -> Result<u64, Error>) + Send + Sync>;

/// A store with the embedder's data.
#[doc(hidden)]
pub struct StoreInner<T> {
    pub(crate) opaque: StoreOpaque,
    limiter: Option<Limiter<T>>,
    epoch: Option<EpochCallback<T>>,
    data: T,
}

/// The owner of instances and of everything that they use: tables, memories, a collected heap. All
/// of it is released when the store is dropped.
pub struct Store<T> {
    inner: NonNull<StoreInner<T>>,
    owns: PhantomData<StoreInner<T>>,
}

// SAFETY: the store owns what it points to, which may be sent.
unsafe impl<T: Send> Send for Store<T> {}

/// Shared access to a store.
pub struct StoreContext<'a, T>(pub(crate) &'a StoreInner<T>);

/// Exclusive access to a store.
pub struct StoreContextMut<'a, T>(pub(crate) &'a mut StoreInner<T>);

impl<T> Clone for StoreContext<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for StoreContext<'_, T> {}

/// A value that gives shared access to a store: the store itself, a [`Caller`](super::Caller), a
/// [`RootScope`](super::RootScope), or a reference to one of them.
pub trait AsContext {
    /// The embedder's data.
    type Data;
    /// Returns the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// A value that gives exclusive access to a store.
pub trait AsContextMut: AsContext {
    /// Returns the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T> Store<T> {
    /// Makes an empty store with the default configuration.
    ///
    /// # Panics
    /// When a few hundred bytes cannot be allocated.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        Store::checked(engine, StoreConfig::default(), data)
    }

    /// Returns an empty store with a configuration of its own.
    ///
    /// The schedule says at which collection points the store collects. Points are numbered from 0
    /// in the order of execution, and [`StoreStats::collection_points`] says how many there were.
    /// So one can try a collection at each point of a program in turn:
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying))?;
    /// let program = |schedule| {
    ///     let config = StoreConfig { schedule, ..StoreConfig::fuzzing() };
    ///     let mut store = Store::with_config(&engine, &config, ())?;
    ///     let one = ExternRef::new(&mut store, 1)?;
    ///     let two = ExternRef::new(&mut store, 2)?;
    ///     assert_eq!(one.get::<i32>(&mut store)? + two.get::<i32>(&mut store)?, 3);
    ///     Ok::<_, Error>(store.stats())
    /// };
    /// let points = program(Schedule::At(vec![]))?.collection_points;
    /// for point in 0..points {
    ///     assert_eq!(program(Schedule::At(vec![point]))?.collections, 1);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Misuse::Config`](super::Misuse::Config) when the configuration contradicts itself or the
    /// engine's.
    ///
    /// # Panics
    /// When a few hundred bytes cannot be allocated.
    pub fn with_config(engine: &Engine, config: &StoreConfig, data: T) -> Result<Store<T>, Error> {
        config.check(engine.config())?;
        Ok(Store::checked(engine, config.clone(), data))
    }

    fn checked(engine: &Engine, config: StoreConfig, data: T) -> Store<T> {
        let opaque = StoreOpaque::new(Arc::clone(engine.data()), config);
        let opaque = opaque.expect("memory for a store");
        let inner = NonNull::from(Box::leak(Box::new(StoreInner {
            opaque,
            limiter: None,
            epoch: None,
            data,
        })));
        // SAFETY: just made; only the address is taken.
        let opaque = unsafe { &raw mut (*inner.as_ptr()).opaque };
        // SAFETY: just made.
        let this = unsafe { &mut *opaque };
        // SAFETY: O1.
        unsafe { this.attach(opaque, inner.as_ptr().cast(), None) };
        Store {
            inner,
            owns: PhantomData,
        }
    }

    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.inner().data
    }

    /// Returns the embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner_mut().data
    }

    /// Returns the engine.
    pub fn engine(&self) -> Engine {
        self.as_context().engine()
    }

    /// Sets the limiter, which decides about growth.
    pub fn limiter(
        &mut self,
        limiter: impl (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        let inner = self.inner_mut();
        inner.limiter = Some(Box::new(limiter));
        let hook = LimiterHook {
            with: with_limiter::<T>,
        };
        // SAFETY: O1: `outer` is a `StoreInner<T>`.
        unsafe { inner.opaque.set_limiter(Some(hook)) };
    }

    /// Collects everything that the collector can reclaim.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn gc(&mut self) -> Result<(), Error> {
        self.as_context_mut().gc()
    }

    /// Collects, then counts live objects by kind and type. This is not a numbered collection
    /// point, so it does not change the effect of a schedule. A collector that keeps garbage cycles
    /// counts them. A collector that never frees counts every object that was ever made
    /// ([`Engine::collector_traits`](super::Engine::collector_traits)).
    ///
    /// ```
    /// use gcrucible_runtime::embed::{Config, Engine, ExternRef, ObjectKind, RootScope, Store};
    /// # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
    /// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
    /// let kept = ExternRef::new(&mut store, 1)?;
    /// {
    ///     let mut scope = RootScope::new(&mut store);
    ///     ExternRef::new(&mut scope, 2)?;
    /// }
    /// let census = store.census()?;
    /// assert_eq!(census.of_kind(ObjectKind::Extern), 1);
    /// assert_eq!(census.total(), 1);
    /// assert_eq!(kept.get::<i32>(&mut store)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn census(&mut self) -> Result<Census, Error> {
        self.as_context_mut().census()
    }

    /// Compares reference counts, if the collector counts, with the actual references. The stored
    /// count of every object must be the number of fields, elements and roots that refer to it,
    /// plus one if it is in the table of objects that the stack may refer to. The audit finds
    /// references with code that the collector does not use. It can run at any time, not only after
    /// a collection.
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn main() -> Result<(), Error> {
    /// let mut store = Store::new(&Engine::new(&Config::fuzzing(CollectorKind::Drc))?, ());
    /// let ty = TableType::new(RefType::new(true, HeapType::Extern), 2, None);
    /// let table = Table::new(&mut store, &ty, Val::null(HeapTopType::Extern))?;
    /// let object = ExternRef::new(&mut store, 7)?;
    /// table.fill(&mut store, 0, object, 2)?;
    /// table.set(&mut store, 0, Val::null(HeapTopType::Extern))?;
    /// store.audit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Fault`] with the first object whose count is wrong: its kind and type, the stored
    /// count, the numbers of references from objects and from roots, and one of the referrers.
    pub fn audit(&mut self) -> Result<(), Error> {
        self.as_context_mut().audit()
    }

    /// Checks the whole heap and all roots. Every object must have an existing kind and type and
    /// end within the heap. Every reference in an object, a root or a frame's stack map must be
    /// null, an i31, or the start of a living object of an acceptable type. Freed memory must still
    /// have the pattern with which it was filled ([`StoreConfig::poison`]). The check shares no
    /// code with any collector.
    ///
    /// ```
    /// use gcrucible_runtime::embed::*;
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying))?;
    /// let config = StoreConfig { schedule: Schedule::Every, ..StoreConfig::fuzzing() };
    /// let mut store = Store::with_config(&engine, &config, ())?;
    /// for n in 0..3 {
    ///     ExternRef::new(&mut store, n)?;
    ///     store.verify_heap()?;
    /// }
    /// let stats = store.stats();
    /// assert_eq!((stats.collection_points, stats.collections), (3, 3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Fault`] with the first violation and its position.
    pub fn verify_heap(&mut self) -> Result<(), Error> {
        self.as_context_mut().verify_heap()
    }

    /// Lets one allocation fail as if the heap were full. `number` counts allocations from now on,
    /// beginning with 0. With `None`, no allocation fails. So one can test how a program behaves
    /// when memory runs out at each of its allocations in turn, be it an allocation by wasm, by a
    /// constant expression or by the host:
    ///
    /// ```
    /// use gcrucible_runtime::embed::{Config, Engine, Error, Exhausted, ExternRef, Store};
    /// # fn main() -> Result<(), Error> {
    /// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
    /// store.set_full_at(Some(1));
    /// ExternRef::new(&mut store, "the first")?;
    /// let second = ExternRef::new(&mut store, "the second");
    /// assert!(matches!(second, Err(Error::Exhausted(Exhausted::GcHeap))));
    /// ExternRef::new(&mut store, "the third")?;
    /// assert_eq!(store.stats().allocations, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_full_at(&mut self, number: Option<u64>) {
        self.inner_mut().opaque.set_full_at(number);
    }

    /// Counts of collections, collection points and host objects.
    pub fn stats(&self) -> StoreStats {
        self.as_context().stats()
    }

    /// Sets the fuel of the store to `fuel` (with [`Config::fuel`](crate::config::Config)).
    ///
    /// # Errors
    /// `Misuse` when the engine's code consumes none.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Returns the remaining fuel.
    ///
    /// # Errors
    /// `Misuse` when the engine's code consumes none.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        self.as_context().get_fuel()
    }

    /// Interrupts execution after the engine's epoch has been incremented `ticks` times from now.
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.inner_mut().opaque.set_epoch_deadline(ticks);
    }

    /// Calls `callback` when the deadline has passed. Execution continues for the number of ticks
    /// that it returns, or ends with its error. It is called in the middle of execution, so it gets
    /// the data and not the store.
    pub fn epoch_deadline_callback(
        &mut self,
        callback: impl FnMut(&mut T) -> Result<u64, Error> + Send + Sync + 'static,
    ) {
        let inner = self.inner_mut();
        inner.epoch = Some(Box::new(callback));
        let hook = EpochHook {
            passed: epoch_passed::<T>,
        };
        // SAFETY: O1: `outer` is a `StoreInner<T>`.
        unsafe { inner.opaque.set_epoch_hook(Some(hook)) };
    }

    /// Ends execution with [`Exhausted::Epoch`](crate::error::Exhausted) when the deadline has
    /// passed. This is the default.
    pub fn epoch_deadline_trap(&mut self) {
        let inner = self.inner_mut();
        inner.epoch = None;
        // SAFETY: no hook suits every store.
        unsafe { inner.opaque.set_epoch_hook(None) };
    }

    /// Returns the embedder's data and releases everything else.
    pub fn into_data(self) -> T {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: O1: made by `Box::into_raw`, and `self` is not dropped.
        let inner = unsafe { Box::from_raw(this.inner.as_ptr()) };
        let StoreInner { opaque, data, .. } = *inner;
        drop(opaque);
        data
    }

    fn inner(&self) -> &StoreInner<T> {
        // SAFETY: O1, borrowed like `self`.
        unsafe { self.inner.as_ref() }
    }

    fn inner_mut(&mut self) -> &mut StoreInner<T> {
        // SAFETY: O1, borrowed like `self`.
        unsafe { self.inner.as_mut() }
    }
}

impl<T> Drop for Store<T> {
    fn drop(&mut self) {
        // SAFETY: O1: made by `Box::into_raw`; nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("data", self.data())
            .finish_non_exhaustive()
    }
}

/// # Safety
/// `outer` is a `StoreInner<T>` with a limiter, whose data nobody uses.
unsafe fn with_limiter<T>(outer: *mut c_void, ask: &mut Ask<'_>) {
    let outer = outer.cast::<StoreInner<T>>();
    // SAFETY: the caller's promise; apart from `opaque`, which may be borrowed.
    let limiter = unsafe { &(*outer).limiter };
    // SAFETY: as above.
    let data = unsafe { &mut (*outer).data };
    if let Some(limiter) = limiter {
        ask(limiter(data));
    }
}

/// # Safety
/// `outer` is a `StoreInner<T>`, whose data nobody uses.
unsafe fn epoch_passed<T>(outer: *mut c_void) -> Result<u64, Raised> {
    let outer = outer.cast::<StoreInner<T>>();
    // SAFETY: the caller's promise; apart from `opaque`, which may be borrowed.
    let callback = unsafe { &mut (*outer).epoch };
    // SAFETY: as above.
    let data = unsafe { &mut (*outer).data };
    match callback {
        Some(callback) => callback(data).map_err(into_raised_without_store),
        None => Err(Raised::Exhausted(Exhausted::Epoch)),
    }
}

impl<'a, T> StoreContext<'a, T> {
    /// Returns the embedder's data.
    #[must_use]
    pub fn data(&self) -> &'a T {
        &self.0.data
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        Engine::from_data(&self.0.opaque.engine)
    }

    /// Counts of collections, collection points and host objects.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        census::stats(&self.0.opaque)
    }

    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        if self.0.opaque.engine.config.fuel {
            Ok(self.0.opaque.fuel())
        } else {
            Err(ConfigError::NoFuel.into())
        }
    }

    pub(crate) fn opaque(&self) -> &'a StoreOpaque {
        &self.0.opaque
    }
}

impl<'a, T> StoreContextMut<'a, T> {
    /// Returns the embedder's data.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// Returns the embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        Engine::from_data(&self.0.opaque.engine)
    }

    /// See [`Store::gc`]. This is also a numbered collection point. It collects under every
    /// schedule.
    ///
    /// # Errors
    /// As there.
    pub fn gc(&mut self) -> Result<(), Error> {
        let opaque = &mut self.0.opaque;
        opaque.point(PointKind::Request)?;
        Ok(opaque.gc()?)
    }

    /// See [`Store::census`].
    ///
    /// # Errors
    /// As there.
    pub fn census(&mut self) -> Result<Census, Error> {
        self.0.opaque.gc()?;
        census::take(&mut self.0.opaque)
    }

    /// See [`Store::audit`].
    ///
    /// # Errors
    /// As there.
    pub fn audit(&mut self) -> Result<(), Error> {
        Ok(self.0.opaque.audit()?)
    }

    /// See [`Store::verify_heap`].
    ///
    /// # Errors
    /// As there.
    pub fn verify_heap(&mut self) -> Result<(), Error> {
        Ok(self.0.opaque.verify_heap()?)
    }

    /// Counts of collections, collection points and host objects.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        census::stats(&self.0.opaque)
    }

    /// See [`Store::set_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        if !self.0.opaque.engine.config.fuel {
            return Err(ConfigError::NoFuel.into());
        }
        self.0.opaque.set_fuel(fuel);
        Ok(())
    }

    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        StoreContext(self.0).get_fuel()
    }

    /// See [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.0.opaque.set_epoch_deadline(ticks);
    }

    pub(crate) fn opaque_mut(self) -> &'a mut StoreOpaque {
        &mut self.0.opaque
    }
}

impl<T> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.inner())
    }
}

impl<T> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.inner_mut())
    }
}

impl<T> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        *self
    }
}

impl<T> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<C: AsContext> AsContext for &C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContext> AsContext for &mut C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        C::as_context_mut(self)
    }
}
