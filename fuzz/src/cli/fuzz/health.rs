//! How a worker is doing: its speed and its memory. A worker that does badly is replaced, so that a
//! night is as fast at its end as at its beginning, and needs no more memory.

use std::fmt;
use std::time::Duration;

use gcrucible_oracles::foreign::process::{processor_time, resident_bytes};

/// Speed is measured over this much time of the processor. Load on the machine does not change it.
const WINDOW: Duration = Duration::from_secs(30);

/// A worker is slow if it has this many times its first speed, or less.
const SLOW: f64 = 0.25;

/// What a worker has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time of the processor.
    pub time: Duration,
    /// Resident memory in MiB.
    pub memory: u64,
}

impl Usage {
    /// Returns what a process has used, if it is there.
    #[must_use]
    pub fn of(pid: u32) -> Option<Usage> {
        Some(Usage {
            time: processor_time(pid)?,
            memory: resident_bytes(pid)? >> 20,
        })
    }
}

/// Why a worker is replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ill {
    /// It has become slow. Programs in a second of the processor's time, at first and now.
    Slow {
        /// In its first window.
        first: f64,
        /// In its last window.
        now: f64,
    },
    /// It has too much resident memory, in MiB.
    Large(u64),
}

impl fmt::Display for Ill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ill::Slow { first, now } => write!(
                f,
                "runs {now:.0} programs in a second of its core, and {first:.0} at first"
            ),
            Ill::Large(mebibytes) => write!(f, "has {mebibytes} MiB of memory"),
        }
    }
}

/// What is known of one worker.
#[derive(Clone, Debug)]
pub struct Health {
    /// Most resident memory in MiB.
    most: u64,
    /// Programs and time at the beginning of the window.
    began: (u64, Duration),
    /// The speed in the first window.
    first: Option<f64>,
}

impl Health {
    /// A worker that starts now and may have `most` MiB of resident memory.
    #[must_use]
    pub fn new(most: u64) -> Health {
        Health {
            most,
            began: (0, Duration::ZERO),
            first: None,
        }
    }

    /// Looks at a worker that has run `programs` programs. Returns why it is to be replaced, if it
    /// is.
    pub fn look(&mut self, programs: u64, usage: Usage) -> Option<Ill> {
        if usage.memory > self.most {
            return Some(Ill::Large(usage.memory));
        }
        let (before, since) = self.began;
        let took = usage.time.saturating_sub(since);
        if took < WINDOW {
            return None;
        }
        self.began = (programs, usage.time);
        let now = programs.saturating_sub(before) as f64 / took.as_secs_f64();
        let first = *self.first.get_or_insert(now);
        (now <= first * SLOW).then_some(Ill::Slow { first, now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_slows_down_or_grows_is_replaced() {
        let usage = |seconds, memory| Usage {
            time: Duration::from_secs(seconds),
            memory,
        };
        let mut health = Health::new(100);
        assert_eq!(health.look(1000, usage(10, 50)), None);
        assert_eq!(health.look(3000, usage(30, 50)), None);
        // Half as fast, then less than a quarter.
        assert_eq!(health.look(4500, usage(60, 100)), None);
        let slow = health.look(5000, usage(90, 50)).expect("slow");
        assert!(slow.to_string().contains("and 100 at first"), "{slow}");
        assert_eq!(health.look(5001, usage(91, 101)), Some(Ill::Large(101)));
    }

    #[test]
    fn the_usage_of_this_process_is_known() {
        let usage = Usage::of(std::process::id()).expect("this process");
        assert!((1..100_000).contains(&usage.memory), "{usage:?}");
        assert!(Usage::of(u32::MAX).is_none());
    }
}
