//! What a host function is given: the store, and who calls.

use super::engine::Engine;
use super::entity::Extern;
use super::error::Error;
use super::instance::Instance;
use super::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::instance::InstanceId;

/// The store a host function runs in, and the instance that imports it.
pub struct Caller<'a, T> {
    pub(crate) store: StoreContextMut<'a, T>,
    pub(crate) instance: Option<InstanceId>,
}

impl<T> Caller<'_, T> {
    /// The embedder's data.
    #[must_use]
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.store.engine()
    }

    /// The instance whose import was called; `None` when the function was called by reference, or by the host.
    #[must_use]
    pub fn instance(&self) -> Option<Instance> {
        let id = self.instance?;
        Some(Instance::from_id(self.store.as_context().opaque(), id))
    }

    /// An export of that instance.
    #[must_use]
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance()?.get_export(&mut self.store, name)
    }

    /// Collects everything that the collector can reclaim. What wasm frames hold stays.
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
