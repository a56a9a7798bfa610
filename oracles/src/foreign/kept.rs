//! What is kept from case to case: modules that were read, and their probes.
//!
//! Always: everything is a function of the bytes alone, so a verdict does not depend on which
//! modules are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gcrucible_protocol::Capabilities;
use wasmparser::{Validator, WasmFeatures};

use super::module::{Module, Unreadable};
use super::probe::Uses;
use super::probe::instance::{Crosses, Probe, probe};

/// Modules and probes made lately.
#[derive(Debug, Default)]
pub struct Kept {
    modules: Mutex<VecDeque<(Vec<u8>, Arc<Module>)>>,
    probes: Mutex<VecDeque<(Made, Arc<Probe>)>>,
}

/// The input of a probe. Two modules are the same if they have the same address, because the maker
/// of the probe keeps its module.
#[derive(Debug)]
struct Made {
    module: Arc<Module>,
    uses: Uses,
    crosses: Crosses,
}

/// As many as a few programs have.
const MOST: usize = 16;

impl Kept {
    /// Returns what a module declares.
    ///
    /// # Errors
    ///
    /// The module cannot be read.
    pub fn module(&self, wasm: &[u8]) -> Result<Arc<Module>, Unreadable> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, module)) = modules.iter().find(|(bytes, _)| bytes == wasm) {
            return Ok(Arc::clone(module));
        }
        let module = Arc::new(Module::read(wasm)?);
        modules.truncate(MOST - 1);
        modules.push_front((wasm.to_vec(), Arc::clone(&module)));
        Ok(module)
    }

    /// Returns the probe of a module.
    pub fn probe(&self, module: &Arc<Module>, uses: Uses, crosses: Crosses) -> Arc<Probe> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |made: &Made| {
            Arc::ptr_eq(&made.module, module) && made.uses == uses && made.crosses == crosses
        };
        if let Some((_, probe)) = probes.iter().find(|(made, _)| same(made)) {
            return Arc::clone(probe);
        }
        let made = Made {
            module: Arc::clone(module),
            uses,
            crosses,
        };
        let probe = Arc::new(probe(module, uses, crosses));
        probes.truncate(MOST - 1);
        probes.push_front((made, Arc::clone(&probe)));
        probe
    }

    /// Returns true if a valid module uses a proposal that the engine lacks.
    pub fn lacks(&self, wasm: &[u8], can: &Capabilities) -> bool {
        if can.lacks.is_empty() {
            return false;
        }
        let mut features = WasmFeatures::WASM3;
        for name in &can.lacks {
            let lacked = WasmFeatures::from_name(&name.to_uppercase());
            features.remove(lacked.unwrap_or(WasmFeatures::empty()));
        }
        let valid = |features| {
            Validator::new_with_features(features)
                .validate_all(wasm)
                .is_ok()
        };
        !valid(features) && valid(WasmFeatures::WASM3)
    }
}
