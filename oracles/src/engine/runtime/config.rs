//! Configurations of the runtime as names: `runtime:copying:speed:explicit`.
//!
//! Always: a name holds the collector and whatever differs from [`RuntimeConfig::plain`], in a fixed order, so that equal
//! configurations have equal names and a name read back is the same configuration.

use gcrucible_runtime::config::{CollectorKind, Config, OptLevel, RegAlloc, TrapMode};
use gcrucible_runtime::heap::{CollectorTraits, plan};
use gcrucible_runtime::planted::{Fault, Planted};

/// What can be chosen about the runtime, as far as the oracles choose.
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
    /// Whether memories are small reservations with bounds checks, and move when they grow.
    pub bounds_checks: bool,
    /// Whether compiled code consumes fuel.
    pub fuel: bool,
    /// Whether compiled code has no collection points and allocates inline, so that only `OnPressure` is possible.
    pub inline_allocation: bool,
    /// Faults switched on, by name, sorted; each needs the cargo feature `planted`.
    pub faults: Vec<&'static str>,
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
            inline_allocation: false,
            faults: Vec::new(),
        }
    }

    /// The configuration with this name; none if a part of it is unknown.
    pub fn named(name: &str) -> Option<RuntimeConfig> {
        let mut parts = name.strip_prefix("runtime:")?.split(':');
        let collector = parts.next()?;
        let collector = CollectorKind::ALL
            .into_iter()
            .find(|kind| kind.name() == collector)?;
        let mut config = RuntimeConfig::plain(collector);
        for part in parts {
            match part {
                "speed" => config.opt_level = OptLevel::Speed,
                "backtracking" => config.reg_alloc = RegAlloc::Backtracking,
                "explicit" => config.trap_mode = TrapMode::Explicit,
                "bounds" => config.bounds_checks = true,
                "fuel" => config.fuel = true,
                "inline" => config.inline_allocation = true,
                fault => config
                    .faults
                    .push(Fault::from_name(fault.strip_prefix('+')?)?.name()),
            }
        }
        config.faults.sort_unstable();
        config.faults.dedup();
        Some(config)
    }

    /// The name.
    pub fn name(&self) -> String {
        let mut name = format!("runtime:{}", self.collector.name());
        let parts = [
            (self.opt_level == OptLevel::Speed, "speed"),
            (self.reg_alloc == RegAlloc::Backtracking, "backtracking"),
            (self.trap_mode == TrapMode::Explicit, "explicit"),
            (self.bounds_checks, "bounds"),
            (self.fuel, "fuel"),
            (self.inline_allocation, "inline"),
        ];
        for (_, part) in parts.iter().filter(|(chosen, _)| *chosen) {
            name.push(':');
            name.push_str(part);
        }
        for fault in &self.faults {
            name.push_str(":+");
            name.push_str(fault);
        }
        name
    }

    /// The runtime's own form.
    pub(super) fn config(&self, heap_limit: u64) -> Config {
        const SMALL_RESERVATION: u64 = 1 << 20;
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
            collection_points: !self.inline_allocation,
            heap_limit,
            // The same translator makes the same intermediate form at every level; checking it where compiling is slow anyway is enough.
            verify_ir: self.opt_level == OptLevel::Speed,
            planted: self.planted(),
            ..fuzzing
        }
    }

    /// What distinguishes its collector from others.
    pub(super) fn collector_traits(&self) -> CollectorTraits {
        plan(self.collector).traits()
    }

    #[cfg(feature = "planted")]
    fn planted(&self) -> Planted {
        let faults = self.faults.iter().filter_map(|name| Fault::from_name(name));
        faults.fold(Planted::NONE, Planted::with)
    }

    #[cfg(not(feature = "planted"))]
    fn planted(&self) -> Planted {
        Planted::NONE
    }
}

/// The names of all faults that can be switched on (with the cargo feature `planted`) by appending `:+name` to a configuration.
pub fn fault_names() -> impl Iterator<Item = &'static str> {
    Fault::ALL.iter().map(|fault| fault.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let fault = fault_names().next().expect("a fault");
        let names = [
            "runtime:null",
            "runtime:drc:speed",
            "runtime:drc-cycles:backtracking:fuel",
            "runtime:copying:speed:backtracking:explicit:bounds:fuel:inline",
            &format!("runtime:copying:+{fault}"),
        ];
        for name in names {
            let config = RuntimeConfig::named(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(config.name(), name);
        }
        for name in [
            "",
            "runtime",
            "runtime:",
            "runtime:mark",
            "runtime:drc:fast",
            "runtime:drc:+no-such-fault",
            "reference",
        ] {
            assert_eq!(RuntimeConfig::named(name), None, "{name}");
        }
    }
}
