//! The command line's choice of an engine.

use clap::Args;
use gcrucible_oracles::engine::{self, Engine};

use super::failure::Failure;

/// The engine and its configuration.
#[derive(Clone, Debug, Args)]
pub struct Choice {
    /// The engine: `runtime` (which it is without this), `reference`, or a whole configuration such
    /// as `runtime:drc:speed:explicit`.
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
    /// The runtime's collector: null, drc, drc-cycles or copying (which is the default).
    #[arg(long, value_name = "NAME")]
    pub collector: Option<String>,
}

impl Choice {
    /// Whether the command line names an engine.
    pub fn is_given(&self) -> bool {
        self.engine.is_some() || self.collector.is_some()
    }

    /// The engine.
    ///
    /// # Errors
    ///
    /// An unknown name, or a collector beside an engine whose name includes it.
    pub fn open(&self) -> Result<Box<dyn Engine>, Failure> {
        let engine = self.engine.as_deref().unwrap_or("runtime");
        let name = match (engine, &self.collector) {
            ("runtime", None) => "runtime:copying".to_owned(),
            ("runtime", Some(collector)) => format!("runtime:{collector}"),
            (name, None) => name.to_owned(),
            (name, Some(_)) => {
                return Err(Failure::Usage(format!(
                    "--collector goes with --engine runtime, not with {name}"
                )));
            }
        };
        engine::named(&name).map_err(|why| Failure::Usage(why.to_string()))
    }
}
