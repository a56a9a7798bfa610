//! Wasmtime through its shared library with the C interface.
//!
//! A name is `wasmtime-c`, then a version or the path of a library, then flags:
//! `wasmtime-c:50.0.1:speed`, `wasmtime-c:/home/me/libwasmtime.so`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::wasmtime::{self, Build, From};
use super::{Launch, NotKnown, Places, names_in, near};

/// The first word of the names.
pub const WORD: &str = "wasmtime-c";

/// What a configuration may name, and what each flag does, in one line.
pub const FLAGS: &[(&str, &str)] = &[
    (SPEED, "Cranelift optimises for speed"),
    (
        SINGLE_PASS,
        "register allocation in one pass, from version 37 on: the default unless it optimises",
    ),
    (
        BACKTRACKING,
        "register allocation as by default, which takes longer",
    ),
];

const SPEED: &str = "speed";

const SINGLE_PASS: &str = "single-pass";

const BACKTRACKING: &str = "backtracking";

/// The adapter in Python, without what it knows of the library: the material of reproductions.
pub const DRIVER: &str = include_str!("../../../adapters/python/driver.py");

/// What the adapter in Python knows of the library.
pub const INTERFACE: &str = include_str!("../../../adapters/python/c_interface.py");

/// Returns the shared library of a version that was installed.
pub fn library(version: &str, places: &Places) -> PathBuf {
    let folder = places.cache.join(WORD).join(version);
    folder.join("wasmtime/linux-x86_64/_libwasmtime.so")
}

/// Returns the versions whose library was installed, in order.
pub fn versions(places: &Places) -> Vec<String> {
    let names = names_in(&places.cache.join(WORD));
    let is_there = |name: &String| library(name, places).is_file();
    let mut versions: Vec<String> = names.filter(is_there).collect();
    versions.sort();
    versions
}

/// A library, and how an engine in it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The file.
    pub library: PathBuf,
    /// The version of the package that has it, if it comes from one.
    pub version: Option<String>,
    /// The flags.
    pub flags: Vec<String>,
}

/// Reads a name without its first word.
fn read(rest: &str, places: &Places) -> Result<Linked, NotKnown> {
    let mut words = rest.split(':');
    let which = words.next().unwrap_or_default();
    let is_path = which.contains('/');
    let linked = Linked {
        library: if is_path {
            Path::new(which).to_owned()
        } else {
            library(which, places)
        },
        version: (!is_path).then(|| which.to_owned()),
        flags: words.map(str::to_owned).collect(),
    };
    if !linked.library.is_file() {
        return Err(NotKnown::Absent {
            engine: format!("{WORD}:{which}"),
            advice: if is_path {
                "there is no such file".to_owned()
            } else {
                format!("`gcrucible engine install {WORD}:{which}` fetches it")
            },
        });
    }
    let known = |flag: &str| FLAGS.iter().any(|(known, _)| *known == flag);
    match linked.flags.iter().find(|flag| !known(flag)) {
        None => Ok(linked),
        Some(flag) => Err(NotKnown::Flag {
            engine: WORD.to_owned(),
            flag: flag.clone(),
            nearest: near(
                flag,
                FLAGS.iter().map(|(flag, _)| (*flag).to_owned()).collect(),
            ),
        }),
    }
}

/// How the adapter with this name, without its first word, is started.
///
/// # Errors
///
/// The library is not there, or a word is no flag.
pub fn launch(rest: &str, places: &Places) -> Result<Launch, NotKnown> {
    let linked = read(rest, places)?;
    let mut command = vec![places.server.clone().into_os_string()];
    command.extend(["engine", "serve", WORD].map(OsString::from));
    command.push(linked.library.into_os_string());
    let flags = linked.flags.iter();
    command.extend(flags.map(|flag| OsString::from(format!("--{flag}"))));
    Ok(Launch {
        command,
        variables: BTreeMap::new(),
        version_library: None,
    })
}

/// Returns the library that stands for an engine: its own, or for one that was built the library of
/// the same version, or else of one with the same first number. `None` if there is none, or if the
/// C interface lacks something that the name asks for.
pub fn standing_for(name: &str, places: &Places) -> Option<Linked> {
    let (word, rest) = name.split_once(':').unwrap_or((name, ""));
    match word {
        WORD => read(rest, places).ok(),
        wasmtime::WORD => {
            let (build, flags) = Build::read(rest).ok()?;
            let version = match build {
                None => wasmtime::versions(places).pop()?,
                Some(Build {
                    wasmtime: From::Version(version),
                    zeal: false,
                }) => version,
                Some(_) => return None,
            };
            let first = |version: &str| version.split('.').next().map(str::to_owned);
            let here = versions(places);
            let mut like = here.iter().filter(|found| first(found) == first(&version));
            let found = here.iter().find(|found| **found == version);
            let version = found.or(like.next_back())?.clone();
            // Every version that is known to this file counts references unless told otherwise.
            let flags = flags.into_iter().filter(|flag| flag != "drc");
            let linked = Linked {
                library: library(&version, places),
                version: Some(version),
                flags: flags.collect(),
            };
            let known = |flag: &String| FLAGS.iter().any(|(known, _)| known == flag);
            linked.flags.iter().all(known).then_some(linked)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_stands_for_an_engine_that_was_built() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places {
            cache: folder.path().to_owned(),
            server: PathBuf::new(),
            driver: PathBuf::new(),
        };
        for version in ["36.0.0", "48.0.0", "48.0.2"] {
            let file = library(version, &places);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, "").expect("a file");
        }
        let version = |name: &str| standing_for(name, &places)?.version;
        assert_eq!(
            version("wasmtime-c:36.0.0:speed").as_deref(),
            Some("36.0.0")
        );
        assert_eq!(version("wasmtime:48.0.0:drc").as_deref(), Some("48.0.0"));
        assert_eq!(
            version("wasmtime:48.0.8:drc:speed").as_deref(),
            Some("48.0.2")
        );
        let none = [
            "wasmtime:48.0.8:copying",
            "wasmtime:/checkout",
            "wasmtime:37.0.0",
            "v8",
        ];
        for name in none {
            assert_eq!(version(name), None, "{name}");
        }
        let flags = standing_for("wasmtime:36.0.0:drc:speed", &places).map(|found| found.flags);
        assert_eq!(flags, Some(vec!["speed".to_owned()]));
    }
}
