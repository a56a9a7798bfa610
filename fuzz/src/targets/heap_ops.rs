//! Random operations on the heaps themselves, without WebAssembly and without an engine. Every
//! collector is compared with a model that never collects.
//!
//! This is the one target that makes no case of an input. It makes a list of operations
//! ([`Operations`]), because it tests what lies below any program. The model and the comparison
//! with it are in `gcrucible_runtime::heap_ops`.

use gcrucible_oracles::engine::runtime::RuntimeConfig;
use gcrucible_oracles::finding::{Described, Finding, Symptom};
use gcrucible_runtime::embed::{CollectorKind, Planted};

use super::features::Edges;
use super::operations::Operations;
use super::rig::Rig;
use super::run::Ran;
use super::subject::Subject;
use super::target::Target;
use crate::generate::Without;
use crate::input::Input;

/// See the module.
pub static TARGET: Target = Target {
    name: "heap_ops",
    hunts: "random operations straight on the heaps, every collector against a model",
    share: 2,
    edges: Edges::Each,
    subject: test_case,
    for_named: None,
    check,
};

fn test_case(input: &Input, _: Without) -> Subject {
    Subject {
        operations: Some(Operations::of(input)),
        ..Subject::bytes(input, Vec::new())
    }
}

/// Returns the collectors of the session's engines, with planted faults. If no engine has one,
/// returns all collectors.
fn collectors(rig: &Rig) -> Vec<(CollectorKind, Planted)> {
    let mut found = Vec::new();
    for config in rig
        .engines
        .iter()
        .filter_map(|e| RuntimeConfig::named(&e.name()).ok())
    {
        let of = (config.collector, config.planted());
        if !found.contains(&of) {
            found.push(of);
        }
    }
    if found.is_empty() {
        found.extend(CollectorKind::ALL.map(|kind| (kind, Planted::NONE)));
    }
    found
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = Ran::default();
    let Some(operations) = &subject.operations else {
        ran.skipped = Some("no operations".to_owned());
        return ran;
    };
    for (collector, planted) in collectors(rig) {
        match operations.run(collector, planted) {
            Ok(totals) => {
                let stats = &mut ran.stats;
                stats.steps += totals.steps;
                stats.collections += totals.collections;
                stats.live_checks += 1;
                stats.live_objects += totals.compared;
                *ran.live.entry(collector.name()).or_default() += totals.compared;
                stats.collected_alive |= totals.collections > 0 && totals.compared > 0;
            }
            Err(what) => {
                ran.finding = Some(finding(operations, collector, planted, &what));
                break;
            }
        }
    }
    ran
}

/// Returns the finding, with the shortest list of operations that shows the same.
fn finding(
    operations: &Operations,
    collector: CollectorKind,
    planted: Planted,
    what: &str,
) -> Finding {
    let class = class(what);
    let least = operations.reduced(|shorter| {
        let ran = shorter.run(collector, planted);
        ran.is_err_and(|what| self::class(&what) == class)
    });
    let shown = least.run(collector, planted).err().unwrap_or_default();
    let name = collector.name();
    let symptom = Symptom::Broke(Described::new(what, format!("heap: {class}")));
    Finding {
        text: format!(
            "{name}: {shown}\n\n{} of {} operations:\n{least}",
            least.len(),
            operations.len(),
        ),
        operations: least.names(),
        ..Finding::new(format!("runtime:{name}"), None, symptom)
    }
}

/// Returns the part of a message that does not depend on the list: the words after the operation,
/// without numbers.
fn class(what: &str) -> String {
    let what = what.split_once("): ").map_or(what, |(_, what)| what);
    let words = what.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = words.filter(|w| w.len() > 2).take(6).collect();
    words.join(" ")
}

#[test]
fn smoke() {
    TARGET.smoke(20);
}

/// Faults in collectors and barriers are found here too, and the list is reduced to few operations.
#[cfg(feature = "planted")]
#[test]
fn planted_faults_are_found() {
    for (fault, most) in [
        ("release-is-shallow", 40),
        ("inline-write-no-barrier", 40),
        ("table-fill-null-memset", 40),
        ("globals-are-no-roots", 40),
        ("exceptions-not-traced", 60),
        ("array-copy-forward", 60),
        ("array-size-wraps", 60),
    ] {
        let mut rig = Rig::standard(&[fault.to_owned()]).expect("engines start");
        let found = (0..200).find_map(|seed| TARGET.run_seed(seed, &mut rig).finding);
        let found = found.unwrap_or_else(|| panic!("{fault} is not found"));
        let lines = found
            .text
            .lines()
            .filter(|line| line.starts_with("0x"))
            .count();
        println!("{fault}: {lines} operations: {}", found.title());
        assert!(lines <= most, "{fault}: {}", found.text);
    }
}
