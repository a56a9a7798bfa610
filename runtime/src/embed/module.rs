//! Compiled modules.

use std::ops::Range;
use std::sync::Arc;

use super::engine::Engine;
use super::error::Error;
use super::extern_types::{ExportType, ExternType, ImportType};
use crate::instance::code::CompiledModule;
use crate::module::EntityIdx;
use crate::types::TypeId;

/// A validated and compiled module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Module {
    engine: Engine,
    compiled: Arc<CompiledModule>,
}

impl Module {
    /// Validates and compiles a module in the binary format.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module, Error> {
        let compiled = CompiledModule::new(engine.data(), bytes.as_ref())?;
        Ok(Module {
            engine: engine.clone(),
            compiled: Arc::new(compiled),
        })
    }

    /// Only validates a module.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn validate(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        crate::module::Module::validate(engine.registry(), bytes.as_ref())?;
        Ok(())
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns what the module declares.
    pub(crate) fn decoded(&self) -> &crate::module::Module {
        &self.compiled.module
    }

    /// Returns the identities of its types, by type index. Two types of one engine are equal if and
    /// only if their identities are.
    pub fn type_ids(&self) -> impl ExactSizeIterator<Item = TypeId> + '_ {
        self.decoded().decls().types.iter().copied()
    }

    /// Returns the bytes of the largest frame of a function. A call needs at most that many of
    /// [`StoreConfig::stack_size`](super::StoreConfig::stack_size), beside what the host needs.
    #[must_use]
    pub fn largest_frame(&self) -> u32 {
        self.compiled.image.largest_frame()
    }

    /// Returns the indices of the tags that the module defines. Imported tags have smaller indices.
    #[must_use]
    pub fn defined_tags(&self) -> Range<u32> {
        let decls = self.decoded().decls();
        decls.imported_tags..decls.tags.len() as u32
    }

    /// Returns its imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        self.decoded()
            .decls()
            .imports
            .iter()
            .map(|import| ImportType {
                module: &import.module,
                name: &import.name,
                ty: self.extern_type(import.entity),
            })
    }

    /// Returns its exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        self.decoded()
            .decls()
            .exports
            .iter()
            .map(|export| ExportType {
                name: &export.name,
                ty: self.extern_type(export.entity),
            })
    }

    /// Returns the type of an export. `None` if the name is not exported.
    #[must_use]
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let exports = &self.decoded().decls().exports;
        let export = exports.iter().find(|export| &*export.name == name)?;
        Some(self.extern_type(export.entity))
    }

    /// The declared type of an entity.
    fn extern_type(&self, entity: EntityIdx) -> ExternType {
        let module = self.decoded();
        let decls = module.decls();
        let engine = &self.engine;
        match entity {
            EntityIdx::Func(at) => ExternType::func(engine, module.func_type(at)),
            EntityIdx::Table(at) => ExternType::table(engine, decls.tables[at.as_usize()]),
            EntityIdx::Memory(at) => ExternType::memory(decls.memories[at.as_usize()]),
            EntityIdx::Global(at) => ExternType::global(engine, decls.globals[at.as_usize()]),
            EntityIdx::Tag(at) => {
                ExternType::tag(engine, decls.types[decls.tags[at.as_usize()].as_usize()])
            }
        }
    }

    pub(crate) fn compiled(&self) -> &CompiledModule {
        &self.compiled
    }
}
