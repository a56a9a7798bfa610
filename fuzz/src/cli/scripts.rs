//! Finds and reads the scripts that `wast` runs.
//!
//! If a file that the user named cannot be read, the command ends. If a file in a folder cannot be
//! read, it is reported, and the others run.

use std::fs;
use std::path::{Path, PathBuf};

use gcrucible_wast_tests::{matrix, suite};
use serde::Serialize;

use super::failure::Failure;
use super::reading;

/// A script before it is understood.
pub struct Item {
    /// Its path, or its name in the official suite.
    pub name: String,
    /// Its text, or why there is none.
    pub text: Result<String, String>,
}

/// A script of the official suite that does not run.
#[derive(Clone, Serialize)]
pub struct NotRun {
    file: String,
    why: &'static str,
}

/// Returns the scripts to run, and the built-in ones that are not.
///
/// # Errors
///
/// A path that cannot be read, or a folder without scripts.
pub fn items(paths: &[PathBuf]) -> Result<(Vec<Item>, Vec<NotRun>), Failure> {
    let mut items = Vec::new();
    let mut not_run = Vec::new();
    if paths.is_empty() {
        for file in suite::files() {
            match file.standing {
                suite::Standing::NotInRelease(why) => not_run.push(NotRun {
                    file: file.name,
                    why,
                }),
                _ => items.push(Item {
                    name: file.name,
                    text: Ok(file.text.to_owned()),
                }),
            }
        }
    }
    for path in paths {
        let failed = |e| Failure::input(path.display(), e);
        if !fs::metadata(path).map_err(failed)?.is_dir() {
            let text = text(path).map_err(|message| Failure::Content {
                path: path.display().to_string(),
                message,
            })?;
            items.push(Item {
                name: path.display().to_string(),
                text: Ok(text),
            });
            continue;
        }
        let found = matrix::scripts_under(path).map_err(failed)?;
        if found.is_empty() {
            return Err(Failure::Usage(format!(
                "{}: no *.wast here",
                path.display()
            )));
        }
        items.extend(found.iter().map(|file| Item {
            name: file.display().to_string(),
            text: text(file),
        }));
    }
    Ok((items, not_run))
}

/// Returns the text of a script.
fn text(path: &Path) -> Result<String, String> {
    let bytes = reading::bytes(path)?;
    String::from_utf8(bytes).map_err(|error| {
        let is_module = error.as_bytes().starts_with(b"\0asm");
        let advice = if is_module {
            ": this is a module, and `run` runs it"
        } else {
            ""
        };
        let at = error.utf8_error().valid_up_to();
        format!("the text is not UTF-8 at byte {at:#x}{advice}")
    })
}
