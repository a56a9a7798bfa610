//! `gcrucible fuzz --corpus`: a run that is killed loses nothing of its corpus, and the next one
//! goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use gcrucible::corpus::{By, features, name};
use gcrucible::targets::{Rig, named};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

const TARGETS: [&str; 2] = ["types", "heap_ops"];

fn fuzz(corpus: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    command.arg("fuzz").arg("--corpus").arg(corpus);
    for target in TARGETS {
        command.args(["--target", target]);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs to the end. Returns the summary.
fn ended(corpus: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = fuzz(corpus, arguments).args(["--json", "-"]).output();
    let output = output.expect("gcrucible starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).expect("the summary is JSON")
}

/// The inputs of a corpus, by target and name. Each has the name of its content, so none is half
/// written.
fn inputs(corpus: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut inputs = BTreeMap::new();
    for target in TARGETS {
        for file in fs::read_dir(corpus.join(target)).into_iter().flatten() {
            let path = file.expect("a file").path();
            let bytes = fs::read(&path).expect("it is read");
            assert!(path.ends_with(name(&bytes)), "{}", path.display());
            inputs.insert(format!("{target}/{}", name(&bytes)), bytes);
        }
    }
    inputs
}

#[test]
fn a_run_that_is_killed_loses_nothing() {
    const KILLS: u64 = 20;
    const LEAST: usize = 20;
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = folder.path().join("corpus");
    let random = RandomState::new();
    let mut before = BTreeSet::new();
    for round in 0.. {
        // On a loaded machine few inputs are kept before a run is killed.
        if round >= KILLS && before.len() > LEAST {
            break;
        }
        assert!(round < 20 * KILLS, "{} inputs are kept", before.len());
        let mut child = fuzz(&corpus, &["--time", "100", "--jobs", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("gcrucible starts");
        let moment = Duration::from_millis(random.hash_one(round) % 900);
        std::thread::sleep(moment);
        let process = Pid::from_child(&child);
        // Workers are killed as well, or end when they see that they are alone.
        let killed = match round % 2 {
            0 => kill_process_group(process, Signal::KILL),
            _ => kill_process(process, Signal::KILL),
        };
        killed.expect("it runs");
        child.wait().expect("it has ended");
        let after: BTreeSet<String> = inputs(&corpus).into_keys().collect();
        let lost: Vec<&String> = before.difference(&after).collect();
        assert!(lost.is_empty(), "lost after {moment:?}: {lost:?}");
        before = after;
    }
    // Files that nobody will finish are removed.
    let unfinished = corpus.join(".unfinished");
    let old = SystemTime::now() - Duration::from_secs(7200);
    let half = unfinished.join("half");
    let file = fs::File::create(&half).expect("a file");
    file.set_modified(old).expect("its time is set");
    // The workers of the last run may still be about to end.
    let all = (before.len() * 3 + 200).to_string();
    let summary = ended(&corpus, &["--runs", &all, "--jobs", "1"]);
    assert!(!half.exists());
    let inputs = inputs(&corpus);
    let after: BTreeSet<String> = inputs.keys().cloned().collect();
    assert!(before.is_subset(&after), "the last run lost inputs");
    let there = summary["corpus"]["inputs"].as_u64().expect("a number");
    assert_eq!(there, after.len() as u64);
    // It began with what was there: what it added exercises something that nothing there does.
    let mut rig = Rig::standard(&[]).expect("engines start");
    let mut exercised = |name: &String| {
        let (target, _) = name.split_once('/').expect("a target");
        let ran = named(target)
            .expect("a target")
            .run(&inputs[name], &mut rig);
        let features = features(&ran, &rig, By::Followers).into_iter();
        let of_target = |feature| (target.to_owned(), feature);
        features.map(of_target).collect::<BTreeSet<_>>()
    };
    let seen: BTreeSet<_> = before.iter().flat_map(&mut exercised).collect();
    for added in after.difference(&before) {
        assert!(!exercised(added).is_subset(&seen), "{added} is nothing new");
    }
}

#[test]
fn one_worker_does_the_same_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = ["--runs", "300", "--jobs", "1", "--run-seed", "5"];
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let summaries = [ended(&one, &run), ended(&two, &run)];
    assert_eq!(inputs(&one), inputs(&two));
    for count in ["compared", "steps", "collections", "live_objects"] {
        assert_eq!(summaries[0][count], summaries[1][count], "{count}");
    }
    assert!(summaries[0]["corpus"]["kept"].as_u64() > Some(20));
}

/// Two runs at once share a folder, and inputs of libFuzzer lie there under any name.
#[test]
fn runs_share_a_corpus() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = folder.path().join("corpus");
    fs::create_dir_all(corpus.join("types")).expect("a folder");
    let bytes = [0, 1, 2, 3, 4];
    fs::write(corpus.join("types/from elsewhere"), bytes).expect("a file");
    let run = ["--runs", "600", "--jobs", "2"];
    let runs = [fuzz(&corpus, &run), fuzz(&corpus, &run)].map(|mut command| {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().expect("gcrucible starts")
    });
    for mut run in runs {
        assert_eq!(run.wait().expect("it has ended").code(), Some(0));
    }
    let elsewhere = corpus.join("types/from elsewhere");
    assert_eq!(fs::read(&elsewhere).expect("it stays"), bytes);
    // It is not written again under the name of its content.
    assert!(!corpus.join("types").join(name(&bytes)).exists());
    fs::remove_file(elsewhere).expect("it is a file");
    assert!(inputs(&corpus).len() > 30);
}
