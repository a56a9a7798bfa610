//! Tells the program from which commit it is built. Works without git as well.

use std::path::Path;
use std::process::Command;

/// The folders whose files decide what the program does, from the folder of this package.
const SOURCES: [&str; 9] = [
    "../Cargo.lock",
    "../Cargo.toml",
    "../runtime/src",
    "../oracles/src",
    "../oracles/adapters",
    "../oracles/protocol/src",
    "../oracles/reference/src",
    "../wast-tests/src",
    "src",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // `targets::features` reads the tables that the instrumentation makes. Sanitizers bring an
    // allocator of their own.
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    for (flag, name) in [
        ("sancov-module", "instrumented"),
        ("sanitizer=", "sanitized"),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if flags.contains(flag) {
            println!("cargo::rustc-cfg={name}");
        }
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    // A commit changes one of these.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rustc-env=GCRUCIBLE_COMMIT={}", commit());
}

/// The commit, and whether the sources differ from it.
fn commit() -> String {
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    match git(&[&status[..], &SOURCES].concat()) {
        Some(changed) if changed.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

/// What a git command says, if there is git and this is a repository of it.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
