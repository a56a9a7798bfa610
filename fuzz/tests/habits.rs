//! What users expect of a program on a terminal: a file with arguments, events and results for
//! machines, colours and words as they ask for them.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gcrucible_oracles::finding::Aspect;

fn gcrucible(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null());
    command.output().expect("gcrucible starts")
}

/// Runs the program, expects an exit status, and returns standard output and standard error.
#[track_caller]
fn check(folder: &Path, arguments: &[&str], status: i32) -> (String, String) {
    common::ended(&gcrucible(folder, arguments), arguments, status)
}

fn summary(out: &str) -> serde_json::Value {
    serde_json::from_str(out).expect("nothing but JSON")
}

#[test]
fn arguments_come_from_the_nearest_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    fs::create_dir(&below).expect("a folder");
    let file = folder.path().join("gcrucible.toml");
    let text = "[fuzz]\ntarget = [\"types\", \"heap_ops\"]\nruns = 3\njobs = 1\n";
    fs::write(&file, text).expect("a file");
    let (out, err) = check(&below, &["fuzz", "--json", "-"], 0);
    let json = summary(&out);
    assert_eq!(json["targets"], serde_json::json!(["types", "heap_ops"]));
    assert_eq!(json["programs"].as_u64(), Some(3));
    assert!(
        err.contains(&format!("arguments from {}", file.display())),
        "{err}"
    );
    // The command line goes before the file, and another file before the nearest one.
    let (out, _) = check(&below, &["fuzz", "--runs=4", "--json", "-"], 0);
    assert_eq!(summary(&out)["programs"].as_u64(), Some(4));
    let other = folder.path().join("other");
    fs::write(&other, "[fuzz]\nruns = 5\ntarget = \"types\"\n").expect("a file");
    let other = other.display().to_string();
    let (out, _) = check(&below, &["--config", &other, "fuzz", "--json", "-"], 0);
    assert_eq!(summary(&out)["programs"].as_u64(), Some(5));
    // A key that is no option is told with its file, whatever runs.
    fs::write(&file, "[fuzz]\ntine = 3\n").expect("a file");
    let (_, err) = check(&below, &["list", "targets"], 2);
    assert!(
        err.contains("gcrucible.toml") && err.contains("`tine`"),
        "{err}"
    );
    let (_, err) = check(&below, &["--config", "absent", "list"], 2);
    assert!(err.contains("absent"), "{err}");
}

/// What cannot be read is shown with its line and a mark.
#[test]
fn errors_in_texts_point_at_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "(module\n  (func (result i32) (i32.konst 1)))";
    for (file, command) in [("m.wat", "run"), ("m.wat", "replay"), ("s.wast", "replay")] {
        fs::write(folder.path().join(file), text).expect("a file");
        let (_, err) = check(folder.path(), &[command, file], 2);
        for expected in [
            &format!("--> {file}:2:23"),
            "2 |   (func (result i32) (i32.konst 1)))",
        ] {
            assert!(err.contains(expected), "{err}");
        }
        assert!(
            err.lines().any(|line| line.trim_end().ends_with(" ^")),
            "{err}"
        );
    }
}

/// What the command line asks for and no engine can do is wrong use, whatever runs.
#[test]
fn wrong_use_is_no_finding() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = "(module (func (export \"f\") (param (ref any))))";
    fs::write(folder.path().join("m.wat"), module).expect("a file");
    fs::write(folder.path().join("s.wast"), module).expect("a file");
    let refused = |arguments: &[&str], expected: &str| {
        let (_, err) = check(folder.path(), arguments, 2);
        assert!(err.contains(expected), "{arguments:?}: {err}");
    };
    let inline = ["--engine", "runtime:drc:inline", "--schedule", "every"];
    let cannot = "runtime:drc:inline cannot collect as the schedule `every` says";
    refused(&[&["run", "m.wat"], &inline[..]].concat(), cannot);
    refused(&[&["wast", "s.wast"], &inline[..]].concat(), cannot);
    let forms = "\"null\" is no (ref any): expected i31:N of 31 bits or host:N of 32 bits";
    refused(&["run", "m.wat", "--invoke", "f", "null"], forms);
    let part = "`` is no choice of the runtime; ";
    refused(&["wast", "s.wast", "--engine", "runtime:drc:"], part);
    // The reference has no limit of parameters, and `run` has one.
    let many = format!(
        "(module (func (export \"f\") (param{})))",
        " i32".repeat(1001)
    );
    fs::write(folder.path().join("many.wat"), many).expect("a file");
    let run = ["run", "many.wat", "--engine", "reference", "--invoke", "f"];
    refused(&run, "over a limit of `run`: ");
}

#[test]
fn events_are_lines_of_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = [
        "fuzz", "--target", "types", "--time", "3", "--jobs", "1", "--events",
    ];
    check(folder.path(), &[&run[..], &["events"]].concat(), 0);
    let text = fs::read_to_string(folder.path().join("events")).expect("the file");
    let events: Vec<serde_json::Value> = text.lines().map(summary).collect();
    let kind = |at: usize| events[at]["event"].as_str().expect("a name");
    let last = events.len() - 1;
    assert_eq!((kind(0), kind(last)), ("begin", "end"));
    assert!((1..last).any(|at| kind(at) == "state"), "{text}");
    let programs = |at: usize| events[at]["programs"].as_u64();
    assert!(
        programs(last) > Some(0) && programs(last) >= programs(1),
        "{text}"
    );
    let (_, err) = check(folder.path(), &[&run[..], &["/dev/full"]].concat(), 3);
    assert!(err.contains("/dev/full: No space left on device"), "{err}");
    let (out, err) = check(folder.path(), &[&run[..], &["-"]].concat(), 0);
    assert!(out.lines().all(|line| line.starts_with('{')), "{out}");
    assert!(err.contains("compared "), "{err}");
}

#[test]
fn scripts_have_results_for_continuous_integration() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = "(module (func (export \"f\") (result i32) (i32.const 1)))";
    let script = |value: i32| format!("{module}(assert_return (invoke \"f\") (i32.const {value}))");
    fs::write(folder.path().join("good.wast"), script(1)).expect("a file");
    fs::write(folder.path().join("wrong.wast"), script(2)).expect("a file");
    check(folder.path(), &["wast", ".", "--junit", "results.xml"], 1);
    let text = fs::read_to_string(folder.path().join("results.xml")).expect("the file");
    assert!(
        text.contains("tests=\"2\"") && text.contains("failures=\"1\""),
        "{text}"
    );
    assert!(
        text.contains("wrong.wast") && text.contains("<failure"),
        "{text}"
    );
}

#[test]
fn words_and_colours_are_as_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = ["fuzz", "--target", "types", "--runs", "20", "--jobs", "1"];
    let (_, usual) = check(folder.path(), &run, 0);
    assert!(usual.contains("fuzzing types"), "{usual}");
    let (out, err) = check(folder.path(), &[&run[..], &["--quiet"]].concat(), 0);
    assert_eq!(err, "");
    assert!(out.contains("compared "), "{out}");
    check(folder.path(), &[&run[..], &["-q", "-v"]].concat(), 2);
    let wrong = ["replay", "absent"];
    let escapes = |arguments: &[&str]| check(folder.path(), arguments, 2).1.contains('\u{1b}');
    assert!(!escapes(&wrong));
    assert!(!escapes(&[&wrong[..], &["--color", "never"]].concat()));
    assert!(escapes(&[&wrong[..], &["--color", "always"]].concat()));
    let script = "(module)(assert_return (invoke \"f\"))";
    fs::write(folder.path().join("a.wast"), "(module)").expect("a file");
    fs::write(folder.path().join("b.wast"), script).expect("a file");
    let lines = |arguments: &[&str], status| check(folder.path(), arguments, status).0;
    assert!(!lines(&["wast", "a.wast"], 0).contains("a.wast"));
    assert!(lines(&["wast", "a.wast", "--verbose"], 0).contains("a.wast"));
}

/// Runs the program on a terminal of this kind. Returns what is written there.
fn on_terminal(kind: &str, folder: &Path, arguments: &str) -> String {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_gcrucible"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    command.env("TERM", kind).env_remove("NO_COLOR");
    command.stdin(Stdio::null()).current_dir(folder);
    let output = command.output().expect("`script` of util-linux starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    shown
}

#[test]
fn progress_is_shown_where_no_line_can_be_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = "fuzz --target types --jobs 1 --time";
    let dumb = on_terminal("dumb", folder.path(), &format!("{run} 7"));
    assert!(dumb.contains(" programs/s "), "{dumb}");
    assert!(!dumb.contains('\u{1b}'), "{dumb}");
    let usual = on_terminal("xterm", folder.path(), &format!("{run} 1"));
    assert!(usual.contains('\u{1b}'), "{usual}");
    // Where there is no terminal at all.
    let endless = "(module (func (export \"f\") (loop (br 0))))(invoke \"f\")";
    fs::write(folder.path().join("a.wast"), endless).expect("a file");
    fs::write(folder.path().join("b.wast"), "(module)").expect("a file");
    let (_, err) = check(folder.path(), &["wast", ".", "--timeout", "6"], 1);
    assert!(err.contains("1 of 2 scripts"), "{err}");
}

#[test]
fn known_faults_of_a_file_are_counted_and_not_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = ["fuzz", "--target", "types", "--runs", "5", "--jobs", "1"];
    let row = "[[fault]]\nengines = [\"runtime\"]\nversion = \"\"\nsignature = \"crash\"\n\
               says = \"it breaks\"\nlink = \"\"\n";
    fs::write(folder.path().join("known.toml"), row).expect("a file");
    check(
        folder.path(),
        &[&run[..], &["--known", "known.toml"]].concat(),
        0,
    );
    fs::write(folder.path().join("wrong.toml"), "[[fault]]\nsays = 3\n").expect("a file");
    for (file, expected) in [("wrong.toml", "invalid type"), ("absent", "No such file")] {
        let (_, err) = check(folder.path(), &[&run[..], &["--known", file]].concat(), 2);
        assert!(err.contains(file) && err.contains(expected), "{err}");
    }
}

#[test]
fn every_comparison_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let (all, _) = check(folder.path(), &["explain"], 0);
    for aspect in Aspect::ALL {
        assert!(all.contains(aspect.name()), "{all}");
        let signature = format!("types: v8: {}: one / other", aspect.name());
        let (out, _) = check(folder.path(), &["explain", &signature], 0);
        for expected in [
            aspect.authority(),
            "one (the reference)",
            "other (the engine)",
        ] {
            assert!(out.contains(expected), "{out}");
        }
    }
    // In words, as a shell without quotes has them.
    let (out, _) = check(
        folder.path(),
        &["explain", "heap_ops:", "runtime:", "crash:", "a", "b"],
        0,
    );
    assert!(out.contains("words       a b"), "{out}");
    check(folder.path(), &["explain", "exhausted:", "fuel"], 0);
    check(
        folder.path(),
        &["explain", "nothing", "of", "the", "kind"],
        2,
    );
}
