//! The input of `replay` and `reduce`: a seed, or a file that is recognised by its content.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::findings;
use super::named::chosen;
use super::reading;
use super::under_test::UnderTest;
use crate::input::Input;
use crate::targets::{self, Rig, Target};

/// The arguments that name it.
#[derive(Clone, Debug, Args)]
pub struct InputOptions {
    /// A finding (its folder, or `input.bin` in it), a script (.wast), a module (.wat, .wasm), or
    /// an input of the target `--target` as libFuzzer writes them
    #[arg(required_unless_present_any = ["seed", "bytes"], conflicts_with_all = ["seed", "bytes"])]
    pub file: Option<PathBuf>,
    /// The target of the input. Needed with `--seed`, and for a file outside of a finding's folder
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// The seed of one input, as findings show it. (The seed of a whole run is `fuzz --run-seed`)
    #[arg(long, value_name = "S", requires = "target", value_parser = super::named::parse_seed)]
    pub seed: Option<u64>,
    /// The bytes of one input, in hexadecimal, as findings on inputs without a seed show them
    #[arg(long, value_name = "HEX", requires = "target", value_parser = hexadecimal)]
    #[arg(conflicts_with = "seed")]
    pub bytes: Option<Bytes>,
    /// What is tested beside the target.
    #[command(flatten)]
    pub under_test: UnderTest,
}

/// Bytes on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

fn hexadecimal(text: &str) -> Result<Bytes, String> {
    let wrong = || format!("{text:?} is no even number of hexadecimal digits");
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let pairs = (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16));
    pairs
        .collect::<Result<_, _>>()
        .map(Bytes)
        .map_err(|_| wrong())
}

/// What was given.
#[derive(Clone, Debug)]
pub enum Given {
    /// An input of a target.
    Input {
        /// The target.
        target: &'static Target,
        /// The input.
        bytes: Vec<u8>,
        /// The finding's folder, if it is one's.
        folder: Option<PathBuf>,
    },
    /// A script, as text.
    Script {
        /// Its path.
        name: String,
        /// Its text.
        text: String,
    },
    /// A module, as bytes.
    Module(Vec<u8>),
}

impl InputOptions {
    /// Returns what is tested: as the command line says, or else with the faults that were planted
    /// when the finding was made.
    fn told_under_test(&self) -> UnderTest {
        let mut under_test = self.under_test.clone();
        if under_test.planted.is_empty() && under_test.engines.is_empty() {
            let folder = self.file.as_deref().and_then(folder_of);
            under_test.planted = folder.map(findings::told_planted).unwrap_or_default();
        }
        under_test
    }

    /// Returns the engines, with the faults, and what was given.
    ///
    /// # Errors
    ///
    /// An unknown target or fault, or a file that cannot be read or is not recognised.
    pub fn given(&self) -> Result<(Rig, Given), Failure> {
        let rig = self.told_under_test().rig()?;
        let target = match &self.target {
            Some(name) => Some(chosen(std::slice::from_ref(name))?[0]),
            None => None,
        };
        let seeded = self.seed.map(|seed| Input::of_seed(seed).to_bytes());
        let bytes = seeded.or_else(|| self.bytes.clone().map(|bytes| bytes.0));
        let given = match (bytes, target, &self.file) {
            (Some(bytes), Some(target), _) => Given::Input {
                target,
                bytes,
                folder: None,
            },
            (None, _, Some(file)) => recognised(file, target)?,
            _ => {
                let message = "give a file, or --target and --seed";
                return Err(Failure::Usage(message.to_owned()));
            }
        };
        Ok((rig, given))
    }
}

/// Recognises a file or folder. `named` is the target that the command line names.
fn recognised(file: &Path, named: Option<&'static Target>) -> Result<Given, Failure> {
    let failed = |error| Failure::input(file.display(), error);
    let metadata = std::fs::metadata(file).map_err(failed)?;
    if metadata.is_dir() {
        return finding(file, named);
    }
    let bytes = reading::named(file)?;
    let extension = file.extension().and_then(|e| e.to_str());
    let given = match extension {
        _ if bytes.starts_with(b"\0asm") => Given::Module(bytes),
        Some("wast") => Given::Script {
            name: file.display().to_string(),
            text: text(file, bytes)?,
        },
        Some("wat") => Given::Module(encoded(file, bytes)?),
        _ => return input(file, bytes, named),
    };
    match named {
        None => Ok(given),
        Some(target) => Err(content(
            file,
            &format!(
                "this is no input of the target {}: leave --target away",
                target.name
            ),
        )),
    }
}

/// The input of a finding's folder.
fn finding(folder: &Path, named: Option<&'static Target>) -> Result<Given, Failure> {
    let input = folder.join(findings::INPUT);
    if !input.is_file() {
        let message = format!("no finding: there is no {} in this folder", findings::INPUT);
        return Err(content(folder, &message));
    }
    let bytes = reading::named(&input)?;
    let target = named.or_else(|| told(folder)).ok_or_else(|| {
        let verdict = findings::VERDICT;
        content(
            folder,
            &format!("{verdict} here tells no target: name it by --target"),
        )
    })?;
    Ok(Given::Input {
        target,
        bytes,
        folder: Some(folder.to_owned()),
    })
}

/// Takes a file for an input if it lies in a finding's folder or if a target is named.
fn input(file: &Path, bytes: Vec<u8>, named: Option<&'static Target>) -> Result<Given, Failure> {
    let target = named.or_else(|| folder_of(file).and_then(told)).ok_or_else(|| {
        content(
            file,
            "neither a finding, a script (.wast) nor a module (.wat, .wasm); if it is an input as \
             libFuzzer writes them, name its target by --target",
        )
    })?;
    Ok(Given::Input {
        target,
        bytes,
        folder: None,
    })
}

/// The finding's folder: the file itself, or that of its input.
fn folder_of(file: &Path) -> Option<&Path> {
    if file.is_dir() {
        return Some(file);
    }
    let is_input = file.file_name().is_some_and(|name| name == findings::INPUT);
    file.parent().filter(|_| is_input)
}

/// The target that a finding's folder names.
fn told(folder: &Path) -> Option<&'static Target> {
    findings::told_target(folder).and_then(|name| targets::named(&name))
}

/// Reads a module, binary or text.
///
/// # Errors
///
/// A file that cannot be read, or that is no module.
pub fn read_module(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = reading::named(file)?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    encoded(file, bytes)
}

/// The bytes of a module in the text format.
fn encoded(file: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let text = text(file, bytes)?;
    let encode = || {
        let buffer = wast::parser::ParseBuffer::new(&text)?;
        wast::parser::parse::<wast::Wat<'_>>(&buffer)?.encode()
    };
    encode().map_err(|error: wast::Error| {
        let offset = error.span().offset();
        let message = reading::pointed(file, &text, offset, error.message());
        content(file, &message)
    })
}

/// A file's text.
fn text(file: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        content(
            file,
            &format!("neither a binary module (no \\0asm) nor text (byte {at} is not UTF-8)"),
        )
    })
}

fn content(file: &Path, message: &str) -> Failure {
    Failure::Content {
        path: file.display().to_string(),
        message: message.to_owned(),
    }
}
