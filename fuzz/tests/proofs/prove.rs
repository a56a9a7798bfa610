//! Runs with a planted fault, and what proves their findings: each script passes on healthy engines
//! and fails on the one at fault. Not in `tests`, because the example `proofs` does the same with
//! longer runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use gcrucible_oracles::engine::{
    self,
    runtime::{fault_names, without_faults},
};
use gcrucible_oracles::header::Header;

/// The most groups of findings for ten faults that were found.
const GROUPS_OF_TEN: usize = 20;

/// What one fault left behind.
#[derive(Debug)]
pub struct Proof {
    /// The fault.
    pub fault: &'static str,
    /// Groups of findings.
    pub groups: usize,
    /// Scripts.
    pub scripts: usize,
    /// What does not prove a finding, as text.
    pub wrong: Vec<String>,
}

/// Plants each fault for `programs` programs, one process for each core, and hands each proof to
/// `see` as soon as it is there. Returns all of them.
pub fn prove_all(program: &Path, programs: u64, mut see: impl FnMut(&Proof)) -> Vec<Proof> {
    let faults: Vec<&'static str> = fault_names().collect();
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut proofs = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let proof = prove(program, fault, programs);
                    send.send(proof).expect("the receiver waits for all");
                }
            });
        }
        drop(send);
        for proof in receive {
            see(&proof);
            proofs.push(proof);
        }
    });
    proofs
}

/// Expects that everything is proven, that most faults were found, and that there are few groups.
#[track_caller]
pub fn expect_proven(proofs: &[Proof]) {
    let wrong: Vec<&String> = proofs.iter().flat_map(|proof| &proof.wrong).collect();
    let found = proofs.iter().filter(|proof| proof.groups > 0).count();
    let groups: usize = proofs.iter().map(|proof| proof.groups).sum();
    let scripts: usize = proofs.iter().map(|proof| proof.scripts).sum();
    println!(
        "{found} of {} faults were found: {groups} groups, {scripts} scripts, {} wrong",
        proofs.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found * 2 > proofs.len(), "too few faults were found");
    assert!(
        groups * 10 <= GROUPS_OF_TEN * found,
        "too many groups for {found} faults"
    );
}

fn prove(program: &Path, fault: &'static str, programs: u64) -> Proof {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, summary) = (folder.path().join("out"), folder.path().join("summary"));
    let mut command = Command::new(program);
    command.args(["fuzz", "--planted", fault, "--jobs", "1", "--run-seed", "1"]);
    command.args(["--runs", &programs.to_string(), "--out"]);
    let output = command.arg(&out).arg("--json").arg(&summary).output();
    let output = output.expect("gcrucible starts");
    let mut wrong = Vec::new();
    if !matches!(output.status.code(), Some(0 | 1)) {
        wrong.push(format!("{fault}: {}", text(&output)));
    }
    let groups = json(&summary)["groups"].as_array().map_or(0, Vec::len);
    let scripts = scripts(&out);
    if !scripts.is_empty() {
        wrong.extend(unproven(program, &scripts));
    }
    Proof {
        fault,
        groups,
        scripts: scripts.len(),
        wrong,
    }
}

/// The reduced scripts in the folders of findings.
fn scripts(findings: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(findings).into_iter().flatten();
    let folders = folders.map(|entry| entry.expect("a folder").path());
    let scripts = folders.map(|folder| folder.join("reduced.wast"));
    let mut scripts: Vec<PathBuf> = scripts.filter(|path| path.exists()).collect();
    scripts.sort();
    scripts
}

/// Returns what is wrong with scripts of findings. Each passes on every engine that tests run, and
/// on the one that its header names when that is healthy. It fails on that one with its fault.
pub fn unproven(program: &Path, scripts: &[PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in engine::names() {
        wrong.extend(failing(program, scripts, Some(&name)));
    }
    for script in scripts {
        let named = named(script);
        let healthy = without_faults(&named);
        wrong.extend(failing(
            program,
            std::slice::from_ref(script),
            Some(healthy),
        ));
        let passes = failing(program, std::slice::from_ref(script), None).is_empty();
        if passes || named == healthy {
            let script = shown(script);
            wrong.push(format!("passes with its fault, on {named}:\n{script}"));
        }
    }
    wrong
}

/// Runs scripts, and returns those that fail as text.
fn failing(program: &Path, scripts: &[PathBuf], engine: Option<&str>) -> Vec<String> {
    let mut command = Command::new(program);
    command.arg("wast").args(scripts);
    command.args(engine.iter().flat_map(|engine| ["--engine", engine]));
    let output = command.output().expect("gcrucible starts");
    match output.status.code() {
        Some(0) => Vec::new(),
        // A script may be meant for other collectors than that of this engine.
        Some(2) if text(&output).contains("nothing was asked of the engine") => Vec::new(),
        _ => {
            let engine = engine.unwrap_or("its own engine");
            let scripts: Vec<String> = scripts.iter().map(|script| shown(script)).collect();
            vec![format!(
                "fails on {engine}:\n{}\n{}",
                text(&output),
                scripts.join("\n")
            )]
        }
    }
}

/// The engine in a script's header.
fn named(script: &Path) -> String {
    let text = fs::read_to_string(script).expect("a script");
    let header = Header::parse(&text).expect("a header");
    header.engine.unwrap_or_default()
}

fn shown(script: &Path) -> String {
    let text = fs::read_to_string(script).expect("a script");
    format!("{}:\n{text}", script.display())
}

fn json(path: &Path) -> serde_json::Value {
    let text = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn text(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams.map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
