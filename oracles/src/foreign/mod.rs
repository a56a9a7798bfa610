//! Engines in processes of their own, which only speak the protocol.
//!
//! Always: everything clever is here, and pure: which modules look into the engine (`probe`), what
//! is asked (`plan`), what the answers mean (`reading`). An adapter instantiates, calls, and copies
//! bytes.
//!
//! Reading order: `module`, `types`, `tape`, `probe`, `kept`, `plan`, `reading`,
//! `transport`, `catalog`, `process`, `engine`, `check`.

pub mod module;

pub mod types;

pub mod tape;

pub mod probe;

mod kept;

mod plan;

mod reading;

pub mod transport;

pub mod catalog;

pub mod process;

mod engine;

pub mod check;

pub use engine::{Counted, Foreign};
pub use transport::{Broken, Transport};
