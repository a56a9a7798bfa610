//! An engine: what stores share.

use std::sync::Arc;

use super::error::Error;
use crate::config::Config;
use crate::heap::{CollectorTraits, plan};
use crate::instance::engine::EngineData;
use crate::libcalls::host_code;
use crate::types::registry::TypeRegistry;

/// What stores share: configuration, types, compiled code. Cheap to clone; can be used by several
/// threads.
#[derive(Clone, Debug)]
pub struct Engine {
    data: Arc<EngineData>,
}

impl Engine {
    /// An engine with that configuration.
    ///
    /// # Errors
    /// [`Error::Engine`] when the configuration contradicts itself, or the system refuses memory.
    pub fn new(config: &Config) -> Result<Engine, Error> {
        Ok(Engine {
            data: EngineData::new(config.clone(), host_code())?,
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.data.config
    }

    /// How the collector differs from others.
    #[must_use]
    pub fn collector_traits(&self) -> CollectorTraits {
        plan(self.data.config.collector).traits()
    }

    /// The types of all its modules and stores.
    #[must_use]
    pub fn registry(&self) -> &Arc<TypeRegistry> {
        &self.data.registry
    }

    /// Bytes of machine code in use: of living modules, and of trampolines, of which an engine
    /// keeps a few thousand.
    #[must_use]
    pub fn code_bytes(&self) -> u64 {
        u64::from(crate::limits::CODE_ARENA_BYTES) - self.data.arena.free_bytes()
    }

    /// Begins the next epoch: stores whose deadline passes are interrupted (with
    /// [`Config::epochs`]).
    pub fn increment_epoch(&self) {
        self.data.increment_epoch();
    }

    /// Whether both are the same engine.
    #[must_use]
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.data, &b.data)
    }

    pub(crate) fn data(&self) -> &Arc<EngineData> {
        &self.data
    }

    pub(crate) fn from_data(data: &Arc<EngineData>) -> Engine {
        Engine {
            data: Arc::clone(data),
        }
    }
}
