//! Everything that Markdown files name in the tree exists: paths, commands, names of engines.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::commands;
use crate::markdown::{Code, Place, code};
use crate::tree::{Tree, Violation};

/// Returns the paths between backticks that do not exist, seen from the root or from the file's own
/// folder. What Git ignores is written by programs and may be absent.
pub fn paths(tree: &Tree) -> Vec<Violation> {
    let ignored = ignored(tree);
    check(tree, |file, code| {
        if matches!(code.place, Place::Block(_)) {
            return None;
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let missing = alternatives(&code.text).into_iter().find(|path| {
            is_path(path) && !is_ignored(&ignored, path) && !exists(tree, folder, path)
        });
        missing.map(|path| format!("{path} does not exist"))
    })
}

/// Returns the commands that could not work: lines of shell blocks, spans that begin with `cargo`
/// or `gcrucible`, and options.
pub fn commands(tree: &Tree) -> Vec<Violation> {
    let mut broken = check(tree, |_, code| match &code.place {
        Place::Block(_) => None,
        _ if code.text.starts_with("cargo ") || code.text.starts_with("gcrucible ") => {
            commands::wrong(tree, &code.text)
        }
        _ if code.text.starts_with("--") => {
            let option = code.text.split([' ', '=']).next()?;
            let missing = option.len() > 2 && !commands::takes(option);
            missing.then(|| format!("no subcommand takes {option}"))
        }
        _ => None,
    });
    for (file, text) in tree.with_extension("md") {
        let blocks = code(text)
            .into_iter()
            .filter(|c| c.place == Place::Block("sh".to_owned()));
        for block in blocks {
            for (number, line) in block.text.lines().enumerate() {
                let wrong = commands::wrong(tree, line);
                broken.extend(wrong.map(|w| Violation::new(file, block.line + number, w)));
            }
        }
    }
    broken
}

/// Returns the names of engines that no engine has: spans that begin with `runtime:`, and the parts
/// of names that the table below a heading with "engines" lists in its first column.
pub fn engines(tree: &Tree) -> Vec<Violation> {
    check(tree, |_, code| {
        let part = code.place == Place::FirstCell && code.heading.contains("engines");
        match code.text.as_str() {
            "runtime:" => None,
            name if name.starts_with("runtime:") => commands::no_engine(name),
            name if part && !name.starts_with('+') => {
                // A part is a collector, or something that may follow one.
                let follows = commands::no_engine(&format!("runtime:copying:{name}"));
                follows.and(commands::no_engine(&format!("runtime:{name}")))
            }
            _ => None,
        }
    })
}

/// Asks `wrong` about every piece of code in every Markdown file.
fn check(tree: &Tree, wrong: impl Fn(&str, &Code) -> Option<String>) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (file, text) in tree.with_extension("md") {
        for code in code(text) {
            let what = wrong(file, &code);
            broken.extend(what.map(|what| Violation::new(file, code.line, what)));
        }
    }
    broken
}

fn ignored(tree: &Tree) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in tree
        .files
        .get(".gitignore")
        .into_iter()
        .flat_map(|text| text.lines())
    {
        builder.add_line(None, line).expect("a pattern of Git");
    }
    builder.build().expect("patterns of Git")
}

fn is_ignored(ignored: &Gitignore, path: &str) -> bool {
    let is_folder = path.ends_with('/');
    let path = path.trim_end_matches('/');
    ignored
        .matched_path_or_any_parents(path, is_folder)
        .is_ignore()
}

/// Files that a run writes beside a finding, or a user: no files of ours.
const WRITTEN: [&str; 2] = [gcrucible::repro::report::FILE, gcrucible::cli::config::FILE];

/// Returns true if a piece of code is meant as a path: a name with folders, or a source file's.
fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let source = [".rs", ".toml", ".md", ".yml"]
        .iter()
        .any(|end| text.ends_with(end));
    text.chars().all(plain) && (text.contains('/') || source) && !WRITTEN.contains(&text)
}

/// Returns true if `path` is there: from the root, from `folder`, or, for a bare name, anywhere.
fn exists(tree: &Tree, folder: &str, path: &str) -> bool {
    let from_folder = format!("{folder}/{path}");
    let anywhere = format!("/{path}");
    tree.exists(path)
        || tree.exists(from_folder.trim_start_matches('/'))
        || !path.contains('/') && tree.files.keys().any(|file| file.ends_with(&anywhere))
}

/// Returns the paths that `a/{b,c}/d` stands for.
fn alternatives(text: &str) -> Vec<String> {
    let braces = text.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        Some((before, inside, after))
    });
    let Some((before, inside, after)) = braces else {
        return vec![text.to_owned()];
    };
    inside
        .split(',')
        .flat_map(|one| alternatives(&format!("{before}{one}{after}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::shown;

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        let readme = "`a/b.rs`, `a/`, `a/{b,c}.rs`, `a/d`, `b.rs`, `e.rs`, `findings/x`, `findings/`, `wasm -> x/y`";
        let tree = Tree::of(&[
            ("README.md", readme),
            ("a/README.md", "See `b.rs` and `src/`,\nand `README.md`."),
            ("a/b.rs", ""),
            (".gitignore", "/findings\n"),
        ]);
        let expected = [
            "README.md:1: a/c.rs does not exist",
            "README.md:1: a/d does not exist",
            "README.md:1: e.rs does not exist",
            "a/README.md:1: src/ does not exist",
        ];
        assert_eq!(shown(&paths(&tree)), expected);
    }

    #[test]
    fn a_command_that_does_not_exist_is_found() {
        let readme =
            "`cargo fizz`, `--seed`, `--seeed`\n\n```sh\ncargo run -- fuzz\ncargo run -- no\n```\n";
        let tree = Tree::of(&[
            ("README.md", readme),
            ("p/Cargo.toml", "[package]\nname = \"p\""),
        ]);
        let expected = [
            "README.md:1: Cargo has no command `fizz` here",
            "README.md:1: no subcommand takes --seeed",
            "README.md:5: error: unrecognized subcommand 'no'",
        ];
        assert_eq!(shown(&commands(&tree)), expected);
    }

    #[test]
    fn an_engine_that_does_not_exist_is_found() {
        let readme = "# Names of engines\n`runtime:`, `runtime:drc`, `runtime:drk`\n\n\
                      | part | is |\n|---|---|\n| `drc` | x |\n| `speed` | `y` |\n| `sped` | z |\n";
        let expected = [
            "README.md:2: there is no engine runtime:drk",
            "README.md:8: there is no engine runtime:sped",
        ];
        assert_eq!(
            shown(&engines(&Tree::of(&[("README.md", readme)]))),
            expected
        );
    }
}
