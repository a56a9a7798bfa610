//! One trait for both engines, and their configurations.

use std::time::Duration;

use serde::Serialize;

/// Which collector a configuration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Collector {
    /// Semi-space copying.
    Copying,
    /// Deferred reference counting.
    Drc,
    /// Never frees.
    Null,
}

impl Collector {
    /// Every collector that both engines have.
    pub const ALL: [Collector; 3] = [Collector::Copying, Collector::Drc, Collector::Null];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Collector::Copying => "copying",
            Collector::Drc => "drc",
            Collector::Null => "null",
        }
    }
}

/// Whose engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// This runtime.
    Ours,
    /// Wasmtime.
    Peer,
}

/// A configuration of one of the engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setup {
    /// Whose engine it is.
    pub side: Side,
    /// Its collector.
    pub collector: Collector,
    /// Whether Cranelift optimises.
    pub optimised: bool,
    /// Whether stores are made from a pool. Only the peer has this choice, because ours always
    /// recycles.
    pub pooled: bool,
}

impl Setup {
    /// Ours, optimised.
    pub const fn ours(collector: Collector) -> Setup {
        Setup {
            side: Side::Ours,
            collector,
            optimised: true,
            pooled: false,
        }
    }

    /// Wasmtime, optimised, its instances made on demand.
    pub const fn peer(collector: Collector) -> Setup {
        Setup {
            side: Side::Peer,
            ..Setup::ours(collector)
        }
    }

    /// The same without optimisation.
    pub const fn plain(self) -> Setup {
        Setup {
            optimised: false,
            ..self
        }
    }

    /// Returns the same with a pool.
    pub const fn pooled(self) -> Setup {
        Setup {
            pooled: true,
            ..self
        }
    }

    /// Returns the name that the table shows.
    pub fn label(&self) -> String {
        let side = match self.side {
            Side::Ours => "ours",
            Side::Peer => "wt",
        };
        let opt = if self.optimised { "" } else { " plain" };
        let pool = if self.pooled { " pool" } else { "" };
        format!("{side} {}{opt}{pool}", self.collector.name())
    }
}

/// An engine in one configuration.
pub trait Engine {
    /// Validates and compiles a module in the binary format.
    fn compile(&self, bytes: &[u8]) -> Result<Box<dyn Compiled>, String>;
}

/// A compiled module without imports.
pub trait Compiled {
    /// Makes a store and an instance, and calls `run`. Returns the time of the call and its result.
    fn run(&self, argument: i32) -> Result<(Duration, i64), String>;

    /// Makes a store and an instance and drops both.
    fn instantiate(&self) -> Result<(), String>;
}
