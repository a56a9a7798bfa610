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
    let shown = |group: &serde_json::Value| {
        let signatures = group["signatures"].as_object().expect("signatures");
        signatures.keys().cloned().collect::<Vec<_>>()
    };
    let signatures: Vec<String> = groups.iter().flat_map(shown).collect();
    assert!(
        groups.len() <= 4,
        "{fault} is {} faults\n{said}",
        groups.len()
    );
    // Repeats are counted, not announced. Groups can become one later.
    let announced = said.matches("FOUND ").count();
    assert!(
        (groups.len()..groups.len() + 5).contains(&announced),
        "{said}"
    );
    for signature in &signatures {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
        let explained = command.args(["explain", signature]).output();
        let explained = explained.expect("gcrucible starts").status.code();
        assert_eq!(explained, Some(0), "{signature} is not explained");
    }
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
        .find_map(|line| line.strip_prefix(";;! engine = \"")?.strip_suffix('"'))
        .expect("an engine");
    let healthy = gcrucible_oracles::engine::runtime::without_faults(named);
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

/// The row of one fault, and of none: as JSON, and by the exit status.
#[cfg(feature = "planted")]
#[test]
fn detect_measures_a_fault_and_no_fault() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("detect.json");
    let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .args([
            "detect",
            "--fault",
            "table-init-no-barrier",
            "--fault",
            "none",
        ])
        .args(["--seeds", "2", "--time", "8", "--json"])
        .arg(&json)
        .output()
        .expect("gcrucible starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let json = std::fs::read(json).expect("the report is written");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("the report is JSON");
    let rows = json["faults"].as_array().expect("a list of rows");
    let [none, fault] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    for (key, without, with) in [
        ("name", "\"none\"", "\"table-init-no-barrier\""),
        ("reached", "false", "true"),
        ("triggered", "false", "true"),
        ("detected", "false", "true"),
        ("found", "0", "2"),
    ] {
        assert_eq!(none[key].to_string(), without, "{key}");
        assert_eq!(fault[key].to_string(), with, "{key}");
    }
    assert!(
        fault["by"].is_string() && fault["programs"].as_u64() > Some(0),
        "{fault}"
    );
    assert!(fault["seconds"].as_f64() < Some(8.0), "{fault}");
    // The same seed finds it in the same program.
    let again = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .args([
            "detect",
            "--fault",
            "table-init-no-barrier",
            "--seeds",
            "2",
            "--time",
            "8",
        ])
        .args(["--json", "-"])
        .output()
        .expect("gcrucible starts");
    let again: serde_json::Value =
        serde_json::from_slice(&again.stdout).expect("the report is JSON");
    assert_eq!(again["faults"][0]["programs"], fault["programs"]);
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

/// Scripts and modules are reduced as text, to a script that checks itself.
#[cfg(feature = "planted")]
#[test]
fn scripts_and_modules_are_reduced() {
    const MODULE: &str =
        "(module (type $a (array (mut i32))) (memory 1) (global $g i32 (i32.const 7))
        (func $junk (param i32) (result i32) (i32.add (local.get 0) (global.get $g)))
        (func (export \"other\") (result i32) (call $junk (i32.const 1)))
        (func (export \"copy\") (result i32) (local $x (ref $a))
          (drop (call $junk (i32.const 3)))
          (local.set $x (array.new_fixed $a 3 (i32.const 1) (i32.const 2) (i32.const 3)))
          (array.copy $a $a (local.get $x) (i32.const 1) (local.get $x) (i32.const 0) (i32.const 2))
          (array.get $a (local.get $x) (i32.const 2))))";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    let buffer = wast::parser::ParseBuffer::new(MODULE).expect("tokens");
    let mut parsed = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module");
    let script =
        format!("{MODULE}(invoke \"other\")(assert_return (invoke \"copy\") (i32.const 2))");
    for given in [
        file("m.wat", MODULE.as_bytes()),
        file("m.wasm", &parsed.encode().expect("bytes")),
        file("s.wast", script.as_bytes()),
    ] {
        let out = folder.path().join("reduced.wast");
        let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
            .args(["reduce", "--planted", "array-copy-forward", "--out"])
            .args([&out, &given])
            .output()
            .expect("gcrucible starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let text = std::fs::read_to_string(&out).expect("a script");
        for gone in ["memory", "global", "other", "i32.add"] {
            assert!(
                !text.contains(gone),
                "{gone} in {}:\n{text}",
                given.display()
            );
        }
        assert!(
            text.contains("array.copy") && text.contains("assert_return"),
            "{text}"
        );
        proves_itself(&out);
    }
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

/// A script of a finding passes in a build that has no faults, which says so.
#[cfg(not(feature = "planted"))]
#[test]
fn the_script_of_a_planted_fault_passes_in_an_ordinary_build() {
    const FAULT: &str = "table-init-no-barrier";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("kept.wast");
    let text = format!(";;! engine = \"runtime:drc:+{FAULT}\"\n;;! check = true\n(module)\n");
    std::fs::write(&script, text).expect("a script");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    let output = command.arg("wast").arg(&script).output();
    let output = output.expect("gcrucible starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("runs without `{FAULT}`")), "{said}");
}

#[cfg(not(feature = "planted"))]
#[test]
fn detect_says_how_to_build_with_faults() {
    let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .args(["detect", "--seeds", "1", "--time", "1"])
        .output()
        .expect("gcrucible starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cargo run --release --features planted -- detect"),
        "{said}"
    );
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

/// What README tells a newcomer: fuzz, read the folder of a finding, keep its script, see it fail,
/// fix the fault, and see it pass.
#[cfg(feature = "planted")]
#[test]
fn the_way_from_a_fault_to_a_regression() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fault = [
        "--planted",
        "table-init-no-barrier",
        "--time",
        "120",
        "--stop",
    ];
    let output = fuzz(folder.path(), &fault);
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8_lossy(&output.stdout);
    let found = out
        .lines()
        .find_map(|line| line.strip_prefix("    in      "));
    let found = Path::new(found.expect("the summary names the folder"));
    let readme = include_str!("../../README.md");
    for file in ["case.wast", "reduced.wast", "verdict.txt", "input.bin"] {
        assert!(found.join(file).exists(), "{file}");
        assert!(readme.contains(&format!("| `{file}` |")), "{file}");
    }
    let gcrucible = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
        let output = command.args(arguments).output().expect("gcrucible starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    // The verdict has the line that shows it again.
    let verdict = std::fs::read_to_string(found.join("verdict.txt")).expect("a verdict");
    let replay = verdict
        .lines()
        .find_map(|line| line.strip_prefix("replay: "));
    let replay = replay
        .and_then(|line| line.split_once(" -- "))
        .expect("a line")
        .1;
    let words: Vec<&str> = replay.split(' ').collect();
    let (status, said) = gcrucible(&words);
    assert_eq!(status, Some(1), "{said}");
    // The script becomes a regression: it is seen to fail with the fault, and to pass without.
    let regressions = folder.path().join("regressions");
    std::fs::create_dir(&regressions).expect("a folder");
    let kept = regressions.join("table-init-releases-old-elements.wast");
    std::fs::copy(found.join("reduced.wast"), &kept).expect("a copy");
    for path in [&kept, &regressions].map(|path| path.display().to_string()) {
        let (status, said) = gcrucible(&["wast", &path]);
        assert_eq!(status, Some(1), "{said}");
        for engine in ["reference", "runtime:drc"] {
            let (status, said) = gcrucible(&["wast", &path, "--engine", engine]);
            assert_eq!(status, Some(0), "{engine}: {said}");
        }
    }
}

/// A fault that a row of the user's own file describes is counted by its name.
#[cfg(feature = "planted")]
#[test]
fn a_known_fault_is_counted_and_not_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let known = folder.path().join("known.toml");
    let row = "[[fault]]\nengines = [\"runtime\"]\nversion = \"\"\nsignature = \"\"\n\
               says = \"no barrier\"\nlink = \"\"\n";
    std::fs::write(&known, row).expect("a file");
    let run = |more: &[&str]| {
        let engine = ["--engine", "runtime:drc:+table-init-no-barrier"];
        let run = ["--target", "table_ops", "--runs", "60"];
        fuzz(folder.path(), &[&engine[..], &run, more].concat())
    };
    assert_eq!(run(&[]).status.code(), Some(1));
    let output = run(&["--known", &known.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("known: no barrier"), "{said}");
}

/// A run with a corpus begins with the inputs that are there. One that is no seed's is kept with
/// its finding, and the verdict's line runs it again.
#[cfg(feature = "planted")]
#[test]
fn a_finding_on_an_input_of_a_corpus_is_replayed_from_its_bytes() {
    use gcrucible::corpus::Corpus;
    use gcrucible::input::{Edit, Input};
    use gcrucible::targets::{Rig, table_ops};

    const FAULT: &str = "table-init-no-barrier";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut rig = Rig::standard(&[FAULT.to_owned()]).expect("engines start");
    let edit = Edit { kind: 3, seed: 7 };
    let edited = (0..500).map(|seed| Input {
        edits: vec![edit],
        ..Input::of_seed(seed)
    });
    let shows = |bytes: &Vec<u8>| table_ops::TARGET.run(bytes, &mut rig).finding.is_some();
    let bytes = edited.map(|input| input.to_bytes()).find(shows);
    let bytes = bytes.expect("one of 500 programs shows the fault");
    let root = folder.path().join("corpus");
    let corpus = Corpus::new(&root, &table_ops::TARGET);
    corpus.add(&bytes).expect("it is written");
    let root = root.display().to_string();
    let run = ["--planted", FAULT, "--target", "table_ops", "--runs", "1"];
    let output = fuzz(folder.path(), &[&run[..], &["--corpus", &root]].concat());
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8_lossy(&output.stdout);
    let line = |start: &str| out.lines().find_map(|line| line.strip_prefix(start));
    let found = Path::new(line("    in      ").expect("the summary names the folder"));
    assert_eq!(std::fs::read(found.join("input.bin")).ok(), Some(bytes));
    let verdict = std::fs::read_to_string(found.join("verdict.txt")).expect("a verdict");
    let replay = line("    replay  ").expect("a line");
    assert!(verdict.contains(replay), "{verdict}");
    let words = replay.split_once(" -- ").expect("arguments").1.split(' ');
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    let again = command.args(words).output().expect("gcrucible starts");
    assert_eq!(again.status.code(), Some(1), "{replay}");
}
