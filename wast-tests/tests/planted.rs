//! Each regression finds the planted fault that its header names: with the fault, the script or the
//! comparison with the reference fails on some engine. Without the fault neither fails on any
//! engine.
//!
//! Always: every planted fault has a script that finds it, or a reason in [`SHOWN_BY_NO_SCRIPT`].
//! Needs the cargo feature `planted`. Without it the trials that run scripts are ignored.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use gcrucible_oracles::engine::runtime::fault_names;
use gcrucible_oracles::engine::{self, Engine};
use gcrucible_wast_tests::matrix::{self, Breadth};
use gcrucible_wast_tests::script::Script;
use libtest_mimic::{Arguments, Failed, Trial};

/// Faults that no script shows, and why.
const SHOWN_BY_NO_SCRIPT: &[(&str, &str)] = &[
    (
        "layouts-outlive-heap",
        "needs two heaps of one thread that give one type id to two types, and a script has one \
         heap: found by an embedder (runtime/tests/embed/planted.rs)",
    ),
    (
        "pending-exception-is-no-root",
        "found by the model of the heap (runtime/tests/heap_model.rs)",
    ),
    (
        "region-end-stale",
        "needs inline allocation; found by the model of the heap (runtime/tests/heap_model.rs)",
    ),
];

/// A script whose header names a fault.
struct Row {
    file: String,
    script: Script,
    fault: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let rows = match rows() {
        Ok(rows) => rows,
        Err(error) => {
            eprintln!("{error:?}");
            return ExitCode::FAILURE;
        }
    };
    let named: BTreeSet<String> = rows.iter().map(|row| row.fault.clone()).collect();
    let mut trials = vec![Trial::test(
        "every fault is named by a script or listed",
        move || check_names(&named),
    )];
    trials.push(Trial::test(
        "no script outside of regressions names a fault",
        check_conformance,
    ));
    for row in rows {
        let title = format!("{} finds {}", row.file, row.fault);
        let trial = Trial::test(title, move || check(&row));
        trials.push(trial.with_ignored_flag(!cfg!(feature = "planted")));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn rows() -> Result<Vec<Row>, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut rows = Vec::new();
    for path in matrix::scripts_under(&folder)? {
        let file = path.strip_prefix(&folder).unwrap_or(&path);
        let file = file.display().to_string();
        let script = Script::parse(&file, &fs::read_to_string(&path)?)?;
        let faults = &script.header.planted;
        if faults.is_empty() {
            return Err(format!("{file} names no planted fault").into());
        }
        rows.extend(faults.iter().map(|fault| Row {
            file: file.clone(),
            script: script.clone(),
            fault: fault.clone(),
        }));
    }
    Ok(rows)
}

/// Scripts in `conformance` name no fault, because none would be planted for them.
fn check_conformance() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    for path in matrix::scripts_under(&folder)? {
        let file = path.display().to_string();
        let script = Script::parse(&file, &fs::read_to_string(&path)?)?;
        if !script.header.planted.is_empty() {
            return Err(format!("{file} names a planted fault: it belongs in regressions").into());
        }
    }
    Ok(())
}

/// Every fault is either named by a script or in the list, and all these names are names of faults.
fn check_names(named: &BTreeSet<String>) -> Result<(), Failed> {
    let all: BTreeSet<&str> = fault_names().collect();
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let listed: BTreeSet<&str> = SHOWN_BY_NO_SCRIPT.iter().map(|(fault, _)| *fault).collect();
    let either: BTreeSet<&str> = named.union(&listed).copied().collect();
    let wrong = [
        (
            "named by no script, and not listed",
            all.difference(&either),
        ),
        ("not a fault", either.difference(&all)),
    ];
    let mut text = String::new();
    for (what, faults) in wrong {
        for fault in faults {
            text.push_str(&format!("{fault}: {what}\n"));
        }
    }
    for fault in named.intersection(&listed) {
        text.push_str(&format!("{fault}: named by a script and listed\n"));
    }
    if text.is_empty() {
        Ok(())
    } else {
        Err(text.into())
    }
}

fn check(row: &Row) -> Result<(), Failed> {
    let reference = engine::reference();
    let mut found = false;
    for name in engine::names() {
        let sound = engine::named(&name)?;
        let run = |engine: &dyn Engine, breadth| {
            matrix::run_regression(&row.script, engine, reference.as_ref(), breadth)
        };
        if let Err(wrong) = run(sound.as_ref(), Breadth::Schedules) {
            return Err(format!("finds something without the fault:\n{wrong}").into());
        }
        if found || name == "reference" {
            continue;
        }
        let faulty = engine::named(&format!("{name}:+{}", row.fault))?;
        found = run(faulty.as_ref(), Breadth::Swept).is_err();
    }
    if found {
        Ok(())
    } else {
        Err("does not find the fault".into())
    }
}
