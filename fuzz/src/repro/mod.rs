//! A reduced finding on an engine that is not ours -> files that its maintainers use without us.
//!
//! Always: the files hold all they need. What a healthy engine answers is recorded from our
//! runtime, which agrees with the reference where the engine does not.
//!
//! Not here: writing and trying the files (`cli::reproduce`).
//!
//! Reading order: `recording`, `file`, `javascript`, `python`, `report`.

pub mod file;
pub mod javascript;
pub mod python;
pub mod recording;
pub mod report;
