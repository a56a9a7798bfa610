//! Code address to module, for one store.
//!
//! The signal handler looks up addresses here, so a look-up takes no lock and allocates nothing. A
//! module is added when a store first instantiates it. It stays until the store is dropped, which
//! keeps its code alive (I4).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::compile::image::{Image, Piece};
use crate::index::FuncIdx;
use crate::module::Module;

/// The modules whose code a store may run.
#[derive(Default)]
pub struct CodeMap {
    /// By ascending address.
    entries: Vec<LoadedModule>,
}

/// A module in the map.
pub struct LoadedModule {
    range: Range<usize>,
    image: Arc<Image>,
    module: Arc<Module>,
}

impl LoadedModule {
    /// Returns the module's code.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Returns the module.
    #[must_use]
    pub fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// Returns the function that `pc` is in, or `None` in the initialiser.
    #[must_use]
    pub fn function(&self, pc: usize) -> Option<FuncIdx> {
        match self.image.locate(pc)?.0 {
            Piece::Func(defined) => Some(FuncIdx(defined.0 + self.module.decls().imported_funcs)),
            Piece::Init(_) => None,
        }
    }
}

impl CodeMap {
    /// Adds a module. Does nothing if its code is there already.
    pub fn insert(&mut self, image: &Arc<Image>, module: &Arc<Module>) {
        let range = image.range();
        let at = self
            .entries
            .partition_point(|e| e.range.start < range.start);
        if self.entries.get(at).is_some_and(|e| e.range == range) {
            return;
        }
        let entry = LoadedModule {
            range,
            image: Arc::clone(image),
            module: Arc::clone(module),
        };
        self.entries.insert(at, entry);
    }

    /// Returns the module whose code `pc` is in.
    #[must_use]
    pub fn get(&self, pc: usize) -> Option<&LoadedModule> {
        let at = self
            .entries
            .partition_point(|e| e.range.start <= pc)
            .checked_sub(1)?;
        let entry = &self.entries[at];
        entry.range.contains(&pc).then_some(entry)
    }

    /// Returns the number of modules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there is no module.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for CodeMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.entries.iter().map(|e| &e.range);
        f.debug_list().entries(ranges).finish()
    }
}
