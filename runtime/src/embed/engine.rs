//! Engines.

use std::sync::Arc;

use crate::config::Config;
use crate::heap::CollectorTraits;
use crate::instance::engine::{EngineData, EngineError};
use crate::libcalls::host_code;
use crate::types::registry::TypeRegistry;

/// What stores share: the configuration, types and compiled code. Cheap to clone. Several threads
/// can use it at once.
#[derive(Clone, Debug)]
pub struct Engine {
    data: Arc<EngineData>,
}

impl Engine {
    /// Makes an engine with that configuration.
    ///
    /// # Errors
    /// When the code generator does not support the machine, or the system refuses memory.
    pub fn new(config: &Config) -> Result<Engine, EngineError> {
        Ok(Engine {
            data: EngineData::new(config.clone(), host_code(), None)?,
        })
    }

    /// Makes an engine with that configuration that recycles memory together with another one:
    /// address space for heaps, linear memories and machine code, and the compiler's own memory. So
    /// a thousand engines that are used in turn need hardly more than one. They share no types and
    /// no modules, and one may outlive the other.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn beside(config: &Config, other: &Engine) -> Result<Engine, EngineError> {
        Ok(Engine {
            data: EngineData::new(config.clone(), host_code(), Some(&other.data))?,
        })
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.data.config
    }

    /// Returns what the collector can do.
    #[must_use]
    pub fn collector_traits(&self) -> CollectorTraits {
        self.data.config.collector.traits()
    }

    /// Returns the registry of the types of all its modules and stores.
    pub(crate) fn registry(&self) -> &Arc<TypeRegistry> {
        &self.data.registry
    }

    /// Returns the number of defined types that some module, store or value of this engine uses.
    #[must_use]
    pub fn live_types(&self) -> usize {
        self.data.registry.live_types()
    }

    /// Returns the bytes of machine code in use, by living modules and by trampolines. Engines that
    /// recycle memory together are counted together. An engine keeps up to a few thousand
    /// trampolines.
    #[must_use]
    pub fn code_bytes(&self) -> u64 {
        u64::from(crate::limits::CODE_ARENA_BYTES) - self.data.arena.free_bytes()
    }

    /// Begins the next epoch. Interrupts the stores whose deadline passes (with
    /// [`Config::epochs`]).
    pub fn increment_epoch(&self) {
        self.data.increment_epoch();
    }

    /// Returns true if both are the same engine.
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
