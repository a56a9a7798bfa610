//! Starts processes that do not outlive this one, however it ends.
//!
//! Invariant S1: between `fork` and `exec` a child only makes system calls that are safe after a
//! fork: it allocates nothing and takes no lock.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Signal, set_parent_process_death_signal};

/// A command, and where its process goes.
type Order = (Command, Sender<io::Result<Child>>);

/// The way to the thread that starts processes. The kernel ends a child when the *thread* that
/// started it ends, so one thread starts all children and lives as long as this process.
static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();

/// Starts a process. The kernel kills it when this process ends.
///
/// # Errors
///
/// The process, or the thread that starts processes, cannot be started.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    // SAFETY: by S1, because `prctl` is one system call and the closure does nothing else.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = channel();
        // Without the thread nobody receives, and sending fails below.
        let _ = std::thread::Builder::new()
            .name("starts processes".to_owned())
            .spawn(move || work(&receiver));
        Mutex::new(sender)
    });
    let gone = || io::Error::other("the thread that starts processes cannot be started");
    let (answer, child) = channel();
    orders
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn work(orders: &Receiver<Order>) {
    for (mut command, answer) in orders {
        // Whoever asked still waits.
        let _ = answer.send(command.spawn());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_outlives_the_thread_that_asked_for_it() {
        let mut sleeps = Command::new("sleep");
        sleeps.arg("60");
        let asking = std::thread::spawn(|| spawn(sleeps));
        let mut child = asking.join().expect("no panic").expect("it starts");
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(child.try_wait().expect("a status").is_none());
        child.kill().expect("it is ours");
        child.wait().expect("a status");
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        let error = spawn(Command::new("/nonexistent/program")).expect_err("no such program");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
