//! A finding on disk: a folder that holds the case as a script, the verdict as text, and the line
//! that replays it.

use std::path::{Path, PathBuf};

use super::{Failure, write_atomically};
use crate::reduce::Reduced;
use crate::targets::{Fault, Subject, Target};

/// A finding, before it is written.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The target that found it.
    pub target: &'static Target,
    /// The seed of its input.
    pub seed: u64,
    /// Findings with equal signatures are taken for the same fault.
    pub signature: String,
    /// One line for people.
    pub title: String,
    /// The whole verdict for people.
    pub text: String,
    /// The engine that did it, in its configuration; empty if it was no engine.
    pub engine: String,
    /// The command that runs the input again.
    pub replay: String,
    /// Lines that its script's header must have.
    pub header: Vec<(&'static str, String)>,
}

impl Finding {
    /// The finding of `fault` by `target` on the input of `seed`, with faults planted.
    #[must_use]
    pub fn new(target: &'static Target, seed: u64, fault: &Fault, planted: &[String]) -> Finding {
        Finding {
            target,
            seed,
            signature: format!("{}: {}", target.name, fault.signature),
            title: fault.title.clone(),
            text: fault.text.clone(),
            engine: fault.engine.clone(),
            replay: replay_line(target.name, seed, planted),
            header: fault.header.clone(),
        }
    }
}

/// The command that runs an input again, with the same faults planted.
fn replay_line(target: &str, seed: u64, planted: &[String]) -> String {
    let feature = if planted.is_empty() {
        ""
    } else {
        " --features planted"
    };
    let faults: String = planted.iter().map(|f| format!(" --planted {f}")).collect();
    format!("cargo run --release{feature} -- replay --target {target} --seed {seed:#x}{faults}")
}

/// Writes a finding as a new folder below `out`, complete or not at all, and returns the folder.
///
/// # Errors
///
/// When the folder cannot be made or written; the message then holds the replay line, so that
/// nothing is lost.
pub fn write(out: &Path, finding: &Finding) -> Result<PathBuf, Failure> {
    write_folder(out, finding).map_err(|failure| Failure::Content {
        path: out.display().to_string(),
        message: format!(
            "a finding cannot be written: {failure}\n  {}\n  {}",
            finding.title, finding.replay
        ),
    })
}

fn write_folder(out: &Path, finding: &Finding) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::file(out.display(), error);
    std::fs::create_dir_all(out).map_err(failed)?;
    let name = format!("{}-{:016x}", finding.target.name, finding.seed);
    let folder = out.join(&name);
    if folder.exists() {
        // The same input was found before; it has the same content.
        return Ok(folder);
    }
    let fresh = tempfile::Builder::new()
        .prefix(".writing-")
        .tempdir_in(out)
        .map_err(failed)?;
    let input = finding.target.input_of_seed(finding.seed);
    let verdict = format!(
        "{}\n\nreplay: {}\n\n{}",
        finding.title, finding.replay, finding.text
    );
    write_atomically(&fresh.path().join("verdict.txt"), verdict.as_bytes())?;
    let subject = finding.target.subject_of(&input);
    let text = text(&subject, &finding.engine, &finding.header);
    write_atomically(&fresh.path().join(subject.file_name()), text.as_bytes())?;
    write_atomically(&fresh.path().join("input.bin"), &input)?;
    let fresh = fresh.keep();
    match std::fs::rename(&fresh, &folder) {
        Ok(()) => Ok(folder),
        Err(_) if folder.exists() => {
            // Another worker was quicker with the same input.
            let _ = std::fs::remove_dir_all(&fresh);
            Ok(folder)
        }
        Err(error) => Err(failed(error)),
    }
}

/// An input that shows a fault, as text: if it is a script, its header says on which engine and
/// how.
fn text(subject: &Subject, engine: &str, header: &[(&'static str, String)]) -> String {
    let mut text = subject.to_string();
    if subject.file_name().ends_with(".wast") {
        let engine = Some(format!("\"{engine}\"")).filter(|_| !engine.is_empty());
        let lines = engine.map(|engine| ("engine", engine));
        for (key, value) in lines.iter().chain(header) {
            text = with_header(&text, key, value);
        }
    }
    text
}

/// What a finding was reduced to, as a script.
#[must_use]
pub fn script(reduced: &Reduced) -> String {
    let fault = &reduced.fault;
    text(&reduced.subject, &fault.engine, &fault.header)
}

/// Adds the reduced script to the folder of a finding.
///
/// # Errors
///
/// When it cannot be written.
pub fn add_reduced(folder: &Path, reduced: &Reduced) -> Result<PathBuf, Failure> {
    let path = folder.join("reduced.wast");
    write_atomically(&path, script(reduced).as_bytes())?;
    Ok(path)
}

/// A script whose header has this line, and no other for the same key.
fn with_header(script: &str, key: &str, value: &str) -> String {
    let is_key = |line: &&str| {
        let line = line
            .strip_prefix(";;!")
            .and_then(|line| line.split_once('='));
        line.is_some_and(|(found, _)| found.trim() == key)
    };
    let others = script.lines().filter(|line| !is_key(line));
    let lines = std::iter::once(format!(";;! {key} = {value}")).chain(others.map(str::to_owned));
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::with_header;

    #[test]
    fn a_line_of_the_header_takes_the_place_of_another() {
        let script = ";;! guards = \"x\"\n;;! schedule = \"every\"\n(module)\n";
        let changed = with_header(script, "schedule", "\"at:3\"");
        assert_eq!(
            changed,
            ";;! schedule = \"at:3\"\n;;! guards = \"x\"\n(module)\n"
        );
        assert!(with_header(&changed, "full", "4").starts_with(";;! full = 4\n"));
    }
}
