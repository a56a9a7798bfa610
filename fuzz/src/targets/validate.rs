//! Bytes that may or may not be a module: the reference, the runtime and `wasmparser` accept the
//! same.
//!
//! The input makes a valid module; [`MUTANTS`] times its bytes are damaged in a few places, so that
//! most mutants fail in one rule and not at the first byte. Nothing is compiled, except now and
//! then a mutant that all accept. Of the runtime, one configuration is asked: they share their
//! validator.
//!
//! A difference that is a limit of an implementation (specification, appendix A.2) is permitted,
//! and counted by its name.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_oracles::engine::{Engine, Setup};
use gcrucible_oracles::outcome::{Outcome, Why};
use wasmparser::{Validator, WasmFeatures};

use super::run::Fault;
use super::{Ran, Rig, Subject, Target};
use crate::generate::source::{Source, expand};
use crate::generate::{Focus, smith};
use crate::input::Input;
use crate::mutate::bytes::Parts;

/// See the module.
pub static TARGET: Target = Target {
    name: "validate",
    hunts: "any bytes: runtime, reference and wasmparser accept the same modules",
    share: 1,
    subject: test_case,
    check,
};

/// Mutants of one input.
pub const MUTANTS: u64 = 1000;

/// One of so many mutants that all accept is compiled.
const COMPILED: usize = 4000;

/// Everything in WebAssembly 3.0; `wasmparser` counts threads in, the specification does not.
const FEATURES: WasmFeatures = WasmFeatures::WASM3.difference(WasmFeatures::THREADS);

fn test_case(input: &Input) -> Subject {
    let choices = input.choices();
    let number = input.number();
    // Small modules: a change in one of them more often meets something that matters, and costs
    // less.
    let few = |most| &choices[..choices.len().min(most)];
    let module = match number % 3 {
        0 => smith::generate(few(300)).map(|m| m.wasm),
        _ => None,
    };
    let module = module.or_else(|| {
        let focus = match number % 2 {
            0 => Focus::Types,
            _ => Focus::Any,
        };
        let program = crate::generate::generate(few(120), focus);
        let mut modules = program.encode().ok()?;
        // The last one has imports.
        modules.pop()
    });
    Subject::bytes(input, module.unwrap_or_default())
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = Ran::default();
    let Some(parts) = Parts::of(&subject.case.modules[0].wasm) else {
        ran.skipped = Some("no module to damage".to_owned());
        return ran;
    };
    let Some(engine) = rig.engines.first() else {
        ran.skipped = Some("no engine".to_owned());
        return ran;
    };
    for mutant in 0..MUTANTS {
        let bytes = expand(subject.number ^ mutant << 40 ^ 0x5eed, 64);
        let mut src = Source::new(&bytes);
        let wasm = parts.damaged(&mut src);
        let sides = Sides::of(&wasm, rig.reference.as_ref(), engine.as_ref());
        if let Err(fault) = sides.judge(&mut ran) {
            ran.fault = Some(fault.with(mutant, &wasm, subject));
            return ran;
        }
        if sides.all_accept() && subject.draw(COMPILED) == mutant as usize % COMPILED {
            let engine = &rig.engines[subject.draw(rig.engines.len())];
            *ran.counts.entry("mutants compiled".to_owned()).or_default() += 1;
            if let Err(fault) = compiles(engine.as_ref(), subject, &wasm) {
                ran.fault = Some(fault.with(mutant, &wasm, subject));
                return ran;
            }
        }
    }
    ran
}

/// What each side says of a module.
struct Sides {
    reference: Outcome,
    runtime: Outcome,
    engine: String,
    /// The words with which `wasmparser` refuses it.
    wasmparser: Result<(), String>,
}

/// A difference, before it is known which module it is about.
struct Difference {
    engine: String,
    title: &'static str,
    detail: String,
}

impl Sides {
    fn of(wasm: &[u8], reference: &dyn Engine, runtime: &dyn Engine) -> Sides {
        let mut validator = Validator::new_with_features(FEATURES);
        let wasmparser = validator.validate_all(wasm);
        let reference = catch_unwind(AssertUnwindSafe(|| reference.validate(wasm)));
        Sides {
            reference: reference
                .unwrap_or_else(|_| Outcome::Crashed("the reference panicked".to_owned())),
            runtime: runtime.validate(wasm),
            engine: runtime.name(),
            wasmparser: wasmparser.map(drop).map_err(|why| why.to_string()),
        }
    }

    fn all_accept(&self) -> bool {
        let accepts = |outcome: &Outcome| accepted(outcome) == Some(true);
        accepts(&self.reference) && accepts(&self.runtime) && self.wasmparser.is_ok()
    }

    /// Compares, and counts what was compared.
    fn judge(&self, ran: &mut Ran) -> Result<(), Difference> {
        let mut count = |what: String| *ran.counts.entry(what).or_default() += 1;
        let theirs = self.wasmparser.is_ok();
        for (engine, outcome) in [
            ("reference", &self.reference),
            (self.engine.as_str(), &self.runtime),
        ] {
            match accepted(outcome) {
                Some(ours) if ours == theirs => {}
                Some(ours) => {
                    if let Some(limit) = limit(&self.runtime) {
                        count(format!("permitted: limit of wasmparser: {limit}"));
                        continue;
                    }
                    let title = if ours {
                        "accepts what is not valid"
                    } else {
                        "rejects what is valid"
                    };
                    return Err(self.difference(engine, title));
                }
                None if limit(outcome).is_some() => {
                    if theirs {
                        count(format!(
                            "permitted: limit of {engine}: {}",
                            limit(outcome).unwrap_or_default()
                        ));
                    }
                }
                None => return Err(self.difference(engine, "ends as no load ends")),
            }
            ran.stats.steps += 1;
        }
        let verdict = match (theirs, &self.reference) {
            (true, _) => "mutants accepted",
            (false, Outcome::Rejected(r)) if r.why == Why::Invalid => "mutants invalid",
            (false, _) => "mutants malformed",
        };
        count(verdict.to_owned());
        Ok(())
    }

    fn difference(&self, engine: &str, title: &'static str) -> Difference {
        let theirs = match &self.wasmparser {
            Ok(()) => "accepts it".to_owned(),
            Err(why) => format!("rejects it: {why}"),
        };
        Difference {
            engine: engine.to_owned(),
            title,
            detail: format!(
                "reference: {}\n{}: {}\nwasmparser {theirs}",
                self.reference, self.engine, self.runtime
            ),
        }
    }
}

/// Whether an engine accepts a module; none if it did not say.
fn accepted(outcome: &Outcome) -> Option<bool> {
    match outcome {
        Outcome::Returned(_) => Some(true),
        Outcome::Rejected(r) if matches!(r.why, Why::Malformed | Why::Invalid) => Some(false),
        _ => None,
    }
}

/// The limit beyond which an engine refused a module, without its numbers.
fn limit(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Rejected(r) if r.why == Why::Limit => Some(words(&r.detail, 8)),
        _ => None,
    }
}

/// The first words of a text: numbers and quoted names change from input to input.
fn words(text: &str, most: usize) -> String {
    let words = text.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = words.filter(|w| w.len() > 2).take(most).collect();
    words.join(" ")
}

/// A mutant that all accept can be loaded.
fn compiles(engine: &dyn Engine, subject: &Subject, wasm: &[u8]) -> Result<(), Difference> {
    let outcome = match engine.open(&Setup::of(&subject.case)) {
        Ok(mut session) => session.load(wasm),
        Err(why) => Outcome::Crashed(why),
    };
    match &outcome {
        Outcome::Returned(_) | Outcome::Unsupported(_) | Outcome::Exhausted(_) => Ok(()),
        Outcome::Rejected(r) if r.why == Why::Limit => Ok(()),
        _ => Err(Difference {
            engine: engine.name(),
            title: "does not load what is valid",
            detail: outcome.to_string(),
        }),
    }
}

impl Difference {
    fn with(self, mutant: u64, wasm: &[u8], subject: &Subject) -> Fault {
        let Difference {
            engine,
            title,
            detail,
        } = self;
        let text = wasmprinter::print_bytes(wasm).unwrap_or_default();
        let bytes: String = wasm.iter().map(|b| format!("\\{b:02x}")).collect();
        Fault {
            signature: format!("load: {title}: {}", words(&detail, 24)),
            text: format!(
                "{engine} {title}\n{detail}\n\nmutant {mutant}:\n(module binary \"{bytes}\")\n{text}\n\nof:\n{subject}"
            ),
            title: format!("{engine} {title}"),
            engine,
            header: Vec::new(),
            place: None,
        }
    }
}

#[test]
fn smoke() {
    super::smoke(&TARGET, 10);
}

#[test]
fn a_difference_is_seen_and_a_limit_is_permitted() {
    let sides = |reference, runtime, wasmparser: Result<(), &str>| Sides {
        reference,
        runtime,
        engine: "runtime".to_owned(),
        wasmparser: wasmparser.map_err(str::to_owned),
    };
    let accepts = || Outcome::Returned(vec![]);
    let rejects = || Outcome::rejected(Why::Invalid, "unknown type 7");
    let limit = || Outcome::rejected(Why::Limit, "over a limit: 51 exceeds the limit of 50");
    let table = [
        (
            sides(accepts(), accepts(), Ok(())),
            true,
            "mutants accepted",
        ),
        (
            sides(rejects(), rejects(), Err("")),
            true,
            "mutants invalid",
        ),
        (sides(accepts(), rejects(), Err("")), false, ""),
        (sides(rejects(), accepts(), Ok(())), false, ""),
        (sides(accepts(), accepts(), Err("")), false, ""),
        (
            sides(accepts(), limit(), Err("")),
            true,
            "permitted: limit of wasmparser: over limit exceeds the limit",
        ),
        (
            sides(accepts(), limit(), Ok(())),
            true,
            "permitted: limit of runtime: over limit exceeds the limit",
        ),
        (
            sides(Outcome::Crashed(String::new()), rejects(), Err("")),
            false,
            "",
        ),
    ];
    for (sides, good, counted) in table {
        let mut ran = Ran::default();
        assert_eq!(sides.judge(&mut ran).is_ok(), good, "{:?}", sides.reference);
        assert!(
            counted.is_empty() || ran.counts.contains_key(counted),
            "{:?}",
            ran.counts
        );
    }
}
