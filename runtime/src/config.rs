//! What can be chosen: [`Config`] for an engine, [`StoreConfig`] for a store. Plain data, printed
//! for replay.

use crate::planted::Planted;

/// Which collector a store uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CollectorKind {
    /// Never frees.
    Null,
    /// Deferred reference counting. Garbage cycles stay.
    Drc,
    /// Deferred reference counting, and a backup trace that reclaims cycles.
    DrcCycles,
    /// Semi-space copying.
    Copying,
}

impl CollectorKind {
    /// Every collector there is.
    pub const ALL: [CollectorKind; 4] = [
        CollectorKind::Null,
        CollectorKind::Drc,
        CollectorKind::DrcCycles,
        CollectorKind::Copying,
    ];

    /// Returns the name by which it is chosen and printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CollectorKind::Null => "null",
            CollectorKind::Drc => "drc",
            CollectorKind::DrcCycles => "drc-cycles",
            CollectorKind::Copying => "copying",
        }
    }
}

/// How much Cranelift optimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptLevel {
    /// No optimisation. Quickest to compile.
    None,
    /// Optimises for speed.
    Speed,
}

/// Which register allocator Cranelift uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegAlloc {
    /// One pass over the code. Quickest to compile.
    SinglePass,
    /// Backtracking. Slower to compile, and better code.
    Backtracking,
}

/// How compiled code finds out that it must trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrapMode {
    /// By guard pages and trapping instructions, caught as signals.
    Signals,
    /// By explicit checks only. No signal handler is needed.
    Explicit,
}

/// At which collection points a store collects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// When the collector finds it useful. Points are not numbered.
    #[default]
    OnPressure,
    /// At every n-th point: the points n-1, 2n-1, and so on. n is at least 1.
    EveryNth(u64),
    /// At the points with these numbers, ascending. An empty list only counts the points.
    At(Vec<u64>),
    /// At every point.
    Every,
}

/// What is chosen for an engine: everything that compiled code depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which collector stores use.
    pub collector: CollectorKind,
    /// How much is optimised.
    pub opt_level: OptLevel,
    /// Which register allocator is used.
    pub reg_alloc: RegAlloc,
    /// How traps are found.
    pub trap_mode: TrapMode,
    /// Address space reserved for each 32-bit memory, in bytes. With at least 4 GiB, accesses need
    /// no bounds check (in [`TrapMode::Signals`]). With less, they have one, and the memory may
    /// move when it grows.
    pub memory_reservation: u64,
    /// Whether compiled code consumes fuel.
    pub fuel: bool,
    /// Whether compiled code looks at the epoch.
    pub epochs: bool,
    /// Whether compiled code counts nested calls, for [`StoreConfig::call_depth`].
    pub counted_calls: bool,
    /// Whether NaNs that arithmetic makes are the canonical ones.
    pub canonical_nans: bool,
    /// Whether compiled code has collection points at table operations and calls of the host, and
    /// allocates out of line. A store needs this for every schedule other than
    /// [`Schedule::OnPressure`].
    pub collection_points: bool,
    /// Whether Cranelift checks its own intermediate form.
    pub verify_ir: bool,
    /// Faults planted on purpose.
    #[cfg(feature = "planted")]
    pub planted: Planted,
}

impl Config {
    /// For long-running programs: optimised code, signals, large reservations, copying collector.
    #[must_use]
    pub fn optimised() -> Config {
        Config {
            collector: CollectorKind::Copying,
            opt_level: OptLevel::Speed,
            reg_alloc: RegAlloc::Backtracking,
            trap_mode: TrapMode::Signals,
            memory_reservation: 4 << 30,
            fuel: false,
            epochs: false,
            counted_calls: false,
            canonical_nans: false,
            collection_points: false,
            verify_ir: cfg!(debug_assertions),
            #[cfg(feature = "planted")]
            planted: Planted::NONE,
        }
    }

    /// For fuzzing: quick compilation, every check on, collection points.
    #[must_use]
    pub fn fuzzing(collector: CollectorKind) -> Config {
        Config {
            collector,
            opt_level: OptLevel::None,
            reg_alloc: RegAlloc::SinglePass,
            canonical_nans: true,
            collection_points: true,
            verify_ir: true,
            ..Config::optimised()
        }
    }

    /// Returns the faults planted on purpose. An ordinary build has none.
    #[must_use]
    pub(crate) const fn planted(&self) -> Planted {
        #[cfg(feature = "planted")]
        {
            self.planted
        }
        #[cfg(not(feature = "planted"))]
        {
            Planted::NONE
        }
    }
}

/// What is chosen for a store. Compiled code does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// At which collection points the store collects.
    pub schedule: Schedule,
    /// How much stack WebAssembly may use in one thread, in bytes, counted from where the host
    /// first entered it. It gets less if the thread has less. A host function that needs much
    /// stack itself needs a thread that has this much more.
    pub stack_size: usize,
    /// How many calls of WebAssembly functions may be nested. Unlike `stack_size`, it ends a
    /// program at the same call on every machine and at every level of optimisation. It needs
    /// [`Config::counted_calls`].
    pub call_depth: Option<u32>,
    /// How many entries from the host may be nested: calls that host functions make in turn.
    pub host_nesting: u32,
    /// How large the collected heap may become, in bytes. At most 4 GiB.
    pub heap_limit: u64,
    /// About how many bytes of new objects there are between two collections that nobody asked for
    /// while few objects are alive; a multiple of 256. It also scales the other steps in which the
    /// heap works: compiled code allocates a sixteenth of it between two calls of the host. With a
    /// few hundred bytes, the rare paths of allocation become frequent.
    pub collection_bytes: u32,
    /// Whether freed memory is filled with a pattern. The heap verifier then expects the pattern
    /// to stay.
    pub poison: bool,
    /// Whether the heap is verified and audited after collections: after every collection that is
    /// asked for, and after those of the schedule as long as the heap is small. In a large heap
    /// only some of them are checked, so that the cost for each collection stays bounded.
    pub checks: bool,
}

/// The smallest [`StoreConfig::stack_size`].
const STACK_BYTES_MIN: usize = 16 << 10;

impl StoreConfig {
    /// For fuzzing: a small heap, every check on.
    #[must_use]
    pub fn fuzzing() -> StoreConfig {
        StoreConfig {
            heap_limit: 64 << 20,
            poison: true,
            checks: true,
            ..StoreConfig::default()
        }
    }

    /// Checks that a store of an engine with the configuration `engine` can have this
    /// configuration.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self, engine: &Config) -> Result<(), ConfigError> {
        if self.schedule != Schedule::OnPressure && !engine.collection_points {
            return Err(ConfigError::NoCollectionPoints);
        }
        if self.schedule == Schedule::EveryNth(0) {
            return Err(ConfigError::EveryZerothPoint);
        }
        if self.call_depth.is_some() && !engine.counted_calls {
            return Err(ConfigError::NoCountedCalls);
        }
        if self.stack_size < STACK_BYTES_MIN {
            return Err(ConfigError::SmallStack {
                bytes: self.stack_size,
            });
        }
        Ok(())
    }
}

impl Default for StoreConfig {
    /// For long-running programs: collections on pressure, a heap of up to 4 GiB, no checks.
    fn default() -> StoreConfig {
        StoreConfig {
            schedule: Schedule::OnPressure,
            stack_size: 512 << 10,
            call_depth: None,
            host_nesting: u32::MAX,
            heap_limit: 4 << 30,
            collection_bytes: 1 << 20,
            poison: false,
            checks: false,
        }
    }
}

/// How a store's configuration contradicts itself or the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A schedule other than [`Schedule::OnPressure`] without [`Config::collection_points`].
    #[error("the schedule needs collection points, and the engine compiles none")]
    NoCollectionPoints,
    /// [`Schedule::EveryNth`] of 0.
    #[error("the schedule names every 0th point")]
    EveryZerothPoint,
    /// [`StoreConfig::call_depth`] without [`Config::counted_calls`].
    #[error("the store limits nested calls, and the engine's code does not count them")]
    NoCountedCalls,
    /// Less stack than WebAssembly needs at least.
    #[error("{bytes} bytes of stack are too few; at least {STACK_BYTES_MIN} are needed")]
    SmallStack {
        /// What was chosen.
        bytes: usize,
    },
    /// Fuel without [`Config::fuel`].
    #[error("the engine's code consumes no fuel")]
    NoFuel,
}
