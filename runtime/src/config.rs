//! What can be chosen about an engine and a store. Plain data, printed for replay.

use crate::planted::Planted;

/// Which collector a store uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CollectorKind {
    /// Never frees.
    Null,
    /// Deferred reference counting, cycles stay.
    Drc,
    /// Deferred reference counting with a backup trace that reclaims cycles.
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

    /// The name by which it is chosen and printed.
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
    /// Not at all: quickest to compile.
    None,
    /// For speed.
    Speed,
}

/// Which register allocator Cranelift uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegAlloc {
    /// In a single pass: quickest to compile.
    SinglePass,
    /// By trying: better code.
    Backtracking,
}

/// How compiled code finds out that it must trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrapMode {
    /// Guard pages and trapping instructions, caught as signals.
    Signals,
    /// Explicit checks only; no signal handler is needed.
    Explicit,
}

/// At which collection points a collection happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// When the collector finds it useful; points are not numbered.
    #[default]
    OnPressure,
    /// At every n-th point (the points n-1, 2n-1, ...); n is at least 1.
    EveryNth(u64),
    /// At the points with these numbers, ascending. An empty list only counts the points.
    At(Vec<u64>),
    /// At every point.
    Every,
}

/// Everything that is chosen for an engine. Compiled code depends on all of it but `schedule`, of
/// which it depends only on whether it is [`Schedule::OnPressure`] (`collection_points`).
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
    /// no bounds check (in [`TrapMode::Signals`]); below it, they have one and the memory may
    /// move when it grows.
    pub memory_reservation: u64,
    /// Whether compiled code consumes fuel.
    pub fuel: bool,
    /// Whether compiled code looks at the epoch.
    pub epochs: bool,
    /// Whether NaNs that arithmetic makes are the canonical ones.
    pub canonical_nans: bool,
    /// Whether compiled code has collection points at table operations and calls of the host, and
    /// allocates out of line, so that a store may use a schedule other than
    /// [`Schedule::OnPressure`].
    pub collection_points: bool,
    /// The schedule that new stores begin with. Other than `OnPressure` it needs
    /// `collection_points`.
    pub schedule: Schedule,
    /// How much stack WebAssembly may use in one thread, in bytes, counted from where the host
    /// entered it first; less when the thread has less. A host function that needs much stack
    /// itself needs a thread that has as much more.
    pub stack_size: usize,
    /// How large a store's collected heap may become, in bytes; at most 4 GiB.
    pub heap_limit: u64,
    /// Whether Cranelift checks its own intermediate form.
    pub verify_ir: bool,
    /// Whether freed memory is filled with a pattern that the heap verifier expects to stay.
    pub poison: bool,
    /// Faults planted on purpose.
    pub planted: Planted,
}

impl Config {
    /// What suits long-running programs: optimised code, signals, large reservations, copying
    /// collector.
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
            canonical_nans: false,
            collection_points: false,
            schedule: Schedule::OnPressure,
            stack_size: 512 << 10,
            heap_limit: 4 << 30,
            verify_ir: cfg!(debug_assertions),
            poison: false,
            planted: Planted::NONE,
        }
    }

    /// What suits fuzzing: quick compilation, every check on, collection points.
    #[must_use]
    pub fn fuzzing(collector: CollectorKind) -> Config {
        Config {
            collector,
            opt_level: OptLevel::None,
            reg_alloc: RegAlloc::SinglePass,
            canonical_nans: true,
            collection_points: true,
            heap_limit: 64 << 20,
            verify_ir: true,
            poison: true,
            ..Config::optimised()
        }
    }
}
