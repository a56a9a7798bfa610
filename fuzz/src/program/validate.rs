//! Decides whether a program is valid. An edit can make it invalid.

use super::encode::{Dangling, encode_module};
use super::syntax::Program;

impl Program {
    /// Returns the bytes of every module, in order.
    ///
    /// # Errors
    /// An instruction names something that is not there. This happens only after an edit.
    pub fn encode(&self) -> Result<Vec<Vec<u8>>, Dangling> {
        self.modules
            .iter()
            .map(|m| encode_module(&self.types, m))
            .collect()
    }

    /// Encodes and validates every module as WebAssembly 3.0.
    ///
    /// # Errors
    /// The first module that is not valid, and why.
    pub fn validate(&self) -> Result<Vec<Vec<u8>>, Invalid> {
        let modules = self.encode().map_err(Invalid::Dangling)?;
        for bytes in &modules {
            let mut validator = wasmparser::Validator::new_with_features(features());
            validator.validate_all(bytes).map_err(Invalid::Validation)?;
        }
        Ok(modules)
    }
}

/// Everything in WebAssembly 3.0, and nothing else.
pub fn features() -> wasmparser::WasmFeatures {
    wasmparser::WasmFeatures::WASM3
}

/// Why a program is not valid.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It does not encode.
    #[error("{0}")]
    Dangling(Dangling),
    /// A module does not validate.
    #[error("{0}")]
    Validation(wasmparser::BinaryReaderError),
}
