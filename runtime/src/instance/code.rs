//! A module ready to be instantiated: validated, compiled, linked.

use std::sync::Arc;

use super::engine::EngineData;
use crate::compile::image::{Image, LinkError};
use crate::compile::init::FirstValues;
use crate::compile::{ModuleCode, compile_module};
use crate::error::Rejected;
use crate::module::Module;

/// A compiled module. Stores of the engine that compiled it may run its code.
#[derive(Debug)]
pub struct CompiledModule {
    /// The validated module.
    pub module: Arc<Module>,
    /// Its code.
    pub image: Arc<Image>,
    /// First values of globals, tables and segments, where they are known without running code.
    pub first_values: FirstValues,
}

impl CompiledModule {
    /// Validates and compiles a module in the binary format.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn new(engine: &EngineData, bytes: &[u8]) -> Result<CompiledModule, Rejected> {
        let module = Module::validate(&engine.registry, bytes)?;
        CompiledModule::compile(engine, module)
    }

    /// Compiles a module that was validated with the engine's types.
    ///
    /// # Errors
    /// [`Rejected`], but never `Malformed` or `Invalid`.
    pub fn compile(engine: &EngineData, module: Module) -> Result<CompiledModule, Rejected> {
        let ModuleCode {
            funcs,
            inits,
            first_values,
        } = compile_module(&engine.compiler, &module)?;
        let image =
            Image::link(&engine.arena, &engine.stubs, &funcs, &inits).map_err(|e| match e {
                LinkError::Full(_) => Rejected::Limit("the engine's memory for code".to_string()),
                LinkError::Unresolved(_) => Rejected::Internal(e.to_string()),
            })?;
        Ok(CompiledModule {
            module: Arc::new(module),
            image: Arc::new(image),
            first_values,
        })
    }
}
