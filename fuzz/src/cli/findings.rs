//! A finding on disk: a folder that holds the case as a script, the verdict as text, and the line
//! that replays it.
//!
//! Always: a folder belongs to one run. If an older run has left one with the same name, the new
//! one gets a number.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gcrucible_oracles::engine::{Run, StepRun, reference};
use gcrucible_oracles::finding::Finding;
use gcrucible_oracles::foreign::catalog;
use gcrucible_oracles::header::Header;
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::outcome::Outcome;
use serde::{Deserialize, Serialize};

use super::build::VERSION;
use super::failure::Failure;
use super::output;
use super::scratch::Scratch;
use super::under_test::{UnderTest, quoted};
use crate::corpus::name;
use crate::input::Input;
use crate::program::checking;
use crate::reduce::Reduced;
use crate::targets::{Subject, Target};

/// An input of a run: a target and what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputId {
    /// The target's name.
    pub target: String,
    /// The bytes of the input.
    pub bytes: Vec<u8>,
}

impl InputId {
    /// Makes an input for `target`.
    #[must_use]
    pub fn new(target: &Target, bytes: Vec<u8>) -> InputId {
        InputId {
            target: target.name.to_owned(),
            bytes,
        }
    }

    /// Returns the seed of the input, if one makes it.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        Input::parse(&self.bytes).seed()
    }

    /// Returns the command that runs the input again, with the same engines and faults. An input
    /// without a seed is in the finding's folder, or else on the line itself.
    #[must_use]
    pub fn replay_line(&self, under_test: &UnderTest, folder: Option<&Path>) -> String {
        let target = &self.target;
        let input = match (self.seed(), folder) {
            (Some(seed), _) => format!("--seed {seed:#x}"),
            (None, Some(folder)) => quoted(&folder.join(INPUT).display().to_string()),
            (None, None) => {
                let digits = self.bytes.iter().map(|byte| format!("{byte:02x}"));
                format!("--bytes {}", digits.collect::<String>())
            }
        };
        let feature = if under_test.planted.is_empty() {
            ""
        } else {
            " --features planted"
        };
        let rest = under_test.in_shell();
        format!("cargo run --release{feature} -- replay --target {target} {input}{rest}")
    }

    /// Findings with equal signatures count as the same fault.
    #[must_use]
    pub fn signature(&self, finding: &Finding) -> String {
        let engine = finding.engine_word();
        format!("{}: {engine}: {}", self.target, finding.signature())
    }
}

/// The folder for the findings of one run.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
    /// The names in it that are older than the run.
    older: BTreeSet<String>,
}

impl Shelf {
    /// Begins a run. What the folder holds now belongs to older ones. Writes its names into the
    /// file `list`, for [`Shelf::again`].
    ///
    /// # Errors
    ///
    /// The list cannot be written.
    pub fn begin(folder: &Path, list: &Path) -> Result<Shelf, Failure> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let older: BTreeSet<String> = names.collect();
        let lines: String = older.iter().map(|name| format!("{name}\n")).collect();
        output::write(list, lines.as_bytes())?;
        Ok(Shelf {
            folder: folder.to_owned(),
            older,
        })
    }

    /// Returns the folder of a run that another process has begun with this list.
    ///
    /// # Errors
    ///
    /// The list cannot be read.
    pub fn again(folder: &Path, list: &Path) -> Result<Shelf, Failure> {
        let lines = std::fs::read_to_string(list);
        let lines = lines.map_err(|error| Failure::input(list.display(), error))?;
        Ok(Shelf {
            folder: folder.to_owned(),
            older: lines.lines().map(str::to_owned).collect(),
        })
    }

    /// Writes a finding as a new folder, complete or not at all, and returns that folder. Without a
    /// subject, as when making it is what went wrong, there is no script.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written.
    pub fn write(
        &self,
        id: &InputId,
        finding: &Finding,
        subject: Option<&Subject>,
        under_test: &UnderTest,
    ) -> Result<PathBuf, Failure> {
        self.put(id, finding, subject, under_test)
            .map_err(|cause| Failure::Lost {
                cause: Box::new(cause),
                title: finding.title(),
                replay: id.replay_line(under_test, None),
            })
    }

    fn put(
        &self,
        id: &InputId,
        finding: &Finding,
        subject: Option<&Subject>,
        under_test: &UnderTest,
    ) -> Result<PathBuf, Failure> {
        let failed = |error| Failure::output(self.folder.display(), error);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let fresh = Scratch::new(&self.folder, ".writing-").map_err(failed)?;
        if let Some(subject) = subject {
            let text = text(subject, finding);
            output::write(&fresh.path().join(subject.file_name()), text.as_bytes())?;
        }
        output::write(&fresh.path().join(INPUT), &id.bytes)?;
        let stored = Stored {
            target: id.target.clone(),
            finding: finding.clone(),
        };
        stored.write(fresh.path())?;
        for name in names(id) {
            if self.older.contains(&name) {
                continue;
            }
            let folder = self.folder.join(name);
            let verdict = format!(
                "{}\n\nreplay: {}\nbuild:  gcrucible {VERSION}\n\n{}",
                finding.title(),
                id.replay_line(under_test, Some(&folder)),
                finding.text
            );
            output::write(&fresh.path().join(VERDICT), verdict.as_bytes())?;
            // A folder takes the place of an empty one only.
            match std::fs::rename(fresh.path(), &folder) {
                Ok(()) => {
                    let _ = fresh.keep();
                    return Ok(folder);
                }
                // This run has found the same before, when it ran the input the first time.
                Err(_) if holds(&folder, &verdict) => return Ok(folder),
                Err(_) if folder.exists() => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(std::io::ErrorKind::AlreadyExists.into()))
    }
}

/// The names for the folder of an input, best first.
fn names(id: &InputId) -> impl Iterator<Item = String> {
    const DIGITS: usize = 16;
    let input = match id.seed() {
        Some(seed) => format!("{seed:016x}"),
        None => name(&id.bytes)[..DIGITS].to_owned(),
    };
    let name = format!("{}-{input}", id.target);
    let others = (2..10_000).map({
        let name = name.clone();
        move |number| format!("{name}-{number}")
    });
    std::iter::once(name).chain(others)
}

fn holds(folder: &Path, verdict: &str) -> bool {
    std::fs::read_to_string(folder.join(VERDICT)).is_ok_and(|found| found == verdict)
}

/// The file of a finding's folder that holds the input as bytes.
pub const INPUT: &str = "input.bin";

/// The file of a finding's folder that holds the reduced program as a script.
pub const REDUCED: &str = "reduced.wast";

/// The file of a finding's folder that holds the reduced program if it does not show the finding
/// alone.
pub const UNPROVEN: &str = "unproven.wast";

/// What is said about such a program.
pub const NOT_ALONE: &str = "this program passes in a process of its own: the finding needs what the \
                             process did before, such as other heaps";

/// The file of a finding's folder that holds the finding as data.
pub const STORED: &str = "finding.json";

/// A finding as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The name of the target.
    pub target: String,
    /// The finding, as its smallest known program shows it.
    pub finding: Finding,
}

impl Stored {
    fn write(&self, folder: &Path) -> Result<(), Failure> {
        // Serialising numbers, strings and lists of them cannot fail.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        output::write(&folder.join(STORED), &text)
    }
}

/// The file of a finding's folder that holds the verdict as text.
pub const VERDICT: &str = "verdict.txt";

/// Returns the target that is named by the verdict in a finding's folder, in the line that replays
/// it.
#[must_use]
pub fn told_target(folder: &Path) -> Option<String> {
    option_told(folder, "--target").into_iter().next()
}

/// Returns the faults that a finding's verdict says were planted.
pub fn told_planted(folder: &Path) -> Vec<String> {
    option_told(folder, "--planted")
}

/// Returns the values of an option in the line that replays a finding.
fn option_told(folder: &Path, option: &str) -> Vec<String> {
    let verdict = std::fs::read_to_string(folder.join(VERDICT)).unwrap_or_default();
    let line = verdict.lines().find(|line| line.starts_with("replay: "));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == option);
    pairs.map(|pair| pair[1].to_owned()).collect()
}

/// A subject that shows a finding, as text. If it is a script, its header states the engine and the
/// conditions. If two engines were compared, the script checks itself.
fn text(subject: &Subject, finding: &Finding) -> String {
    let mut text = checking(subject, finding).unwrap_or_else(|| subject.to_string());
    if subject.file_name().ends_with(".wast") {
        for (key, value) in header(finding) {
            text = with_header(&text, key, &value);
        }
        if subject
            .program
            .as_ref()
            .is_some_and(|program| program.ballast)
        {
            text = with_header(&text, "heap", &subject.case.limits.heap_bytes.to_string());
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
    let observed = || {
        if catalog::names(&finding.engine) {
            // An engine in another process does not count calls as the reference does.
            case = Judge::sparing(case.clone(), &*reference()).case().clone();
        }
        reference().run(&case, &[])
    };
    let run = catch_unwind(AssertUnwindSafe(observed)).ok()?;
    let held = subject.program.as_ref().is_some_and(|program| program.held);
    let is_exhausted = |step: &StepRun| matches!(step.observation.outcome, Outcome::Exhausted(_));
    let needs_limit = run.steps.iter().any(is_exhausted) && case.limits.full_at.is_none();
    let header = Header {
        check: Some(true),
        heap: needs_limit.then_some(case.limits.heap_bytes),
        held: held.then_some(true),
        answers: told(&run, &finding.engine),
        ..Header::default()
    };
    Some(format!("{header}{}", checking::directives(&case, &run)))
}

/// What an engine in a process of its own is told to answer when the program asks how many objects
/// live. None for other engines, which count.
fn told(run: &Run, engine: &str) -> Vec<u32> {
    if !catalog::names(engine) {
        return Vec::new();
    }
    run.samples.iter().map(|sample| sample.answer).collect()
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

/// Returns a reduced input as a script.
#[must_use]
pub fn script(reduced: &Reduced) -> String {
    text(&reduced.subject, &reduced.finding)
}

/// Adds the reduced script to the folder of a finding. What it shows is the finding from now on.
///
/// # Errors
///
/// When it cannot be written.
pub fn add_reduced(folder: &Path, reduced: &Reduced) -> Result<PathBuf, Failure> {
    let path = folder.join(REDUCED);
    output::write(&path, script(reduced).as_bytes())?;
    if let Some(target) = told_target(folder) {
        let finding = reduced.finding.clone();
        Stored { target, finding }.write(folder)?;
    }
    Ok(path)
}

/// Takes back a reduced script that passes when it runs alone: it is no proof. Renames it, and says
/// so in it and in the verdict.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn not_proven(folder: &Path) -> Result<(), Failure> {
    let (reduced, verdict) = (folder.join(REDUCED), folder.join(VERDICT));
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path);
        text.map_err(|error| Failure::input(path.display(), error))
    };
    let script = format!(";; {NOT_ALONE}\n{}", read(&reduced)?);
    output::write(&folder.join(UNPROVEN), script.as_bytes())?;
    let said = format!("{}\n{UNPROVEN}: {NOT_ALONE}\n", read(&verdict)?.trim_end());
    output::write(&verdict, said.as_bytes())?;
    std::fs::remove_file(&reduced).map_err(|error| Failure::output(reduced.display(), error))
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
    use super::*;
    use crate::targets::types;

    #[test]
    fn folders_of_older_runs_are_neither_reused_nor_pointed_to() {
        let place = tempfile::tempdir().unwrap();
        let (out, list) = (place.path().join("findings"), place.path().join("older"));
        let id = InputId::new(&types::TARGET, types::TARGET.input_of_seed(7));
        let write = |shelf: &Shelf, how: &str| {
            let folder = shelf.write(&id, &Finding::died(how), None, &UnderTest::default());
            let folder = folder.unwrap();
            let verdict = std::fs::read_to_string(folder.join(VERDICT)).unwrap();
            assert!(
                verdict.starts_with(how) && verdict.contains(VERSION),
                "{verdict}"
            );
            folder.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let first = Shelf::begin(&out, &list).unwrap();
        assert_eq!(write(&first, "a"), "types-0000000000000007");
        assert_eq!(write(&first, "a"), "types-0000000000000007");
        assert_eq!(write(&first, "b"), "types-0000000000000007-2");
        Shelf::begin(&out, &list).unwrap();
        let second = Shelf::again(&out, &list).unwrap();
        assert_eq!(write(&second, "a"), "types-0000000000000007-3");
        assert_eq!(write(&second, "a"), "types-0000000000000007-3");
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
    }

    #[test]
    fn an_input_without_a_seed_is_replayed_from_its_folder() {
        let place = tempfile::tempdir().unwrap();
        let (out, list) = (place.path().join("my findings"), place.path().join("older"));
        let mut bytes = types::TARGET.input_of_seed(7);
        bytes[0] = 1;
        let id = InputId::new(&types::TARGET, bytes.clone());
        let under_test = UnderTest::default();
        let shelf = Shelf::begin(&out, &list).unwrap();
        let folder = shelf
            .write(&id, &Finding::died("a"), None, &under_test)
            .unwrap();
        assert_eq!(std::fs::read(folder.join(INPUT)).unwrap(), bytes);
        assert_eq!(told_target(&folder).as_deref(), Some("types"));
        let verdict = std::fs::read_to_string(folder.join(VERDICT)).unwrap();
        let line = format!("--target types '{}'", folder.join(INPUT).display());
        assert!(verdict.contains(&line), "{verdict}");
        let line = id.replay_line(&under_test, None);
        assert!(
            line.ends_with("--target types --bytes 010700000000000000"),
            "{line}"
        );
    }

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
