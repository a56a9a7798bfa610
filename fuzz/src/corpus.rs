//! Inputs worth keeping, on disk, and what each of them exercises.
//!
//! A corpus is a folder with a folder for each target, as cargo-fuzz has them. The inputs are files
//! there. The name of an input is the SHA-1 of its content, as libFuzzer names files. So libFuzzer,
//! several processes and several machines can share a corpus, and adding an input twice changes
//! nothing. What always holds: a file in a target's folder has its whole content. It is written
//! elsewhere in the corpus first, and then renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gcrucible_oracles::engine::reference::rule_names;

use crate::targets::{Ran, Rig, Target};

/// The folder below a corpus in which files are written.
const UNFINISHED: &str = ".unfinished";

/// The inputs of one target in a corpus.
#[derive(Clone, Debug)]
pub struct Corpus {
    root: PathBuf,
    folder: PathBuf,
}

/// An input of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of its file.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Corpus {
    /// The inputs of a target in the corpus at `root`, which need not exist.
    pub fn new(root: &Path, target: &Target) -> Corpus {
        Corpus {
            root: root.to_owned(),
            folder: root.join(target.name),
        }
    }

    /// The folder of the target.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the inputs that are there and that `known` does not name, ordered by name. A folder
    /// that does not exist has none.
    ///
    /// # Errors
    /// What the system says.
    pub fn entries(&self, known: &BTreeSet<String>) -> io::Result<Vec<Entry>> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed?,
        };
        let mut entries = Vec::new();
        for file in listed {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            if known.contains(&name) {
                continue;
            }
            match fs::read(file.path()) {
                Ok(bytes) if !bytes.is_empty() => entries.push(Entry { name, bytes }),
                // A folder. Or another process has removed the file since.
                Ok(_) | Err(_) => {}
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// Adds an input, unless it is there. Returns its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn add(&self, bytes: &[u8]) -> io::Result<String> {
        let name = name(bytes);
        let path = self.folder.join(&name);
        if path.exists() {
            return Ok(name);
        }
        let unfinished = self.root.join(UNFINISHED);
        fs::create_dir_all(&unfinished)?;
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .tempfile_in(&unfinished)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(name)
    }
}

/// Removes what processes that were killed have left half written in a corpus. What is younger than
/// `age` is left alone: another process may be about to finish it.
pub fn clean(root: &Path, age: Duration) {
    let unfinished = fs::read_dir(root.join(UNFINISHED)).into_iter().flatten();
    for file in unfinished.flatten() {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|old| old >= age));
        if old {
            // It stays for the next time if it cannot be removed.
            let _ = fs::remove_file(file.path());
        }
    }
}

/// The name of an input's file.
pub fn name(bytes: &[u8]) -> String {
    sha1_smol::Sha1::from(bytes).digest().to_string()
}

/// What an input exercised. Two inputs with the same features are equally good for a corpus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// The reference applied a rule of the specification.
    Rule(u16),
    /// It applied a rule directly after another. The number of rules stands for the start.
    Pair(u16, u16),
    /// The number of different rules that it applied directly after this one had this number of
    /// binary digits.
    Followers(u16, u32),
    /// A counter of the run had this number of binary digits.
    Counted(String, u32),
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = |number: u16| rule_names().nth(usize::from(number)).unwrap_or("start");
        match self {
            Feature::Rule(number) => f.write_str(rule(*number)),
            Feature::Pair(before, after) => write!(f, "{} then {}", rule(*before), rule(*after)),
            Feature::Followers(before, digits) => {
                write!(
                    f,
                    "{} before {} rules or more",
                    rule(*before),
                    1_u64 << (digits - 1)
                )
            }
            Feature::Counted(what, digits) => write!(f, "{what} below {}", 1_u64 << digits),
        }
    }
}

/// Which features count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Rules of the specification: a small corpus
    Rules,
    /// Rules, and by how many others each is followed: what `fuzz --corpus` keeps
    Followers,
    /// Pairs of rules as well: a large corpus
    Pairs,
}

/// Returns the features of an input that was run just now on `rig`. An input that shows a finding,
/// or on which nothing is compared, has none: it is no example of what works.
pub fn features(ran: &Ran, rig: &Rig, by: By) -> BTreeSet<Feature> {
    if ran.finding.is_some() || ran.skipped.is_some() {
        return BTreeSet::new();
    }
    let rules = &rig.last;
    let mut features: BTreeSet<Feature> = rules
        .reached()
        .into_iter()
        .map(|rule| Feature::Rule(rule as u16))
        .collect();
    let digits = |count: u64| u64::BITS - count.leading_zeros();
    match by {
        By::Rules => {}
        By::Followers => {
            let rows = rules.followers().enumerate();
            let rows = rows.filter(|(_, count)| *count > 0);
            let followers =
                rows.map(|(row, count)| Feature::Followers(row as u16, digits(count.into())));
            features.extend(followers);
        }
        By::Pairs => {
            let pairs = rules.applied_in_a_row();
            features.extend(pairs.map(|(row, rule)| Feature::Pair(row as u16, rule as u16)));
        }
    }
    // Operations on heaps and damaged modules apply no rules: counters are all there is.
    if features.is_empty() {
        let stats = &ran.stats;
        let counters = [
            ("collections", stats.collections),
            ("live objects compared", stats.live_objects),
            ("steps", stats.steps),
        ];
        let counters = counters.map(|(what, count)| (what.to_owned(), count));
        let own = ran
            .counts
            .iter()
            .map(|(what, count)| (what.clone(), *count));
        let all = counters.into_iter().chain(own);
        features.extend(all.map(|(what, count)| Feature::Counted(what, digits(count))));
    }
    features
}

/// An input that was kept, and the features that no input kept before it has.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The input, as a position in what was given.
    pub at: usize,
    /// Its new features.
    pub new: Vec<Feature>,
}

/// Returns few of the inputs that have all features together: each time the one with most new
/// features, and of those the shortest.
pub fn least(inputs: &[(usize, BTreeSet<Feature>)]) -> Vec<Kept> {
    let mut left: BTreeMap<usize, BTreeSet<Feature>> =
        inputs.iter().map(|(_, f)| f.clone()).enumerate().collect();
    let mut kept = Vec::new();
    loop {
        let best = left
            .iter()
            .max_by_key(|(at, new)| (new.len(), usize::MAX - inputs[**at].0));
        let Some((&at, new)) = best.filter(|(_, new)| !new.is_empty()) else {
            return kept;
        };
        let new: Vec<Feature> = new.iter().cloned().collect();
        left.remove(&at);
        for features in left.values_mut() {
            for feature in &new {
                features.remove(feature);
            }
        }
        left.retain(|_, features| !features.is_empty());
        kept.push(Kept { at, new });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::TARGETS;

    #[test]
    fn an_input_is_there_once_and_whole() {
        let root = tempfile::tempdir().unwrap();
        let corpus = Corpus::new(root.path(), TARGETS[0]);
        assert_eq!(corpus.entries(&BTreeSet::new()).unwrap(), []);
        let name = corpus.add(b"abc").unwrap();
        // As libFuzzer names it.
        assert_eq!(name, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(corpus.add(b"abc").unwrap(), name);
        let entry = Entry {
            name: name.clone(),
            bytes: b"abc".to_vec(),
        };
        assert_eq!(corpus.entries(&BTreeSet::new()).unwrap(), [entry]);
        assert_eq!(corpus.entries(&BTreeSet::from([name])).unwrap(), []);
        let unfinished = || fs::read_dir(root.path().join(UNFINISHED)).unwrap().count();
        assert_eq!(unfinished(), 0);
        fs::write(root.path().join(UNFINISHED).join("half"), b"a").unwrap();
        clean(root.path(), Duration::from_secs(3600));
        assert_eq!(unfinished(), 1);
        clean(root.path(), Duration::ZERO);
        assert_eq!(unfinished(), 0);
    }

    #[test]
    fn few_inputs_are_kept_and_no_feature_is_lost() {
        let of = |length, rules: &[u16]| {
            let features = rules.iter().map(|&rule| Feature::Rule(rule)).collect();
            (length, features)
        };
        let inputs = [
            of(1, &[1]),
            of(9, &[1, 2, 3]),
            of(8, &[1, 2, 3]),
            of(5, &[3, 4]),
            of(2, &[]),
        ];
        let kept = least(&inputs);
        let at: Vec<usize> = kept.iter().map(|kept| kept.at).collect();
        assert_eq!(at, [2, 3]);
        assert_eq!(kept[1].new, [Feature::Rule(4)]);
    }
}
