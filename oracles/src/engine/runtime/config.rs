//! Configurations of the runtime as names: `runtime:copying:speed:explicit`.
//!
//! The parts of a name, in their order:
//!
//! - `null`, `drc`, `drc-cycles` or `copying`: the collector
//! - `speed`: Cranelift optimises
//! - `backtracking`: backtracking register allocation, not single-pass
//! - `explicit`: traps by explicit checks, not by guard pages and signals
//! - `bounds`: memories are small reservations with bounds checks that move when they grow, and do
//!   not reserve 4 GiB
//! - `fuel`: compiled code consumes fuel
//! - `epochs`: compiled code checks the epoch, and always finds that its deadline has passed
//! - `inline`: compiled code allocates inline and has no collection points, so the only schedule is
//!   `pressure`
//! - `tiny`: the heap collects after a few hundred bytes and works in steps of a few bytes. This
//!   matters under the schedule `pressure` only
//! - `paired`: a second store of the engine takes the first steps in turn
//! - `uncounted`: compiled code does not count nested calls, so only the space for frames ends
//!   recursion
//! - `+fault`: a planted fault, by name (needs the cargo feature `planted`)
//!
//! Always: a name holds the collector and every choice that differs from [`RuntimeConfig::plain`],
//! in this order. So equal configurations have equal names, and reading a name gives the same
//! configuration again. A new choice is a row of `PARTS`: reading, writing and
//! [`RuntimeConfig::drawn`] follow from it.

use std::ops::Range;

use gcrucible_runtime::embed::{
    CollectorKind, CollectorTraits, Config, OptLevel, Planted, PlantedFault, RegAlloc,
    Schedule as TheirSchedule, StoreConfig, TrapMode,
};

use crate::case::{HOST_NESTING, Limits};
use crate::engine::NoEngine;
use crate::schedule::Schedule;

/// Bytes of stack for each nested call that a case may make, up to the most that there is.
/// Generated programs have frames of a few hundred bytes, so they reach the limit of calls first.
const FRAME_BYTES: usize = 8 << 10;

/// The least stack of a store, and the most. A thread has 8 MiB, and the harness needs some of it.
const STACK_BYTES: Range<usize> = 512 << 10..6 << 20;

/// The choices that the oracles make about the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Which collector.
    pub collector: CollectorKind,
    /// How much is optimised.
    pub opt_level: OptLevel,
    /// Which register allocator.
    pub reg_alloc: RegAlloc,
    /// How traps are found.
    pub trap_mode: TrapMode,
    /// Whether memories are small reservations with bounds checks. They then move when they grow.
    pub bounds_checks: bool,
    /// Whether compiled code consumes fuel.
    pub fuel: bool,
    /// Whether compiled code checks the epoch. Every check finds that the deadline has passed and
    /// extends it.
    pub epochs: bool,
    /// Whether compiled code allocates inline and has no collection points. Then only the schedule
    /// `OnPressure` is possible.
    pub inline_allocation: bool,
    /// Whether the heap works in tiny steps. Then the schedule `OnPressure` collects often, and
    /// inline allocation often takes its slow path.
    pub tiny_steps: bool,
    /// Whether a second store of the engine takes the first steps in turn.
    pub paired: bool,
    /// Whether compiled code does not count nested calls. Then a program that nests too many of
    /// them ends elsewhere than in the reference.
    pub uncounted: bool,
    /// Names of the planted faults that are switched on, sorted. Needs the cargo feature `planted`.
    pub faults: Vec<&'static str>,
}

/// A choice between two alternatives: its part of a name, a test if a configuration has it, and how
/// to choose it.
struct Part {
    name: &'static str,
    /// What it means, for people.
    means: &'static str,
    made: fn(&RuntimeConfig) -> bool,
    make: fn(&mut RuntimeConfig),
    /// How many of fifty drawn configurations have it. Choices that cost time are drawn less
    /// often.
    share: u64,
}

/// Every choice of two, in the order of names.
const PARTS: [Part; 10] = [
    Part {
        name: "speed",
        means: "Cranelift optimises",
        made: |config| config.opt_level == OptLevel::Speed,
        make: |config| config.opt_level = OptLevel::Speed,
        share: 3,
    },
    Part {
        name: "backtracking",
        means: "backtracking register allocation",
        made: |config| config.reg_alloc == RegAlloc::Backtracking,
        make: |config| config.reg_alloc = RegAlloc::Backtracking,
        share: 5,
    },
    Part {
        name: "explicit",
        means: "traps by explicit checks",
        made: |config| config.trap_mode == TrapMode::Explicit,
        make: |config| config.trap_mode = TrapMode::Explicit,
        share: 12,
    },
    Part {
        name: "bounds",
        means: "memories with bounds checks that move when they grow",
        made: |config| config.bounds_checks,
        make: |config| config.bounds_checks = true,
        share: 12,
    },
    Part {
        name: "fuel",
        means: "compiled code consumes fuel",
        made: |config| config.fuel,
        make: |config| config.fuel = true,
        share: 5,
    },
    Part {
        name: "epochs",
        means: "compiled code checks the epoch",
        made: |config| config.epochs,
        make: |config| config.epochs = true,
        share: 4,
    },
    // It costs no time, but it allows no schedules.
    Part {
        name: "inline",
        means: "inline allocation without collection points",
        made: |config| config.inline_allocation,
        make: |config| config.inline_allocation = true,
        share: 5,
    },
    Part {
        name: "tiny",
        means: "the heap works in tiny steps",
        made: |config| config.tiny_steps,
        make: |config| config.tiny_steps = true,
        share: 30,
    },
    Part {
        name: "paired",
        means: "two stores of the engine in turn",
        made: |config| config.paired,
        make: |config| config.paired = true,
        share: 3,
    },
    Part {
        name: "uncounted",
        means: "nested calls are not counted",
        made: |config| config.uncounted,
        make: |config| config.uncounted = true,
        share: 5,
    },
];

/// Returns the name of the same engine without planted faults.
#[must_use]
pub fn without_faults(name: &str) -> &str {
    match name.split_once('+') {
        Some((choices, _)) => choices.strip_suffix(':').unwrap_or(choices),
        None => name,
    }
}

impl RuntimeConfig {
    /// What fuzzing uses: quick compilation, every check on.
    pub fn plain(collector: CollectorKind) -> RuntimeConfig {
        RuntimeConfig {
            collector,
            opt_level: OptLevel::None,
            reg_alloc: RegAlloc::SinglePass,
            trap_mode: TrapMode::Signals,
            bounds_checks: false,
            fuel: false,
            epochs: false,
            inline_allocation: false,
            tiny_steps: false,
            paired: false,
            uncounted: false,
            faults: Vec::new(),
        }
    }

    /// Returns the configuration that a number draws. If numbers are evenly distributed, so are
    /// collectors, and each choice has its share. A function of the number only.
    pub fn drawn(number: u64) -> RuntimeConfig {
        let collectors = CollectorKind::ALL;
        let count = collectors.len() as u64;
        let mut config = RuntimeConfig::plain(collectors[(number % count) as usize]);
        let mut left = number / count;
        for part in &PARTS {
            if left % 50 < part.share {
                (part.make)(&mut config);
            }
            left /= 50;
        }
        config
    }

    /// Returns the configuration with this name. `runtime` alone is `runtime:copying`. A fault may
    /// follow without a colon: `runtime:drc+fault` is `runtime:drc:+fault`.
    ///
    /// # Errors
    ///
    /// The first part of the name that is unknown, or a fault in a build without faults.
    pub fn named(name: &str) -> Result<RuntimeConfig, NoEngine> {
        let faults = name.split_once('+').map_or("", |(_, faults)| faults);
        let mut choices = without_faults(name).split(':');
        if choices.next() != Some("runtime") {
            return Err(unknown(name, "configuration of the runtime", ["runtime"]));
        }
        let mut config = match choices.next() {
            Some(name) => RuntimeConfig::plain(collector(name)?),
            None => RuntimeConfig::plain(CollectorKind::Copying),
        };
        for name in choices {
            let part = PARTS.iter().find(|part| part.name == name);
            let known = PARTS.iter().map(|part| part.name);
            let part = part.ok_or_else(|| unknown(name, "choice of the runtime", known))?;
            (part.make)(&mut config);
        }
        let faults: Vec<String> = faults
            .split('+')
            .map(|fault| fault.trim_end_matches(':').to_owned())
            .filter(|fault| !fault.is_empty())
            .collect();
        config.faults = known_faults(&faults)?;
        Ok(config)
    }

    /// Returns the name, and in words what it chooses.
    pub fn describe(&self) -> String {
        let made = PARTS.iter().filter(|part| (part.made)(self));
        let parts: Vec<&str> = made.map(|part| part.means).collect();
        match parts.as_slice() {
            [] => self.name(),
            parts => format!("{} ({})", self.name(), parts.join(", ")),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> String {
        let mut name = format!("runtime:{}", self.collector.name());
        for part in PARTS.iter().filter(|part| (part.made)(self)) {
            name.push(':');
            name.push_str(part.name);
        }
        for fault in &self.faults {
            name.push_str(":+");
            name.push_str(fault);
        }
        name
    }

    /// Returns the part that an engine has, in the runtime's own form.
    pub(super) fn config(&self) -> Config {
        // A page, so that every growth moves the memory.
        const SMALL_RESERVATION: u64 = 1 << 16;
        let fuzzing = Config::fuzzing(self.collector);
        Config {
            opt_level: self.opt_level,
            reg_alloc: self.reg_alloc,
            trap_mode: self.trap_mode,
            memory_reservation: if self.bounds_checks {
                SMALL_RESERVATION
            } else {
                fuzzing.memory_reservation
            },
            fuel: self.fuel,
            epochs: self.epochs,
            counted_calls: !self.uncounted,
            collection_points: !self.inline_allocation,
            // The intermediate form is the same at every level, and its verifier takes a tenth of
            // the time to compile. So only the configurations with epochs verify it.
            verify_ir: self.epochs,
            #[cfg(feature = "planted")]
            planted: self.planted(),
            ..fuzzing
        }
    }

    /// Returns the part that a store has, in the runtime's own form.
    pub(super) fn store_config(&self, schedule: &Schedule, limits: &Limits) -> StoreConfig {
        const TINY: u32 = 512;
        let fuzzing = StoreConfig::fuzzing();
        StoreConfig {
            collection_bytes: if self.tiny_steps {
                TINY
            } else {
                fuzzing.collection_bytes
            },
            schedule: match schedule {
                Schedule::OnPressure => TheirSchedule::OnPressure,
                Schedule::EveryNth(n) => TheirSchedule::EveryNth(*n),
                Schedule::At(points) => TheirSchedule::At(points.clone()),
                Schedule::Every => TheirSchedule::Every,
            },
            heap_limit: limits.heap_bytes,
            stack_size: (limits.call_depth as usize)
                .saturating_mul(FRAME_BYTES)
                .clamp(STACK_BYTES.start, STACK_BYTES.end),
            call_depth: (!self.uncounted).then_some(limits.call_depth),
            // Without a count it would end at another call than the reference by this limit, too.
            host_nesting: if self.uncounted {
                u32::MAX
            } else {
                HOST_NESTING
            },
            checks: !self.inline_allocation,
            ..fuzzing
        }
    }

    /// Returns what distinguishes its collector from others.
    pub(super) fn collector_traits(&self) -> CollectorTraits {
        self.collector.traits()
    }

    /// Returns the faults that are switched on. Without the cargo feature `planted` there are none.
    #[cfg(feature = "planted")]
    pub fn planted(&self) -> Planted {
        let faults = self
            .faults
            .iter()
            .filter_map(|name| PlantedFault::from_name(name));
        faults.fold(Planted::NONE, Planted::with)
    }

    /// No faults.
    #[cfg(not(feature = "planted"))]
    pub fn planted(&self) -> Planted {
        Planted::NONE
    }
}

/// Returns the names of all collectors.
pub fn collectors() -> impl Iterator<Item = &'static str> {
    CollectorKind::ALL.iter().map(|kind| kind.name())
}

/// Returns the names of all planted faults. `:+name` at the end of a configuration's name switches
/// one on (with the cargo feature `planted`).
pub fn fault_names() -> impl Iterator<Item = &'static str> {
    PlantedFault::ALL.iter().map(|fault| fault.name())
}

/// Returns how often the place of the fault of that name was reached in this process, and how often
/// it went wrong there. Both are 0 for an unknown name, and in builds without the cargo feature
/// `planted`.
pub fn fault_counts(name: &str) -> (u64, u64) {
    #[cfg(feature = "planted")]
    if let Some(fault) = PlantedFault::from_name(name) {
        return (fault.times_reached(), fault.times_triggered());
    }
    let _ = name;
    (0, 0)
}

/// Returns the name of a planted fault, whether this build can plant it or not.
///
/// # Errors
///
/// No fault has this name. The error says which is similar.
pub fn known_fault(name: &str) -> Result<&'static str, NoEngine> {
    let fault = fault_names().find(|fault| *fault == name);
    fault.ok_or_else(|| unknown(name, "planted fault", fault_names()))
}

/// Returns the faults with these names, sorted, each once.
///
/// # Errors
///
/// An unknown name, or a fault in a build without the cargo feature `planted`.
pub fn known_faults(names: &[String]) -> Result<Vec<&'static str>, NoEngine> {
    let mut faults = Vec::new();
    for name in names {
        faults.push(known_fault(name)?);
        if !cfg!(feature = "planted") {
            return Err(NoEngine::NotPlanted {
                fault: name.clone(),
            });
        }
    }
    faults.sort_unstable();
    faults.dedup();
    Ok(faults)
}

fn collector(name: &str) -> Result<CollectorKind, NoEngine> {
    let found = CollectorKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name);
    found.ok_or_else(|| unknown(name, "collector", collectors()))
}

fn unknown(
    part: &str,
    of: &'static str,
    known: impl IntoIterator<Item = &'static str>,
) -> NoEngine {
    NoEngine::Part {
        part: part.to_owned(),
        of,
        known: known.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn names_round_trip() {
        let names = [
            "runtime:null",
            "runtime:drc:speed",
            "runtime:drc-cycles:backtracking:fuel",
            "runtime:copying:speed:backtracking:explicit:bounds:fuel:epochs:inline:tiny:paired:uncounted",
        ];
        for name in names {
            let config = RuntimeConfig::named(name).map(|config| config.name());
            assert_eq!(config.as_deref(), Ok(name));
        }
        let fast = RuntimeConfig::named("runtime:drc:speed:fuel").expect("a configuration");
        assert_eq!(
            fast.describe(),
            "runtime:drc:speed:fuel (Cranelift optimises, compiled code consumes fuel)"
        );
        let short = RuntimeConfig::named("runtime").map(|config| config.name());
        assert_eq!(short.as_deref(), Ok("runtime:copying"));
    }

    #[test]
    fn an_unknown_part_is_answered_with_the_nearest() {
        for (name, answer) in [
            (
                "runtime:mark",
                "`mark` is no collector; known are `null`, `drc`",
            ),
            ("runtime:dcr", "`dcr` is no collector; did you mean `drc`?"),
            ("runtime:speed", "`speed` is no collector; known are `null`"),
            ("runtime::speed", "`` is no collector; "),
            ("runtime:", "`` is no collector; "),
            ("runtime:drc:", "`` is no choice of the runtime; "),
            (
                "runtime:drc:sped",
                "`sped` is no choice of the runtime; did you mean `speed`?",
            ),
            (
                "runtime:drc:+no-such-fault",
                "`no-such-fault` is no planted fault; ",
            ),
            (
                "reference",
                "`reference` is no configuration of the runtime; ",
            ),
        ] {
            let error = RuntimeConfig::named(name).expect_err(name).to_string();
            assert!(error.starts_with(answer), "{name}: {error}");
        }
    }

    #[test]
    fn faults_are_known_by_name_and_planted_only_where_they_are_built_in() {
        let mut faults = fault_names();
        let (one, other) = (faults.next().expect("a fault"), faults.next().expect("two"));
        let (one, other) = (one.min(other), one.max(other));
        for name in [
            format!("runtime:drc:+{one}:+{other}"),
            format!("runtime:drc+{other}+{one}"),
            format!("runtime:drc:+{other}+{one}:+{one}"),
        ] {
            let config = RuntimeConfig::named(&name).map(|config| config.name());
            if cfg!(feature = "planted") {
                assert_eq!(config, Ok(format!("runtime:drc:+{one}:+{other}")), "{name}");
            } else {
                assert!(matches!(config, Err(NoEngine::NotPlanted { .. })), "{name}");
            }
        }
    }

    /// Consecutive numbers times an odd constant are distributed like the numbers of inputs.
    #[test]
    fn every_configuration_is_drawn_and_quick_ones_more_often() {
        // A digit to base 50 for each choice: made or not.
        let digits = |made: usize| {
            let places = (0..PARTS.len()).rev();
            places.fold(0u64, |n, at| {
                n * 50 + if made >> at & 1 == 1 { 0 } else { 49 }
            })
        };
        let numbers = (0..1 << PARTS.len()).map(|made| digits(made) * 4);
        let names = numbers.flat_map(|n| (0..4).map(move |c| RuntimeConfig::drawn(n + c).name()));
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names.len(), 4 << PARTS.len());
        for name in names {
            let read = RuntimeConfig::named(&name).map(|config| config.name());
            assert_eq!(read, Ok(name));
        }
        let mut counts = BTreeMap::new();
        for number in 0..100_000u64 {
            let config = RuntimeConfig::drawn(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            *counts.entry(config.name()).or_insert(0u64) += 1;
        }
        let count = |name: &str| counts.get(name).copied().unwrap_or(0);
        assert!(count("runtime:drc") > 2 * count("runtime:drc:speed"));
        assert!(count("runtime:null:speed:tiny") > count("runtime:null:speed:backtracking:fuel"));
        assert_eq!(RuntimeConfig::drawn(17), RuntimeConfig::drawn(17));
    }
}
