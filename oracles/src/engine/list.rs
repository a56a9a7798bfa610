//! The engines by name: all that can be made, and those that tests run.
//!
//! Without the cargo feature `runtime` the reference is the only one.

use super::Engine;
use super::reference::Reference;
#[cfg(feature = "runtime")]
use super::runtime::{Runtime, RuntimeConfig};

/// The reference.
pub fn reference() -> Box<dyn Engine> {
    Box::new(Reference)
}

/// The names of the engines that tests run by default, the reference first: each collector with
/// quick compilation, and the choices that change compiled code most, spread over the collectors.
pub fn names() -> Vec<String> {
    let mut names = vec!["reference"];
    if cfg!(feature = "runtime") {
        names.extend([
            "runtime:null",
            "runtime:drc",
            "runtime:drc-cycles",
            "runtime:copying",
            "runtime:drc:speed:backtracking:explicit",
            "runtime:copying:speed:backtracking:bounds",
        ]);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The engine with this name: `reference`, or `runtime:` and a configuration (see
/// `runtime::RuntimeConfig`; with the cargo feature `runtime`).
pub fn named(name: &str) -> Option<Box<dyn Engine>> {
    if name == "reference" {
        return Some(reference());
    }
    #[cfg(feature = "runtime")]
    if let Some(config) = RuntimeConfig::named(name) {
        return Some(Box::new(Runtime::new(config)));
    }
    None
}
