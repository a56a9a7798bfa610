//! The engines that the user names, and the faults that the user switches on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::foreign::Counted;
use gcrucible_oracles::foreign::process::Bounds;
use gcrucible_oracles::known_faults::{self, KnownFault};

use super::failure::Failure;
use super::{engines, reading};
use crate::targets::Rig;

/// Their arguments, which are the same for a run, its workers, and the replay of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct UnderTest {
    /// Compare this engine with the reference, on every program, and with the runtime where they
    /// differ. May be given more than once. Without it, each target draws configurations of the
    /// runtime. `gcrucible engine list` shows engines that run in processes of their own.
    #[arg(long = "engine", value_name = "NAME")]
    pub engines: Vec<String>,
    /// Report a hang if an engine in a process of its own gives no answer within this many seconds.
    /// The default is 10, and 2 of processor time.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub engine_time: Option<u64>,
    /// Report a finding if an engine in a process of its own has more resident memory than this, in
    /// MiB. The default is 4096.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..))]
    pub engine_memory: Option<u64>,
    /// Switch on this planted fault in all engines. May be given more than once. Only a build with
    /// the feature `planted` has faults. `gcrucible list faults` shows their names.
    #[arg(long = "planted", value_name = "FAULT")]
    pub planted: Vec<String>,
    /// Count faults of this file, and do not report them. May be given more than once. It is like
    /// `oracles/adapters/known-faults.toml`, whose rows are always counted.
    #[arg(long = "known", value_name = "FILE")]
    pub known: Vec<PathBuf>,
}

impl UnderTest {
    /// Opens the engines.
    ///
    /// # Errors
    ///
    /// An unknown name of an engine or fault, an engine that does not start, or a file of known
    /// faults that cannot be read.
    pub fn rig(&self) -> Result<Rig, Failure> {
        self.rig_within(self.bounds())
    }

    /// Opens the engines, with other bounds for those in processes of their own.
    ///
    /// # Errors
    ///
    /// As [`UnderTest::rig`].
    pub fn rig_within(&self, bounds: Bounds) -> Result<Rig, Failure> {
        let rig = Rig::standard(&self.planted).map_err(|why| Failure::Usage(why.to_string()))?;
        let mut rig = rig.naming(self.open_within(bounds)?);
        for path in &self.known {
            rig.known_faults.extend(known_faults_of(path)?);
        }
        Ok(rig)
    }

    /// Opens the engines that are named.
    ///
    /// # Errors
    ///
    /// As [`UnderTest::rig`].
    pub fn open(&self) -> Result<Vec<Box<dyn Engine>>, Failure> {
        self.open_within(self.bounds())
    }

    fn open_within(&self, bounds: Bounds) -> Result<Vec<Box<dyn Engine>>, Failure> {
        if self.engines.iter().any(|name| name == "reference") {
            let message = "the reference takes part in every comparison: leave it out of --engine";
            return Err(Failure::Usage(message.to_owned()));
        }
        let names = self.engines.iter();
        names
            .map(|name| engines::open(name, bounds, Counted::AtEnd))
            .collect()
    }

    /// Returns what an engine in a process of its own may use.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let mut bounds = engines::bounds();
        if let Some(seconds) = self.engine_time {
            bounds.time = Duration::from_secs(seconds);
            bounds.work = bounds.time;
        }
        if let Some(mebibytes) = self.engine_memory {
            bounds.memory = mebibytes << 20;
        }
        bounds
    }

    /// Returns the arguments as words.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut say = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        for engine in &self.engines {
            say("--engine", engine.clone());
        }
        if let Some(seconds) = self.engine_time {
            say("--engine-time", seconds.to_string());
        }
        if let Some(mebibytes) = self.engine_memory {
            say("--engine-memory", mebibytes.to_string());
        }
        for fault in &self.planted {
            say("--planted", fault.clone());
        }
        for path in &self.known {
            say("--known", path.display().to_string());
        }
        words
    }

    /// Returns the arguments as part of a line for a shell, each after a space.
    #[must_use]
    pub fn in_shell(&self) -> String {
        let words = self.words();
        words
            .iter()
            .map(|word| format!(" {}", quoted(word)))
            .collect()
    }
}

fn known_faults_of(path: &Path) -> Result<Vec<KnownFault>, Failure> {
    let text = String::from_utf8_lossy(&reading::named(path)?).into_owned();
    known_faults::read(&text).map_err(|error| Failure::Content {
        path: path.display().to_string(),
        message: error.to_string(),
    })
}

/// A word that a shell takes for one word.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        let under_test = UnderTest {
            engines: vec!["v8:liftoff".to_owned(), "adapter:a 'b'".to_owned()],
            engine_time: Some(3),
            engine_memory: None,
            planted: vec!["x-y".to_owned()],
            known: vec![PathBuf::from("a b.toml")],
        };
        let line = " --engine v8:liftoff --engine 'adapter:a '\\''b'\\''' --engine-time 3 --planted x-y \
             --known 'a b.toml'";
        assert_eq!(under_test.in_shell(), line);
    }

    #[test]
    fn the_reference_is_not_compared_with_itself() {
        let under_test = UnderTest {
            engines: vec!["reference".to_owned()],
            ..UnderTest::default()
        };
        assert!(matches!(under_test.open(), Err(Failure::Usage(_))));
    }
}
