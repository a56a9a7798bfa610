//! `gcrucible.toml`: arguments for subcommands, from the current folder or the nearest above it.
//!
//! Each table is a subcommand, and each key an option of it without its dashes. An option on the
//! command line takes the place of the key.
//!
//! ```toml
//! [fuzz]
//! engine = ["v8", "bun"]
//! time = 28800
//! [corpus.min]
//! by = "rules"
//! ```

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use toml::{Table, Value};

use super::Arguments;
use super::failure::Failure;
use super::reading;

/// The name of the file.
pub const FILE: &str = "gcrucible.toml";

/// Returns the words of a command line with those of a configuration file in them, and the file.
///
/// # Errors
///
/// A file that cannot be read or understood, or a key that is no option.
pub fn with_file(words: Vec<OsString>) -> Result<(Vec<OsString>, Option<PathBuf>), Failure> {
    let program = Arguments::command();
    let Some((mut at, mut command)) = subcommand(&program, &words, 1) else {
        return Ok((words, None));
    };
    let Some(file) = file(&words)? else {
        return Ok((words, None));
    };
    let content = |message: String| Failure::Content {
        path: file.display().to_string(),
        message,
    };
    let text = String::from_utf8_lossy(&reading::named(&file)?).into_owned();
    let mut table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| content(e.to_string()))?;
    check_names(&program, &table).map_err(content)?;
    loop {
        let name = command.get_name();
        let Some(Value::Table(inner)) = table.remove(name) else {
            return Ok((words, None));
        };
        table = inner;
        match subcommand(command, &words, at + 1) {
            Some((next, inner)) => (at, command) = (next, inner),
            None => break,
        }
    }
    let mut added = Vec::new();
    for (key, value) in &table {
        let is_given = words.iter().any(|word| names(word, key));
        if !is_given {
            added.extend(option(key, value).map_err(content)?);
        }
    }
    let is_used = !added.is_empty();
    let mut words = words;
    words.splice(at + 1..at + 1, added);
    Ok((words, is_used.then_some(file)))
}

/// Returns the first subcommand that `words` name from `from` on, and where.
fn subcommand<'a>(
    command: &'a Command,
    words: &[OsString],
    from: usize,
) -> Option<(usize, &'a Command)> {
    let mut at = from;
    loop {
        let word = words.get(at)?.to_str()?;
        if let Some(name) = word.strip_prefix("--") {
            // The value of an option is no subcommand.
            let argument = command.get_arguments().find(|a| a.get_long() == Some(name));
            let takes = argument.is_some_and(|a| a.get_action().takes_values());
            at += 1 + usize::from(takes);
        } else if word.starts_with('-') {
            at += 1;
        } else {
            let found = command.find_subcommand(word)?;
            return (!found.is_hide_set()).then_some((at, found));
        }
    }
}

/// The file that `--config` names, or the nearest one.
fn file(words: &[OsString]) -> Result<Option<PathBuf>, Failure> {
    let value = words.iter().enumerate().find_map(|(at, word)| {
        let word = word.to_str()?;
        match word.strip_prefix("--config=") {
            Some(value) => Some(PathBuf::from(value)),
            None if word == "--config" => words.get(at + 1).map(PathBuf::from),
            None => None,
        }
    });
    if let Some(file) = value {
        return match fs::metadata(&file) {
            Ok(_) => Ok(Some(file)),
            Err(error) => Err(Failure::input(file.display(), error)),
        };
    }
    let Ok(here) = std::env::current_dir() else {
        return Ok(None);
    };
    let mut files = here.ancestors().map(|folder| folder.join(FILE));
    Ok(files.find(|file| file.is_file()))
}

/// Returns a complaint about the first name in a table that is neither a subcommand nor an option.
fn check_names(command: &Command, table: &Table) -> Result<(), String> {
    for (key, value) in table {
        let inner = command.find_subcommand(key);
        match (inner.filter(|inner| !inner.is_hide_set()), value) {
            (Some(inner), Value::Table(table)) => check_names(inner, table)?,
            _ => {
                let is_option = |a: &clap::Arg| a.get_long() == Some(key);
                let is_top = command.get_name() == "gcrucible";
                if is_top || !command.get_arguments().any(is_option) {
                    let name = command.get_name();
                    return Err(format!("`{name}` has no subcommand and no option `{key}`"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a word of the command line is this option.
fn names(word: &OsStr, key: &str) -> bool {
    let Some(name) = word.to_str().and_then(|word| word.strip_prefix("--")) else {
        return false;
    };
    name.split('=').next() == Some(key)
}

/// A key and its value as words of a command line.
fn option(key: &str, value: &Value) -> Result<Vec<OsString>, String> {
    let with = |value: &dyn std::fmt::Display| vec![OsString::from(format!("--{key}={value}"))];
    Ok(match value {
        Value::Boolean(true) => vec![OsString::from(format!("--{key}"))],
        Value::Boolean(false) => Vec::new(),
        Value::String(text) => with(text),
        Value::Integer(number) => with(number),
        Value::Float(number) => with(number),
        Value::Array(values) => {
            let all = values.iter().map(|value| option(key, value));
            all.collect::<Result<Vec<_>, _>>()?.concat()
        }
        Value::Table(_) => return Ok(Vec::new()),
        Value::Datetime(_) => return Err(format!("`{key}` is neither text nor a number")),
    })
}

/// A line that tells which file is in use.
#[must_use]
pub fn told(file: &Path) -> String {
    format!("arguments from {}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, text).unwrap();
        let mut words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        words.splice(1..1, ["--config".into(), file.into_os_string()]);
        let got = match with_file(words) {
            Ok((mut words, _)) => {
                words.drain(1..3);
                words.join(OsStr::new(" ")).into_string().unwrap()
            }
            Err(failure) => failure.to_string().split(": ").skip(1).collect(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn keys_become_options_of_their_subcommand() {
        let text =
            "[fuzz]\ntime = 5\nengine = [\"v8\", \"bun\"]\nstop = true\n[wast]\ncheck = true\n";
        check(
            text,
            "gcrucible fuzz --json -",
            "gcrucible fuzz --engine=v8 --engine=bun --stop --time=5 --json -",
        );
        check(
            text,
            "gcrucible fuzz --engine jsc --time=9",
            "gcrucible fuzz --stop --engine jsc --time=9",
        );
        check(text, "gcrucible wast a", "gcrucible wast --check a");
        check(text, "gcrucible replay a", "gcrucible replay a");
        check(text, "gcrucible worker", "gcrucible worker");
        let text = "[corpus.min]\nby = \"rules\"\n";
        check(
            text,
            "gcrucible corpus min x",
            "gcrucible corpus min --by=rules x",
        );
        check(text, "gcrucible corpus stats x", "gcrucible corpus stats x");
    }

    #[test]
    fn names_that_do_not_exist_are_told() {
        let wrong = "`fuzz` has no subcommand and no option `tine`";
        check("[fuzz]\ntine = 5\n", "gcrucible wast", wrong);
        let wrong = "`gcrucible` has no subcommand and no option `fuz`";
        check("[fuz]\n", "gcrucible fuzz", wrong);
        let wrong = "`gcrucible` has no subcommand and no option `time`";
        check("time = 5\n", "gcrucible fuzz", wrong);
    }
}
