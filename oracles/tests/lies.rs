//! Every comparison can fail. An engine tells the truth except for one thing, and the verdict must
//! name that thing.
//!
//! The truth is a small run written by hand, so these tests need no engine: two objects that share
//! a third, a cycle, a table, globals, a memory, a function, an exception, host objects, and a
//! bounded live count.

use gcrucible_oracles::case::{Case, InstanceIndex, ModuleIndex, Step};
use gcrucible_oracles::compare::compare;
use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{Engine, Run, Session, Setup, StepRun, Totals, Traits};
use gcrucible_oracles::finding::{Aspect, Symptom};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::leak::{Bounds, Census, Handles, Live, LiveKind, Reclaims, Sample};
use gcrucible_oracles::nondeterminism::Skip;
use gcrucible_oracles::observe::{
    FuncKey, Graph, GraphBuilder, InstanceState, MemoryState, Node, Observation, TagKey, TypeKey,
};
use gcrucible_oracles::outcome::{Outcome, Resource, Trap, Why};
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::value::{HeapTop, NodeId, Ref, Value};
use gcrucible_oracles::verdict::Verdict;

const INSTANCE: InstanceIndex = InstanceIndex(0);

fn ty(index: u32) -> TypeKey {
    TypeKey {
        module: ModuleIndex(0),
        index,
    }
}

fn node(number: u32) -> Value {
    Value::Ref(Ref::node(HeapTop::Any, NodeId(number)))
}

fn func(index: u32) -> Node {
    Node::Func(FuncKey::Wasm {
        instance: INSTANCE,
        index,
    })
}

/// Nodes: 0 and 1 share 2, which refers to 0 (a cycle) and holds a number; 3 is an array; 4 a
/// function; 5 an exception.
fn graph() -> Graph {
    let structure = |fields| Node::Struct { ty: ty(1), fields };
    let nodes = [
        structure(vec![Value::I32(1), node(2)]),
        structure(vec![Value::I32(2), node(2)]),
        structure(vec![Value::I32(3), node(0)]),
        Node::Array {
            ty: ty(2),
            len: 2,
            elements: vec![
                Value::F64(1.5_f64.to_bits()),
                Value::F64(f64::NAN.to_bits()),
            ],
        },
        func(7),
        Node::Exception {
            tag: Some(TagKey {
                instance: INSTANCE,
                index: 0,
            }),
            arguments: vec![node(1)],
        },
    ];
    let mut builder = GraphBuilder::new();
    for number in 0..nodes.len() as u32 {
        builder.number(number);
    }
    let graph: Result<Graph, ()> = builder.finish(|&number, _| Ok(nodes[number as usize].clone()));
    graph.expect("a graph")
}

fn state() -> InstanceState {
    let reference = |number| Ref::node(HeapTop::Any, NodeId(number));
    let mut bytes = vec![0; 65_536];
    bytes[1000] = 42;
    InstanceState {
        instance: Some(INSTANCE),
        globals: vec![
            ("g".into(), Value::I64(5)),
            ("head".into(), node(1)),
            ("h".into(), Value::Ref(Ref::host(9))),
        ],
        tables: vec![
            (
                "t".into(),
                vec![
                    reference(0),
                    Ref::null(HeapTop::Any),
                    reference(2),
                    Ref::i31(6),
                ],
            ),
            ("f".into(), vec![Ref::node(HeapTop::Func, NodeId(4))]),
        ],
        memories: vec![("m".into(), MemoryState::of(&bytes))],
    }
}

fn live() -> Live {
    let mut census = Census::default();
    census.add(LiveKind::Struct(ty(1)), 3);
    census.add(LiveKind::Array(ty(2)), 1);
    census.add(LiveKind::Host, 1);
    let mut retained = census.clone();
    retained.add(LiveKind::Struct(ty(1)), 2);
    Live {
        reachable: Some(census),
        retained: Some(retained),
        handles: Handles {
            created: 4,
            dropped: Some(3),
        },
    }
}

fn truth() -> Run {
    let step = |outcome, live| StepRun {
        observation: Observation {
            outcome,
            instances: vec![state()],
            graph: graph(),
        },
        live: Ok(live),
        full: false,
    };
    let thrown = Outcome::Threw(Ref::node(HeapTop::Exn, NodeId(5)));
    let steps = vec![
        step(Outcome::Returned(vec![]), live()),
        step(
            Outcome::Returned(vec![node(0), node(3), Value::I32(8)]),
            live(),
        ),
        step(Outcome::Trapped(Trap::CastFailure), live()),
        step(thrown, live()),
    ];
    Run {
        engine: "truth".into(),
        traits: Traits {
            canonical_nans: true,
            reclaims: Reclaims::Everything,
            outside: None,
        },
        loads: vec![Outcome::Returned(vec![])],
        steps,
        samples: vec![Sample {
            answer: 5,
            bounds: Some(Bounds {
                least: 4,
                most: 6,
                least_retained: 6,
                most_retained: 8,
            }),
        }],
        totals: Totals::default(),
        rules: RuleMap::default(),
        later: None,
    }
}

/// What a case says is not looked at: the truth is fixed.
fn case() -> Case {
    let mut case = Case::of_module(Vec::new(), &["a", "b", "c"]);
    case.origin = "lies".into();
    case
}

/// An engine that gives a prepared run, changed by one lie.
struct Liar(fn(&mut Run));

impl Engine for Liar {
    fn name(&self) -> String {
        "liar".into()
    }

    fn describe(&self) -> String {
        "liar with one lie".into()
    }

    fn traits(&self) -> Traits {
        truth().traits
    }

    fn open(&self, _: &Setup) -> Result<Box<dyn Session>, String> {
        Err("a prepared run has no session".into())
    }

    fn run(&self, _: &Case, answers: &[u32]) -> Run {
        let mut run = truth();
        run.engine = self.name();
        for (sample, &answer) in run.samples.iter_mut().zip(answers) {
            sample.answer = answer;
        }
        (self.0)(&mut run);
        run
    }
}

fn seen(run: &mut Run, step: usize) -> &mut Observation {
    &mut run.steps[step].observation
}

fn fields(run: &mut Run, step: usize, number: u32) -> &mut Vec<Value> {
    match seen(run, step).graph.get_mut(NodeId(number)) {
        Some(
            Node::Struct { fields: values, .. }
            | Node::Array {
                elements: values, ..
            }
            | Node::Exception {
                arguments: values, ..
            },
        ) => values,
        _ => panic!("no object {number}"),
    }
}

fn count(run: &mut Run, step: usize, kind: LiveKind, more: u64) {
    let live = run.steps[step].live.as_mut().expect("live");
    live.reachable.as_mut().expect("a census").add(kind, more);
}

/// A lie, the comparison that must find it, the step, and what the path must say.
type Lie = (fn(&mut Run), Aspect, Option<usize>, &'static str);

const LIES: &[Lie] = &[
    (
        |run| run.loads[0] = Outcome::rejected(Why::Invalid, ""),
        Aspect::Load,
        None,
        "module 0",
    ),
    (
        |run| seen(run, 1).outcome = Outcome::Trapped(Trap::NullReference),
        Aspect::Outcome,
        Some(1),
        "",
    ),
    (
        |run| seen(run, 2).outcome = Outcome::Trapped(Trap::NullReference),
        Aspect::Outcome,
        Some(2),
        "",
    ),
    (
        |run| seen(run, 3).outcome = Outcome::Returned(vec![]),
        Aspect::Outcome,
        Some(3),
        "",
    ),
    (
        |run| seen(run, 1).outcome = Outcome::Returned(vec![node(0), node(3), Value::I32(9)]),
        Aspect::Result,
        Some(1),
        "result 2",
    ),
    (
        |run| seen(run, 1).outcome = Outcome::Returned(vec![node(0), node(3)]),
        Aspect::Outcome,
        Some(1),
        "",
    ),
    (
        |run| fields(run, 1, 3)[0] = Value::F64(0),
        Aspect::Result,
        Some(1),
        "result 1 -> [0]",
    ),
    (
        |run| fields(run, 1, 3)[1] = Value::F64(f64::NAN.to_bits() | 1),
        Aspect::Result,
        Some(1),
        "result 1 -> [1]",
    ),
    (
        |run| fields(run, 1, 3).truncate(1),
        Aspect::Result,
        Some(1),
        "result 1",
    ),
    (
        |run| seen(run, 0).instances[0].globals[0].1 = Value::I64(6),
        Aspect::Global,
        Some(0),
        "global \"g\" of instance 0",
    ),
    (
        |run| seen(run, 0).instances[0].globals[2].1 = Value::Ref(Ref::host(8)),
        Aspect::Global,
        Some(0),
        "global \"h\" of instance 0",
    ),
    (
        |run| seen(run, 0).instances[0].tables[0].1[1] = Ref::i31(0),
        Aspect::Table,
        Some(0),
        "table \"t\"[1] of instance 0",
    ),
    (
        |run| seen(run, 2).instances[0].tables[0].1.truncate(3),
        Aspect::Table,
        Some(2),
        "table \"t\" of instance 0",
    ),
    (
        |run| *seen(run, 0).graph.get_mut(NodeId(4)).expect("a function") = func(8),
        Aspect::Table,
        Some(0),
        "table \"f\"[0] of instance 0",
    ),
    // The contents are equal, but node 1 refers to a copy of node 2 instead of sharing it.
    (unshare, Aspect::Identity, Some(1), "field 1"),
    // The other way round: two objects become one.
    (
        |run| seen(run, 2).instances[0].tables[0].1[0] = Ref::node(HeapTop::Any, NodeId(2)),
        Aspect::Identity,
        Some(2),
        "table \"t\"[2] of instance 0",
    ),
    (
        |run| fields(run, 0, 2)[0] = Value::I32(4),
        Aspect::Table,
        Some(0),
        "table \"t\"[2] of instance 0 -> field 0",
    ),
    (
        |run| {
            let node = seen(run, 0).graph.get_mut(NodeId(1)).expect("a structure");
            let fields = node.values().to_vec();
            *node = Node::Struct { ty: ty(9), fields };
        },
        Aspect::Global,
        Some(0),
        "global \"head\" of instance 0",
    ),
    (
        |run| fields(run, 3, 5)[0] = Value::Ref(Ref::null(HeapTop::Any)),
        Aspect::Exception,
        Some(3),
        "exception -> argument 0",
    ),
    (
        |run| {
            let mut bytes = vec![0; 65_536];
            bytes[1000] = 43;
            seen(run, 0).instances[0].memories[0].1 = MemoryState::of(&bytes);
        },
        Aspect::Memory,
        Some(0),
        "memory \"m\"[0x3e8] of instance 0",
    ),
    (
        |run| seen(run, 0).instances[0].memories[0].1.length += 65_536,
        Aspect::Memory,
        Some(0),
        "memory \"m\" of instance 0",
    ),
    (
        |run| seen(run, 0).instances[0].globals[0].0.push('x'),
        Aspect::Exports,
        Some(0),
        "globals of instance 0",
    ),
    (
        |run| seen(run, 0).instances.clear(),
        Aspect::Exports,
        Some(0),
        "",
    ),
    (
        |run| count(run, 1, LiveKind::Struct(ty(1)), 1),
        Aspect::Census,
        Some(1),
        "structures of type 1 of module 0",
    ),
    (
        |run| count(run, 1, LiveKind::Exception, 1),
        Aspect::Census,
        Some(1),
        "exceptions",
    ),
    (
        |run| {
            let live = run.steps[3].live.as_mut().expect("live");
            live.reachable = None;
            live.retained
                .as_mut()
                .expect("a census")
                .add(LiveKind::Array(ty(2)), 1);
        },
        Aspect::Census,
        Some(3),
        "arrays of type 2 of module 0",
    ),
    (
        |run| run.steps[2].live.as_mut().expect("live").handles.dropped = Some(2),
        Aspect::Handles,
        Some(2),
        "created - dropped",
    ),
    (
        |run| run.steps[2].live.as_mut().expect("live").handles.created = 5,
        Aspect::Handles,
        Some(2),
        "created",
    ),
    (
        |run| run.samples[0].answer = 7,
        Aspect::Sample,
        None,
        "answer 0",
    ),
    (
        |run| run.samples[0].answer = 3,
        Aspect::Sample,
        None,
        "answer 0",
    ),
    (
        |run| {
            run.traits.reclaims = Reclaims::Acyclic;
        },
        Aspect::Sample,
        None,
        "answer 0",
    ),
];

/// Gives node 1 an object of its own that equals the shared one.
fn unshare(run: &mut Run) {
    let nodes: Vec<Node> = (0..6)
        .map(|n| graph().get(NodeId(n)).expect("a node").clone())
        .collect();
    let mut builder = GraphBuilder::new();
    for number in 0..7_u32 {
        builder.number(number);
    }
    let copied: Result<Graph, ()> = builder.finish(|&number, _| {
        Ok(match number {
            6 => nodes[2].clone(),
            1 => Node::Struct {
                ty: ty(1),
                fields: vec![Value::I32(2), node(6)],
            },
            other => nodes[other as usize].clone(),
        })
    });
    seen(run, 1).graph = copied.expect("a graph");
}

#[test]
fn the_truth_agrees_with_itself() {
    let honest = Liar(|_| {});
    let (verdict, _) = Judge::new(case(), &honest).judge(&honest);
    let Verdict::Agree(stats, None) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!((stats.loads, stats.steps, stats.samples), (1, 4, 1));
    assert!(
        stats.objects >= 4 * 4 && stats.live_checks == 4 * 4,
        "{stats}"
    );
}

#[test]
fn every_lie_is_found_and_named() {
    for (number, (lie, aspect, step, path)) in LIES.iter().enumerate() {
        let (honest, liar) = (Liar(|_| {}), Liar(*lie));
        let (verdict, _) = Judge::new(case(), &honest).judge(&liar);
        let Some(finding) = verdict.finding() else {
            panic!("lie {number} passed: {verdict:?}");
        };
        let difference = finding.difference().expect("two runs were compared");
        assert_eq!(
            (difference.aspect, finding.step),
            (*aspect, *step),
            "lie {number}: {difference:?}"
        );
        assert!(
            difference.path.contains(path),
            "lie {number}: {difference:?}"
        );
        let case = case();
        let context = Context {
            case: &case,
            configuration: &liar.describe(),
        };
        let text = report(&verdict, &context);
        for part in [aspect.name(), *path, difference.actual.text.as_str()] {
            assert!(
                text.contains(part),
                "lie {number}: {part:?} is not in\n{text}"
            );
        }
    }
}

#[test]
fn a_lie_about_sharing_is_told_from_a_lie_about_contents() {
    let liar = Liar(unshare);
    let run = liar.run(&case(), &[]);
    let verdict = compare(&truth(), &run);
    let difference = verdict.finding().and_then(|finding| finding.difference());
    let difference = difference.expect("a difference");
    assert_eq!(difference.expected.class, "an object seen before");
    assert_eq!(difference.actual.class, "an object not seen before");
}

/// A lie, and whether it means that the engine is broken.
type Broken = (fn(&mut Run), bool);

/// A heap that runs out on one side only is a finding if the reference knows the sizes.
#[test]
fn a_heap_runs_out_on_both_sides_if_the_sizes_are_known() {
    let full: fn(&mut Run) = |run| seen(run, 1).outcome = Outcome::Exhausted(Resource::Heap);
    let known = |fits: bool, was_too_large: bool| {
        let mut run = truth();
        run.totals.fits = fits;
        run.totals.was_too_large = was_too_large;
        run
    };
    let found = |expected: &Run, actual: &Run| compare(expected, actual).finding().is_some();
    let emptied = Liar(full).run(&case(), &[]);
    assert!(found(&known(true, false), &emptied));
    assert!(!found(&known(false, false), &emptied));
    let mut expected = known(false, true);
    full(&mut expected);
    assert!(found(&expected, &truth()));
    assert!(!found(&expected, &emptied));
    expected.totals.was_too_large = false;
    assert!(!found(&expected, &truth()));
}

/// A stack that is full is a finding if the frames that the reference had fit on the engine's.
#[test]
fn a_stack_is_not_full_if_its_frames_fit() {
    let found = |frames_most: u64, frame_bytes: u64| {
        let mut expected = truth();
        expected.totals.frames_most = frames_most;
        let full: fn(&mut Run) =
            |run| seen(run, 1).outcome = Outcome::Exhausted(Resource::CallStack);
        let mut full = Liar(full).run(&case(), &[]);
        full.totals.frame_bytes = frame_bytes;
        full.totals.stack_bytes = 2 << 20;
        compare(&expected, &full).finding().is_some()
    };
    assert!(found(9, 100));
    assert!(found(1, 256 << 10));
    assert!(!found(9, 256 << 10));
    assert!(found(4_000, 200));
    assert!(!found(4_000, 300));
    // Its frames are not known.
    assert!(!found(9, 0));
}

/// Engines that count calls run out of them at the same call as the reference.
#[test]
fn calls_run_out_on_both_sides_or_on_neither() {
    let spent: fn(&mut Run) = |run| seen(run, 1).outcome = Outcome::Exhausted(Resource::CallDepth);
    let found = |sides: [bool; 2], counts_calls: bool| {
        let [mut expected, mut actual] = sides.map(|is_spent| {
            let mut run = truth();
            if is_spent {
                spent(&mut run);
            }
            run
        });
        expected.totals.counts_calls = true;
        actual.totals.counts_calls = counts_calls;
        compare(&expected, &actual).finding().is_some()
    };
    assert!(!found([true, true], true));
    assert!(found([true, false], true));
    assert!(found([false, true], true));
    // An engine that does not count may go on.
    assert!(!found([true, false], false));
}

#[test]
fn broken_engines_are_findings_and_resources_are_not() {
    let table: [Broken; 5] = [
        (
            |run| seen(run, 1).outcome = Outcome::Crashed("heap verification: dangling".into()),
            true,
        ),
        (
            |run| seen(run, 1).outcome = Outcome::Stuck("no operand".into()),
            true,
        ),
        (
            |run| run.steps[1].live = Err("audit: count 2, edges 1".into()),
            true,
        ),
        (
            |run| seen(run, 1).outcome = Outcome::Exhausted(Resource::Heap),
            false,
        ),
        (
            |run| seen(run, 1).outcome = Outcome::Unsupported("x".into()),
            false,
        ),
    ];
    for (number, (lie, broken)) in table.into_iter().enumerate() {
        let verdict = compare(&truth(), &Liar(lie).run(&case(), &[]));
        let symptom = verdict.finding().map(|finding| &finding.symptom);
        assert_eq!(
            matches!(symptom, Some(Symptom::Broke(_))),
            broken,
            "{number}: {verdict:?}"
        );
        assert_eq!(
            matches!(verdict, Verdict::Agree(_, Some(_))),
            !broken,
            "{number}: {verdict:?}"
        );
    }
}

#[test]
fn a_comparison_of_nothing_is_skipped() {
    let exhausted: fn(&mut Run) = |run| {
        run.loads.clear();
        seen(run, 0).outcome = Outcome::Exhausted(Resource::Fuel);
    };
    let verdict = compare(
        &Liar(exhausted).run(&case(), &[]),
        &Liar(exhausted).run(&case(), &[]),
    );
    assert_eq!(verdict, Verdict::Skipped(Skip::Exhausted(Resource::Fuel)));
    let empty: fn(&mut Run) = |run| {
        run.loads.clear();
        run.steps.clear();
        run.samples.clear();
    };
    let verdict = compare(
        &Liar(empty).run(&case(), &[]),
        &Liar(empty).run(&case(), &[]),
    );
    assert_eq!(verdict, Verdict::Skipped(Skip::NoSteps));
}

#[test]
fn answers_within_their_bounds_are_replayed_by_the_reference() {
    let (honest, bold) = (Liar(|_| {}), Liar(|run| run.samples[0].answer = 6));
    let (verdict, run) = Judge::new(case(), &honest).judge(&bold);
    assert_eq!(run.samples[0].answer, 6);
    assert!(matches!(verdict, Verdict::Agree(_, None)), "{verdict:?}");
}

#[test]
fn steps_show_what_they_do() {
    let step = Step::Get {
        instance: INSTANCE,
        global: "g".into(),
    };
    assert_eq!(step.to_string(), "get \"g\" of instance 0");
}
