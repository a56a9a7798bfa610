//! The adapters for Wasmtime through its Rust interface: a program for each version, which is built
//! from one source.
//!
//! A name is `wasmtime`, then a version or the folder of a checkout, then flags:
//! `wasmtime:48.0.8:copying:speed`, `wasmtime:/home/me/wasmtime:drc`. Without a version it is the
//! newest one that is installed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Launch, NotKnown, Places, names_in};
use crate::nearest;

/// The first word of the names.
pub const WORD: &str = "wasmtime";

/// What a configuration may name, and what each flag does, in one line. The adapter reads the same
/// words.
pub const FLAGS: &[(&str, &str)] = &[
    ("null", "no collection"),
    ("drc", "deferred reference counting"),
    ("copying", "the copying collector, from version 45 on"),
    ("speed", "Cranelift optimises for speed"),
    ("size", "Cranelift optimises for speed and size"),
    (
        "single-pass",
        "register allocation in one pass, from version 37 on: the default unless it optimises",
    ),
    (
        "backtracking",
        "register allocation as by default, which takes longer",
    ),
    ("pooling", "the pooling allocator"),
    (
        "eager",
        "tables are filled when they are made, not when they are read",
    ),
    ("explicit", "traps by explicit checks, not by signals"),
    (
        "bounds",
        "memories without reservations, which move when they grow",
    ),
    ("fuel", "compiled code consumes fuel"),
    (
        "epochs",
        "compiled code looks at the epoch, and its deadline has always passed",
    ),
    (
        "async",
        "calls are asynchronous; with fuel or epochs they yield all the time",
    ),
    (
        ZEAL,
        "the heap checks itself and collects often, from version 45 on; a build of its own",
    ),
];

const ZEAL: &str = "zeal";

/// Features of the crate that are not in every version, and the first major version that has them.
const LATE_FEATURES: &[(&str, u64)] = &[("gc-copying", 45)];

/// A program of the adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Which Wasmtime.
    pub wasmtime: From,
    /// Whether it is built with `--cfg gc_zeal`.
    pub zeal: bool,
}

/// Where a Wasmtime comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// From the registry.
    Version(String),
    /// From the folder of a checkout.
    Checkout(PathBuf),
}

impl From {
    /// Reads the second word of a name, if it is a version or a path.
    pub(super) fn read(word: &str) -> Option<From> {
        if word.contains('/') {
            return Some(From::Checkout(PathBuf::from(word)));
        }
        let is_version = word.starts_with(|c: char| c.is_ascii_digit());
        is_version.then(|| From::Version(word.to_owned()))
    }

    /// The word of a name.
    fn word(&self) -> String {
        match self {
            From::Version(version) => version.clone(),
            From::Checkout(path) => path.display().to_string(),
        }
    }
}

impl Build {
    /// The words of a name, without the first: which program, if one is named, and the flags.
    ///
    /// # Errors
    ///
    /// A word is no flag.
    pub fn read(rest: &str) -> Result<(Option<Build>, Vec<String>), NotKnown> {
        let mut words = rest.split(':').filter(|word| !word.is_empty()).peekable();
        let wasmtime = words.peek().and_then(|word| From::read(word));
        if wasmtime.is_some() {
            words.next();
        }
        let flags: Vec<String> = words.map(str::to_owned).collect();
        let known = || FLAGS.iter().map(|(flag, _)| *flag);
        if let Some(flag) = flags
            .iter()
            .find(|flag| !known().any(|known| known == *flag))
        {
            return Err(NotKnown::Flag {
                engine: WORD.to_owned(),
                flag: flag.clone(),
                nearest: nearest::nearest(flag, known()).map(str::to_owned),
            });
        }
        let zeal = flags.iter().any(|flag| flag == ZEAL);
        Ok((wasmtime.map(|wasmtime| Build { wasmtime, zeal }), flags))
    }

    /// The name by which it is installed.
    pub fn name(&self) -> String {
        let zeal = if self.zeal { ":zeal" } else { "" };
        format!("{WORD}:{}{zeal}", self.wasmtime.word())
    }

    /// The folder it is built in.
    pub fn folder(&self, places: &Places) -> PathBuf {
        let name = match &self.wasmtime {
            From::Version(version) => version.clone(),
            From::Checkout(path) => {
                let words: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                words.join("_").replace('/', "")
            }
        };
        let zeal = if self.zeal { "-zeal" } else { "" };
        places.cache.join(WORD).join(format!("{name}{zeal}"))
    }

    /// The program, once it is built.
    pub fn program(&self, places: &Places) -> PathBuf {
        self.folder(places)
            .join("target/release/gcrucible-wasmtime")
    }
}

/// The versions that were installed, the newest last, and without zeal.
pub fn versions(places: &Places) -> Vec<String> {
    let mut versions: Vec<String> = names_in(&places.cache.join(WORD))
        .filter(|name| numbers(name).is_some())
        .filter(|name| of_version(name).program(places).is_file())
        .collect();
    versions.sort_by_key(|name| numbers(name));
    versions
}

fn of_version(version: &str) -> Build {
    Build {
        wasmtime: From::Version(version.to_owned()),
        zeal: false,
    }
}

/// The numbers of a version.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|word| word.parse().ok()).collect()
}

/// How the adapter with this name, without its first word, is started.
///
/// # Errors
///
/// A word is no flag, or the program was not built.
pub fn launch(rest: &str, places: &Places) -> Result<Launch, NotKnown> {
    let (build, flags) = Build::read(rest)?;
    let newest = || {
        let version = versions(places).pop();
        let zeal = flags.iter().any(|flag| flag == ZEAL);
        version.map(|version| Build {
            zeal,
            ..of_version(&version)
        })
    };
    let build = build.or_else(newest).ok_or_else(|| NotKnown::Absent {
        engine: WORD.to_owned(),
        advice: format!("`gcrucible engine install {WORD}:VERSION` builds one"),
    })?;
    let program = build.program(places);
    if !program.is_file() {
        return Err(NotKnown::Absent {
            engine: build.name(),
            advice: format!("`gcrucible engine install {}` builds it", build.name()),
        });
    }
    let mut command = vec![program.into_os_string()];
    command.extend(flags.iter().map(OsString::from));
    Ok(Launch {
        command,
        variables: BTreeMap::new(),
        version_library: None,
    })
}

/// Why no package can be made for a version.
#[derive(Debug, thiserror::Error)]
pub enum NoPackage {
    /// A manifest is not one.
    #[error("{0}")]
    Manifest(#[from] toml::de::Error),
    /// A manifest lacks something.
    #[error("the manifest has no {0}")]
    Lacks(&'static str),
    /// A version does not begin with a number.
    #[error("{0:?} is no version")]
    Version(String),
}

/// The manifest of the adapter's package for another Wasmtime: `manifest` is that of the sources,
/// which lie in `sources`, and `theirs` is that of the checkout's workspace, if it is one.
///
/// # Errors
///
/// A manifest does not have what it must have, or the version is none.
pub fn package(
    manifest: &str,
    sources: &Path,
    wasmtime: &From,
    theirs: Option<&str>,
) -> Result<String, NoPackage> {
    let mut package: toml::Table = manifest.parse()?;
    let path = |below: &str| toml::Value::String(sources.join(below).display().to_string());
    set(&mut package, "package", "build", path("build.rs"))?;
    let bins = package.get_mut("bin").and_then(toml::Value::as_array_mut);
    let bin = bins
        .and_then(|bins| bins.first_mut())
        .and_then(toml::Value::as_table_mut);
    bin.ok_or(NoPackage::Lacks("program"))?
        .insert("path".to_owned(), path("src/main.rs"));
    let dependencies = package.get_mut("dependencies");
    let dependencies = dependencies.and_then(toml::Value::as_table_mut);
    let dependencies = dependencies.ok_or(NoPackage::Lacks("dependencies"))?;
    for (_, dependency) in dependencies.iter_mut() {
        if let Some(found) = dependency.get_mut("path")
            && let Some(below) = found.as_str()
        {
            *found = path(below);
        }
    }
    let version = match (wasmtime, theirs) {
        (From::Version(version), _) => version.clone(),
        (From::Checkout(_), theirs) => checkout_version(theirs.unwrap_or_default())?,
    };
    let major = version.split('.').next().and_then(|word| word.parse().ok());
    let major: u64 = major.ok_or_else(|| NoPackage::Version(version.clone()))?;
    let dependency = dependencies
        .get_mut(WORD)
        .and_then(toml::Value::as_table_mut);
    let dependency = dependency.ok_or(NoPackage::Lacks("dependency \"wasmtime\""))?;
    dependency.insert("version".to_owned(), format!("={version}").into());
    if let From::Checkout(folder) = wasmtime {
        let path = folder.join("crates/wasmtime").display().to_string();
        dependency.insert("path".to_owned(), path.into());
    }
    if let Some(features) = dependency
        .get_mut("features")
        .and_then(toml::Value::as_array_mut)
    {
        let late = |feature: &str| {
            let row = LATE_FEATURES.iter().find(|(name, _)| *name == feature);
            row.is_some_and(|(_, since)| major < *since)
        };
        features.retain(|feature| !feature.as_str().is_some_and(late));
    }
    Ok(package.to_string())
}

fn set(
    package: &mut toml::Table,
    table: &'static str,
    key: &str,
    value: toml::Value,
) -> Result<(), NoPackage> {
    let found = package.get_mut(table).and_then(toml::Value::as_table_mut);
    found
        .ok_or(NoPackage::Lacks(table))?
        .insert(key.to_owned(), value);
    Ok(())
}

/// The version of a checkout.
fn checkout_version(manifest: &str) -> Result<String, NoPackage> {
    let manifest: toml::Table = manifest.parse()?;
    let found = ["workspace", "package", "version"];
    let mut found = found.iter();
    let first = found.next().and_then(|key| manifest.get(*key));
    let version = found.fold(first, |table, key| table?.get(*key));
    let version = version.and_then(toml::Value::as_str);
    Ok(version
        .ok_or(NoPackage::Lacks("version of its packages"))?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../../adapters/wasmtime/Cargo.toml");

    fn places(cache: &Path) -> Places {
        Places {
            cache: cache.to_owned(),
            server: PathBuf::from("/bin/gcrucible"),
            driver: PathBuf::from("/driver.mjs"),
        }
    }

    fn made(wasmtime: &From, theirs: Option<&str>) -> toml::Table {
        let sources = Path::new("/src/wasmtime");
        let package = package(MANIFEST, sources, wasmtime, theirs).expect("a package");
        package.parse().expect("a manifest")
    }

    #[test]
    fn a_package_for_a_version_has_the_features_of_that_version() {
        let features = |version: &str| {
            let package = made(&From::Version(version.to_owned()), None);
            let dependency = &package["dependencies"]["wasmtime"];
            assert_eq!(
                dependency["version"].as_str(),
                Some(&*format!("={version}"))
            );
            dependency["features"].to_string()
        };
        assert!(features("48.0.8").contains("gc-copying"));
        assert!(!features("36.0.0").contains("gc-copying"));
        assert!(features("36.0.0").contains("gc-drc"));
    }

    #[test]
    fn a_package_for_a_checkout_names_its_folder_and_our_sources() {
        let checkout = From::Checkout(PathBuf::from("/home/me/wasmtime"));
        let theirs = "[workspace.package]\nversion = \"49.0.0\"\n";
        let package = made(&checkout, Some(theirs));
        let dependencies = &package["dependencies"];
        let path = |of: &toml::Value| of["path"].as_str().map(str::to_owned);
        assert_eq!(
            path(&dependencies["wasmtime"]).as_deref(),
            Some("/home/me/wasmtime/crates/wasmtime")
        );
        let ours = path(&dependencies["gcrucible-protocol"]);
        assert_eq!(ours.as_deref(), Some("/src/wasmtime/../../protocol"));
        assert_eq!(
            path(&package["bin"][0]).as_deref(),
            Some("/src/wasmtime/src/main.rs")
        );
    }

    #[test]
    fn names_become_commands() {
        let cache = tempfile::tempdir().expect("a folder");
        let places = places(cache.path());
        for version in ["9.0.0", "36.0.0", "48.0.8"] {
            let program = of_version(version).program(&places);
            std::fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
            std::fs::write(program, "").expect("a file");
        }
        assert_eq!(versions(&places), ["9.0.0", "36.0.0", "48.0.8"]);
        let command = |rest: &str| launch(rest, &places).expect(rest).command;
        let named = command("36.0.0:drc:speed");
        assert_eq!(named[0], of_version("36.0.0").program(&places));
        assert_eq!(named[1..], ["drc", "speed"]);
        assert_eq!(command("copying")[0], of_version("48.0.8").program(&places));
        let why = |rest: &str| launch(rest, &places).expect_err(rest).to_string();
        assert!(why("48.0.8:sped").contains("did you mean \"speed\""));
        assert!(why("37.0.0").contains("engine install wasmtime:37.0.0"));
        assert!(why("48.0.8:zeal").contains("engine install wasmtime:48.0.8:zeal"));
    }
}
