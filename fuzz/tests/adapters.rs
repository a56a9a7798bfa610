//! Engines in processes of their own, as a user meets them: named on the command line, killed,
//! hung, lying, gone. The test needs only our own engines. This program is the adapter if its first
//! argument is `adapter`. The second argument says how it misbehaves.
//!
//! Always: a run goes on after a misbehaviour, and the misbehaviour is a finding of its own.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gcrucible_oracles::engine::runtime::{RuntimeConfig, Served};
use gcrucible_protocol::serve::serve;
use gcrucible_protocol::{Answer, Ended as Ending};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == "adapter") {
        adapter(&words[2]);
        return std::process::ExitCode::SUCCESS;
    }
    let mut trials = vec![
        Trial::test("an_honest_adapter_keeps_every_promise", honest),
        Trial::test("the_same_run_twice_is_the_same", same_twice),
        Trial::test("a_broken_promise_is_named", broken_promise),
        Trial::test("an_adapter_that_is_gone_is_no_finding", gone),
        Trial::test("a_named_engine_must_exist", unknown),
        Trial::test("a_finding_is_replayed_by_its_own_line", replayed),
        Trial::test("an_adapter_ends_with_the_run_that_is_killed", ends),
        Trial::test(
            "a_module_that_should_be_refused_becomes_a_small_script",
            lax,
        ),
    ];
    trials.push(Trial::test("a_count_that_differs_once_is_found", once));
    trials.push(Trial::test(
        "a_count_that_is_missing_is_made_up_for",
        forgotten,
    ));
    for (lie, words) in LIES {
        trials.push(Trial::test(format!("found: {lie}"), || found(lie, words)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// How an adapter misbehaves, and words that its finding must have.
const LIES: &[(&str, &[&str])] = &[
    ("kill", &["signal 9"]),
    ("exit", &["exit status 7"]),
    ("sanitizer", &["AddressSanitizer"]),
    ("hang", &["gave no answer within 1000 ms"]),
    ("memory", &["bytes of memory"]),
    ("endless", &["answer"]),
    ("garbage", &["no answer"]),
    ("fewer", &["answers to"]),
    ("leak", &["created - dropped"]),
    ("other", &["alone"]),
    ("lost", &["panicked: out of luck"]),
];

/// The question at which an adapter misbehaves, counted from 1: the first asks for its greeting.
const AT: usize = 4;

// ---- the adapter

fn adapter(lie: &str) {
    let config = RuntimeConfig::named("runtime:copying").expect("a configuration");
    let mut served = Served::new(config);
    let mut last: Option<Vec<u8>> = None;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.expect("a line");
        let number = number + 1;
        let mut input = line.clone().into_bytes();
        input.push(b'\n');
        let mut output = Vec::new();
        serve(&mut served, input.as_slice(), &mut output).expect("an answer");
        let is_batch = line.starts_with("{\"op\":\"batch\"");
        let is_count = line.starts_with("{\"op\":\"count\"");
        let honest = output.clone();
        if number >= AT && is_batch {
            output = misbehave(lie, &output, last.as_ref());
        }
        if is_count {
            output = misbehave_late(lie, &output);
        }
        last = is_batch.then_some(honest);
        std::io::stdout().write_all(&output).expect("a pipe");
        std::io::stdout().flush().expect("a pipe");
    }
}

fn misbehave(lie: &str, output: &[u8], last: Option<&Vec<u8>>) -> Vec<u8> {
    match lie {
        "kill" => {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
            Vec::new()
        }
        "exit" => std::process::exit(7),
        "sanitizer" => {
            eprintln!("==1==ERROR: AddressSanitizer: heap-use-after-free");
            std::process::exit(1)
        }
        "hang" | "outlive" => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        "memory" => loop {
            // The memory is written, so that it is resident, and never given back.
            let block = vec![1_u8; 64 << 20];
            std::mem::forget(std::hint::black_box(block));
            std::thread::sleep(Duration::from_millis(1));
        },
        "endless" => loop {
            if std::io::stdout().write_all(&[b'a'; 1 << 16]).is_err() {
                std::process::exit(0);
            }
        },
        "garbage" => b"{\"ended\":\"no such ending\"}\n".to_vec(),
        "fewer" => changed(output, |answers| {
            answers.pop();
        }),
        "leak" => changed(output, |answers| {
            for answer in answers {
                if let Answer::Live(counting) = answer {
                    counting.alive += 1;
                }
            }
        }),
        "lost" => changed(output, |answers| {
            let is_observed = |answer: &Answer| matches!(answer, Answer::Bytes { .. });
            let last = answers.iter().rposition(is_observed).unwrap_or(1).max(1);
            let text = "panicked: out of luck".to_owned();
            answers[last - 1] = Answer::Ended(Ending::Crashed { text });
            answers[last..].fill(Answer::Ended(Ending::Skipped));
        }),
        "lax" => changed(output, |answers| {
            for answer in answers {
                if let Answer::Ended(ended) = answer
                    && matches!(ended, Ending::Rejected { stage, .. } if stage != "unlinkable")
                {
                    *ended = Ending::Returned;
                }
            }
        }),
        "other" => last.cloned().unwrap_or_else(|| output.to_vec()),
        _ => output.to_vec(),
    }
}

/// Answers a request for the counts of several sessions.
fn misbehave_late(lie: &str, output: &[u8]) -> Vec<u8> {
    let mut answer: Answer = serde_json::from_slice(output).expect("an answer");
    let Answer::Counts(counts) = &mut answer else {
        return output.to_vec();
    };
    match lie {
        "kill-late" => return misbehave("kill", output, None),
        "leak" => counts.values_mut().for_each(|count| count.alive += 1),
        "late" => {
            let counts = counts.values_mut();
            let some_dropped = counts.filter(|count| count.alive < count.created);
            some_dropped.for_each(|count| count.alive += 1);
        }
        "forget" => counts.clear(),
        _ => {}
    }
    line_of(&answer)
}

fn line_of(answer: &Answer) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).expect("JSON");
    line.push(b'\n');
    line
}

fn changed(output: &[u8], change: impl FnOnce(&mut Vec<Answer>)) -> Vec<u8> {
    let mut answer: Answer = serde_json::from_slice(output).expect("an answer");
    if let Answer::Batch(answers) = &mut answer {
        change(answers);
    }
    line_of(&answer)
}

// ---- the program

struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

fn gcrucible(arguments: &[&str], cache: &Path) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_gcrucible"))
        .args(arguments)
        .env("GCRUCIBLE_CACHE", cache)
        .stdin(Stdio::null())
        .output()
        .expect("gcrucible starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended {
        status: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// The name of this program as an engine that misbehaves in this way.
fn engine(lie: &str) -> String {
    let own = std::env::current_exe().expect("a path");
    format!("adapter:{} adapter {lie}", own.display())
}

/// Runs a few programs on an engine, those of `table_ops` unless `more` names a target. Returns the
/// summary and how it ended.
fn fuzz(lie: &str, folder: &Path, more: &[&str]) -> (serde_json::Value, Ended) {
    let (json, out, name) = (folder.join("json"), folder.join("out"), engine(lie));
    let (json, out) = (json.display().to_string(), out.display().to_string());
    let mut arguments = vec!["fuzz", "--engine", &name];
    if !more.contains(&"--target") {
        arguments.extend(["--target", "table_ops"]);
    }
    arguments.extend([
        "--run-seed",
        "1",
        "--jobs",
        "1",
        "--json",
        &json,
        "--out",
        &out,
    ]);
    // An honest adapter may take long on a busy machine.
    let seconds = if lie == "none" { "20" } else { "1" };
    arguments.extend(["--engine-time", seconds, "--engine-memory", "150"]);
    arguments.extend(more);
    let ended = gcrucible(&arguments, folder);
    let text = std::fs::read_to_string(&json).unwrap_or_default();
    (serde_json::from_str(&text).unwrap_or_default(), ended)
}

fn expect(holds: bool, ended: &Ended, what: &str) -> Result<(), Failed> {
    if holds {
        return Ok(());
    }
    let Ended { status, out, err } = ended;
    Err(format!("{what}\nstatus {status:?}\n{out}\n{err}").into())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn honest() -> Result<(), Failed> {
    let folder = folder();
    let ended = gcrucible(&["engine", "check", &engine("none")], folder.path());
    let kept = ended.out.matches("  kept ").count();
    expect(ended.status == Some(0) && kept >= 12, &ended, "promises")?;
    let (json, ended) = fuzz("none", folder.path(), &["--runs", "60"]);
    expect(ended.status == Some(0), &ended, "an honest adapter")?;
    let compared = json["compared"].as_u64().unwrap_or(0);
    let checks = json["live_checks"].as_u64().unwrap_or(0);
    expect(compared >= 50 && checks > 50, &ended, "too little compared")
}

/// What goes wrong while several sessions are counted, and not while one of them is.
fn once() -> Result<(), Failed> {
    for (lie, words) in [("late", "created - dropped"), ("kill-late", "signal 9")] {
        let folder = folder();
        let (json, ended) = fuzz(lie, folder.path(), &["--runs", "10"]);
        let found = json["groups"][0]["folder"].as_str().unwrap_or_default();
        let verdict = std::fs::read_to_string(Path::new(found).join("verdict.txt"));
        let verdict = verdict.unwrap_or_default();
        let is_right = verdict.contains(words) && verdict.contains("in 1 of 2 runs");
        expect(ended.status == Some(1) && is_right, &ended, &verdict)?;
    }
    Ok(())
}

/// The counts of several sessions are missing, so each session is counted by itself.
fn forgotten() -> Result<(), Failed> {
    let folder = folder();
    let (json, ended) = fuzz("forget", folder.path(), &["--runs", "20"]);
    let checks = json["live_checks"].as_u64().unwrap_or(0);
    expect(
        ended.status == Some(0) && checks > 20,
        &ended,
        "too few counts",
    )
}

fn same_twice() -> Result<(), Failed> {
    let (one, two) = (folder(), folder());
    let runs = ["--runs", "20"];
    let (first, ended) = fuzz("leak", one.path(), &runs);
    let (second, _) = fuzz("leak", two.path(), &runs);
    let same = |key: &str| first[key] == second[key];
    let all = ["programs", "compared", "findings", "steps", "live_checks"];
    expect(
        all.into_iter().all(same),
        &ended,
        &format!("{first}\n{second}"),
    )
}

fn broken_promise() -> Result<(), Failed> {
    let folder = folder();
    let ended = gcrucible(&["engine", "check", &engine("fewer")], folder.path());
    let named = ended.out.contains("BROKEN  `batch` is answered one by one");
    expect(ended.status == Some(1) && named, &ended, "the promise")
}

fn gone() -> Result<(), Failed> {
    let folder = folder();
    let engine = "adapter:/nonexistent/engine";
    let ended = gcrucible(&["fuzz", "--engine", engine, "--runs", "3"], folder.path());
    let named = ended.err.contains("/nonexistent/engine");
    expect(
        ended.status == Some(3) && named,
        &ended,
        "an environment failure",
    )
}

fn unknown() -> Result<(), Failed> {
    let folder = folder();
    for (name, answer) in [
        ("v9", "did you mean `v8`"),
        ("v8:lift-off", "flag"),
        ("refrence", "did you mean `reference`"),
        ("wasmtime-c:1.2.3", "engine install wasmtime-c:1.2.3"),
    ] {
        let ended = gcrucible(&["fuzz", "--engine", name, "--runs", "3"], folder.path());
        // If that engine is not on this machine, the message is about its absence.
        let named = ended.err.contains(answer) || ended.err.contains("engine install v8");
        expect(ended.status == Some(2) && named, &ended, name)?;
    }
    Ok(())
}

fn found(lie: &str, words: &[&str]) -> Result<(), Failed> {
    let folder = folder();
    let (json, ended) = fuzz(lie, folder.path(), &["--runs", "10"]);
    expect(ended.status == Some(1), &ended, "nothing found")?;
    let programs = json["programs"].as_u64().unwrap_or(0);
    expect(programs == 10, &ended, "the run stopped")?;
    let groups = json["groups"].as_array().cloned().unwrap_or_default();
    let texts: Vec<String> = groups
        .iter()
        .filter_map(|group| group["folder"].as_str())
        .filter_map(|folder| std::fs::read_to_string(Path::new(folder).join("verdict.txt")).ok())
        .collect();
    let has = |text: &String| {
        words.iter().all(|word| text.contains(word))
            && text.contains("stands      alone against reference, runtime:")
            && text.contains("replay: ")
    };
    expect(texts.iter().any(has), &ended, &format!("{texts:#?}"))
}

fn replayed() -> Result<(), Failed> {
    let folder = folder();
    let (json, ended) = fuzz("leak", folder.path(), &["--runs", "10", "--stop"]);
    let found = json["groups"][0]["folder"].as_str().unwrap_or_default();
    let verdict = std::fs::read_to_string(Path::new(found).join("verdict.txt"))?;
    let line = verdict
        .lines()
        .find_map(|line| line.strip_prefix("replay: "));
    let line = line.unwrap_or_default();
    expect(line.contains(" --engine 'adapter:"), &ended, line)?;
    let own = line.split_once(" -- ").map_or("", |(_, own)| own);
    let command = format!("{} {own}", env!("CARGO_BIN_EXE_gcrucible"));
    let output = Command::new("/bin/sh")
        .args(["-c", &command])
        .env("GCRUCIBLE_CACHE", folder.path())
        .output()?;
    // The liar lies from its fourth question on, so a single input may not show it. The line must
    // run, and must say what it compared.
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let ran = said.contains("agree") || said.contains("differs");
    expect(
        ran && output.status.code().is_some_and(|code| code < 2),
        &ended,
        &said,
    )
}

/// An engine that accepts every module is found by the target of damaged modules.
fn lax() -> Result<(), Failed> {
    let folder = folder();
    let more = ["--target", "validate", "--runs", "8"];
    let (json, ended) = fuzz("lax", folder.path(), &more);
    expect(ended.status == Some(1), &ended, "nothing found")?;
    let groups = json["groups"].as_array().cloned().unwrap_or_default();
    let group = groups.iter().find(|group| group["target"] == "validate");
    let found = group.and_then(|group| group["folder"].as_str());
    let script = Path::new(found.unwrap_or_default()).join("reduced.wast");
    let text = std::fs::read_to_string(script).unwrap_or_default();
    let asserts = text.contains("(assert_malformed") || text.contains("(assert_invalid");
    let is_small = text.matches("(assert_").count() == 1 && text.len() < 600;
    expect(asserts && is_small, &ended, &text)
}

/// Processes whose command line has this word.
fn running(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("a list of processes");
    let lines = processes.flatten().filter_map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(word)).collect()
}

fn ends() -> Result<(), Failed> {
    let folder = folder();
    let engine = engine("outlive");
    let mut run = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    run.args(["fuzz", "--jobs", "1", "--time", "60", "--engine", &engine])
        .current_dir(folder.path())
        .env("GCRUCIBLE_CACHE", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut run = run.spawn()?;
    let wait = |what: &str, holds: &dyn Fn(usize) -> bool| {
        for _ in 0..600 {
            if holds(running("adapter outlive").len()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Failed::from(what))
    };
    // The supervisor's own command line has the words as well.
    wait("no adapter began", &|count| count >= 3)?;
    run.kill()?;
    run.wait()?;
    wait("an adapter is left behind", &|count| count == 0)
}
