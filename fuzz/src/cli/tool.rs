//! Tools of the machine, such as those that install engines.

use std::process::Command;

use super::failure::Failure;
use super::terminal::say;

/// Runs a tool of the machine, whose words the user sees.
///
/// # Errors
///
/// The tool does not start, or fails.
pub fn run_tool(command: &mut Command) -> Result<(), Failure> {
    let line = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    say!("{line}");
    let status = command.status().map_err(|error| Failure::Tool {
        line: line.clone(),
        how: error.to_string(),
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Tool {
        line,
        how: status.to_string(),
    })
}
