//! The inputs of a run, and their order.

use gcrucible_runtime::heap_ops::Words;

/// Returns the target and the own seed of input number `number` in the run of `run_seed`. The
/// targets take turns as `round` says ([`crate::targets::round`]).
///
/// No two inputs of a run have the same seed.
#[must_use]
pub fn input(run_seed: u64, round: &[usize], number: u64) -> (usize, u64) {
    let target = round[(number % round.len() as u64) as usize];
    (target, Words::at(run_seed, number))
}

#[test]
fn inputs_of_a_run_differ_and_targets_take_turns() {
    let mut seeds: Vec<u64> = (0..10_000).map(|n| input(7, &[0, 1, 2], n).1).collect();
    // A run seed means the same in every version.
    assert_eq!(seeds[..2], [0x12ae30237b17df14, 0x63cbe1e459320dd7]);
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 10_000);
    let turns: Vec<usize> = (0..6).map(|n| input(7, &[0, 1, 2], n).0).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}
