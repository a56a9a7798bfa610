//! Checks if a command line could work: its subcommands, options, packages, targets and engines.
//!
//! The program's own definition of its arguments parses lines of `gcrucible`. Lines of Cargo are
//! compared with the packages of the tree.

use clap::CommandFactory;
use clap::error::ErrorKind;
use gcrucible::cli::Arguments;
use gcrucible_oracles::engine;
use gcrucible_oracles::foreign::catalog;

use crate::tree::Tree;

/// A package of the tree.
struct Package {
    name: String,
    folder: String,
    features: Vec<String>,
    /// Names of `[[bin]]`, `[[bench]]` and so on, by kind.
    listed: Vec<(&'static str, String)>,
}

/// Returns what is wrong with a command line, if anything is. Words after `#` are a comment.
pub fn wrong(tree: &Tree, line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.split_first()? {
        (&"cargo", rest) => cargo(tree, rest),
        (&"gcrucible", rest) => gcrucible(tree, rest),
        (program, _) if program.contains('/') => {
            let missing = !tree.exists(program.trim_start_matches("./"));
            missing.then(|| format!("{program} does not exist"))
        }
        _ => None,
    }
}

/// Returns what is wrong with a command line of Cargo, which begins after `cargo`.
fn cargo(tree: &Tree, words: &[&str]) -> Option<String> {
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|w| !w.starts_with('+'))
        .collect();
    let end = words.iter().position(|w| *w == "--").unwrap_or(words.len());
    let (own, passed) = words.split_at(end);
    let (mut command, mut options) = own.split_first()?;
    if *command == "miri" {
        (command, options) = options.split_first()?;
    }
    match *command {
        "build" | "check" | "clippy" | "doc" | "fmt" | "run" | "test" | "bench" | "tree"
        | "install" | "package" => {}
        "fuzz" => return cargo_fuzz(tree, options),
        other => return Some(format!("Cargo has no command `{other}` here")),
    }
    let packages = packages(tree);
    let value = |names: &[&str]| {
        let at = options.iter().position(|word| names.contains(word))?;
        options.get(at + 1).copied()
    };
    let package = value(&["-p", "--package"]);
    let chosen: Vec<&Package> = packages
        .iter()
        .filter(|p| package.is_none_or(|name| name == p.name))
        .collect();
    if chosen.is_empty() {
        return Some(format!(
            "no package is named {}",
            package.unwrap_or_default()
        ));
    }
    for kind in ["example", "test", "bench", "bin"] {
        if let Some(name) = value(&[&format!("--{kind}")])
            && !chosen.iter().any(|package| package.has(tree, kind, name))
        {
            return Some(format!("there is no {kind} {name}"));
        }
    }
    for feature in value(&["-F", "--features"])
        .into_iter()
        .flat_map(|list| list.split(','))
    {
        if !chosen
            .iter()
            .any(|package| package.features.iter().any(|f| f == feature))
        {
            return Some(format!("no package has a feature {feature}"));
        }
    }
    let is_ours = *command == "run" && package.is_none_or(|name| name == "gcrucible");
    let is_ours = is_ours && value(&["--example", "--bin"]).is_none();
    is_ours
        .then(|| gcrucible(tree, passed.get(1..).unwrap_or_default()))
        .flatten()
}

/// Returns what is wrong with the arguments of `cargo fuzz`.
fn cargo_fuzz(tree: &Tree, words: &[&str]) -> Option<String> {
    let (command, options) = words.split_first()?;
    if ![
        "build", "check", "cmin", "coverage", "fmt", "list", "run", "tmin",
    ]
    .contains(command)
    {
        return Some(format!("cargo-fuzz has no command `{command}`"));
    }
    let mut names = Vec::new();
    let mut options = options.iter();
    while let Some(word) = options.next() {
        match *word {
            "-s" | "--sanitizer" | "-j" | "--jobs" => drop(options.next()),
            option if option.starts_with('-') => {}
            name => names.push(name),
        }
    }
    names.first().and_then(|name| no_target(tree, name))
}

fn no_target(tree: &Tree, name: &str) -> Option<String> {
    let exists = tree.exists(&format!("fuzz/fuzz_targets/{name}.rs"));
    (!exists).then(|| format!("there is no fuzz target {name}"))
}

/// Returns what is wrong with arguments of `gcrucible`.
fn gcrucible(tree: &Tree, words: &[&str]) -> Option<String> {
    let line = std::iter::once("gcrucible").chain(words.iter().copied());
    if let Err(error) = Arguments::command().try_get_matches_from(line) {
        let asked = matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        );
        let said = error.to_string();
        let first = said.lines().next().unwrap_or_default().to_owned();
        return (!asked).then_some(first);
    }
    words.windows(2).find_map(|pair| match pair[0] {
        "--target" => no_target(tree, pair[1]),
        "--engine" => no_engine(pair[1]),
        "--collector" => no_engine(&format!("runtime:{}", pair[1])),
        _ => None,
    })
}

/// Returns a complaint if no engine has this name, as `--engine` takes it.
pub fn no_engine(name: &str) -> Option<String> {
    let name = name.trim_matches('\'');
    let exists = name == "runtime" || engine::named(name).is_ok() || catalog::names(name);
    (!exists).then(|| format!("there is no engine {name}"))
}

/// Returns true if some subcommand of `gcrucible`, or of one of these, takes this option.
pub fn takes(option: &str) -> bool {
    let name = option.trim_start_matches("--");
    name == "help" || has_option(&Arguments::command(), name)
}

fn has_option(command: &clap::Command, name: &str) -> bool {
    let mut own = command.get_arguments();
    own.any(|argument| argument.get_long() == Some(name))
        || command
            .get_subcommands()
            .any(|inner| has_option(inner, name))
}

fn packages(tree: &Tree) -> Vec<Package> {
    let manifests = tree.iter().filter(|(file, _)| file.ends_with("Cargo.toml"));
    manifests
        .filter_map(|(file, text)| {
            let manifest: toml::Table = text.parse().ok()?;
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            let features = manifest.get("features").and_then(toml::Value::as_table);
            let mut listed = Vec::new();
            for kind in ["example", "test", "bench", "bin"] {
                let entries = manifest.get(kind).and_then(toml::Value::as_array);
                let names = entries
                    .into_iter()
                    .flatten()
                    .filter_map(|e| e.get("name")?.as_str());
                listed.extend(names.map(|name| (kind, name.to_owned())));
            }
            Some(Package {
                name,
                folder: file.trim_end_matches("Cargo.toml").to_owned(),
                features: features
                    .into_iter()
                    .flat_map(|f| f.keys().cloned())
                    .collect(),
                listed,
            })
        })
        .collect()
}

impl Package {
    /// Returns true if the package has an example, a test, ... of this name.
    fn has(&self, tree: &Tree, kind: &str, name: &str) -> bool {
        let folder = match kind {
            "example" => "examples",
            "test" => "tests",
            "bench" => "benches",
            _ => "src/bin",
        };
        let file = format!("{}{folder}/{name}", self.folder);
        self.listed.iter().any(|(k, n)| *k == kind && n == name)
            || tree.exists(&format!("{file}.rs"))
            || tree.exists(&format!("{file}/main.rs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let manifest = "[package]\nname = \"p\"\n[features]\nx = []\n[[bench]]\nname = \"b\"\n";
        Tree::of(&[
            ("p/Cargo.toml", manifest),
            ("p/tests/t.rs", ""),
            ("p/tests/u/main.rs", ""),
            ("p/examples/e.rs", ""),
            ("fuzz/fuzz_targets/sweep.rs", ""),
            (".ci/run", ""),
        ])
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(wrong(&tree(), line).unwrap_or_default(), expected, "{line}");
    }

    #[test]
    fn lines_that_work_pass() {
        for line in [
            "cargo test -p p --test t --test u --features x  # why",
            "cargo run -p p --example e",
            "cargo +nightly miri test -p p",
            "cargo bench -p p --bench b -- --quick",
            "cargo +nightly fuzz run -s none sweep -- -runs=1000",
            "cargo run --release -- fuzz --help",
            "cargo run --release -- replay --target sweep --seed 0x2a",
            "gcrucible run program.wat --invoke main 7 --collector drc",
            "./.ci/run",
            "git status",
        ] {
            check(line, "");
        }
    }

    #[test]
    fn what_does_not_exist_is_found() {
        check("cargo frobnicate", "Cargo has no command `frobnicate` here");
        check("cargo test -p q", "no package is named q");
        check("cargo test -p p --test v", "there is no test v");
        check("cargo run -p p --example t", "there is no example t");
        check("cargo test --features y", "no package has a feature y");
        check(
            "cargo fuzz run -s none swoop",
            "there is no fuzz target swoop",
        );
        check("cargo fuzz walk sweep", "cargo-fuzz has no command `walk`");
        check("tools/run", "tools/run does not exist");
    }

    #[test]
    fn the_program_s_own_definition_decides() {
        check("cargo run -- fizz", "error: unrecognized subcommand 'fizz'");
        check(
            "cargo run -- fuzz --tine 3",
            "error: unexpected argument '--tine' found",
        );
        check(
            "gcrucible wast --engine runtime:cpoying",
            "there is no engine runtime:cpoying",
        );
        check(
            "gcrucible wast --collector drk",
            "there is no engine runtime:drk",
        );
        check(
            "gcrucible fuzz --target swoop",
            "there is no fuzz target swoop",
        );
        assert!(takes("--seed") && !takes("--seeed"));
    }
}
