//! `gcrucible report`: a folder of findings and of other subcommands' JSON objects as one page, for
//! people.
//!
//! Always: the page is one file that asks for nothing, holds no script, and is a function of what
//! is in the folder. No text of the folder becomes markup.
//!
//! Reading order: `data`, `highlight`, `picture`, `plot`, `causes`, `tables`, `page`.

mod causes;
mod data;
mod highlight;
mod page;
mod picture;
mod plot;
mod tables;

use std::path::PathBuf;

use clap::Args;

use super::failure::{Ending, Failure};
use super::output;
use super::terminal::say;
use data::Data;

/// Arguments of `report`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A folder with what the page shows: findings, also in folders below, and files that `--json`
    /// of fuzz, survey, wast and detect has written (*.json)
    pub folder: PathBuf,
    /// Write the page into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub into: PathBuf,
    /// The title of the page. Without it, the name of the folder
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// A folder that cannot be read or holds nothing for a page, or a file that cannot be written.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    output::try_file(&options.into)?;
    let data = Data::read(&options.folder)?;
    let name = || {
        let name = options.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let title = options.title.clone().unwrap_or_else(name);
    output::write(&options.into, page::page(&title, &data).as_bytes())?;
    if !output::is_standard(&options.into) {
        say!("{}", options.into.display());
    }
    Ok(Ending::Clean)
}
