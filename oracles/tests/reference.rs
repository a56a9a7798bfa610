//! The reference behind the session. Whole cases are judged against the reference itself, honest or
//! with one lie.

use gcrucible_oracles::case::{Case, CaseModule, InstanceIndex, Limits, ModuleIndex, Step};
use gcrucible_oracles::engine::reference::trace::{self, Part};
use gcrucible_oracles::engine::reference::{Reference, rule_names};
use gcrucible_oracles::engine::{Engine, Run, Session, Setup, Traits};
use gcrucible_oracles::finding::Aspect;
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::leak::LiveKind;
use gcrucible_oracles::nondeterminism::Skip;
use gcrucible_oracles::observe::{FuncKey, Node, TypeKey};
use gcrucible_oracles::outcome::{Outcome, Resource, Trap, Why};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::{HeapTop, NodeId, Ref, Target, Value};
use gcrucible_oracles::verdict::Verdict;
use wast::Wat;
use wast::parser::{self, ParseBuffer};

fn wasm(text: &str) -> Vec<u8> {
    let buffer = ParseBuffer::new(text).unwrap_or_else(|error| panic!("{error}"));
    let mut wat: Wat<'_> = parser::parse(&buffer).unwrap_or_else(|error| panic!("{error}"));
    wat.encode().unwrap_or_else(|error| panic!("{error}"))
}

fn case(modules: &[&str], steps: Vec<Step>) -> Case {
    let modules = modules.iter().map(|text| CaseModule {
        name: String::new(),
        wasm: wasm(text),
    });
    Case {
        modules: modules.collect(),
        steps,
        schedule: Schedule::OnPressure,
        limits: Limits::FUZZING,
        origin: "tests/reference.rs".into(),
    }
}

fn instantiate(module: u32) -> Step {
    Step::Instantiate {
        module: ModuleIndex(module),
    }
}

fn invoke(instance: u32, export: &str, args: &[Value]) -> Step {
    Step::Invoke {
        instance: InstanceIndex(instance),
        export: export.into(),
        args: args.to_vec(),
    }
}

/// Two linked modules. The first makes a list that shares its tail, the second keeps it. Both
/// define the same types under different indices.
fn linked() -> Case {
    let first = r#"(module
        (type $node (struct (field (mut i32)) (field (ref null $node))))
        (tag $e (export "e") (param (ref $node)))
        (func $make (export "make") (param i32) (result (ref $node) (ref $node))
            (local $tail (ref $node))
            (local.set $tail (struct.new $node (local.get 0) (ref.null $node)))
            (struct.new $node (i32.const 1) (local.get $tail))
            (struct.new $node (i32.const 2) (local.get $tail)))
        (func (export "throw") (call $make (i32.const 9)) (drop) (throw $e)))"#;
    let second = r#"(module
        (type $other (array i8))
        (type $node (struct (field (mut i32)) (field (ref null $node))))
        (import "first" "make" (func $make (param i32) (result (ref $node) (ref $node))))
        (import "harness" "live" (func $live (result i32)))
        (export "live" (func $live))
        (memory (export "m") 1)
        (global $g (export "g") (mut anyref) (ref.i31 (i32.const -1)))
        (table $t (export "t") 3 (ref null any))
        (table (export "f") funcref (elem $make $keep))
        (func $keep (export "keep") (param externref) (local $n (ref $node))
            (call $make (i32.const 7))
            (local.set $n)
            (global.set $g)
            (table.set $t (i32.const 1) (struct.get $node 1 (local.get $n)))
            (table.set $t (i32.const 2) (any.convert_extern (local.get 0)))
            (table.set $t (i32.const 0) (array.new $other (i32.const 200) (i32.const 3)))
            (i32.store8 (i32.const 300) (i32.const 5)))
        (func (export "count") (param (ref null $node)) (result i32)
            (local $n (ref $node)) (local $live i32)
            (call $make (i32.const 1)) (local.set $n) (drop)
            (local.set $live (call $live))
            (i32.add (local.get $live) (struct.get $node 0 (local.get $n)))))"#;
    let register = Step::Register {
        instance: InstanceIndex(0),
        name: "first".into(),
    };
    let null = Value::Ref(Ref::null(HeapTop::Any));
    let steps = vec![
        instantiate(0),
        register,
        instantiate(1),
        invoke(0, "make", &[Value::I32(3)]),
        invoke(1, "keep", &[Value::Ref(Ref::host(77))]),
        invoke(0, "throw", &[]),
        invoke(1, "live", &[]),
        invoke(1, "count", &[null]),
    ];
    case(&[first, second], steps)
}

#[test]
fn what_is_observed_is_what_the_program_did() {
    let run = Reference.run(&linked(), &[]);
    let kinds: Vec<&str> = run
        .steps
        .iter()
        .map(|step| step.observation.outcome.kind())
        .collect();
    let expected = [
        "returned", "returned", "returned", "returned", "returned", "threw", "returned", "returned",
    ];
    assert_eq!(kinds, expected);

    // `make`: two nodes that share one tail.
    let made = &run.steps[3].observation;
    let Outcome::Returned(values) = &made.outcome else {
        panic!("{}", made.outcome);
    };
    let node = |value: &Value| match value {
        Value::Ref(Ref {
            to: Target::Node(node),
            ..
        }) => made.graph.get(*node).expect("a node").values().to_vec(),
        other => panic!("{other}"),
    };
    assert_eq!(node(&values[0])[1], node(&values[1])[1]);

    let kept = &run.steps[4].observation;
    let state = &kept.instances[1];
    assert_eq!(
        state.tables[0].1[2],
        Ref {
            top: HeapTop::Any,
            to: Target::Host(77)
        }
    );
    assert_eq!(state.memories[0].1.byte(300), 5);
    // The functions of the table: one by its definition in the first instance, one in the second.
    let functions = state.tables[1].1.iter().map(|r| match r.to {
        Target::Node(node) => kept.graph.get(node).expect("a function").clone(),
        _ => panic!("{r}"),
    });
    let functions: Vec<Node> = functions.collect();
    let instance = |number| InstanceIndex(number);
    let func = |of, index| {
        Node::Func(FuncKey::Wasm {
            instance: instance(of),
            index,
        })
    };
    assert_eq!(functions, [func(0, 0), func(1, 2)]);

    // One node of the list is still in the global and its tail in the table. The type is named by
    // its first definition.
    let live = run.steps[4]
        .live
        .as_ref()
        .expect("live")
        .reachable
        .clone()
        .expect("a census");
    let key = |module, index| TypeKey {
        module: ModuleIndex(module),
        index,
    };
    assert_eq!(live.get(LiveKind::Struct(key(0, 0))), 2);
    assert_eq!(live.get(LiveKind::Array(key(1, 0))), 1);
    assert_eq!(live.get(LiveKind::Host), 1);
    assert_eq!(live.total(), 4);

    let Outcome::Threw(exception) = run.steps[5].observation.outcome else {
        panic!("no exception");
    };
    assert_eq!(exception.top, HeapTop::Exn);
    assert_eq!(
        run.steps[6].observation.outcome,
        Outcome::Returned(vec![Value::I32(4)])
    );
    assert!(run.rules.reached().len() > 20);
    let names: Vec<&str> = rule_names().collect();
    assert!(
        run.rules
            .reached()
            .iter()
            .any(|&rule| names[rule] == "Step/struct.new"),
        "{names:?}"
    );
}

/// The reference, changed by one lie, or made to answer `live` in its own way.
struct Perturbed {
    lie: fn(&mut Run),
    answers: &'static [u32],
}

impl Engine for Perturbed {
    fn name(&self) -> String {
        "perturbed".into()
    }

    fn describe(&self) -> String {
        "reference with one lie".into()
    }

    fn traits(&self) -> Traits {
        Reference.traits()
    }

    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String> {
        Reference.open(setup)
    }

    fn run(&self, case: &Case, _: &[u32]) -> Run {
        let mut run = Reference.run(case, self.answers);
        run.engine = self.name();
        (self.lie)(&mut run);
        run
    }
}

/// A lie, and the comparison that must find it.
type Lie = (fn(&mut Run), Aspect);

fn verdict(lie: fn(&mut Run), answers: &'static [u32]) -> Verdict {
    Judge::new(linked(), &Reference)
        .judge(&Perturbed { lie, answers })
        .0
}

#[test]
fn lies_about_real_programs_are_found() {
    let Verdict::Agree(stats, None) = verdict(|_| {}, &[]) else {
        panic!("the reference disagrees with itself");
    };
    assert_eq!((stats.loads, stats.steps, stats.samples), (2, 8, 2));
    let lies: [Lie; 3] = [
        (
            |run| match run.steps[4].observation.graph.get_mut(NodeId(0)) {
                Some(Node::Struct { fields, .. }) => fields[0] = Value::I32(99),
                other => panic!("{other:?}"),
            },
            Aspect::Global,
        ),
        (
            |run| run.steps[4].observation.instances[1].tables[0].1.swap(0, 1),
            Aspect::Identity,
        ),
        (
            |run| {
                let live = run.steps[7].live.as_mut().expect("live");
                live.reachable
                    .as_mut()
                    .expect("a census")
                    .add(LiveKind::Exception, 1);
            },
            Aspect::Census,
        ),
    ];
    for (lie, aspect) in lies {
        match verdict(lie, &[]) {
            Verdict::Found(finding) => assert_eq!(finding.aspect(), Some(aspect), "{finding:?}"),
            other => panic!("{aspect}: {other:?}"),
        }
    }
}

#[test]
fn answers_are_replayed_and_held_to_their_bounds() {
    // Outside of wasm 4 objects live; inside of `count` between 4 and 6: the new node and its tail.
    for (answers, good) in [
        (&[4, 6], true),
        (&[4, 4], true),
        (&[4, 5], true),
        (&[4, 7], false),
        (&[4, 8], false),
        (&[4, 3], false),
        (&[5, 6], false),
    ] {
        let verdict = verdict(|_| {}, answers);
        let agree = matches!(verdict, Verdict::Agree(_, None));
        assert_eq!(agree, good, "{answers:?}: {verdict:?}");
        if let Some(finding) = verdict.finding() {
            assert_eq!(finding.aspect(), Some(Aspect::Sample), "{finding:?}");
            let conditions = finding.conditions.as_ref().expect("a case was run");
            assert_eq!(conditions.answers, answers);
        }
    }
}

#[test]
fn a_step_that_does_not_end_is_never_given_to_an_engine() {
    let module = r#"(module
        (func (export "short"))
        (func (export "long") (loop $again (br $again))))"#;
    let steps = vec![
        instantiate(0),
        invoke(0, "short", &[]),
        invoke(0, "long", &[]),
        invoke(0, "short", &[]),
    ];
    let mut judge = Judge::new(case(&[module], steps), &Reference);
    assert_eq!(judge.case().steps.len(), 2);
    let (verdict, _) = judge.judge(&Reference);
    let Verdict::Agree(stats, Some(Skip::Exhausted(Resource::Fuel))) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(stats.steps, 2);
}

#[test]
fn each_way_to_end_is_told_apart() {
    let module = r#"(module
        (func (export "trap") (drop (i32.div_u (i32.const 1) (i32.const 0))))
        (func $deep (export "deep") (call $deep))
        (func (export "long") (loop $again (br $again)))
        (type $big (array i64))
        (func (export "big") (drop (array.new $big (i64.const 0) (i32.const 0x100_0000))))
        (func (export "i") (param i32)))"#;
    let ends = |export: &str, args: &[Value]| {
        let case = case(&[module], vec![instantiate(0), invoke(0, export, args)]);
        Reference.run(&case, &[]).steps[1]
            .observation
            .outcome
            .clone()
    };
    assert_eq!(
        ends("trap", &[]),
        Outcome::Trapped(Trap::IntegerDivideByZero)
    );
    assert_eq!(ends("deep", &[]), Outcome::Exhausted(Resource::CallDepth));
    assert_eq!(ends("long", &[]), Outcome::Exhausted(Resource::Fuel));
    assert_eq!(ends("big", &[]), Outcome::Exhausted(Resource::Heap));
    let rejected = |outcome: Outcome| match outcome {
        Outcome::Rejected(rejection) => rejection.why,
        other => panic!("{other}"),
    };
    assert_eq!(rejected(ends("none", &[])), Why::Misuse);
    assert_eq!(rejected(ends("i", &[Value::I64(1)])), Why::Misuse);
    assert_eq!(
        rejected(ends("i", &[Value::Ref(Ref::node(HeapTop::Any, NodeId(0)))])),
        Why::Misuse
    );

    let bad = Case {
        modules: vec![CaseModule {
            name: String::new(),
            wasm: vec![0, 1],
        }],
        ..case(
            &[],
            vec![instantiate(0), invoke(0, "f", &[]), invoke(9, "f", &[])],
        )
    };
    let run = Reference.run(&bad, &[]);
    assert_eq!(rejected(run.loads[0].clone()), Why::Malformed);
    for step in run.steps {
        assert_eq!(rejected(step.observation.outcome), Why::Misuse);
    }
}

#[test]
fn a_trace_shows_what_is_around_a_difference() {
    let text = r#"(module
        (global $g (export "g") (mut i32) (i32.const 0))
        (func (export "f") (param i32)
            (loop $more
                (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (global.set $g (i32.const 77))
            (nop) (nop) (nop) (nop) (nop) (nop)))"#;
    let steps = vec![instantiate(0), invoke(0, "f", &[Value::I32(1000)])];
    let case = case(&[text], steps);
    let around = trace::trace(&case, &[], 1, Some(Part::Globals), 5);
    assert_eq!((around.total, around.lines.len()), (5011, 5));
    assert!(
        around.lines[2].contains("global.set 0") && around.lines[2].ends_with("77 ! globals"),
        "{around}"
    );
    // Nothing changes a table: the end of the step.
    let end = trace::trace(&case, &[], 1, Some(Part::Tables), 5);
    assert_eq!(end.first + 5, end.total);
    assert!(end.lines[4].ends_with(" end"), "{end}");
    // More than there is, and nothing at all.
    let whole = trace::trace(&case, &[], 1, None, 1 << 20);
    assert_eq!(whole.lines.len() as u64, whole.total);
    assert!(trace::trace(&case, &[], 0, None, 5).lines.is_empty());
    assert!(trace::trace(&case, &[], 7, None, 5).lines.is_empty());
}
