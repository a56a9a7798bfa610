//! The oracles find faults that are planted on purpose. The test runs the program `gcrucible` as a
//! user does, on one core and without a corpus.
//!
//! Needs the cargo feature `planted`. Without it, faults cannot be planted, and one test checks
//! that asking for one is refused.

use std::path::Path;
use std::process::{Command, Output};

fn fuzz(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .arg("fuzz")
        .args(arguments)
        .args(["--jobs", "1", "--run-seed", "1", "--out"])
        .arg(folder.join("findings"))
        .arg("--json")
        .arg(folder.join("summary.json"))
        .output()
        .expect("gcrucible starts")
}

/// Plants `fault` and expects a finding within eight seconds whose title or signature contains one
/// of `by`.
#[cfg(feature = "planted")]
#[track_caller]
fn check(fault: &str, by: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = fuzz(folder.path(), &["--planted", fault, "--time", "8"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{fault} is not found within 8 s\n{said}"
    );
    let json = std::fs::read(folder.path().join("summary.json")).expect("the summary is written");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("the summary is JSON");
    let groups = json["groups"].as_array().expect("findings are grouped");
    let signatures: Vec<&str> = groups
        .iter()
        .filter_map(|g| g["signature"].as_str())
        .collect();
    let found = signatures
        .iter()
        .any(|s| by.iter().any(|word| s.contains(word)));
    assert!(
        found,
        "{fault} is found by {signatures:?}, expected one of {by:?}"
    );
    assert!(groups.iter().all(|g| {
        let folder = Path::new(g["folder"].as_str().unwrap_or_default());
        // Operations on a heap are no script.
        folder.join("case.wast").exists() || folder.join("operations.txt").exists()
    }));
    let mut proven = 0;
    for group in groups {
        let folder = Path::new(group["folder"].as_str().unwrap_or_default());
        for script in ["case.wast", "reduced.wast"] {
            let script = folder.join(script);
            if script.exists() {
                proves_itself(&script);
                proven += 1;
            }
        }
    }
    assert!(proven > 0, "{fault}: no script proves the finding");
}

/// A script of a finding passes on the reference and on the healthy configuration, and fails on the
/// one at fault, which its header names.
#[cfg(feature = "planted")]
#[track_caller]
fn proves_itself(script: &Path) {
    let text = std::fs::read_to_string(script).expect("a script");
    let named = text
        .lines()
        .find_map(|line| line.strip_prefix(";;! engine = \""))
        .expect("an engine");
    let healthy = named.split(['+', '"']).next().unwrap_or_default();
    for (engine, status) in [(None, 1), (Some("reference"), 0), (Some(healthy), 0)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
        command.arg("wast").arg(script);
        command.args(engine.iter().flat_map(|engine| ["--engine", engine]));
        let output = command.output().expect("gcrucible starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let script = script.display();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{script} on {engine:?}:\n{said}\n{text}"
        );
    }
}

/// Words in the reports of the audit of reference counts and of the exact live counts.
#[cfg(feature = "planted")]
const COUNTS: &[&str] = &[
    "counts",
    "census",
    "handles",
    "no live object",
    "is no reference",
];

#[cfg(feature = "planted")]
#[test]
fn table_init_without_a_barrier() {
    check("table-init-no-barrier", COUNTS);
}

#[cfg(feature = "planted")]
#[test]
fn host_table_set_without_a_barrier() {
    check("table-set-host-no-barrier", COUNTS);
}

#[cfg(feature = "planted")]
#[test]
fn host_table_grow_that_keeps_a_count() {
    check("table-grow-host-keeps-count", COUNTS);
}

#[cfg(feature = "planted")]
#[test]
fn unrooted_operands_of_constant_evaluation() {
    check("const-eval-operands-unrooted", COUNTS);
}

#[cfg(feature = "planted")]
#[test]
fn miscounted_edges_of_arrays() {
    check("array-edges-miscounted", COUNTS);
}

/// What a finding says does not depend on which inputs its worker ran before.
#[cfg(feature = "planted")]
#[test]
fn verdicts_are_the_same_for_any_number_of_jobs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |jobs: &str| {
        let out = folder.path().join(jobs);
        let fault = ["fuzz", "--planted", "release-is-shallow", "--runs", "150"];
        let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
            .args(fault)
            .args([
                "--run-seed",
                "1",
                "--target",
                "differential",
                "--target",
                "types",
            ])
            .args(["--jobs", jobs, "--out"])
            .arg(&out)
            .output()
            .expect("gcrucible starts");
        assert_eq!(output.status.code(), Some(1));
        out
    };
    let (one, two) = (run("1"), run("2"));
    let mut compared = 0;
    for entry in std::fs::read_dir(&one).expect("findings") {
        let name = entry.expect("a folder").file_name();
        for file in ["verdict.txt", "case.wast"] {
            let read = |of: &Path| std::fs::read_to_string(of.join(&name).join(file));
            let (alone, beside) = (read(&one).expect("a file"), read(&two));
            assert_eq!(
                beside.ok().as_deref(),
                Some(alone.as_str()),
                "{name:?}/{file}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared}");
}

#[cfg(not(feature = "planted"))]
#[test]
fn an_ordinary_build_refuses_to_plant_faults() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = fuzz(
        folder.path(),
        &["--planted", "table-init-no-barrier", "--runs", "1"],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("planted"), "{said}");
}

#[test]
fn an_unknown_fault_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = fuzz(
        folder.path(),
        &["--planted", "no-such-fault", "--runs", "1"],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no-such-fault"), "{said}");
}
