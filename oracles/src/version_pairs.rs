//! Faults that one version of an engine has and another has not: a benchmark whose answers are
//! known. The data is in `adapters/version-pairs.toml`.
//!
//! Always: a row is only how a fault is recognised. Nothing that looks for faults reads it.

use serde::Deserialize;

const ROWS: &str = include_str!("../adapters/version-pairs.toml");

/// A fault, an engine that has it, and one that has not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionPair {
    /// The name of the row.
    pub name: String,
    /// The engine that has it.
    pub with: String,
    /// The engine that does not have it.
    pub without: String,
    /// The fault, in one line.
    pub says: String,
    /// The address of its report, or of what mended it. Empty if that is not known.
    pub link: String,
    /// By each of these it is recognised.
    pub shows: Vec<Shows>,
}

/// How a fault shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shows {
    /// A part of the finding's signature.
    pub signature: String,
    /// The operation that the finding needs. Empty if the signature is enough.
    pub operation: String,
}

/// Reads rows.
///
/// # Errors
///
/// The text holds no rows.
pub fn read(text: &str) -> Result<Vec<VersionPair>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        pair: Vec<VersionPair>,
    }
    let file: File = toml::from_str(text)?;
    Ok(file.pair)
}

/// Returns the rows that are part of this program.
///
/// # Panics
///
/// The data file is wrong, which a test excludes.
pub fn known() -> Vec<VersionPair> {
    read(ROWS).expect("version-pairs.toml is read by a test")
}

impl VersionPair {
    /// Returns true if the row is about this engine, which may have further flags.
    pub fn is_about(&self, engine: &str) -> bool {
        let rest = engine.strip_prefix(&self.with);
        rest.is_some_and(|flags| flags.is_empty() || flags.starts_with(':'))
    }

    /// Returns the engine without the fault, with the flags that `engine` has.
    pub fn healthy(&self, engine: &str) -> String {
        let flags = engine.strip_prefix(&self.with).unwrap_or_default();
        format!("{}{flags}", self.without)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::foreign::catalog;

    #[test]
    fn rows_are_complete_and_their_engines_have_names() {
        let rows = known();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        for row in &rows {
            assert!(!row.says.is_empty() && !row.shows.is_empty(), "{row:?}");
            assert!(
                catalog::names(&row.with) && catalog::names(&row.without),
                "{row:?}"
            );
            assert!(
                row.shows.iter().all(|shows| !shows.signature.is_empty()),
                "{row:?}"
            );
        }
    }

    #[test]
    fn flags_stay_on_the_other_version() {
        let row = &known()[0];
        assert!(row.is_about("wasmtime-c:36.0.0"));
        assert!(row.is_about("wasmtime-c:36.0.0:speed"));
        assert!(!row.is_about("wasmtime-c:36.0.01"));
        assert!(!row.is_about("wasmtime-c:37.0.0"));
        assert_eq!(
            row.healthy("wasmtime-c:36.0.0:speed"),
            "wasmtime-c:37.0.0:speed"
        );
    }
}
