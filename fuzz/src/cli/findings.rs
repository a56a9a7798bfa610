//! A finding on disk: a folder that holds the case as a script, the verdict as text, and the line
//! that replays it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gcrucible_oracles::engine::reference;
use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::header::Header;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::output;
use super::under_test::UnderTest;
use crate::input::Input;
use crate::program::checking;
use crate::reduce::Reduced;
use crate::targets::{Subject, Target};

/// An input of a run: a target and a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputId {
    /// The target's name.
    pub target: String,
    /// The seed of the input.
    pub seed: u64,
}

impl InputId {
    /// The input of `seed` for `target`.
    #[must_use]
    pub fn new(target: &Target, seed: u64) -> InputId {
        InputId {
            target: target.name.to_owned(),
            seed,
        }
    }

    /// The command that runs the input again, with the same engines and faults.
    #[must_use]
    pub fn replay_line(&self, under_test: &UnderTest) -> String {
        let InputId { target, seed } = self;
        let feature = if under_test.planted.is_empty() {
            ""
        } else {
            " --features planted"
        };
        let rest = under_test.in_shell();
        format!("cargo run --release{feature} -- replay --target {target} --seed {seed:#x}{rest}")
    }

    /// Findings with equal signatures count as the same fault.
    #[must_use]
    pub fn signature(&self, finding: &Finding) -> String {
        let engine = finding.engine_word();
        format!("{}: {engine}: {}", self.target, finding.signature())
    }
}

/// Writes a finding as a new folder below `out`, complete or not at all, and returns the folder.
/// Without a subject there is no script. A finding has no subject if making the subject went wrong.
///
/// # Errors
///
/// When the folder cannot be made or written.
pub fn write(
    out: &Path,
    id: &InputId,
    finding: &Finding,
    subject: Option<&Subject>,
    under_test: &UnderTest,
) -> Result<PathBuf, Failure> {
    let replay = id.replay_line(under_test);
    write_folder(out, id, finding, subject, &replay).map_err(|cause| Failure::Lost {
        cause: Box::new(cause),
        title: finding.title(),
        replay,
    })
}

fn write_folder(
    out: &Path,
    id: &InputId,
    finding: &Finding,
    subject: Option<&Subject>,
    replay: &str,
) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::output(out.display(), error);
    std::fs::create_dir_all(out).map_err(failed)?;
    let folder = out.join(format!("{}-{:016x}", id.target, id.seed));
    if folder.exists() {
        // The same input was found before. Its folder has the same content.
        return Ok(folder);
    }
    let fresh = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .tempdir_in(out)
        .map_err(failed)?;
    let verdict = format!(
        "{}\n\nreplay: {replay}\n\n{}",
        finding.title(),
        finding.text
    );
    output::write(&fresh.path().join(VERDICT), verdict.as_bytes())?;
    if let Some(subject) = subject {
        let text = text(subject, finding);
        output::write(&fresh.path().join(subject.file_name()), text.as_bytes())?;
    }
    output::write(
        &fresh.path().join(INPUT),
        &Input::of_seed(id.seed).to_bytes(),
    )?;
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

/// The file of a finding's folder that holds the input as bytes.
pub const INPUT: &str = "input.bin";

/// The file of a finding's folder that holds the verdict as text.
pub const VERDICT: &str = "verdict.txt";

/// Returns the target that is named by the verdict in a finding's folder, in the line that replays
/// it.
#[must_use]
pub fn told_target(folder: &Path) -> Option<String> {
    let verdict = std::fs::read_to_string(folder.join(VERDICT)).ok()?;
    let line = verdict.lines().find(|line| line.starts_with("replay: "))?;
    let mut words = line.split_whitespace();
    words.find(|word| *word == "--target")?;
    words.next().map(str::to_owned)
}

/// A subject that shows a finding, as text. If it is a script, its header states the engine and the
/// conditions. If two engines were compared, the script checks itself.
fn text(subject: &Subject, finding: &Finding) -> String {
    let mut text = checking(subject, finding).unwrap_or_else(|| subject.to_string());
    if subject.file_name().ends_with(".wast") {
        for (key, value) in header(finding) {
            text = with_header(&text, key, &value);
        }
    }
    text
}

/// Returns a case with what the reference sees of it. `None` if there was no comparison, or if the
/// reference itself fails.
fn checking(subject: &Subject, finding: &Finding) -> Option<String> {
    let conditions = finding.conditions.as_ref()?;
    let mut case = subject.case.under(conditions.schedule.clone());
    case.limits.full_at = conditions.full_at;
    let run = catch_unwind(AssertUnwindSafe(|| reference().run(&case, &[]))).ok()?;
    let held = subject.program.as_ref().is_some_and(|program| program.held);
    let header = Header {
        check: Some(true),
        held: held.then_some(true),
        ..Header::default()
    };
    Some(format!("{header}{}", checking::directives(&case, &run)))
}

/// Returns the lines that a script's header needs to show the finding, by key.
fn header(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !finding.engine.is_empty() {
        lines.push(("engine", format!("\"{}\"", finding.engine)));
    }
    if let Some(conditions) = &finding.conditions {
        lines.push(("schedule", format!("\"{}\"", conditions.schedule)));
        lines.extend(conditions.full_at.map(|at| ("full", at.to_string())));
    }
    lines
}

/// A reduced program as a script.
#[must_use]
pub fn script(reduced: &Reduced) -> String {
    text(&reduced.subject, &reduced.finding)
}

/// Adds the reduced script to the folder of a finding.
///
/// # Errors
///
/// When it cannot be written.
pub fn add_reduced(folder: &Path, reduced: &Reduced) -> Result<PathBuf, Failure> {
    let path = folder.join("reduced.wast");
    output::write(&path, script(reduced).as_bytes())?;
    Ok(path)
}

/// Returns the script with this line in its header, in place of any other for the same key.
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
