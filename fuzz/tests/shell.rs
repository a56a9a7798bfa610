//! Files that the program makes for shells and for `man`.

use std::fs;
use std::process::Command;

fn gcrucible(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    let output = command.args(arguments).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

#[test]
fn completions_name_subcommands_and_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (good, script) = gcrucible(&["completions", shell]);
        assert!(good, "{shell}");
        for word in ["corpus", "run-seed"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    assert!(!gcrucible(&["completions", "sh"]).0);
}

#[test]
fn every_subcommand_has_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    let (good, told) = gcrucible(&["man", &path]);
    assert!(good && told.contains("gcrucible.1"), "{told}");
    for page in ["gcrucible.1", "gcrucible-fuzz.1", "gcrucible-corpus-min.1"] {
        let text = fs::read_to_string(folder.path().join(page)).expect(page);
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(!gcrucible(&["man", "/dev/null/pages"]).0);
}
