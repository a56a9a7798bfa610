//! Bytes that may or may not be a module: the reference, the runtime and `wasmparser` must accept
//! the same ones.
//!
//! The input makes a valid module. Its bytes are damaged in [`MUTANTS`] ways, each time in a few
//! places, so that most mutants break one rule and do not fail at the first byte. One mutant in
//! many that all sides accept is compiled as well. Only one configuration of the runtime is asked,
//! because all of them share a validator.
//!
//! Engines that the user named get some of these modules as one case without steps, so
//! that what they refuse is compared as for every case.
//!
//! If a side refuses a module because of an implementation limit (specification, appendix
//! "Implementation Limitations"), the difference is permitted and counted by the limit's name.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_oracles::case::{Case, CaseModule};
use gcrucible_oracles::engine::{Engine, Setup};
use gcrucible_oracles::finding::{Aspect, Described, Difference, Finding, Symptom};
use gcrucible_oracles::outcome::{Outcome, Why};
use wasmparser::{Validator, WasmFeatures};

use super::features::Edges;
use super::rig::Rig;
use super::run::Ran;
use super::subject::Subject;
use super::target::Target;
use crate::generate::source::{Source, expand};
use crate::generate::{Focus, Without, smith};
use crate::input::Input;
use crate::mutate::bytes::Parts;

/// See the module.
pub static TARGET: Target = Target {
    name: "validate",
    hunts: "any bytes: runtime, reference and wasmparser accept the same modules",
    share: 1,
    edges: Edges::Each,
    subject: test_case,
    for_named: Some(mutants),
    check,
};

/// Mutants of one input.
pub const MUTANTS: u64 = 1000;

/// Mutants in a case for engines that the user named.
const NAMED_MUTANTS: u64 = 64;

/// One in this many mutants that all sides accept is compiled.
const COMPILED: usize = 4000;

/// Everything in WebAssembly 3.0. `wasmparser` includes threads, the specification does not.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM3.difference(WasmFeatures::THREADS);

fn test_case(input: &Input, without: Without) -> Subject {
    let choices = input.choices();
    let number = input.number();
    // Small modules, because a change in one of them is more likely to matter, and costs less.
    let few = |most| &choices[..choices.len().min(most)];
    let module = match number % 3 {
        0 => smith::generate(few(300), without).map(|m| m.wasm),
        _ => None,
    };
    let module = module.or_else(|| {
        let focus = match number % 2 {
            0 => Focus::Types,
            _ => Focus::Any,
        };
        let program = crate::generate::generate(few(120), focus, without);
        let mut modules = program.encode().ok()?;
        // The last one has imports.
        modules.pop()
    });
    Subject::bytes(input, module.unwrap_or_default())
}

/// Returns a mutant of a module, always the same for a subject and a number.
fn damaged(parts: &Parts, subject: &Subject, mutant: u64) -> Vec<u8> {
    let bytes = expand(subject.number ^ mutant << 40 ^ 0x5eed, 64);
    parts.damaged(&mut Source::new(&bytes))
}

/// Returns a case whose modules are mutants of the subject's module. A mutant is left out if it is
/// valid only with a proposal that is not part of WebAssembly 3.0, because an engine may have it.
fn mutants(subject: Subject) -> Subject {
    let Some(parts) = Parts::of(&subject.case.modules[0].wasm) else {
        return subject;
    };
    let is_valid = |wasm: &[u8], features| {
        let mut validator = Validator::new_with_features(features);
        validator.validate_all(wasm).is_ok()
    };
    let modules = (0..NAMED_MUTANTS)
        .map(|mutant| damaged(&parts, &subject, mutant))
        .filter(|wasm| is_valid(wasm, FEATURES) == is_valid(wasm, WasmFeatures::all()))
        .map(|wasm| CaseModule {
            name: String::new(),
            wasm,
        })
        .collect();
    Subject {
        case: Case {
            modules,
            ..subject.case
        },
        ..subject
    }
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
        let wasm = damaged(&parts, subject, mutant);
        let sides = Sides::of(&wasm, rig.reference.as_ref(), engine.as_ref());
        if let Some(why) = engine.unavailable() {
            ran.unavailable = Some(why);
            return ran;
        }
        if let Err(difference) = sides.judge(&mut ran) {
            ran.finding = Some(difference.with(mutant, &wasm));
            return ran;
        }
        if sides.all_accept() && subject.draw(COMPILED) == mutant as usize % COMPILED {
            let engine = &rig.engines[subject.draw(rig.engines.len())];
            *ran.counts.entry("mutants compiled".to_owned()).or_default() += 1;
            let compiled = compiles(engine.as_ref(), subject, &wasm);
            if let Some(why) = engine.unavailable() {
                ran.unavailable = Some(why);
                return ran;
            }
            if let Err(difference) = compiled {
                ran.finding = Some(difference.with(mutant, &wasm));
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
    /// Why `wasmparser` refuses it, if it does.
    wasmparser: Result<(), String>,
}

/// A wrong verdict of an engine, without the module.
struct Wrong {
    engine: String,
    /// What it does, in a few words.
    does: &'static str,
    /// What it should have done.
    expected: &'static str,
    /// What each side says.
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
    fn judge(&self, ran: &mut Ran) -> Result<(), Wrong> {
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
                    return Err(if ours {
                        self.wrong(engine, "accepts what is not valid", "rejected")
                    } else {
                        self.wrong(engine, "rejects what is valid", "accepted")
                    });
                }
                None if limit(outcome).is_some() => {
                    if theirs {
                        count(format!(
                            "permitted: limit of {engine}: {}",
                            limit(outcome).unwrap_or_default()
                        ));
                    }
                }
                None => return Err(self.wrong(engine, "ends as no load ends", "a verdict")),
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

    fn wrong(&self, engine: &str, does: &'static str, expected: &'static str) -> Wrong {
        let theirs = match &self.wasmparser {
            Ok(()) => "accepts it".to_owned(),
            Err(why) => format!("rejects it: {why}"),
        };
        Wrong {
            engine: engine.to_owned(),
            does,
            expected,
            detail: format!(
                "reference: {}\n{}: {}\nwasmparser {theirs}",
                self.reference, self.engine, self.runtime
            ),
        }
    }
}

/// Returns true if an engine accepts a module, false if it rejects it, and `None` if it gave no
/// verdict.
fn accepted(outcome: &Outcome) -> Option<bool> {
    match outcome {
        Outcome::Returned(_) => Some(true),
        Outcome::Rejected(r) if matches!(r.why, Why::Malformed | Why::Invalid) => Some(false),
        _ => None,
    }
}

/// Returns the limit because of which an engine refused a module, without numbers.
fn limit(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Rejected(r) if r.why == Why::Limit => Some(words(&r.detail, 8)),
        _ => None,
    }
}

/// Returns the first words of a text, without numbers and short words, which change from input to
/// input.
fn words(text: &str, most: usize) -> String {
    let words = text.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = words.filter(|w| w.len() > 2).take(most).collect();
    words.join(" ")
}

/// Checks that an engine loads a mutant that all sides accept.
fn compiles(engine: &dyn Engine, subject: &Subject, wasm: &[u8]) -> Result<(), Wrong> {
    let outcome = match engine.open(&Setup::of(&subject.case)) {
        Ok(mut session) => session.load(wasm),
        Err(why) => Outcome::Crashed(why),
    };
    match &outcome {
        Outcome::Returned(_) | Outcome::Unsupported(_) | Outcome::Exhausted(_) => Ok(()),
        Outcome::Rejected(r) if r.why == Why::Limit => Ok(()),
        _ => Err(Wrong {
            engine: engine.name(),
            does: "does not load what is valid",
            expected: "accepted",
            detail: outcome.to_string(),
        }),
    }
}

impl Wrong {
    fn with(self, mutant: u64, wasm: &[u8]) -> Finding {
        let Wrong {
            engine,
            does,
            expected,
            detail,
        } = self;
        let text = wasmprinter::print_bytes(wasm).unwrap_or_default();
        let bytes: String = wasm.iter().map(|b| format!("\\{b:02x}")).collect();
        let text = format!(
            "{engine} {does}\n{detail}\n\nmutant {mutant}:\n(module binary \"{bytes}\")\n{text}"
        );
        let difference = Difference {
            excess: None,
            aspect: Aspect::Load,
            path: format!("mutant {mutant}"),
            expected: Described::plain(expected),
            actual: Described::new(&detail, format!("{does}: {}", words(&detail, 24))),
        };
        Finding {
            text,
            ..Finding::new(engine, None, Symptom::Differs(difference))
        }
    }
}

#[test]
fn smoke() {
    TARGET.smoke(10);
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
