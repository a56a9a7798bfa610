//! `gcrucible corpus`: inputs worth keeping, in folders that libFuzzer can read as well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::reference::rule_names;

use super::failure::{Ending, Failure};
use super::named::chosen;
use super::output;
use super::terminal::{say, warn_line};
use crate::corpus::{By, Corpus, Entry, Feature, Kept, features, least, name};
use crate::input::Input;
use crate::targets::{Rig, Target};

/// Arguments of `corpus`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done with a corpus.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Choose few inputs that exercise as much as all of them. Writes each input, and beside the
    /// folder of a target a text file with the reason why each is there.
    Min(Min),
    /// Add the inputs of other corpora that exercise something new.
    Merge(Merge),
    /// Show how many inputs there are and what they exercise.
    Stats(Stats),
    /// Write the inputs in another form.
    Export(Export),
}

/// A corpus, and of which targets.
#[derive(Clone, Debug, Args)]
pub struct Where {
    /// The corpus: a folder that has a folder for each target
    pub corpus: PathBuf,
    /// Only the inputs of this target; may be given more than once
    #[arg(long = "target", value_name = "NAME")]
    pub targets: Vec<String>,
}

/// Arguments of `corpus min`.
#[derive(Clone, Debug, Args)]
pub struct Min {
    /// Which inputs.
    #[command(flatten)]
    pub from: Where,
    /// Choose from the inputs of this many seeds as well
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seeds: u64,
    /// What the chosen inputs have to exercise
    #[arg(long, value_enum, default_value_t = By::Pairs)]
    pub by: By,
    /// The corpus to write
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// Arguments of `corpus merge`.
#[derive(Clone, Debug, Args)]
pub struct Merge {
    /// Which inputs are added.
    #[command(flatten)]
    pub from: Where,
    /// The corpus they are added to
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// Arguments of `corpus stats`.
#[derive(Clone, Debug, Args)]
pub struct Stats {
    /// Which inputs.
    #[command(flatten)]
    pub from: Where,
}

/// Arguments of `corpus export`.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// Which inputs.
    #[command(flatten)]
    pub from: Where,
    /// The form
    #[arg(long = "as", value_name = "FORM", value_enum)]
    pub form: Form,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// Forms of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Inputs as they are, for libFuzzer
    Libfuzzer,
    /// Scripts; operations on heaps become text
    Wast,
    /// Modules, for fuzzers of other engines
    Wasm,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown target, a folder that cannot be read or written, or a corpus without inputs.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    match &options.command {
        Command::Min(options) => min(options),
        Command::Merge(options) => merge(options),
        Command::Stats(options) => stats(options),
        Command::Export(options) => export(options),
    }
}

/// The inputs of one target.
struct Inputs {
    target: &'static Target,
    entries: Vec<Entry>,
}

impl Where {
    /// Reads the inputs of each target.
    fn inputs(&self) -> Result<Vec<Inputs>, Failure> {
        let read = |target: &'static Target| {
            let corpus = Corpus::new(&self.corpus, target);
            let entries = corpus.entries(&BTreeSet::new());
            let failed = |error| Failure::input(corpus.folder().display(), error);
            let entries = entries.map_err(failed)?;
            Ok(Inputs { target, entries })
        };
        chosen(&self.targets)?.into_iter().map(read).collect()
    }

    /// Reads the inputs of each target.
    ///
    /// # Errors
    /// There are none at all.
    fn some_inputs(&self) -> Result<Vec<Inputs>, Failure> {
        let mut inputs = self.inputs()?;
        inputs.retain(|of_target| !of_target.entries.is_empty());
        if inputs.is_empty() {
            let message = format!("{}: no inputs of these targets", self.corpus.display());
            return Err(Failure::NothingCompared(message));
        }
        Ok(inputs)
    }
}

/// Runs inputs and counts those that show a finding.
struct Runner {
    rig: Rig,
    findings: u64,
}

impl Runner {
    fn new() -> Result<Runner, Failure> {
        let rig = Rig::standard(&[]).map_err(|why| Failure::Engine(why.to_string()))?;
        Ok(Runner { rig, findings: 0 })
    }

    /// Returns what an input exercises.
    fn features(&mut self, target: &Target, entry: &Entry, by: By) -> BTreeSet<Feature> {
        self.rig.last = RuleMap::default();
        let ran = target.run(&entry.bytes, &mut self.rig);
        if let Some(finding) = &ran.finding {
            warn_line!("{}/{}: {}", target.name, entry.name, finding.title());
            self.findings += 1;
        }
        features(&ran, &self.rig, by)
    }

    fn ending(&self) -> Ending {
        if self.findings == 0 {
            Ending::Clean
        } else {
            Ending::Found
        }
    }
}

fn min(options: &Min) -> Result<Ending, Failure> {
    let mut runner = Runner::new()?;
    for of_target in options.from.inputs()? {
        let Inputs {
            target,
            mut entries,
        } = of_target;
        entries.extend((0..options.seeds).map(|seed| {
            let bytes = Input::of_seed(seed).to_bytes();
            let name = name(&bytes);
            Entry { name, bytes }
        }));
        if entries.is_empty() {
            continue;
        }
        let inputs: Vec<(usize, BTreeSet<Feature>)> = entries
            .iter()
            .map(|entry| {
                let features = runner.features(target, entry, options.by);
                (entry.bytes.len(), features)
            })
            .collect();
        let kept = least(&inputs);
        let corpus = Corpus::new(&options.into, target);
        let mut reasons = Vec::new();
        for kept in &kept {
            let bytes = &entries[kept.at].bytes;
            let added = corpus.add(bytes);
            let name = added.map_err(|error| Failure::output(corpus.folder().display(), error))?;
            reasons.push(format!("{name} {}\n", reason(kept)));
        }
        reasons.sort_unstable();
        let path = options.into.join(format!("{}.txt", target.name));
        output::write(&path, reasons.concat().as_bytes())?;
        say!(
            "{}: {} of {} inputs",
            target.name,
            kept.len(),
            entries.len()
        );
    }
    Ok(runner.ending())
}

/// Why an input was kept: how many features no input kept before it has, and some of them.
fn reason(kept: &Kept) -> String {
    const SHOWN: usize = 3;
    // Rules of execution come last, and say most.
    let shown: Vec<String> = kept
        .new
        .iter()
        .rev()
        .take(SHOWN)
        .map(Feature::to_string)
        .collect();
    let more = if kept.new.len() > SHOWN { ", ..." } else { "" };
    format!("{} more: {}{more}", kept.new.len(), shown.join(", "))
}

fn merge(options: &Merge) -> Result<Ending, Failure> {
    let mut runner = Runner::new()?;
    for of_target in options.from.some_inputs()? {
        let Inputs { target, entries } = of_target;
        let corpus = Corpus::new(&options.into, target);
        let failed = |error| Failure::output(corpus.folder().display(), error);
        let mut seen = BTreeSet::new();
        let there = corpus.entries(&BTreeSet::new()).map_err(failed)?;
        for entry in &there {
            seen.extend(runner.features(target, entry, By::Pairs));
        }
        let mut added = 0;
        for entry in &entries {
            let features = runner.features(target, entry, By::Pairs);
            if !features.is_subset(&seen) {
                corpus.add(&entry.bytes).map_err(failed)?;
                seen.extend(features);
                added += 1;
            }
        }
        say!("{}: {added} of {} inputs added", target.name, entries.len());
    }
    Ok(runner.ending())
}

fn stats(options: &Stats) -> Result<Ending, Failure> {
    let mut runner = Runner::new()?;
    let rules = rule_names().count();
    say!("target             inputs      bytes  rules of {rules}   pairs");
    for of_target in options.from.some_inputs()? {
        let Inputs { target, entries } = of_target;
        let mut seen = BTreeSet::new();
        for entry in &entries {
            seen.extend(runner.features(target, entry, By::Pairs));
        }
        let bytes: usize = entries.iter().map(|entry| entry.bytes.len()).sum();
        let pairs = seen.iter().filter(|f| matches!(f, Feature::Pair(..)));
        let reached = seen.iter().filter(|f| matches!(f, Feature::Rule(_)));
        say!(
            "{:<16} {:8} {bytes:10} {:13} {:7}",
            target.name,
            entries.len(),
            reached.count(),
            pairs.count()
        );
    }
    Ok(runner.ending())
}

fn export(options: &Export) -> Result<Ending, Failure> {
    output::try_folder(&options.into)?;
    let mut written = 0_u64;
    for of_target in options.from.some_inputs()? {
        let Inputs { target, entries } = of_target;
        let folder = options.into.join(target.name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::output(folder.display(), error))?;
        for entry in &entries {
            for (path, content) in exported(target, entry, options.form, &folder) {
                output::write(&path, &content)?;
                written += 1;
            }
        }
    }
    say!("{written} files");
    Ok(Ending::Clean)
}

/// The files that an input becomes.
fn exported(target: &Target, entry: &Entry, form: Form, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Entry { name, bytes } = entry;
    match form {
        Form::Libfuzzer => vec![(folder.join(name), bytes.clone())],
        Form::Wast => {
            let subject = target.plain(&Input::parse(bytes));
            let file = Path::new(subject.file_name());
            let extension = file.extension().unwrap_or_default();
            let path = folder.join(name).with_extension(extension);
            vec![(path, subject.to_string().into_bytes())]
        }
        Form::Wasm => {
            let modules = target.plain(&Input::parse(bytes)).case.modules;
            let file = |(at, wasm)| (folder.join(format!("{name}-{at}.wasm")), wasm);
            let modules = modules.into_iter().map(|module| module.wasm);
            modules
                .filter(|wasm| !wasm.is_empty())
                .enumerate()
                .map(file)
                .collect()
        }
    }
}
