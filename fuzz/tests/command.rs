//! The program `gcrucible` as a user runs it: its arguments, its output and its exit status.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn gcrucible(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    gcrucible(arguments).output().expect("gcrucible starts")
}

/// Runs the program, expects an exit status, and returns standard output and standard error.
#[track_caller]
fn check(arguments: &[&str], status: i32) -> (String, String) {
    common::ended(&run(arguments), arguments, status)
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

// ---- what it is given

const MODULE: &str = "(module (func (export \"f\") (result anyref) (ref.i31 (i32.const 1))))";

#[test]
fn replay_recognises_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        fs::write(folder.path().join(name), content).unwrap();
        path(folder.path(), name)
    };
    let wasm = wat(MODULE);
    for module in [
        file("m.wat", MODULE.as_bytes()),
        file("m.wasm", &wasm),
        file("no-extension", &wasm),
        file("s.wast", format!("{MODULE}(invoke \"f\")").as_bytes()),
    ] {
        let (out, _) = check(&["replay", &module], 0);
        assert!(
            out.contains("ref.i31") && out.contains("agree: "),
            "{module}: {out}"
        );
        assert!(!out.contains("agree: 0 steps"), "{module}: {out}");
        // A module is no input of a target.
        check(&["replay", &module, "--target", "types"], 2);
        let (_, err) = check(&["reduce", &module], 2);
        assert!(err.contains("shows nothing"), "{err}");
    }
    let bytes = file("bytes", &[0, 1, 2, 3]);
    let (_, err) = check(&["replay", &bytes], 2);
    assert!(
        err.contains("neither a finding") && err.contains("--target"),
        "{err}"
    );
    let (out, _) = check(&["replay", &bytes, "--target", "types"], 0);
    assert!(out.contains("agree: "), "{out}");
}

#[test]
fn replay_refuses_what_is_nothing_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let empty = path(folder.path(), "");
    let (_, err) = check(&["replay", &empty], 2);
    assert!(err.contains("no finding"), "{err}");
    let (_, err) = check(&["replay", "/dev/zero"], 2);
    assert!(err.contains("not a regular file"), "{err}");
    let large = folder.path().join("large.wasm");
    fs::File::create(&large).unwrap().set_len(3 << 30).unwrap();
    for command in ["replay", "reduce", "run"] {
        let (_, err) = check(&[command, &path(folder.path(), "large.wasm")], 2);
        assert!(err.contains("the file has 3221225472 bytes"), "{err}");
    }
    let (_, err) = check(&["replay", &path(folder.path(), "absent")], 2);
    assert!(err.contains("absent"), "{err}");
    let (_, err) = check(&["replay", "--seed", "1"], 2);
    assert!(err.contains("--target"), "{err}");
    let script = folder.path().join("s.wast");
    fs::write(&script, b"(module)\n\xff").unwrap();
    let (_, err) = check(&["replay", &path(folder.path(), "s.wast")], 2);
    assert!(err.contains("byte 9"), "{err}");
}

/// The target of a finding's input stands beside it.
#[test]
fn the_input_of_a_finding_tells_its_target() {
    let folder = tempfile::tempdir().unwrap();
    let input = gcrucible::targets::types::TARGET.input_of_seed(5);
    fs::write(folder.path().join("input.bin"), input).unwrap();
    let (_, err) = check(&["replay", &path(folder.path(), "input.bin")], 2);
    assert!(err.contains("--target"), "{err}");
    let verdict = "title\n\nreplay: cargo run -- replay --target types --seed 0x5\n";
    fs::write(folder.path().join("verdict.txt"), verdict).unwrap();
    let (seed, _) = check(&["replay", "--target", "types", "--seed", "5"], 0);
    for given in ["", "input.bin"] {
        let (out, _) = check(&["replay", &path(folder.path(), given)], 0);
        assert_eq!(out, seed);
    }
}

fn wat(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).unwrap();
    let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap();
    wat.encode().unwrap()
}

// ---- arguments

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for arguments in [
        ["--hang", "0"],
        ["--jobs", "0"],
        ["--runs", "0"],
        ["--time", "0"],
    ] {
        let (_, err) = check(&["fuzz", arguments[0], arguments[1]], 2);
        assert!(err.contains(arguments[0]), "{err}");
    }
}

#[test]
fn more_workers_than_are_useful_are_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let json = path(folder.path(), "json");
    let target = [
        "fuzz", "--target", "types", "--runs", "9", "--jobs", "100000",
    ];
    let (_, err) = check(&[&target[..], &["--json", &json]].concat(), 0);
    assert!(err.contains("--jobs 100000 is too many"), "{err}");
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let summary = summary(Path::new(&json));
    assert_eq!(summary["jobs"].as_u64(), Some(cores * 8));
    assert_eq!(summary["programs"].as_u64(), Some(9));
}

/// `--seed` is the seed of one input, and a run has none.
#[test]
fn the_seed_of_a_run_has_a_name_of_its_own() {
    let (_, err) = check(&["fuzz", "--seed", "1"], 2);
    assert!(err.contains("--run-seed"), "{err}");
}

// ---- what it writes

fn summary(json: &Path) -> serde_json::Value {
    let text = fs::read(json).expect("the summary is written");
    serde_json::from_slice(&text).expect("the summary is JSON")
}

const SHORT: [&str; 7] = ["fuzz", "--target", "types", "--runs", "5", "--jobs", "1"];

#[test]
fn a_dash_is_standard_output() {
    let (out, err) = check(&[&SHORT[..], &["--json", "-"]].concat(), 0);
    let json: serde_json::Value = serde_json::from_str(&out).expect("nothing but JSON");
    assert_eq!(json["programs"].as_u64(), Some(5));
    assert!(err.contains("compared "), "{err}");
    let commit = json["build"]["commit"].as_str().expect("a commit");
    let (version, _) = check(&["--version"], 0);
    assert!(version.contains(&format!("commit {commit}, ")), "{version}");
}

/// Every program is compared, skipped for a reason, or shows something.
#[test]
fn nothing_is_discarded_uncounted() {
    let folder = tempfile::tempdir().unwrap();
    let json = path(folder.path(), "json");
    for jobs in ["1", "2"] {
        let run = [
            "fuzz",
            "--run-seed",
            "1",
            "--runs",
            "300",
            "--jobs",
            jobs,
            "--json",
        ];
        check(&[&run[..], &[&json]].concat(), 0);
        let summary = summary(Path::new(&json));
        let skipped = summary["skipped"].as_object().expect("reasons").values();
        let skipped: u64 = skipped.filter_map(serde_json::Value::as_u64).sum();
        let count = |what: &str| summary[what].as_u64().expect("a number");
        assert_eq!(count("compared") + skipped, 300, "{summary}");
        assert!(
            summary["counts"]["permitted: a resource ran out"].is_u64(),
            "{summary}"
        );
    }
}

/// What `replay` does not compare to the end has a reason, and each permitted difference a name.
#[test]
fn replay_names_the_permitted_difference() {
    let folder = tempfile::tempdir().unwrap();
    let script = path(folder.path(), "deep.wast");
    let text = "(module (func $f (export \"f\") (call $f)))\n\
                (assert_exhaustion (invoke \"f\") \"\")\n(assert_return (invoke \"f\"))";
    fs::write(&script, text).unwrap();
    let (out, _) = check(&["replay", &script, "--engine", "runtime:drc:uncounted"], 0);
    assert!(out.contains("permitted   a resource ran out"), "{out}");
    assert!(out.contains("Implementation Limitations"), "{out}");
    assert!(out.contains("ended early: exhausted: call stack"), "{out}");
}

#[test]
fn a_replay_that_compares_nothing_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let script = path(folder.path(), "empty.wast");
    fs::write(&script, ";; nothing\n").unwrap();
    let (out, err) = check(&["replay", &script], 2);
    assert!(out.contains("skipped: no steps"), "{out}");
    assert!(err.contains("nothing was compared"), "{err}");
}

#[test]
fn a_fault_that_does_not_exist_guards_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = path(folder.path(), "guard.wast");
    let text = ";;! planted = \"table-init-no-barier\"\n(module (func (export \"f\")))\n\
                (assert_return (invoke \"f\"))";
    fs::write(&script, text).unwrap();
    let meant = "did you mean `table-init-no-barrier`?";
    let (out, _) = check(&["wast", &script], 1);
    assert!(out.contains(meant), "{out}");
    let (_, err) = check(&["replay", &script], 2);
    assert!(err.contains(meant), "{err}");
}

#[test]
fn what_is_too_large_for_an_engine_is_not_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let script = path(folder.path(), "chain.wast");
    let types: String = (1..65)
        .map(|at| format!("(type $t{at} (sub $t{} (struct)))", at - 1))
        .collect();
    let text = format!("(assert_invalid (module (type $t0 (sub (struct))) {types}) \"\")");
    fs::write(&script, text).unwrap();
    let (out, _) = check(&["wast", &script, "--engine", "runtime:drc"], 2);
    assert!(out.contains("1 unsupported"), "{out}");
}

#[test]
fn a_full_standard_output_is_told() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .arg("list")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("standard output"), "{said}");
}

#[test]
fn a_full_disk_is_told_as_such_and_loses_nothing() {
    let (out, err) = check(&[&SHORT[..], &["--json", "/dev/full"]].concat(), 3);
    assert!(err.contains("/dev/full: No space left on device"), "{err}");
    let json = &out[out.find('{').expect("the JSON")..];
    let json: serde_json::Value = serde_json::from_str(json).expect("the JSON");
    assert_eq!(json["programs"].as_u64(), Some(5));
}

#[test]
fn outputs_are_tried_before_the_run() {
    for option in ["--json", "--out"] {
        let (_, err) = check(&["fuzz", option, "/dev/null/x"], 3);
        assert!(err.contains("/dev/null/x"), "{err}");
        assert!(!err.contains("fuzzing"), "{err}");
    }
    let (out, _) = check(&["wast", "--json", "/dev/null/x"], 3);
    assert_eq!(out, "");
}

#[test]
fn workers_that_cannot_start_are_the_environment_s_fault() {
    let output = gcrucible(&SHORT)
        .env("TMPDIR", "/no/such/folder")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("temporary folder: "), "{err}");
}

// ---- who listens, and who interrupts

#[test]
fn nobody_has_to_listen() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (out, err)) in [(true, false), (false, true), (true, true)]
        .iter()
        .enumerate()
    {
        let json = folder.path().join(format!("{number}.json"));
        let mut command = gcrucible(&SHORT);
        command.arg("--json").arg(&json);
        let (reader, writer) = std::io::pipe().unwrap();
        // Every write to the pipe fails.
        drop(reader);
        if *out {
            command.stdout(writer.try_clone().unwrap());
        }
        if *err {
            command.stderr(writer);
        }
        let status = command.status().unwrap();
        assert_eq!(status.code(), Some(0), "stdout {out}, stderr {err}");
        assert_eq!(summary(&json)["programs"].as_u64(), Some(5));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut replay = gcrucible(&["replay", "--target", "types", "--seed", "5"]);
    assert_eq!(replay.stdout(writer).status().unwrap().code(), Some(0));
}

#[test]
fn signals_end_a_run_with_its_summary() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let json = folder.path().join(format!("{}.json", signal.as_raw()));
        let mut child = gcrucible(&["fuzz", "--target", "types", "--time", "100", "--jobs", "1"])
            .arg("--json")
            .arg(&json)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_progress(&mut child);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut out = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}\n{out}");
        assert!(out.contains("interrupted"), "{out}");
        assert_eq!(
            summary(&json)["interrupted"].as_bool(),
            Some(true),
            "{signal:?}"
        );
    }
}

/// Waits until something was compared, and reads what follows in the background.
fn wait_for_progress(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let compared = |line: &std::io::Result<String>| {
        line.as_ref()
            .is_ok_and(|line| line.contains("compared ") && !line.contains("compared 0 "))
    };
    assert!(lines.any(|line| compared(&line)), "nothing is compared");
    std::thread::spawn(move || lines.count());
}

#[test]
fn names_can_be_listed() {
    let (all, _) = check(&["list"], 0);
    let mut found = 0;
    for what in ["targets", "engines", "faults"] {
        let (out, _) = check(&["list", what], 0);
        assert!(
            all.contains(&out) && out.lines().count() > 5,
            "{what}: {out}"
        );
        found += out.len();
    }
    assert_eq!(all.len(), found);
    assert!(
        all.contains("table_ops") && all.contains("runtime:drc"),
        "{all}"
    );
    assert!(all.contains("table-init-no-barrier"), "{all}");
}

// ---- workers that die

/// Runs a copy of the program, which is deleted while it runs.
struct Night {
    child: Child,
    folder: tempfile::TempDir,
}

impl Night {
    fn begin(arguments: &[&str]) -> Night {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("gcrucible");
        fs::copy(env!("CARGO_BIN_EXE_gcrucible"), &program).unwrap();
        let mut command = Command::new(&program);
        command
            .args([
                "fuzz", "--target", "types", "--time", "100", "--jobs", "1", "--json",
            ])
            .arg(folder.path().join("json"))
            .arg("--out")
            .arg(folder.path().join("findings"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // Another thread that starts a process holds the file open for a moment.
        let mut child = loop {
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                started => break started.unwrap(),
            }
        };
        wait_for_progress(&mut child);
        fs::remove_file(program).unwrap();
        Night { child, folder }
    }

    /// The one worker that runs now.
    fn worker(&self) -> Pid {
        let own = self.child.id().to_string();
        let workers = |entry: std::io::Result<fs::DirEntry>| {
            let pid = entry.ok()?.file_name().into_string().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name of the program, in parentheses, the state, and the parent.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
            (parent == own).then(|| pid.parse().ok()).flatten()
        };
        loop {
            if let Some(pid) = fs::read_dir("/proc").unwrap().find_map(workers) {
                return Pid::from_raw(pid).unwrap();
            }
        }
    }

    /// Waits until another worker has replaced this one.
    fn end(mut self, died: Pid) -> serde_json::Value {
        while self.worker() == died {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // The second run of the input needs a moment.
        std::thread::sleep(std::time::Duration::from_secs(3));
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(!self.folder.path().join("findings").exists());
        summary(&self.folder.path().join("json"))
    }
}

#[test]
fn a_worker_that_somebody_kills_is_replaced_and_is_no_finding() {
    let night = Night::begin(&[]);
    let worker = night.worker();
    kill_process(worker, Signal::KILL).unwrap();
    let summary = night.end(worker);
    let count = |what: &str| summary[what].as_u64().unwrap();
    assert_eq!(
        count("workers_killed") + count("workers_unconfirmed"),
        1,
        "{summary}"
    );
    assert_eq!(count("findings"), 0);
}

#[test]
fn a_worker_that_stands_still_is_replaced_and_is_no_finding() {
    let night = Night::begin(&["--hang", "8"]);
    let worker = night.worker();
    kill_process(worker, Signal::STOP).unwrap();
    let summary = night.end(worker);
    let count = |what: &str| summary[what].as_u64().unwrap();
    assert!(
        count("workers_slow") + count("workers_unconfirmed") >= 1,
        "{summary}"
    );
    assert_eq!(count("findings"), 0);
}

/// A worker that grows is replaced, and no input is lost or run twice.
#[test]
fn workers_have_a_bound_on_their_memory() {
    let folder = tempfile::tempdir().unwrap();
    let json = path(folder.path(), "json");
    let run = [
        "fuzz",
        "--target",
        "types",
        "--jobs",
        "1",
        "--worker-memory",
        "1",
    ];
    let (_, err) = check(&[&run[..], &["--time", "12", "--json", &json]].concat(), 0);
    assert!(err.contains("MiB of memory: another goes on"), "{err}");
    let summary = summary(Path::new(&json));
    let count = |what: &str| summary[what].as_u64().unwrap();
    assert!(count("workers_replaced") >= 2, "{summary}");
    assert_eq!(count("workers_killed") + count("workers_crashed"), 0);
    assert!(count("compared") > 0);
}

/// What a killed supervisor leaves behind, the next one removes.
#[test]
fn nothing_stays_behind_for_long() {
    let place = tempfile::tempdir().unwrap();
    let mut child = gcrucible(&["fuzz", "--target", "types", "--time", "100", "--jobs", "1"])
        .env("TMPDIR", place.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_progress(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = fs::read_dir(place.path()).unwrap().next();
    let left = left.expect("a folder").unwrap().path();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    fs::File::open(&left).unwrap().set_modified(old).unwrap();
    let output = gcrucible(&SHORT)
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// An engine can take its process with it. The scripts before and after it have their results.
#[test]
fn a_script_that_kills_the_process_is_a_failure_of_this_script() {
    let folder = tempfile::tempdir().unwrap();
    let good = "(module (func (export \"f\")))(assert_return (invoke \"f\"))";
    let endless = "(module (func (export \"f\") (loop (br 0))))\n(invoke \"f\")";
    let scripts = [("1.wast", good), ("2.wast", endless), ("3.wast", good)];
    for (name, text) in scripts {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (place, json) = (folder.path().display(), path(folder.path(), "json"));
    let arguments = ["wast", &place.to_string(), "--json", &json];
    let child = gcrucible(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    kill_process(worker_in_a_loop(child.id()), Signal::ABORT).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, _) = common::ended(&output, &arguments, 1);
    assert!(
        out.contains("2.wast:2:2: the process died: signal 6 (SIGABRT)"),
        "{out}"
    );
    assert!(
        out.contains("3 files on runtime:copying: 5 passed, 1 failed"),
        "{out}"
    );
    let json = summary(Path::new(&json));
    let passed = json["files"].as_array().unwrap().iter();
    let passed: Vec<u64> = passed
        .map(|file| file["passed"].as_u64().unwrap())
        .collect();
    assert_eq!(passed, [2, 1, 2]);
}

/// Waits until the only child of a process has used a core for a while. Returns the child.
fn worker_in_a_loop(parent: u32) -> Pid {
    let children = || {
        let tasks = fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten();
        let lists =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
        lists.collect::<String>()
    };
    let ticks = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.split(' ').nth(13)?.parse::<u64>().ok()
    };
    loop {
        let children = children();
        let child = children.split_whitespace().next();
        if let Some(child) = child.filter(|child| ticks(child) >= Some(100)) {
            return Pid::from_raw(child.parse().unwrap()).unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

// ---- one module

#[test]
fn run_shows_where_and_why_a_module_stops() {
    let folder = tempfile::tempdir().unwrap();
    let module = path(folder.path(), "m.wat");
    let text = "(module (type $node (struct (field i32))) (tag $t (param i32 f64))
        (global (export \"g\") (mut (ref null $node)) (struct.new $node (i32.const 7)))
        (func $inner (unreachable))
        (func (export \"trap\") (call $inner))
        (func (export \"throw\") (throw $t (i32.const 5) (f64.const 0.5)))
        (func (export \"spin\") (loop (br 0)))
        (func $deep (export \"deep\") (call $deep))
        (func (export \"fill\") (result (ref $node))
          (loop (br_if 0 (ref.is_null (struct.new $node (i32.const 1))))) (unreachable))
        (func (export \"i32\") (param i32) (result i32) (local.get 0))
        (func (export \"f32\") (param f32) (result f32) (local.get 0))
        (func (export \"ref\") (param anyref externref v128) (result anyref) (local.get 0)))";
    fs::write(&module, text).unwrap();
    let run = |arguments: &[&str], status| {
        let arguments = [&["run", &module, "--invoke"], arguments].concat();
        check(&arguments, status).0
    };
    let out = run(&["trap"], 1);
    assert!(out.contains("trapped: unreachable"), "{out}");
    assert!(
        out.contains("0: inner (function 0)") && out.contains("1: trap"),
        "{out}"
    );
    let out = run(&["throw"], 1);
    let exception = "uncaught exception: tag 0 of instance 0 (i32.const 5, f64.const 0.5";
    assert!(out.contains(exception), "{out}");
    for (number, result) in [
        ("-0x80000000", "(i32.const -2147483648)"),
        ("4294967295", "(i32.const -1)"),
    ] {
        let out = run(&["i32", "--", number], 0);
        assert!(out.contains(result), "{number}: {out}");
    }
    let out = run(&["f32", "nan:0x200000"], 0);
    assert!(out.contains("0x7fa00000"), "{out}");
    for (export, number) in [("i32", "4294967296"), ("f32", "1e40"), ("f32", "1) (x")] {
        check(&["run", &module, "--invoke", export, number], 2);
    }
    let out = run(&["spin", "--timeout", "1"], 1);
    assert!(out.contains("no end within 1 s"), "{out}");
    for engine in ["reference", "runtime:drc:speed"] {
        let out = run(&["spin", "--fuel", "100000", "--engine", engine], 1);
        assert!(out.contains("exhausted: fuel"), "{engine}: {out}");
        let out = run(&["deep", "--max-depth", "64", "--engine", engine], 1);
        assert!(out.contains("exhausted: call depth"), "{engine}: {out}");
    }
    let out = run(&["ref", "i31:-5", "host:3", "0x1", "--census"], 0);
    assert!(out.contains("ref.i31"), "{out}");
    assert!(
        out.contains("1 structures of type 0 of module 0, $node"),
        "{out}"
    );
}

// ---- scripts

#[test]
fn a_bad_file_in_a_folder_is_reported_and_the_rest_runs() {
    let folder = tempfile::tempdir().unwrap();
    let good = format!("{MODULE}(assert_return (invoke \"f\") (ref))");
    let file = |name: &str, content: &[u8]| {
        fs::write(folder.path().join(name), content).unwrap();
    };
    file("good.wast", good.as_bytes());
    file("latin.wast", b"(module) ;; caf\xe9");
    file("module.wast", b"\0asm\x01\0\0\0\xff");
    file("open.wast", b"(module");
    file("form.wast", format!("{good}(assert_retur)").as_bytes());
    let large = fs::File::create(folder.path().join("large.wast")).unwrap();
    large.set_len(1 << 40).unwrap();
    // Links back to the folder, and to a device.
    fs::create_dir(folder.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("sub/again")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.wast")).unwrap();
    let (out, err) = check(&["wast", &path(folder.path(), ""), "--json", "-"], 1);
    let data: serde_json::Value = serde_json::from_str(&out).expect("nothing but JSON");
    assert_eq!(data["failed"].as_u64(), Some(6));
    for expected in [
        "the text is not UTF-8 at byte 0xf",
        "the text is not UTF-8 at byte 0x8: this is a module",
        "open.wast:1:1: ",
        "form cannot be read",
        "the file has 1099511627776 bytes",
        "this is not a regular file",
        "7 files on runtime:copying",
        "4 passed, 6 failed",
    ] {
        assert!(err.contains(expected), "{expected}:\n{err}");
    }
    // A file that is named is the whole command's.
    let zero = path(folder.path(), "zero.wast");
    check(&["wast", &zero], 2);
    check(&["wast", &path(folder.path(), "latin.wast")], 2);
}

#[test]
fn a_script_without_an_end_is_cut_on_every_engine() {
    let folder = tempfile::tempdir().unwrap();
    let text = "(module (func (export \"f\") (result i32) (i32.const 1)) \
                (func (export \"spin\") (loop (br 0))))\n\
                (assert_return (invoke \"f\") (i32.const 1))\n\
                (assert_return (invoke \"spin\"))\n\
                (assert_return (invoke \"f\") (i32.const 1))";
    fs::write(folder.path().join("spin.wast"), text).unwrap();
    fs::write(folder.path().join("then.wast"), "(module)").unwrap();
    let scripts = path(folder.path(), "");
    for engine in ["reference", "runtime:drc", "runtime:copying:speed:explicit"] {
        let arguments = ["wast", &scripts, "--engine", engine, "--timeout", "2"];
        let (out, _) = check(&arguments, 1);
        assert!(out.contains("spin.wast:3:2: no end within 2 s"), "{out}");
        assert!(out.contains("3 passed, 1 failed"), "{out}");
    }
    let (_, err) = check(&["wast", &scripts, "--timeout", "0"], 2);
    assert!(err.contains("expected seconds"), "{err}");
    let arguments = ["wast", &scripts, "--script-timeout", "0.3"];
    let (out, _) = check(&arguments, 1);
    assert!(
        out.contains("the script does not end within 0.3 s"),
        "{out}"
    );
}

/// A step that uses up its fuel does not use the fuel of the next one.
#[test]
fn each_directive_has_its_own_fuel() {
    let folder = tempfile::tempdir().unwrap();
    let text = "(module (type $w (array i32)) \
                (func (export \"w\") (param i32) (result i32) \
                  (array.len (array.new $w (i32.const 1) (local.get 0)))) \
                (func (export \"one\") (result i32) (i32.const 1)))\n"
        .to_owned()
        + &"(assert_exhaustion (invoke \"w\" (i32.const -1)) \"allocation size too large\")\n"
            .repeat(5)
        + "(assert_return (invoke \"one\") (i32.const 1))\n\
           (assert_trap (invoke \"w\" (i32.const -1)) \"\")\n";
    let script = path(folder.path(), "fuel.wast");
    fs::write(&script, text).unwrap();
    for engine in ["reference", "runtime:drc:fuel"] {
        let (out, _) = check(&["wast", &script, "--engine", engine], 0);
        assert!(out.contains("8 passed, 0 failed"), "{out}");
    }
}

// ---- counts

/// What is rarer than it must be is named, and is the status.
#[test]
fn a_survey_names_what_is_too_rare() {
    let few = [
        "survey",
        "--programs",
        "12",
        "--first",
        "0x10",
        "--json",
        "-",
    ];
    let (out, err) = check(&few, 1);
    let json: serde_json::Value = serde_json::from_str(&out).expect("nothing but JSON");
    let below = json["below"].as_array().expect("a list");
    assert!(!below.is_empty());
    for below in below {
        let name = below["name"].as_str().expect("a name");
        assert!(err.contains(&format!(" {name}: in ")), "{name}: {err}");
        assert!(below["programs"].as_u64() < below["least"].as_u64());
    }
    let rules = json["rules"].as_array().expect("a list");
    assert_eq!(
        rules.len(),
        gcrucible_oracles::engine::reference::rule_names().count()
    );
    let collectors = json["collectors"].as_array().expect("a list");
    for collector in collectors {
        let executed = &collector["instructions"]["struct.new"]["programs"];
        assert!(executed.as_u64() > Some(0), "{collector}");
    }
    assert!(err.contains("rules of validation: instructions: "), "{err}");
    // Nothing can be rare in one program.
    let (out, _) = check(&["survey", "--programs", "1"], 0);
    assert!(out.contains("1 programs from seed 0x0: "), "{out}");
}
