//! Which collection points collect. Points are numbered from 0 in the order of execution, and a
//! schedule selects some of the numbers.
//!
//! Always: a point is counted once, even if the allocation at it fails. So no schedule can make an
//! operation repeat for ever (fault: Wasmtime #13263).

use crate::config::Schedule;

/// What happens at a collection point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointKind {
    /// An allocation by wasm, by an initialiser or by the host.
    Allocation,
    /// The growth of a table or memory.
    Growth,
    /// An operation on a table of references.
    Table,
    /// A call of a host function.
    HostCall,
    /// A step of an initialiser that is not an allocation.
    Initialiser,
    /// A request to collect.
    Request,
}

impl PointKind {
    /// How many kinds there are.
    pub const COUNT: usize = 6;
}

/// A schedule, and the number of points passed under it.
#[derive(Clone, Debug)]
pub struct Scheduler {
    schedule: Schedule,
    passed: u64,
    /// How many entries of [`Schedule::At`] are behind.
    behind: usize,
}

impl Scheduler {
    /// Begins at point 0.
    #[must_use]
    pub fn new(schedule: Schedule) -> Scheduler {
        Scheduler {
            schedule,
            passed: 0,
            behind: 0,
        }
    }

    /// Returns true if the collector decides when to collect.
    #[must_use]
    pub fn on_pressure(&self) -> bool {
        self.schedule == Schedule::OnPressure
    }

    /// Returns the number of points passed.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Passes a point. Returns true if the schedule wants a collection at it.
    /// [`Schedule::OnPressure`] never does, and counts no points.
    pub fn pass(&mut self) -> bool {
        let now = self.passed;
        match &self.schedule {
            Schedule::OnPressure => false,
            Schedule::Every => {
                self.passed += 1;
                true
            }
            Schedule::EveryNth(n) => {
                self.passed += 1;
                self.passed.is_multiple_of((*n).max(1))
            }
            Schedule::At(points) => {
                self.passed += 1;
                while points.get(self.behind).is_some_and(|&p| p < now) {
                    self.behind += 1;
                }
                points.get(self.behind) == Some(&now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: Schedule, expected: &[u64]) {
        let mut scheduler = Scheduler::new(schedule);
        let hits: Vec<u64> = (0..10).filter(|_| scheduler.pass()).collect();
        assert_eq!(hits, expected);
    }

    #[test]
    fn points_are_numbered_from_zero() {
        check(Schedule::OnPressure, &[]);
        check(Schedule::Every, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        check(Schedule::EveryNth(1), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        check(Schedule::EveryNth(3), &[2, 5, 8]);
        check(Schedule::EveryNth(0), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        check(Schedule::At(vec![]), &[]);
        check(Schedule::At(vec![0, 4, 4, 9, 12]), &[0, 4, 9]);
    }
}
