//! What a page shows, read from a folder: findings, and the JSON objects of other subcommands,
//! which are recognised by their content.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gcrucible_oracles::finding::Finding;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::findings::{self, Stored};
use crate::cli::fuzz::groups::Groups;
use crate::cli::fuzz::protocol::Found;
use crate::cli::fuzz::summary::Sample;
use crate::cli::reading;
use crate::corpus::name;

/// How deep below the folder findings are looked for.
const DEPTH: usize = 2;

/// A build, as each JSON object has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Build {
    pub version: String,
    pub commit: String,
}

/// A run of `fuzz`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The file it was read from.
    #[serde(skip)]
    pub file: String,
    pub build: Build,
    pub run_seed: String,
    pub jobs: u64,
    pub targets: Vec<String>,
    pub programs: u64,
    pub compared: u64,
    pub skipped: BTreeMap<String, u64>,
    pub findings: u64,
    pub groups: Vec<RunGroup>,
    pub collections: u64,
    pub live_objects: u64,
    pub live_by_collector: BTreeMap<String, BTreeMap<String, u64>>,
    pub samples: Vec<Sample>,
    pub seconds: f64,
}

/// A group of findings of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RunGroup {
    pub signatures: BTreeMap<String, u64>,
    pub count: u64,
    pub title: String,
}

/// The counts of `survey`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Survey {
    pub programs: u64,
    pub rules: Vec<Rule>,
    pub below: Vec<Below>,
}

/// A rule of the specification.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub name: String,
    pub chapter: String,
    pub programs: u64,
    pub absorbed: Option<String>,
}

/// Something that is too rare.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Below {
    pub kind: String,
    pub name: String,
    pub programs: u64,
    pub least: u64,
}

/// All scripts on one engine, by `wast`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scripts {
    pub engine: String,
    pub schedule: String,
    pub passed: u64,
    pub failed: u64,
    pub unsupported: u64,
    pub files: Vec<ScriptFile>,
}

/// One script.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ScriptFile {
    pub file: String,
    pub failures: Vec<String>,
}

/// The table of `detect`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Detection {
    pub seeds: u64,
    pub time: u64,
    pub found: u64,
    pub of: u64,
    pub false_alarms: u64,
    pub faults: Vec<Fault>,
}

/// A planted fault.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    pub name: String,
    pub healthy: bool,
    pub reached: bool,
    pub triggered: bool,
    pub detected: bool,
    pub by: Option<String>,
    pub programs: Option<u64>,
    pub seconds: Option<f64>,
    pub found: u64,
    pub trials: Vec<Value>,
}

/// The folder of a finding.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Its path below the folder of the page.
    pub path: String,
    pub verdict: String,
    /// The smallest text of what shows the finding.
    pub program: Option<String>,
    /// Whether the program was made smaller.
    pub is_reduced: bool,
    pub finding: Finding,
}

impl Folder {
    /// Returns the command that runs the input again.
    #[must_use]
    pub fn replay(&self) -> Option<&str> {
        let mut lines = self.verdict.lines();
        lines.find_map(|line| line.strip_prefix("replay: "))
    }
}

/// Findings that may have one cause.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The folder with the smallest program.
    pub shown: Folder,
    /// The paths of all folders.
    pub folders: Vec<String>,
    /// How often each signature was found: in the runs if they say so, or else in folders.
    pub signatures: BTreeMap<String, u64>,
}

/// Everything on a page.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub runs: Vec<Run>,
    pub survey: Option<Survey>,
    pub scripts: Vec<Scripts>,
    pub detection: Option<Detection>,
    pub causes: Vec<Cause>,
    /// Files that say nothing, and why.
    pub unread: Vec<(String, String)>,
}

impl Data {
    /// Reads a folder.
    ///
    /// # Errors
    /// It cannot be read, or holds nothing for a page.
    pub fn read(root: &Path) -> Result<Data, Failure> {
        let failed = |error| Failure::input(root.display(), error);
        let mut data = Data::default();
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(root).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.sort();
        let is_json = |file: &&PathBuf| file.extension().is_some_and(|e| e == "json");
        for file in files.iter().filter(is_json) {
            let shown = file.file_name().unwrap_or_default().to_string_lossy();
            let read = reading::bytes(file);
            let taken = read.and_then(|bytes| data.take(&shown, &bytes));
            if let Err(why) = taken {
                data.unread.push((shown.into_owned(), why));
            }
        }
        let mut folders = Vec::new();
        search(root, root, DEPTH, &mut folders, &mut data.unread);
        data.causes = causes(folders, &data.runs);
        let is_empty = data.runs.is_empty()
            && data.survey.is_none()
            && data.scripts.is_empty()
            && data.detection.is_none()
            && data.causes.is_empty();
        if is_empty {
            let message = "nothing for a page: no finding, and no JSON object of fuzz, survey, \
                           wast or detect";
            return Err(Failure::Content {
                path: root.display().to_string(),
                message: message.to_owned(),
            });
        }
        Ok(data)
    }

    /// Takes a JSON object of a subcommand, or the list that `wast --matrix` writes.
    fn take(&mut self, file: &str, bytes: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let has = |key: &str| value.get(key).is_some();
        if has("run_seed") && has("groups") {
            let run: Run = parsed(value)?;
            let file = file.to_owned();
            self.runs.push(Run { file, ..run });
        } else if has("rules") && has("collectors") {
            self.survey = Some(parsed(value)?);
        } else if has("false_alarms") {
            self.detection = Some(parsed(value)?);
        } else if has("not_in_release") {
            self.scripts.push(parsed(value)?);
        } else if value.is_array() {
            self.scripts.extend(parsed::<Vec<Scripts>>(value)?);
        } else {
            return Err("no object of fuzz, survey, wast or detect".to_owned());
        }
        Ok(())
    }
}

fn parsed<T: for<'a> Deserialize<'a>>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Reads the findings in a folder and below, ordered by path.
fn search(
    root: &Path,
    folder: &Path,
    depth: usize,
    found: &mut Vec<(Folder, Found)>,
    unread: &mut Vec<(String, String)>,
) {
    let path = folder.strip_prefix(root).unwrap_or(folder);
    if folder.join(findings::VERDICT).is_file() {
        match read_finding(folder, &path.display().to_string()) {
            Ok(finding) => found.push(finding),
            Err(why) => unread.push((path.display().to_string(), why)),
        }
        return;
    }
    if depth == 0 {
        return;
    }
    // What cannot be listed holds no findings of ours.
    let inner = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut inner: Vec<PathBuf> = inner.map(|entry| entry.path()).collect();
    inner.retain(|path| path.is_dir());
    inner.sort();
    for inner in inner {
        search(root, &inner, depth - 1, found, unread);
    }
}

fn read_finding(folder: &Path, path: &str) -> Result<(Folder, Found), String> {
    let text = |name: &str| {
        let bytes = reading::bytes(&folder.join(name))?;
        Ok::<_, String>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let stored = reading::bytes(&folder.join(findings::STORED))
        .map_err(|why| format!("{}: {why}", findings::STORED))?;
    let stored: Stored = serde_json::from_slice(&stored).map_err(|error| error.to_string())?;
    let programs = [
        findings::REDUCED,
        findings::UNPROVEN,
        "case.wast",
        "operations.txt",
    ];
    let program = programs.into_iter().find_map(|name| text(name).ok());
    let is_reduced = folder.join(findings::REDUCED).is_file();
    let bytes = reading::bytes(&folder.join(findings::INPUT)).unwrap_or_default();
    let of_finding = Found {
        id: findings::InputId {
            target: stored.target,
            bytes,
        },
        finding: stored.finding.clone(),
        folder: Some(path.to_owned()),
        is_pending: false,
        is_apart: false,
    };
    let folder = Folder {
        path: path.to_owned(),
        verdict: text(findings::VERDICT)?,
        program,
        is_reduced,
        finding: stored.finding,
    };
    Ok((folder, of_finding))
}

/// Groups findings as a run does.
fn causes(folders: Vec<(Folder, Found)>, runs: &[Run]) -> Vec<Cause> {
    let mut groups = Groups::default();
    let mut of_signature: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (folder, found) in &folders {
        let signature = found.id.signature(&found.finding);
        of_signature
            .entry(signature.clone())
            .or_default()
            .push(folder.path.clone());
        groups.add(signature, found.clone());
    }
    let counted = |signature: &String| {
        let in_runs = runs.iter().flat_map(|run| &run.groups);
        let in_runs: u64 = in_runs.filter_map(|g| g.signatures.get(signature)).sum();
        (in_runs > 0).then_some(in_runs)
    };
    let cause = |group: &crate::cli::fuzz::groups::Group| {
        let of_group: BTreeSet<&String> = group
            .signatures
            .keys()
            .filter_map(|signature| of_signature.get(signature))
            .flatten()
            .collect();
        let shown = folders
            .iter()
            .map(|(folder, _)| folder)
            .filter(|folder| of_group.contains(&folder.path))
            .min_by_key(|folder| {
                let length = folder.program.as_ref().map_or(usize::MAX, String::len);
                (!folder.is_reduced, length)
            })?;
        let signatures = group.signatures.iter();
        Some(Cause {
            shown: shown.clone(),
            folders: of_group.into_iter().cloned().collect(),
            signatures: signatures
                .map(|(name, &there)| (name.clone(), counted(name).unwrap_or(there)))
                .collect(),
        })
    };
    groups.iter().filter_map(cause).collect()
}

/// A name for a place on the page, for any text.
#[must_use]
pub fn anchor(kind: &str, text: &str) -> String {
    const DIGITS: usize = 10;
    format!("{kind}-{}", &name(text.as_bytes())[..DIGITS])
}
