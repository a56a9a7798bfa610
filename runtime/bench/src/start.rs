//! From a configuration to the engine that has it.

use crate::engine::{Engine, Setup, Side};
use crate::{ours, peer};

/// Starts the engine with this configuration.
///
/// # Errors
///
/// The engine's own words, if it does not accept the configuration.
pub fn start(setup: &Setup) -> Result<Box<dyn Engine>, String> {
    match setup.side {
        Side::Ours => ours::start(setup),
        Side::Peer => peer::start(setup),
    }
}
