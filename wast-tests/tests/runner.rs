//! Every assertion of a script can fail, and the failure has a location. The test runs scripts on a
//! session with prepared answers. Some of the scripts are right about the answers, others are
//! wrong.

use gcrucible_oracles::case::Step;
use gcrucible_oracles::engine::{Session, Totals, Watch};
use gcrucible_oracles::leak::{Live, Sample};
use gcrucible_oracles::observe::Observation;
use gcrucible_oracles::outcome::{Outcome, Resource, Trap, Why};
use gcrucible_oracles::value::{HeapTop, Ref, Value};
use gcrucible_wast_tests::runner::{Report, run};
use gcrucible_wast_tests::script::Script;

/// Answers by the name of the export. The length of a module decides if it is valid, and a module
/// links if it imports nothing.
#[derive(Default)]
struct Prepared {
    modules: Vec<Vec<u8>>,
}

impl Session for Prepared {
    fn load(&mut self, wasm: &[u8]) -> Outcome {
        self.modules.push(wasm.to_vec());
        match wasm.len() {
            0..=7 => Outcome::rejected(Why::Malformed, "too short"),
            9 => Outcome::rejected(Why::Invalid, "odd"),
            10 => Outcome::Unsupported("ten bytes".into()),
            _ => Outcome::Returned(vec![]),
        }
    }

    fn step(&mut self, step: &Step, _: Watch) -> Observation {
        let outcome = match step {
            Step::Instantiate { module } => match self.modules[module.0 as usize].len() {
                11 => Outcome::rejected(Why::Unlinkable, "eleven bytes"),
                12 => Outcome::Trapped(Trap::Unreachable),
                _ => Outcome::Returned(vec![]),
            },
            Step::Register { .. } => Outcome::Returned(vec![]),
            Step::Get { .. } => Outcome::Returned(vec![Value::I64(-1)]),
            Step::Invoke { export, .. } => match export.as_str() {
                "three" => Outcome::Returned(vec![Value::I32(3)]),
                "null" => Outcome::Returned(vec![Value::Ref(Ref::null(HeapTop::Extern))]),
                "trap" => Outcome::Trapped(Trap::CastFailure),
                "throw" => Outcome::Threw(Ref::null(HeapTop::Exn)),
                "deep" => Outcome::Exhausted(Resource::CallStack),
                "full" => Outcome::Exhausted(Resource::Heap),
                "crash" => Outcome::Crashed("gone".into()),
                _ => Outcome::Returned(vec![]),
            },
        };
        Observation::bare(outcome)
    }

    fn live(&mut self) -> Result<Live, String> {
        Ok(Live::default())
    }

    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    fn totals(&self) -> Totals {
        Totals::default()
    }

    fn close(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

fn report(text: &str) -> Report {
    let script = Script::parse("t.wast", text).unwrap_or_else(|error| panic!("{error}"));
    run(&script, &mut Prepared::default())
}

/// A module binary of some length.
fn module(length: usize) -> String {
    let zeros = "\\00".repeat(length.saturating_sub(8));
    let header = if length < 8 {
        ""
    } else {
        "\\00asm\\01\\00\\00\\00"
    };
    format!("(module binary \"{header}{zeros}\")")
}

#[test]
fn what_holds_passes() {
    let text = format!(
        "(module) (invoke \"x\") (register \"r\")
         (assert_return (invoke \"three\") (i32.const 3))
         (assert_return (invoke \"three\") (either (i32.const 4) (i32.const 3)))
         (assert_return (invoke \"null\") (ref.null extern))
         (assert_return (get \"g\") (i64.const -1))
         (assert_trap (invoke \"trap\") \"cast failure\")
         (assert_trap {twelve} \"unreachable\")
         (assert_exception (invoke \"throw\"))
         (assert_exhaustion (invoke \"deep\") \"call stack exhausted\")
         (assert_malformed {none} \"unexpected end\")
         (assert_invalid {nine} \"type mismatch\")
         (assert_unlinkable {eleven} \"unknown import\")
         (module definition $d (func)) (module instance $i $d) (invoke $i \"x\")
         (assert_malformed (module quote \"(func\") \"unexpected token\")",
        none = module(0),
        nine = module(9),
        eleven = module(11),
        twelve = module(12),
    );
    let report = report(&text);
    assert!(report.is_good(), "{report}");
    assert_eq!((report.passed, report.by_text_parser), (17, 1), "{report}");
}

#[test]
fn what_does_not_hold_fails_with_its_place() {
    let wrong = [
        "(invoke \"trap\")".to_owned(),
        "(assert_return (invoke \"three\") (i32.const 4))".into(),
        "(assert_return (invoke \"three\") (i64.const 3))".into(),
        "(assert_return (invoke \"three\"))".into(),
        "(assert_return (invoke \"trap\") (i32.const 3))".into(),
        "(assert_return (invoke \"null\") (ref.null func))".into(),
        "(assert_return (get \"g\") (i64.const 1))".into(),
        "(assert_trap (invoke \"three\") \"cast failure\")".into(),
        "(assert_trap (invoke \"trap\") \"unreachable\")".into(),
        "(assert_trap (invoke \"trap\") \"some unheard-of trap\")".into(),
        "(assert_trap (invoke \"throw\") \"cast failure\")".into(),
        "(assert_exception (invoke \"trap\"))".into(),
        "(assert_exhaustion (invoke \"three\") \"call stack exhausted\")".into(),
        "(assert_exhaustion (invoke \"full\") \"call stack exhausted\")".into(),
        "(assert_return (invoke $nobody \"three\") (i32.const 3))".into(),
        "(module instance $i $nobody)".into(),
        "(register \"r\" $nobody)".into(),
        "(module (func (local.get $x)))".into(),
        format!("(assert_malformed {} \"\")", module(8)),
        format!("(assert_invalid {} \"\")", module(8)),
        format!("(assert_unlinkable {} \"\")", module(8)),
        format!("(assert_unlinkable {} \"\")", module(12)),
        format!("(assert_trap {} \"unreachable\")", module(8)),
        module(9),
        module(11),
        module(12),
    ];
    for text in wrong {
        let report = report(&format!("(module)\n  {text}"));
        assert_eq!(
            (report.passed, report.failures.len()),
            (1, 1),
            "{text}\n{report}"
        );
        assert_eq!(report.failures[0].at.line, 2, "{text}\n{report}");
    }
}

#[test]
fn unsupported_is_counted_and_a_crash_ends_the_script() {
    let text = format!(
        "{} (module) (assert_suspension (invoke \"x\") \"unhandled\") \
         (invoke \"crash\") (invoke \"three\")",
        module(10)
    );
    let report = report(&text);
    assert_eq!((report.passed, report.failures.len()), (1, 1), "{report}");
    assert_eq!(report.unsupported.len(), 2, "{report}");
}
