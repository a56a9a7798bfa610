//! Whether a reduced script proves its finding: alone, in a process of its own, it has to fail.
//!
//! A finding may need what its process did before: other heaps of the same thread, memory that an
//! earlier one left behind. Its program shows nothing then, and nobody could keep it as a
//! regression.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::foreign::catalog;

use super::failure::Failure;
use super::tool::{THIS_PROGRAM, ended_within};

/// A script that takes longer shows at least that.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns true if a finding is one of an engine in this process, so that its script can be tried.
#[must_use]
pub fn can_be_tried(finding: &Finding) -> bool {
    let is_compared = finding.conditions.is_some() && !finding.is_slow();
    is_compared && !finding.engine.is_empty() && !catalog::names(&finding.engine)
}

/// Runs a script on the engine that its header names. Returns true if it fails, or if the engine
/// takes the process with it.
///
/// # Errors
///
/// The process cannot be started.
pub fn fails(script: &Path) -> Result<bool, Failure> {
    let failed = |error| Failure::System {
        what: "trying a reduced script",
        error,
    };
    let mut command = Command::new(THIS_PROGRAM);
    command.arg0("gcrucible").arg("wast").arg(script);
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = silent.stderr(Stdio::null()).spawn().map_err(failed)?;
    let ended = ended_within(&mut child, LIMIT).map_err(failed)?;
    Ok(ended.is_none_or(|status| !status.success()))
}
