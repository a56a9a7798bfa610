//! What runs next if there is a corpus: an input of it, one near such inputs, or a fresh one.
//!
//! Always:
//!
//! - an input with new features is on disk before the next one runs;
//! - what other processes and machines add is read now and then, and run before anything new is;
//! - the next input is a function of the seed that was drawn for it and of the corpus. A run with
//!   one worker on a corpus of its own does the same each time.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::Path;

use gcrucible_runtime::heap_ops::Words;

use crate::corpus::{By, Corpus, Entry, Feature, features, name};
use crate::input::Input;
use crate::mutate::inputs::{crossed, neighbour};
use crate::targets::{Ran, Rig, Target};

/// How many inputs of a target run until its folder is read again.
const READ_EVERY: u32 = 500;

/// The longest input that is made of others. libFuzzer's default is 4096.
const BYTES_MAX: usize = 4000;

/// Of 100 inputs, how many are fresh.
const FRESH_PERCENT: u64 = 50;

/// Of 100 inputs made of others, how many are between two of them.
const CROSSED_PERCENT: u64 = 25;

/// How many of the inputs kept last are chosen half of the time.
const YOUNG: usize = 32;

/// The corpora of a run's targets.
#[derive(Debug)]
pub struct Guide(Vec<OfTarget>);

#[derive(Debug)]
struct OfTarget {
    corpus: Corpus,
    /// The names of all inputs on disk.
    names: BTreeSet<String>,
    /// The names of inputs that have killed a worker, by their content.
    avoided: BTreeSet<String>,
    /// Inputs on disk that have not run here.
    waiting: VecDeque<Entry>,
    /// Inputs that had new features when they ran.
    kept: Vec<Input>,
    seen: BTreeSet<Feature>,
    until_read: u32,
}

impl Guide {
    /// The corpus at `root`, which need not exist, for these targets. Inputs that are `avoided`, by
    /// the name of their content, are not run: they have killed a worker of this run.
    #[must_use]
    pub fn new(root: &Path, targets: &[&'static Target], avoided: &BTreeSet<String>) -> Guide {
        let of_target = |target: &&'static Target| OfTarget {
            corpus: Corpus::new(root, target),
            names: BTreeSet::new(),
            avoided: avoided.clone(),
            waiting: VecDeque::new(),
            kept: Vec::new(),
            seen: BTreeSet::new(),
            until_read: 0,
        };
        Guide(targets.iter().map(of_target).collect())
    }

    /// Returns the next input of a target, by its position in the list of targets. `seed` is that
    /// of a fresh input.
    ///
    /// # Errors
    /// The folder of the target cannot be read.
    pub fn next(&mut self, target: usize, seed: u64) -> io::Result<Vec<u8>> {
        let of_target = &mut self.0[target];
        if of_target.until_read == 0 {
            of_target.read()?;
            of_target.until_read = READ_EVERY;
        }
        of_target.until_read -= 1;
        Ok(match of_target.waiting.pop_front() {
            Some(entry) => entry.bytes,
            None => of_target.drawn(seed).to_bytes(),
        })
    }

    /// Takes note of what an input exercised. Adds it to the corpus if any of that is new, and
    /// returns whether it was added.
    ///
    /// # Errors
    /// The input cannot be written.
    pub fn learn(&mut self, target: usize, bytes: &[u8], ran: &Ran, rig: &Rig) -> io::Result<bool> {
        let of_target = &mut self.0[target];
        let features = features(ran, rig, By::Followers);
        if features.is_subset(&of_target.seen) {
            return Ok(false);
        }
        of_target.seen.extend(features);
        of_target.kept.push(Input::parse(bytes));
        let is_new = of_target.names.insert(name(bytes));
        if is_new {
            of_target.corpus.add(bytes)?;
        }
        Ok(is_new)
    }
}

impl OfTarget {
    /// Reads what has been added to the folder.
    fn read(&mut self) -> io::Result<()> {
        for entry in self.corpus.entries(&self.names)? {
            // A file can have any name.
            let own = name(&entry.bytes);
            self.names.insert(entry.name.clone());
            self.names.insert(own.clone());
            if !self.avoided.contains(&own) {
                self.waiting.push_back(entry);
            }
        }
        Ok(())
    }

    /// An input near those that were kept, or a fresh one.
    fn drawn(&self, seed: u64) -> Input {
        let draw = |of: u64, below: u64| Words::at(seed, of) % below.max(1);
        if self.kept.is_empty() || draw(0, 100) < FRESH_PERCENT {
            return Input::of_seed(seed);
        }
        let chosen = |of: u64| {
            let young = if draw(of, 2) == 0 { YOUNG } else { usize::MAX };
            let from = self.kept.len().saturating_sub(young);
            &self.kept[from + draw(of + 1, (self.kept.len() - from) as u64) as usize]
        };
        let (one, how) = (chosen(1), Words::at(seed, 3));
        if draw(4, 100) < CROSSED_PERCENT {
            return crossed(one, chosen(5), how, BYTES_MAX);
        }
        neighbour(one, how, BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::types;

    /// Runs a few inputs. Returns them, and how many were added to the corpus.
    fn run(guide: &mut Guide, rig: &mut Rig, seeds: std::ops::Range<u64>) -> (Vec<Vec<u8>>, u32) {
        let (mut inputs, mut added) = (Vec::new(), 0);
        for seed in seeds {
            let bytes = guide.next(0, seed).unwrap();
            let ran = types::TARGET.run(&bytes, rig);
            added += u32::from(guide.learn(0, &bytes, &ran, rig).unwrap());
            inputs.push(bytes);
        }
        (inputs, added)
    }

    #[test]
    fn what_exercises_something_new_is_kept_and_what_others_keep_is_run_once() {
        let root = tempfile::tempdir().unwrap();
        let mut rig = Rig::standard(&[]).unwrap();
        let targets = [&types::TARGET];
        let none = BTreeSet::new();
        let mut first = Guide::new(root.path(), &targets, &none);
        let (inputs, added) = run(&mut first, &mut rig, 0..60);
        let corpus = Corpus::new(root.path(), &types::TARGET);
        let there = corpus.entries(&BTreeSet::new()).unwrap();
        assert_eq!(there.len(), added as usize);
        assert!((5..60).contains(&added), "{added}");
        let seeded = inputs.iter().filter(|i| Input::parse(i).seed().is_some());
        let seeded = seeded.count();
        assert!((15..45).contains(&seeded), "{seeded} are fresh");
        // Another process runs them, and adds none.
        let mut second = Guide::new(root.path(), &targets, &none);
        let (inputs, again) = run(&mut second, &mut rig, 0..u64::from(added));
        let on_disk = there.iter().map(|entry| entry.bytes.clone());
        assert!(inputs.into_iter().eq(on_disk));
        assert_eq!(again, 0);
        assert_eq!(second.0[0].seen, first.0[0].seen);
        // One that has killed a worker is left out.
        let killer = BTreeSet::from([there[0].name.clone()]);
        let mut after = Guide::new(root.path(), &targets, &killer);
        assert_eq!(after.next(0, 0).unwrap(), there[1].bytes);
        // The same corpus and the same seeds give the same inputs.
        let other = tempfile::tempdir().unwrap();
        let mut third = Guide::new(other.path(), &targets, &none);
        run(&mut third, &mut rig, 0..60);
        let corpus = Corpus::new(other.path(), &types::TARGET);
        assert_eq!(corpus.entries(&BTreeSet::new()).unwrap(), there);
    }
}
