//! Object graphs of any depth are observed and compared without recursion. Recursion of the program
//! is compared as well.

use gcrucible_oracles::case::{Case, CaseModule, InstanceIndex, Limits, ModuleIndex, Step};
use gcrucible_oracles::engine::reference::Reference;
use gcrucible_oracles::engine::{self, Engine, Run};
use gcrucible_oracles::finding::Aspect;
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::outcome::{Outcome, Resource};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::Value;
use gcrucible_oracles::verdict::Verdict;
use wast::Wat;
use wast::parser::{self, ParseBuffer};

const NODES: i32 = 300_000;

/// A list of that many nodes in an exported global. `end` changes the last one.
const LIST: &str = r#"(module
    (type $node (struct (field (mut i32)) (field (ref null $node))))
    (global $list (export "list") (mut (ref null $node)) (ref.null $node))
    (func (export "make") (param i32)
        (loop $more
            (global.set $list (struct.new $node (local.get 0) (global.get $list)))
            (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;

/// A function that calls itself that often and keeps an object in each frame.
const RECURSION: &str = r#"(module
    (type $node (struct (field (mut i32)) (field (ref null $node))))
    (global $list (export "list") (mut (ref null $node)) (ref.null $node))
    (func $f (export "make") (param i32) (local (ref null $node))
        (local.set 1 (struct.new $node (local.get 0) (ref.null $node)))
        (if (i32.gt_s (local.get 0) (i32.const 1))
            (then (call $f (i32.sub (local.get 0) (i32.const 1)))))
        (global.set $list (struct.new $node
            (struct.get $node 0 (local.get 1)) (global.get $list)))))"#;

fn case(nodes: i32) -> Case {
    case_of(LIST, nodes)
}

fn case_of(text: &str, nodes: i32) -> Case {
    let buffer = ParseBuffer::new(text).expect("text");
    let mut wat: Wat<'_> = parser::parse(&buffer).expect("a module");
    let module = CaseModule {
        name: String::new(),
        wasm: wat.encode().expect("it encodes"),
    };
    let make = Step::Invoke {
        instance: InstanceIndex(0),
        export: "make".to_owned(),
        args: vec![Value::I32(nodes)],
    };
    Case {
        modules: vec![module],
        steps: vec![
            Step::Instantiate {
                module: ModuleIndex(0),
            },
            make,
        ],
        schedule: Schedule::OnPressure,
        limits: Limits {
            heap_bytes: 1 << 30,
            fuel: u64::MAX,
            ..Limits::FUZZING
        },
        origin: String::new(),
    }
}

/// The reference, with one node less than it should have.
struct Shorter;

impl Engine for Shorter {
    fn name(&self) -> String {
        "shorter".to_owned()
    }

    fn describe(&self) -> String {
        self.name()
    }

    fn traits(&self) -> gcrucible_oracles::engine::Traits {
        Reference.traits()
    }

    fn open(
        &self,
        setup: &gcrucible_oracles::engine::Setup,
    ) -> Result<Box<dyn gcrucible_oracles::engine::Session>, String> {
        Reference.open(setup)
    }

    fn run(&self, case: &Case, answers: &[u32]) -> Run {
        let mut shorter = case.clone();
        if let Some(Step::Invoke { args, .. }) = shorter.steps.last_mut() {
            *args = vec![Value::I32(NODES - 1)];
        }
        Reference.run(&shorter, answers)
    }
}

#[test]
fn long_lists_are_compared_to_their_ends() {
    let mut judge = Judge::new(case(NODES), &Reference);
    let (verdict, _) = judge.judge(&Reference);
    let Verdict::Agree(stats, None) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(stats.objects, NODES as u64);

    let (verdict, _) = judge.judge(&Shorter);
    let difference = verdict.finding().and_then(|finding| finding.difference());
    let Some(difference) = difference else {
        panic!("{verdict:?}");
    };
    assert_eq!(difference.aspect, Aspect::Global);
    assert!(difference.path.len() < 1000, "{}", difference.path.len());
}

#[test]
fn deep_recursion_is_compared() {
    let depth = Limits::FUZZING.call_depth as i32;
    let collectors = [
        "drc",
        "copying",
        "copying:inline",
        "drc-cycles:speed:explicit",
    ];
    for collector in collectors.map(|name| format!("runtime:{name}")) {
        let engine = engine::named(&collector).expect("an engine");
        let mut judge = Judge::new(case_of(RECURSION, depth), &Reference);
        let (verdict, _) = judge.judge(&*engine);
        let Verdict::Agree(stats, None) = verdict else {
            panic!("{collector}: {verdict:?}");
        };
        assert_eq!(stats.objects, depth as u64, "{collector}");
        // One call more is too deep for both, and what is left is compared.
        let mut judge = Judge::new(case_of(RECURSION, depth + 1), &Reference);
        let (verdict, run) = judge.judge(&*engine);
        assert!(
            matches!(&verdict, Verdict::Agree(_, None)),
            "{collector}: {verdict:?}"
        );
        let ended = &run.steps.last().expect("steps").observation.outcome;
        assert_eq!(
            *ended,
            Outcome::Exhausted(Resource::CallDepth),
            "{collector}"
        );
    }
}
