//! Which input a subcommand is about: a file, or a target and a seed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::targets::{Rig, Target};

/// The arguments that say so.
#[derive(Clone, Debug, Args)]
pub struct InputOptions {
    /// A finding (its folder), or an input of a target as libFuzzer writes them; for `replay` also
    /// a script
    #[arg(required_unless_present = "seed", conflicts_with = "seed")]
    pub file: Option<PathBuf>,
    /// The target; needed with `--seed` and for inputs whose file does not tell
    #[arg(long, value_name = "NAME", default_value = "differential")]
    pub target: String,
    /// The seed of an input
    #[arg(long, value_name = "S", value_parser = super::parse_seed)]
    pub seed: Option<u64>,
    /// Switch on planted faults, by name (only in a build with the feature `planted`)
    #[arg(long = "planted", value_name = "FAULT", hide = !cfg!(feature = "planted"))]
    pub planted: Vec<String>,
}

/// What was asked for.
pub enum Asked<'a> {
    /// The input of a seed.
    Seed(Vec<u8>),
    /// What is in a file or folder.
    File(&'a Path),
}

impl InputOptions {
    /// The engines, with the faults, the target that was named, and the input.
    ///
    /// # Errors
    ///
    /// An unknown target or fault, or neither a file nor a seed.
    pub fn asked(&self) -> Result<(Rig, &'static Target, Asked<'_>), Failure> {
        let rig = Rig::standard(&self.planted).map_err(|why| Failure::Usage(why.to_string()))?;
        let target = super::fuzz::chosen(std::slice::from_ref(&self.target))?[0];
        let asked = match (self.seed, &self.file) {
            (Some(seed), _) => Asked::Seed(target.input_of_seed(seed)),
            (None, Some(file)) => Asked::File(file),
            (None, None) => {
                let message = "give a file, or --target and --seed";
                return Err(Failure::Usage(message.to_owned()));
            }
        };
        Ok((rig, target, asked))
    }
}
