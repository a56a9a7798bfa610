//! The files that the rules look at, and what a rule says about them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

/// The text files of a source tree, by path from its root, with `/` between folders.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every text file below `root` that Git does not ignore.
    pub fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree::default();
        let walk = ignore::WalkBuilder::new(root)
            .hidden(false)
            .parents(false)
            .require_git(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        for entry in walk {
            let entry = entry.map_err(io::Error::other)?;
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let path = entry.path().strip_prefix(root).map_err(io::Error::other)?;
            // What is not UTF-8 is no text.
            if let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) {
                tree.files.insert(path.to_string_lossy().into_owned(), text);
            }
        }
        Ok(tree)
    }

    /// A made-up tree, from pairs of path and text.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Tree {
            files: files.iter().map(own).collect(),
        }
    }

    /// Returns the files whose names end in `.extension`.
    pub fn with_extension<'a>(
        &'a self,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter()
            .filter(move |(path, _)| path.rsplit_once('.').is_some_and(|(_, e)| e == extension))
    }

    /// Returns all files, as path and text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(p, t)| (p.as_str(), t.as_str()))
    }

    /// Returns true if `path` is a file or a folder of the tree. A `/` at its end demands a folder.
    pub fn exists(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

impl Violation {
    pub fn new(file: &str, line: usize, what: impl Into<String>) -> Violation {
        Violation {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Returns the violations as text, for tests that compare them.
#[track_caller]
pub fn shown(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}
