//! Known faults of engines. The data is in `adapters/known-faults.toml`, and in files of the same
//! form that the user names.
//!
//! Always: a row belongs to one version of an engine. So a fault is shown again if a new version
//! still has it, or if it comes back.

use serde::Deserialize;

use crate::finding::Finding;

const ROWS: &str = include_str!("../adapters/known-faults.toml");

/// A known fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFault {
    /// First words of the names of engines that have it.
    pub engines: Vec<String>,
    /// A part of the engine's description ([`Engine::describe`](crate::engine::Engine::describe)).
    pub version: String,
    /// A part of the finding's signature.
    pub signature: String,
    /// The fault, in one line.
    pub says: String,
    /// The address of the report. Empty if that is not known.
    pub link: String,
}

/// Returns the rows of a file.
///
/// # Errors
///
/// The text is no such file.
pub fn read(text: &str) -> Result<Vec<KnownFault>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        fault: Vec<KnownFault>,
    }
    let file: File = toml::from_str(text)?;
    Ok(file.fault)
}

/// Returns the rows that are part of this program.
///
/// # Panics
///
/// The data file is wrong, which a test excludes.
pub fn built_in() -> Vec<KnownFault> {
    read(ROWS).expect("known-faults.toml is read by a test")
}

impl KnownFault {
    /// Returns true if a finding is this fault, on an engine with this description.
    pub fn is(&self, finding: &Finding, description: &str) -> bool {
        let word = finding.engine_word();
        self.engines.iter().any(|engine| engine == word)
            && description.contains(&self.version)
            && finding.signature().contains(&self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Aspect, Described, Difference, Symptom};

    fn refused(engine: &str, words: &str) -> Finding {
        let difference = Difference {
            excess: None,
            aspect: Aspect::Load,
            path: String::new(),
            expected: Described::plain("returned"),
            actual: Described::new("", format!("rejected: invalid: {words}")),
        };
        Finding::new(engine, None, Symptom::Differs(difference))
    }

    #[test]
    fn a_row_is_for_its_engine_its_version_and_its_signature() {
        let words = "WebAssembly Module doesn validate ref func index isn";
        let rows = built_in();
        let is_known = |finding: Finding, description| {
            let mut rows = rows.iter();
            rows.any(|row| row.is(&finding, description))
        };
        let (old, new) = (
            "bun (jsc Bun 1.4.5, WebKit d)",
            "bun (jsc Bun 1.5.0, WebKit d)",
        );
        assert!(is_known(refused("bun:no-omg", words), old));
        assert!(!is_known(refused("bun", words), new));
        assert!(!is_known(refused("v8", words), old));
        assert!(!is_known(refused("bun", "another reason"), old));
    }

    #[test]
    fn every_row_says_what_it_is() {
        for fault in built_in() {
            let full = [&fault.version, &fault.signature, &fault.says];
            assert!(full.iter().all(|text| !text.is_empty()), "{fault:?}");
            assert!(!fault.engines.is_empty(), "{fault:?}");
        }
    }
}
