//! Engines in processes of their own, which only speak the protocol.
//!
//! Always: an adapter only instantiates, calls, and copies bytes. Everything else is here: the
//! modules that read objects inside of the engine (`probe`), the requests (`plan`), and the meaning
//! of the answers (`reading`). These are pure functions.
//!
//! Reading order: `module`, `types`, `tape`, `probe`, `kept`, `plan`, `reading`,
//! `transport`, `catalog`, `spawn`, `process`, `engine`, `any`, `check`.

pub mod module;

pub mod types;

pub mod tape;

pub mod probe;

mod kept;

mod plan;

mod reading;

pub mod transport;

pub mod catalog;

pub mod spawn;

pub mod process;

mod engine;

mod any;

pub mod check;

pub use any::Any;
pub use engine::{Counted, Foreign};
pub use transport::{Broken, Transport};
