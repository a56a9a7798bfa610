//! The inputs under version control, `fuzz/corpus`, run again: nothing is found, and together they
//! exercise what they are there for.
//!
//! Beside the folder of a target, a file names each input and why it is there. Other files in the
//! folder were added by a fuzzer on this machine and are left alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
