//! Bytes that may or may not be a module: the reference, the engines and `wasmparser` accept the same.
//!
//! The input makes a valid module; its bytes are then damaged in a few places, so that most inputs fail in one rule and not at
//! the first byte.

use gcrucible_oracles::engine::{Engine, Setup};
use gcrucible_oracles::outcome::{Outcome, Why};

use super::run::Fault;
use super::{Ran, Rig, Subject, Target};
use crate::generate::source::{Source, expand};
use crate::generate::{Focus, smith};
use crate::input::Input;
use crate::program::features;

/// See the module.
pub static TARGET: Target = Target {
    name: "validate",
    hunts: "any bytes: runtime, reference and wasmparser accept the same modules",
    share: 4,
    subject: test_case,
    check,
};

fn test_case(input: &Input) -> Subject {
    let choices = input.choices();
    let number = input.number();
    let module = match number % 3 {
        0 => smith::generate(&choices[..choices.len().min(500)]).map(|m| m.wasm),
        _ => None,
    };
    let module = module.or_else(|| {
        let program = crate::generate::generate(&choices, Focus::Types);
        program.encode().ok().and_then(|mut modules| modules.pop())
    });
    let mut wasm = module.unwrap_or_default();
    let bytes = expand(number ^ 0x5eed, 64);
    damage(&mut wasm, &mut Source::new(&bytes));
    Subject::bytes(input, wasm)
}

/// Up to four small changes, none at all in one of five inputs.
fn damage(wasm: &mut Vec<u8>, src: &mut Source<'_>) {
    const HEADER: usize = 8;
    for _ in 0..src.below(5) {
        if wasm.len() <= HEADER + 1 {
            return;
        }
        let at = HEADER + src.below(wasm.len() - HEADER);
        match src.below(8) {
            0 => wasm[at] ^= 1 << src.below(8),
            1 => wasm[at] = src.below(256) as u8,
            2 => wasm[at] = wasm[at].wrapping_add(1),
            3 => wasm[at] = wasm[at].wrapping_sub(1),
            4 => wasm.insert(at, src.below(256) as u8),
            5 => drop(wasm.remove(at)),
            6 => {
                let from = HEADER + src.below(wasm.len() - HEADER);
                wasm[at] = wasm[from];
            }
            // Types and heap types.
            _ => wasm[at] = 0x60 + src.below(32) as u8,
        }
    }
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    let mut ran = Ran::default();
    let wasm = &subject.case.modules[0].wasm;
    let mut validator = wasmparser::Validator::new_with_features(features());
    let expected = validator.validate_all(wasm);
    let others = rig.engines.iter().map(|e| e.as_ref());
    for engine in std::iter::once(rig.reference.as_ref()).chain(others) {
        let outcome = load(engine, subject);
        let accepted = match &outcome {
            Outcome::Returned(_) => true,
            Outcome::Rejected(r) if matches!(r.why, Why::Malformed | Why::Invalid) => false,
            // A limit, or a feature the engine does not offer.
            Outcome::Rejected(_) | Outcome::Unsupported(_) | Outcome::Exhausted(_) => continue,
            other => {
                ran.fault = Some(fault(
                    subject,
                    engine,
                    format!("load {other}"),
                    "no load ends so",
                ));
                return ran;
            }
        };
        ran.stats.steps += 1;
        if accepted != expected.is_ok() {
            let theirs = match &expected {
                Ok(_) => "wasmparser accepts it".to_owned(),
                Err(why) => format!("wasmparser rejects it: {why}"),
            };
            let title = if accepted {
                "accepts what is not valid"
            } else {
                "rejects what is valid"
            };
            let detail = format!("{outcome}\n{theirs}");
            ran.fault = Some(fault(subject, engine, title.to_owned(), &detail));
            return ran;
        }
    }
    if ran.stats.steps == 0 {
        ran.skipped = Some("limit on a module".to_owned());
    }
    ran
}

fn load(engine: &dyn Engine, subject: &Subject) -> Outcome {
    match engine.open(&Setup::of(&subject.case)) {
        Ok(mut session) => session.load(&subject.case.modules[0].wasm),
        Err(why) => Outcome::Crashed(why),
    }
}

fn fault(subject: &Subject, engine: &dyn Engine, title: String, detail: &str) -> Fault {
    let name = engine.name();
    // Numbers and quoted names change from input to input.
    let words: Vec<&str> = detail
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| w.len() > 2)
        .take(14)
        .collect();
    Fault {
        signature: format!("load: {title}: {}", words.join(" ")),
        text: format!("{name} {title}\n{detail}\n\n{subject}"),
        title: format!("{name} {title}"),
        engine: name,
        header: Vec::new(),
    }
}

#[test]
fn smoke() {
    super::smoke(&TARGET, 40);
}
