//! What stores share: configuration, types, compiler, code, and recycled memory.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mapping::MemoryPool;
use crate::compile::arena::Arena;
use crate::compile::stubs::{HostCode, StubError, Stubs};
use crate::compile::trampoline::Trampolines;
use crate::compile::{Compiler, isa};
use crate::config::Config;
use crate::error::Rejected;
use crate::heap::SpacePool;
use crate::types::registry::TypeRegistry;

/// Why an engine cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The system refused memory or address space.
    #[error("system: {0}")]
    System(#[from] std::io::Error),
    /// The code generator does not support this machine or these settings.
    #[error(transparent)]
    Codegen(#[from] Rejected),
    /// The stubs cannot be made.
    #[error(transparent)]
    Stubs(#[from] StubError),
}

/// What stores share. It is always behind an `Arc`, because compiled code knows the address of
/// `epoch`.
pub struct EngineData {
    /// The configuration.
    pub config: Config,
    /// Types.
    pub registry: Arc<TypeRegistry>,
    /// The compiler.
    pub compiler: Compiler,
    /// Memory for code.
    pub arena: Arc<Arena>,
    /// Stubs of the libcalls.
    pub stubs: Stubs,
    /// Trampolines by machine signature.
    pub trampolines: Trampolines,
    /// Recycled heaps.
    pub spaces: Arc<SpacePool>,
    /// Recycled linear memories.
    pub memories: Arc<MemoryPool>,
    /// The epoch.
    pub epoch: AtomicU64,
}

impl fmt::Debug for EngineData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineData")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl EngineData {
    /// Makes an engine whose compiled code calls the host through `host`. What it takes from the
    /// system and recycles is shared with another engine, if there is one.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn new(
        config: Config,
        host: HostCode,
        beside: Option<&EngineData>,
    ) -> Result<Arc<EngineData>, EngineError> {
        let mut compiler = Compiler::new(&config)?;
        if let Some(other) = beside {
            compiler = compiler.beside(&other.compiler);
        }
        let arena = match beside {
            Some(other) => Arc::clone(&other.arena),
            None => Arena::new()?,
        };
        let stubs = Stubs::new(&arena, host)?;
        let trampolines = Trampolines::new(isa::target(&config)?, Arc::clone(&arena), host);
        Ok(Arc::new(EngineData {
            registry: TypeRegistry::with_faults(config.planted())?,
            compiler,
            arena,
            stubs,
            trampolines,
            spaces: beside.map_or_else(SpacePool::new, |other| Arc::clone(&other.spaces)),
            memories: beside.map_or_else(Arc::default, |other| Arc::clone(&other.memories)),
            epoch: AtomicU64::new(0),
            config,
        }))
    }

    /// Begins the next epoch. Stores whose deadline passes are interrupted.
    pub fn increment_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }
}
