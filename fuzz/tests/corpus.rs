//! The inputs under version control, `fuzz/corpus`, run again: nothing is found, and together they
//! exercise what they are there for.
//!
//! Beside the folder of a target, a file names each input and why it is there. Other files in the
//! folder were added by a fuzzer on this machine and are left alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use gcrucible::corpus::{By, Corpus, Feature, features, name};
use gcrucible::targets::{Rig, TARGETS, Target};

/// The names of a target's inputs.
fn names(root: &Path, target: &Target) -> BTreeSet<String> {
    let path = root.join(format!("{}.txt", target.name));
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let (name, reason) = line.split_once(' ').unwrap_or((line, ""));
        assert!(!reason.is_empty(), "{}: {name} has no reason", target.name);
        names.insert(name.to_owned());
    }
    names
}

#[test]
fn inputs_under_version_control_show_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut rig = Rig::standard(&[]).expect("engines start");
    for target in TARGETS {
        let names = names(&root, target);
        let mut reached = BTreeSet::new();
        let mut entries = Corpus::new(&root, target)
            .entries(&BTreeSet::new())
            .expect("the corpus is there");
        entries.retain(|entry| names.contains(&entry.name));
        assert_eq!(
            entries.len(),
            names.len(),
            "{}: one is missing",
            target.name
        );
        for entry in &entries {
            let here = format!("{}/{}", target.name, entry.name);
            assert_eq!(entry.name, name(&entry.bytes), "{here}");
            let ran = target.run(&entry.bytes, &mut rig);
            if let Some(finding) = &ran.finding {
                panic!("{here}: {}\n{}", finding.title(), finding.text);
            }
            if ran.skipped.is_none() {
                reached.extend(features(&ran, &rig, By::Rules));
            }
        }
        let rules = reached.iter().filter(|f| matches!(f, Feature::Rule(_)));
        let (rules, least) = (rules.count(), least_rules(target));
        assert!(rules >= least, "{}: {rules} rules < {least}", target.name);
    }
}

/// How many rules of the specification the inputs of a target have to reach. If the generator
/// changes, inputs make other programs, and `gcrucible corpus min` has to choose again.
fn least_rules(target: &Target) -> usize {
    match target.name {
        "heap_ops" | "validate" => 0,
        _ => 200,
    }
}

/// Runs `gcrucible corpus`. Returns its exit status and standard output.
fn corpus(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    let output = command.arg("corpus").args(arguments).output();
    let output = output.expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

#[test]
fn corpora_are_made_small_merged_and_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (all, few, merged, wasm) = (at("all"), at("few"), at("merged"), at("wasm"));
    let target = TARGETS[0];
    let whole = Corpus::new(Path::new(&all), target);
    for seed in 0..20 {
        whole
            .add(&target.input_of_seed(seed))
            .expect("it is written");
    }

    let min = ["min", &all, "--by", "rules", "--into", &few];
    assert_eq!(corpus(&min).0, Some(0));
    let kept = names(Path::new(&few), target);
    assert!(!kept.is_empty() && kept.len() < 20, "{kept:?}");
    let on_disk = Corpus::new(Path::new(&few), target).entries(&BTreeSet::new());
    assert_eq!(on_disk.expect("it is there").len(), kept.len());

    let merge = ["merge", &few, "--into", &merged];
    let (status, told) = corpus(&merge);
    assert_eq!(
        (status, told.contains(" 0 of ")),
        (Some(0), false),
        "{told}"
    );
    let (status, told) = corpus(&merge);
    assert_eq!((status, told.contains(" 0 of ")), (Some(0), true), "{told}");

    let export = ["export", &few, "--as", "wasm", "--into", &wasm];
    assert_eq!(corpus(&export).0, Some(0));
    let modules = fs::read_dir(Path::new(&wasm).join(target.name)).expect("it is there");
    for module in modules {
        let bytes = fs::read(module.expect("a file").path()).expect("it is read");
        assert!(bytes.starts_with(b"\0asm"));
    }
    assert_eq!(corpus(&["stats", &at("nothing")]).0, Some(2));
}
