//! What belongs to a store beside the engine's own data.
//!
//! Always: host functions find everything they change here, so that no lock is held while compiled
//! code runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gcrucible_protocol::schedule::Schedule;
use gcrucible_protocol::{Limits, Top};
use wasmtime::{Engine, Instance, ResourceLimiter, Result, Store, UpdateDeadline};

use crate::config::Options;
use crate::kept::Kept;
use crate::version::exceptions::Exception;

/// A host object: all that a program can learn of it is its number.
#[derive(Debug)]
pub struct HostObject {
    /// The number.
    pub number: u32,
    dropped: Arc<AtomicU64>,
}

impl Drop for HostObject {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Host objects made so far, and those that are gone. It outlives its store, so that what the store
/// forgets to drop is seen.
#[derive(Clone, Debug, Default)]
pub struct HostObjects {
    /// How many were made.
    pub created: u64,
    dropped: Arc<AtomicU64>,
}

impl HostObjects {
    /// A new host object.
    pub fn make(&mut self, number: u32) -> HostObject {
        self.created += 1;
        let dropped = Arc::clone(&self.dropped);
        HostObject { number, dropped }
    }

    /// Those that are there.
    pub fn alive(&self) -> u64 {
        let dropped = self.dropped.load(Ordering::Relaxed);
        self.created.saturating_sub(dropped)
    }
}

/// The data of a store.
pub struct Data {
    /// Whether calls are asynchronous.
    pub is_async: bool,
    /// Instances, by number.
    pub instances: BTreeMap<u32, Instance>,
    /// References that the program holds through the host.
    pub handles: Vec<Option<(Top, Kept)>>,
    /// What is answered to a program that asks how many objects live.
    pub answers: VecDeque<u32>,
    /// The exception by which the call of this request ended.
    pub exception: Option<Exception>,
    /// Host objects.
    pub hosts: HostObjects,
    /// Collections asked for so far.
    pub collections: u64,
    /// Bytes that the heap of objects may have.
    pub heap_bytes: u64,
    schedule: Schedule,
    points: u64,
    limiter: Limiter,
}

impl Data {
    /// Passes a point of the schedule. Returns whether a collection happens there.
    pub fn pass_point(&mut self) -> bool {
        self.points += 1;
        self.schedule.collects_at(self.points - 1)
    }
}

/// A new store.
///
/// # Errors
///
/// The engine refuses the fuel, which it cannot.
pub fn open(
    engine: &Engine,
    options: &Options,
    limits: Limits,
    schedule: &str,
    answers: Vec<u32>,
) -> Result<Store<Data>> {
    let data = Data {
        is_async: options.is_async,
        instances: BTreeMap::new(),
        handles: Vec::new(),
        answers: answers.into(),
        exception: None,
        hosts: HostObjects::default(),
        collections: 0,
        heap_bytes: limits.heap_bytes,
        schedule: Schedule::read(schedule),
        points: 0,
        limiter: Limiter::new(limits),
    };
    let mut store = Store::new(engine, data);
    store.limiter(|data| &mut data.limiter);
    if options.fuel {
        store.set_fuel(u64::MAX)?;
        if options.is_async {
            store.fuel_async_yield_interval(Some(FUEL_BETWEEN_YIELDS))?;
        }
    }
    if options.epochs {
        store.set_epoch_deadline(0);
        let is_async = options.is_async;
        store.epoch_deadline_callback(move |_| {
            Ok(if is_async {
                UpdateDeadline::Yield(0)
            } else {
                UpdateDeadline::Continue(0)
            })
        });
    }
    Ok(store)
}

const FUEL_BETWEEN_YIELDS: u64 = 1_000;

/// Bounds memories, the heap of objects and tables, each by the sum over a store.
struct Limiter {
    heap: Budget,
    memories: Budget,
    tables: Budget,
}

struct Budget {
    used: u64,
    limit: u64,
}

impl Budget {
    fn new(limit: u64) -> Budget {
        Budget { used: 0, limit }
    }

    fn allows(&mut self, current: usize, desired: usize) -> bool {
        let more = (desired as u64).saturating_sub(current as u64);
        let used = self.used.saturating_add(more);
        if used > self.limit {
            return false;
        }
        self.used = used;
        true
    }
}

impl Limiter {
    fn new(limits: Limits) -> Limiter {
        Limiter {
            heap: Budget::new(limits.heap_bytes),
            memories: Budget::new(limits.memory_bytes),
            tables: Budget::new(limits.table_elements),
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        // The heap of objects grows like a memory without a maximum.
        const NO_MAXIMUM: usize = 1 << 32;
        let budget = if maximum.is_none_or(|maximum| maximum >= NO_MAXIMUM) {
            &mut self.heap
        } else {
            &mut self.memories
        };
        Ok(budget.allows(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(self.tables.allows(current, desired))
    }
}
