//! `gcrucible fuzz`: the embedded driver, on stable Rust.
//!
//! ```text
//! supervisor --starts--> worker, worker, ...   one process each; runs inputs 0, 1, 2, ... in turn
//!            <--lines---                        counters and findings (protocol)
//!            <--file----                        the current input (record), read when one has died
//! ```
//!
//! Input number `n` of a run is a function of the run's seed and `n` alone (`inputs`). So a run
//! does the same with any number of workers, and each input can be replayed by its target and its
//! own seed. A run with a corpus also runs inputs of the corpus and inputs near those (`guide`).
//! They are replayed by their bytes.
//!
//! Reading order: `options`, `inputs`, `guide`, `protocol`, `record`, `groups`, `health`,
//! `summary`, `progress`, `events`, `worker`, `launch`, `confirm`, `supervisor`.

pub mod confirm;
pub mod events;
pub mod groups;
pub mod guide;
pub mod health;
pub mod inputs;
pub mod launch;
pub mod options;
pub mod progress;
pub mod protocol;
pub mod record;
pub mod summary;
pub mod supervisor;
pub mod worker;

pub use options::Options;

use std::time::Duration;

use super::failure::{Ending, Failure};
use super::named::chosen;
use super::output;
use super::terminal::warn_line;
use crate::corpus;

/// After this time, what is half written in a corpus has no process any more.
const UNFINISHED_AGE: Duration = Duration::from_secs(3600);

/// Runs the subcommand.
///
/// # Errors
///
/// Wrong usage, a worker that cannot be started, a file that cannot be written, or a run that
/// compared nothing.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    // Workers open the engines. If something is wrong with an engine, it is better to say so before
    // they start.
    let rig = options.under_test.rig()?;
    if rig.are_named {
        let engines = rig.engines.iter();
        engines.for_each(|engine| warn_line!("engine: {}", engine.describe()));
    }
    drop(rig);
    let targets = chosen(&options.targets)?;
    output::try_folder(&options.out)?;
    if let Some(corpus) = &options.corpus {
        output::try_folder(corpus)?;
        corpus::clean(corpus, UNFINISHED_AGE);
    }
    if let Some(json) = &options.json {
        output::try_file(json)?;
        let same = options.events.as_ref().is_some_and(|events| events == json);
        if same {
            let message = "--json and --events need a file each";
            return Err(Failure::Usage(message.to_owned()));
        }
    }
    supervisor::run(options, &targets)
}
