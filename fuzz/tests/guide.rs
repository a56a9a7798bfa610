//! The guide for users (`src/guide.rs`): every command in it is run, and says what the guide says.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const GUIDE: &str = include_str!("../src/guide.rs");

/// A command, what it is to say, and its exit status.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
    status: i32,
}

/// Returns the commands of the guide, in order. Those that need planted faults are left out of a
/// build without them.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_open = false;
    let mut is_run = false;
    for (number, line) in GUIDE.lines().enumerate() {
        let line = line.strip_prefix("//!").expect("nothing but a doc");
        let line = line.strip_prefix(' ').unwrap_or(line);
        if let Some(language) = line.strip_prefix("```") {
            is_open = !is_open;
            assert!(!is_open || language.starts_with("console"), "{language}");
            is_run = is_open && (language == "console" || cfg!(feature = "planted"));
        } else if is_run {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    line: number + 1,
                    command: command.to_owned(),
                    ..Step::default()
                });
                continue;
            }
            let step = steps.last_mut().expect("a block begins with a command");
            if let Some(more) = line.strip_prefix("> ") {
                step.command = format!("{}\n{more}", step.command);
            } else if let Some(status) = line.strip_prefix("? ") {
                step.status = status.parse().expect("a status");
            } else {
                step.expected.push(line.to_owned());
            }
        }
    }
    steps
}

/// Whether lines are those expected: `...` stands for any number of lines.
fn matches(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => match lines.split_first() {
            Some((line, others)) => is_like(first, line) && matches(rest, others),
            None => false,
        },
    }
}

/// Whether a line is the expected one: `[..]` stands for any text.
fn is_like(expected: &str, line: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == line,
        Some((before, rest)) => line.strip_prefix(before).is_some_and(|line| {
            let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            ends.any(|at| is_like(rest, &line[at..]))
        }),
    }
}

#[track_caller]
fn check(step: &Step, folder: &Path, path: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", &step.command]).current_dir(folder);
    let output = command.env("PATH", path).output().expect("a shell");
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = out.lines().collect();
    let is_said = matches(&step.expected, &lines);
    let status = output.status.code();
    assert!(
        is_said && status == Some(step.status),
        "src/guide.rs:{}: {}\nstatus {status:?}\n{out}\n{err}",
        step.line,
        step.command
    );
}

#[test]
fn the_guide_says_what_happens() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_gcrucible"), programs.join("gcrucible")).expect("a link");
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", programs.display());
    let place = folder.path().join("place");
    std::fs::create_dir(&place).expect("a folder");
    let steps = steps();
    assert!(steps.len() >= 12, "{}", steps.len());
    for step in &steps {
        check(step, &place, &path);
    }
}

#[test]
fn what_the_guide_does_not_say_is_noticed() {
    let expected = |lines: &[&str]| {
        lines
            .iter()
            .map(|&line| line.to_owned())
            .collect::<Vec<_>>()
    };
    let said = ["a 1", "b", "c"];
    for good in [
        &["a [..]", "b", "c"][..],
        &["...", "c"],
        &["a 1", "...", "[..]"],
    ] {
        assert!(matches(&expected(good), &said), "{good:?}");
    }
    for wrong in [
        &["a", "b", "c"][..],
        &["...", "b"],
        &["a [..]2", "..."],
        &[],
    ] {
        assert!(!matches(&expected(wrong), &said), "{wrong:?}");
    }
}
