//! Every collector is compared with a model, under every kind of schedule. The heap is verified and
//! audited after each collection.

use gcrucible_runtime::embed::{CollectorKind, Planted, Schedule};
use gcrucible_runtime::heap_ops::{Setup, Totals, Words, run};

fn setup(collector: CollectorKind, schedule: Schedule) -> Setup {
    Setup {
        collector,
        schedule,
        heap_limit: if cfg!(miri) { 256 << 10 } else { 8 << 20 },
        fails_after: None,
        planted: Planted::NONE,
    }
}

/// Returns fewer steps under Miri, where a step takes a thousand times as long.
fn thinned(steps: usize, by: usize) -> usize {
    if cfg!(miri) { steps / by } else { steps }
}

#[track_caller]
fn check(schedule: Schedule, seed: u64, steps: usize) {
    let steps = thinned(steps, 500);
    for collector in CollectorKind::ALL {
        let totals = match run(&setup(collector, schedule.clone()), Words(seed).take(steps)) {
            Ok(totals) => totals,
            Err(mismatch) => panic!("{} seed {seed}: {mismatch}", collector.name()),
        };
        assert_eq!(totals.steps, steps as u64);
        assert!(totals.made > steps as u64 / 8, "{totals:?}");
        assert!(totals.compared > 0, "{totals:?}");
    }
}

#[test]
fn when_the_collector_decides() {
    for seed in 0..4 {
        check(Schedule::OnPressure, seed, 100_000);
    }
}

#[test]
fn at_every_point() {
    check(Schedule::Every, 100, 10_000);
}

#[test]
fn at_every_nth_point() {
    check(Schedule::EveryNth(7), 200, 30_000);
    check(Schedule::EveryNth(100), 201, 100_000);
}

#[test]
fn at_listed_points() {
    let points = (0..4000u64).filter(|p| p % 97 == 5 || p % 101 == 3);
    check(Schedule::At(points.collect()), 300, 20_000);
    check(Schedule::At(Vec::new()), 301, 20_000);
}

#[test]
fn in_a_heap_that_is_nearly_full() {
    for collector in CollectorKind::ALL {
        let small = Setup {
            heap_limit: 192 << 10,
            ..setup(collector, Schedule::OnPressure)
        };
        let totals: Totals = match run(&small, Words(400).take(thinned(20_000, 25))) {
            Ok(totals) => totals,
            Err(mismatch) => panic!("{}: {mismatch}", collector.name()),
        };
        assert!(totals.collections > 0, "{totals:?}");
    }
}

/// An allocation that fails leaves everything as it was.
#[test]
fn allocations_that_fail_change_nothing() {
    for collector in CollectorKind::ALL {
        for (fails_after, schedule) in [(7, Schedule::OnPressure), (20, Schedule::EveryNth(5))] {
            let failing = Setup {
                fails_after: Some(fails_after),
                ..setup(collector, schedule)
            };
            let steps = thinned(20_000, 66);
            let totals: Totals = match run(&failing, Words(450).take(steps)) {
                Ok(totals) => totals,
                Err(mismatch) => panic!("{}: {mismatch}", collector.name()),
            };
            assert!(totals.failed > steps as u64 / 100, "{totals:?}");
        }
    }
}

#[test]
fn runs_are_deterministic() {
    for collector in CollectorKind::ALL {
        let steps = thinned(5000, 50);
        let one = run(
            &setup(collector, Schedule::OnPressure),
            Words(5).take(steps),
        );
        let other = run(
            &setup(collector, Schedule::OnPressure),
            Words(5).take(steps),
        );
        assert_eq!(one, other);
    }
}

/// The model, the verifier or the audit finds each fault planted in the heap, with at least one
/// collector.
#[cfg(feature = "planted")]
#[test]
fn planted_faults_are_found() {
    use gcrucible_runtime::embed::PlantedFault;
    let faults = [
        PlantedFault::ArrayEdgesMiscounted,
        PlantedFault::TableFillNullMemset,
        PlantedFault::StackCountsAgain,
        PlantedFault::ReleaseIsShallow,
        PlantedFault::InlineWriteNoBarrier,
        PlantedFault::ReleaseIgnoresStack,
        PlantedFault::InlineBarrierCountsI31,
        PlantedFault::ArrayCopyReleasesI31,
        PlantedFault::NewObjectNotInZeroCountTable,
        PlantedFault::GlobalsAreNoRoots,
        PlantedFault::SegmentsAreNoRoots,
        PlantedFault::PendingExceptionIsNoRoot,
        PlantedFault::ExceptionsNotTraced,
        PlantedFault::ArrayFillFromStart,
        PlantedFault::ArrayCopyForward,
        PlantedFault::ArrayInitElemWide,
        PlantedFault::ArraySizeWraps,
        PlantedFault::FreeRemainderLost,
        PlantedFault::RegionEndStale,
    ];
    for fault in faults {
        let kinds = CollectorKind::ALL.iter();
        let mut runs = kinds.flat_map(|&collector| [(collector, 8 << 20), (collector, 192 << 10)]);
        let found = runs.find_map(|(collector, heap_limit)| {
            let setup = Setup {
                planted: Planted::NONE.with(fault),
                heap_limit,
                ..setup(collector, Schedule::OnPressure)
            };
            // A fault may also show as an access outside the memory of the heap. Then the heap
            // panics.
            let run = || run(&setup, Words(600).take(400_000));
            match std::panic::catch_unwind(run) {
                Ok(Ok(_)) => None,
                Ok(Err(mismatch)) => Some(format!("{}: {mismatch}", collector.name())),
                Err(_) => Some(format!("{}: panic", collector.name())),
            }
        });
        match found {
            Some(found) => println!("{}: {found}", fault.name()),
            None => panic!("{} was not found", fault.name()),
        }
    }
}
