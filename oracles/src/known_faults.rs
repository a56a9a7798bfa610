//! Known faults of engines. The data is in `adapters/known-faults.toml`.
//!
//! Always: a row belongs to one version of an engine. So a fault is shown again if a new version
//! still has it, or if it comes back.

use std::sync::LazyLock;

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

static KNOWN: LazyLock<Vec<KnownFault>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        fault: Vec<KnownFault>,
    }
    let file: File = toml::from_str(ROWS).expect("known-faults.toml is read by a test");
    file.fault
});

/// Returns the row of a finding, on an engine with this description.
pub fn known(finding: &Finding, description: &str) -> Option<&'static KnownFault> {
    let (word, signature) = (finding.engine_word(), finding.signature());
    KNOWN.iter().find(|fault| {
        fault.engines.iter().any(|engine| engine == word)
            && description.contains(&fault.version)
            && signature.contains(&fault.signature)
    })
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
        let is_known = |finding: Finding, description| known(&finding, description).is_some();
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
        for fault in KNOWN.iter() {
            let full = [&fault.version, &fault.signature, &fault.says];
            assert!(full.iter().all(|text| !text.is_empty()), "{fault:?}");
            assert!(!fault.engines.is_empty(), "{fault:?}");
        }
    }
}
