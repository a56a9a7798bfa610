//! Other programs: tools of the machine, such as those that install engines, and processes that may
//! only run for a while.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::terminal::say;

/// The program that runs now. The link stays good when the file is replaced or deleted, for example
/// by a build during a long run.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

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

/// Waits for the end of a process. Returns `None` if it had to be killed after `limit`.
///
/// # Errors
///
/// What the system says.
pub fn ended_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    ended_unless(child, limit, || false)
}

/// Waits for the end of a process. Returns `None` if it had to be killed, after `limit` or because
/// `stop` returned true.
///
/// # Errors
///
/// What the system says.
pub fn ended_unless(
    child: &mut Child,
    limit: Duration,
    stop: impl Fn() -> bool,
) -> io::Result<Option<ExitStatus>> {
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit || stop() {
            // If it cannot be killed it has ended already.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("it starts");
        let ended = ended_within(&mut child, Duration::from_millis(20)).expect("a child");
        assert_eq!(ended, None);
        let mut child = Command::new("true").spawn().expect("it starts");
        let ended = ended_within(&mut child, Duration::from_secs(60)).expect("a child");
        assert!(ended.is_some_and(|status| status.success()));
    }
}
