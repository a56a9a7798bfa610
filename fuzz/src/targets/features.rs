//! What libFuzzer learns of a run: few features, each of which says something.
//!
//! libFuzzer takes every counter as eight features, one for each magnitude, and its schedule does
//! work for pairs of them. Edges of the runtime alone would be tens of thousands. So they are
//! thinned out after each run, before libFuzzer looks: a function has one counter, which is the
//! number of its edges that ran. What a run did in terms of the specification is beside that:
//!
//! - for each rule, how many different rules were applied directly after it;
//! - for each rule and collector, whether it was applied in a run that collected, and in one that
//!   did not.
//!
//! Always: a counter depends on the input alone, except for what the runtime recycles.

use super::rig::Rig;
use super::run::Ran;

/// What the edges of a target's runs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// How much of each function ran. For targets whose inputs are programs: rules of the
    /// specification say more.
    OfFunctions,
    /// Whether each edge ran. For targets whose inputs apply no rules.
    Each,
}

/// Hands libFuzzer what the last run did.
#[cfg(fuzzing)]
pub fn hand_over(rig: &Rig, ran: &Ran, edges: Edges) {
    use std::sync::atomic::{AtomicU8, Ordering};

    use self::counters::COUNTERS;

    // Nobody reads it but libFuzzer, by the name of its section. So the compiler would drop it.
    #[used]
    #[unsafe(link_section = "__libfuzzer_extra_counters")]
    static EXTRA: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];
    for (at, value) in counters::of_rules(rig, ran) {
        EXTRA[at].store(value, Ordering::Relaxed);
    }
    #[cfg(instrumented)]
    counters::thin(instrumented::counters(), instrumented::first(), edges);
    #[cfg(not(instrumented))]
    let _ = edges;
}

/// Nobody looks.
#[cfg(not(fuzzing))]
pub fn hand_over(_: &Rig, _: &Ran, _: Edges) {}

/// Runs as counters.
#[cfg(any(fuzzing, test))]
mod counters {
    #[cfg(any(instrumented, test))]
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    use gcrucible_runtime::embed::CollectorKind;

    #[cfg(any(instrumented, test))]
    use super::Edges;
    use super::{Ran, Rig};

    /// At least the number of rules of the specification, and one more.
    const RULES: usize = 512;
    const COLLECTORS: usize = CollectorKind::ALL.len();
    /// Followers, then rules by collector, without and with collections.
    pub const COUNTERS: usize = RULES * (1 + COLLECTORS * 2);

    /// Returns what a run did in terms of the specification, as positions of counters and values.
    pub fn of_rules(rig: &Rig, ran: &Ran) -> Vec<(usize, u8)> {
        let followers = rig.last.followers().enumerate().take(RULES);
        let followers = followers.map(|(row, count)| (row, u8::try_from(count).unwrap_or(u8::MAX)));
        let mut counters: Vec<(usize, u8)> = followers.filter(|(_, count)| *count > 0).collect();
        let reached = rig.last.reached();
        for (at, collector) in CollectorKind::ALL.into_iter().enumerate() {
            if ran.live.contains_key(collector.name()) {
                let table = 1 + 2 * at + usize::from(ran.stats.collections > 0);
                let rules = reached.iter().filter(|rule| **rule < RULES);
                counters.extend(rules.map(|rule| (table * RULES + rule, 1)));
            }
        }
        counters
    }

    /// Thins out the counters of edges. `first` has the position of each function's first counter.
    #[cfg(any(instrumented, test))]
    pub fn thin(counters: &[AtomicU8], first: &[usize], edges: Edges) {
        let has_run = |counter: &AtomicU8| counter.load(Relaxed) > 0;
        if edges == Edges::Each {
            for counter in counters {
                counter.store(u8::from(has_run(counter)), Relaxed);
            }
            return;
        }
        let ends = first.iter().skip(1).copied().chain([counters.len()]);
        for (&begin, end) in first.iter().zip(ends) {
            let function = &counters[begin..end];
            let ran = function.iter().filter(|counter| has_run(counter)).count();
            if ran > 0 {
                for counter in function {
                    counter.store(0, Relaxed);
                }
                function[0].store(u8::try_from(ran).unwrap_or(u8::MAX), Relaxed);
            }
        }
    }
}

/// The tables that LLVM's instrumentation makes.
#[cfg(instrumented)]
mod instrumented {
    //! - **L1** the linker gathers all counters, of one byte each, between `COUNTERS` and
    //!   `COUNTERS_END`, and for each of them a [`Place`], in the same order, between `PLACES` and
    //!   `PLACES_END`. LLVM's instrumentation defines them so, and libFuzzer relies on it. Nobody
    //!   writes places.

    use std::sync::OnceLock;
    use std::sync::atomic::AtomicU8;

    /// What is known of a counter.
    #[repr(C)]
    struct Place {
        address: usize,
        flags: usize,
    }

    /// The flag of a function's first counter.
    const BEGINS: usize = 1;

    // The linker defines these names from those of sections.
    unsafe extern "C" {
        #[link_name = "__start___sancov_cntrs"]
        static COUNTERS: AtomicU8;
        #[link_name = "__stop___sancov_cntrs"]
        static COUNTERS_END: AtomicU8;
        #[link_name = "__start___sancov_pcs"]
        static PLACES: Place;
        #[link_name = "__stop___sancov_pcs"]
        static PLACES_END: Place;
    }

    /// Returns all counters.
    pub fn counters() -> &'static [AtomicU8] {
        // SAFETY: L1
        unsafe { between(&raw const COUNTERS, &raw const COUNTERS_END) }
    }

    /// Returns the position of each function's first counter.
    pub fn first() -> &'static [usize] {
        static FIRST: OnceLock<Vec<usize>> = OnceLock::new();
        FIRST.get_or_init(|| {
            // SAFETY: L1
            let places = unsafe { between(&raw const PLACES, &raw const PLACES_END) };
            let places = places.iter().enumerate();
            let firsts = places.filter(|(_, place)| place.flags & BEGINS != 0);
            firsts.map(|(at, _)| at).collect()
        })
    }

    /// Returns what lies between two addresses.
    ///
    /// # Safety
    /// Values of `T` do, and they live as long as the process.
    unsafe fn between<T>(begin: *const T, end: *const T) -> &'static [T] {
        let bytes = end.addr() - begin.addr();
        // SAFETY: the caller
        unsafe { std::slice::from_raw_parts(begin, bytes / size_of::<T>()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicU8;

    use gcrucible_oracles::engine::reference::rule_names;

    use super::counters::{COUNTERS, of_rules, thin};
    use super::*;
    use crate::targets::differential::TARGET;

    fn thinned(counters: [u8; 6], edges: Edges) -> [u8; 6] {
        let counters = counters.map(AtomicU8::new);
        thin(&counters, &[0, 3, 4], edges);
        counters.map(AtomicU8::into_inner)
    }

    #[test]
    fn a_function_has_one_counter() {
        let counters = [9, 0, 1, 0, 0, 200];
        assert_eq!(thinned(counters, Edges::OfFunctions), [2, 0, 0, 0, 1, 0]);
        assert_eq!(thinned(counters, Edges::Each), [1, 0, 1, 0, 0, 1]);
    }

    /// Every rule and collector has a counter, and different runs have different ones.
    #[test]
    fn rules_are_counted_by_collector() {
        let mut rig = Rig::standard(&[]).expect("engines start");
        let rules = rule_names().count();
        let mut runs = BTreeSet::new();
        let mut tables = BTreeSet::new();
        for seed in 0..60 {
            let ran = TARGET.run_seed(seed, &mut rig);
            let counters = of_rules(&rig, &ran);
            assert!(
                counters
                    .iter()
                    .all(|(at, value)| *at < COUNTERS && *value > 0)
            );
            tables.extend(counters.iter().map(|(at, _)| at / 512));
            runs.insert(counters);
        }
        assert!(rules < 512, "{rules} rules");
        // The followers, and each collector at least with or without collections.
        assert!(tables.len() >= 5, "{tables:?}");
        assert!(runs.len() > 50, "{} of 60 differ", runs.len());
    }
}
