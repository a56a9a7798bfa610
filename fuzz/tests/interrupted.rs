//! Signals: what was done is told and written, and a second signal ends the process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

fn gcrucible(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits until a process handles SIGTERM.
fn wait_until_it_listens(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    let listens = || {
        let text = fs::read_to_string(&status).unwrap();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        caught >> (Signal::TERM.as_raw() - 1) & 1 == 1
    };
    let started = Instant::now();
    while !listens() {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Expects an exit status. Returns standard error.
#[track_caller]
fn ended(mut child: Child, status: i32) -> String {
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(status), "{err}");
    err
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Two scripts: one that ends, and one that does not.
fn scripts(folder: &Path) {
    let module = "(module (func (export \"f\")) (func (export \"g\") (loop (br 0))))";
    for (name, export) in [("a.wast", "f"), ("b.wast", "g")] {
        let text = format!("{module}(assert_return (invoke \"{export}\"))");
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn an_interrupted_suite_tells_and_writes_what_ran() {
    for of in [Signal::INT, Signal::TERM, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        scripts(folder.path());
        let wast = ["wast", "a.wast", "b.wast", "-v", "--json", "out.json"];
        let mut child = gcrucible(folder.path(), &wast)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("a.wast")));
        signal(&child, of);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        let err = ended(child, 3);
        assert!(err.contains("interrupted: 1 of 2 scripts ran"), "{err}");
        assert!(rest.iter().any(|line| line.contains("1 files")), "{rest:?}");
        let out = json(&folder.path().join("out.json"));
        assert_eq!(out["interrupted"], true);
        assert_eq!(out["passed"].as_u64(), Some(2));
        assert_eq!(out["files"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_interrupted_survey_tells_and_writes_what_was_counted() {
    let folder = tempfile::tempdir().unwrap();
    let survey = ["survey", "--programs", "1000000", "--json", "out.json"];
    let child = gcrucible(folder.path(), &survey)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until_it_listens(&child);
    signal(&child, Signal::HUP);
    let err = ended(child, 3);
    assert!(err.contains("of 1000000 programs were counted"), "{err}");
    let out = json(&folder.path().join("out.json"));
    assert_eq!(out["interrupted"], true);
    assert!(out["programs"].as_u64().unwrap() > 0);
}

/// What failed before counts, and what did not run is told.
#[test]
fn an_interrupted_suite_with_a_failure_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    scripts(folder.path());
    let wrong = "(module (func (export \"f\")))(assert_trap (invoke \"f\") \"unreachable\")";
    fs::write(folder.path().join("a.wast"), wrong).unwrap();
    let wast = ["wast", "a.wast", "b.wast", "--json", "-"];
    let mut command = gcrucible(folder.path(), &wast);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    // The failure is told before the next script runs.
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(err.any(|line| line.unwrap().contains("a.wast")));
    signal(&child, Signal::TERM);
    let mut data = String::new();
    out.read_to_string(&mut data).unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).expect("nothing but JSON");
    assert_eq!(data["interrupted"], true);
    assert!(err.any(|line| line.unwrap().contains("interrupted: 1 of 2 scripts ran")));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Neither the supervisor nor its probes take a signal for a finding, if it goes to all of them as
/// a terminal sends it.
#[cfg(feature = "planted")]
#[test]
fn an_interrupted_detect_counts_whole_trials() {
    let folder = tempfile::tempdir().unwrap();
    let detect = [
        "detect", "--fault", "none", "--seeds", "2", "--time", "60", "--json", "out.json",
    ];
    let mut command = gcrucible(folder.path(), &detect);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    wait_until_it_listens(&child);
    std::thread::sleep(Duration::from_millis(500));
    rustix::process::kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    let err = ended(child, 3);
    assert!(
        err.contains("interrupted: 0 of 2 trials were done"),
        "{err}"
    );
    let out = json(&folder.path().join("out.json"));
    assert_eq!(out["interrupted"], true);
    assert_eq!(out["false_alarms"].as_u64(), Some(0));
}

/// The process that does the work is told as well, and ends.
#[test]
fn an_interrupted_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let module = "(module (func (export \"f\") (loop (br 0))))";
    fs::write(folder.path().join("m.wat"), module).unwrap();
    let child = gcrucible(folder.path(), &["run", "m.wat", "--invoke", "f"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until_it_listens(&child);
    signal(&child, Signal::TERM);
    assert!(ended(child, 3).contains("interrupted"));
}

/// Nobody reads the pipe, so the first signal is not enough.
#[test]
fn a_second_signal_ends_a_process_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'.'; 1 << 16]).unwrap();
    let child = gcrucible(folder.path(), &["survey", "--programs", "1"])
        .stdout(writer)
        .spawn()
        .unwrap();
    wait_until_it_listens(&child);
    signal(&child, Signal::TERM);
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, Signal::TERM);
    ended(child, 3);
}
