//! Choosing an engine from the command line.

use clap::Args;
use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::engine::reference::Reference;

use super::Failure;

/// Which engine, in which configuration.
#[derive(Clone, Debug, Default, Args)]
pub struct Choice {
    /// The engine: `runtime` or `reference`.
    #[arg(long, value_name = "NAME", default_value = "runtime")]
    pub engine: String,
    /// The runtime's collector: null, drc, drc-cycles or copying.
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,
    /// The runtime's optimisation level: none or speed.
    #[arg(long, value_name = "LEVEL", default_value = "none")]
    pub opt: String,
    /// How the runtime finds traps: signals or explicit.
    #[arg(long, value_name = "MODE", default_value = "signals")]
    pub traps: String,
}

/// What `--collector` means when it is not given.
pub const DEFAULT_COLLECTOR: &str = "copying";

impl Choice {
    /// The engine.
    ///
    /// # Errors
    ///
    /// A name that is no engine's, collector's or mode's.
    pub fn open(&self) -> Result<Box<dyn Engine>, Failure> {
        match self.engine.as_str() {
            "reference" if self.collector.is_none() => Ok(Box::new(Reference)),
            "reference" => Err(Failure::Usage(
                "the reference has no collector to choose".to_owned(),
            )),
            "runtime" => self.runtime(),
            other => Err(Failure::Usage(format!(
                "no engine is named {other:?}; there are: runtime, reference"
            ))),
        }
    }

    fn runtime(&self) -> Result<Box<dyn Engine>, Failure> {
        Err(Failure::Usage("to be wired".to_owned()))
    }
}
