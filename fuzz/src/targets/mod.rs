//! Input -> verdict. The list of targets, through which everything goes: the command line, replay,
//! smoke tests, libFuzzer.
//!
//! A target states what it makes of an input (its [`Subject`]), which engines run that, and under
//! which schedules. `run` does this for all targets, and `oracles` compares.
//!
//! To add a target: a file here with `TARGET` and a smoke test, a line in [`TARGETS`], and a file
//! in `fuzz_targets`.
//!
//! Reading order: `operations`, `subject`, `rig`, `run`, `features`, `named`, `target`, `late`,
//! `differential`, `collectors`, `sweep`, `const_eval`, `table_ops`, `exceptions`, `types`,
//! `validate`, `wast_mutate`, `heap_ops`, `libfuzzer`.

pub mod collectors;
pub mod const_eval;
pub mod differential;
pub mod exceptions;
pub mod features;
pub mod heap_ops;
pub mod late;
pub mod libfuzzer;
pub mod named;
pub mod operations;
pub mod rig;
pub mod run;
pub mod subject;
pub mod sweep;
pub mod table_ops;
pub mod target;
pub mod types;
pub mod validate;
pub mod wast_mutate;

pub use rig::Rig;
pub use run::{Ran, Stats};
pub use subject::Subject;
pub use target::Target;

/// Every target.
pub static TARGETS: &[&Target] = &[
    &differential::TARGET,
    &collectors::TARGET,
    &sweep::TARGET,
    &const_eval::TARGET,
    &table_ops::TARGET,
    &exceptions::TARGET,
    &types::TARGET,
    &wast_mutate::TARGET,
    &validate::TARGET,
    &heap_ops::TARGET,
];

/// Returns one round of a run over `targets`. It is a list of positions in `targets`. Each position
/// occurs [`Target::share`] times, spread evenly.
pub fn round(targets: &[&Target]) -> Vec<usize> {
    let length: u32 = targets.iter().map(|t| t.share).sum();
    let mut round = Vec::new();
    let mut had = vec![0; targets.len()];
    for turn in 1..=length {
        // The turn goes to whoever is furthest behind its share.
        let behind =
            |&t: &usize| i64::from(turn * targets[t].share) - i64::from(length) * i64::from(had[t]);
        if let Some(next) = (0..targets.len()).rev().max_by_key(behind) {
            had[next] += 1;
            round.push(next);
        }
    }
    round
}

/// Returns the target with this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().copied().find(|t| t.name == name)
}

#[test]
fn a_round_gives_each_target_its_share() {
    let round = round(TARGETS);
    for (at, target) in TARGETS.iter().enumerate() {
        let turns = round.iter().filter(|&&t| t == at).count();
        assert_eq!(turns, target.share as usize, "{}", target.name);
    }
    // The first target has the largest share: it never waits long.
    assert!(round.windows(8).all(|row| row.contains(&0)), "{round:?}");
}
