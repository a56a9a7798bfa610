//! The runtime, observed from outside. Observations through the protocol and probes are the same as
//! those that read its objects directly. Lies of an adapter are noticed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible::input::Input;
use gcrucible::targets::TARGETS;
use gcrucible_oracles::case::Case;
use gcrucible_oracles::compare::compare;
use gcrucible_oracles::engine::runtime::{RuntimeConfig, Served};
use gcrucible_oracles::engine::{self, Engine, Later};
use gcrucible_oracles::foreign::{Broken, Counted, Foreign, Transport};
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::leak::Reclaims;
use gcrucible_oracles::verdict::{Lesser, Tally, Verdict};
use gcrucible_protocol::serve::{self};
use gcrucible_protocol::{Answer, Capabilities, Ended, Request};

/// An adapter in this process. Requests and answers are text on the way, as they are between
/// processes.
struct Inside<F> {
    served: Served,
    /// What becomes of the answers.
    change: F,
}

impl<F: FnMut(&mut Answer) + Send> Transport for Inside<F> {
    fn ask(&mut self, request: &Request) -> Result<Answer, Broken> {
        let mut line = serde_json::to_vec(request).expect("a request is JSON");
        line.push(b'\n');
        let mut output = Vec::new();
        serve::serve(&mut self.served, line.as_slice(), &mut output)
            .map_err(|error| Broken::Greeting(error.to_string()))?;
        let mut answer = serde_json::from_slice(&output).expect("an answer is JSON");
        (self.change)(&mut answer);
        Ok(answer)
    }
}

fn served(config: &str, claims: impl FnOnce(&mut Capabilities)) -> Served {
    let config = RuntimeConfig::named(config).expect("a configuration");
    Served::new(config).claiming(claims)
}

fn foreign(config: &str, claims: impl FnOnce(&mut Capabilities)) -> Foreign {
    let served = served(config, claims);
    let change = |_: &mut Answer| {};
    Foreign::greet(config, Box::new(Inside { served, change })).expect("it answers")
}

/// Claims of an adapter whose language is not the engine's own, such as JavaScript.
fn like_a_script(can: &mut Capabilities) {
    can.crosses_v128 = false;
    can.crosses_exnref = false;
    can.crosses_nan_bits = false;
    can.host_allocates = false;
    can.names_functions = false;
    can.keeps_failed_instances = false;
}

/// The programs of every target.
fn cases(seeds: u64) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for target in TARGETS {
        for seed in 0..seeds {
            let subject = target.plain(&Input::of_seed(seed));
            if subject.operations.is_none() {
                cases.push((format!("{} --seed {seed}", target.name), subject.case));
            }
        }
    }
    cases
}

/// Returns true if two observations of one step must be the same: nothing in them looks different
/// from outside.
fn plain(lesser: &Lesser) -> bool {
    lesser.counts().iter().all(|(_, count)| *count == 0)
}

fn agree(what: &str, verdict: &Verdict) -> Option<Lesser> {
    match verdict {
        Verdict::Agree(stats, None) => Some(stats.lesser),
        Verdict::Agree(..) | Verdict::Skipped(_) => None,
        Verdict::Found(finding) => panic!("{what}: {finding:#?}"),
    }
}

/// Runs programs natively and from outside, and compares both with the reference and with each
/// other.
fn check(config: &str, claims: impl FnOnce(&mut Capabilities), seeds: u64) -> Lesser {
    let (native, reference) = (
        engine::named(config).expect("an engine"),
        engine::reference(),
    );
    let outside = foreign(config, claims);
    let mut tally = Tally::default();
    let mut lesser = Lesser::default();
    let (mut same, mut all) = (0, 0_u64);
    for (what, case) in cases(seeds) {
        let mut judge = Judge::new(case, reference.as_ref());
        let (verdict, seen) = judge.judge(&outside);
        tally.count(&verdict);
        if let Some(found) = agree(&what, &verdict) {
            lesser.add(&found);
        }
        if !judge.expected().samples.is_empty() {
            continue;
        }
        let (_, read) = judge.judge(native.as_ref());
        let Some(found) = agree(&what, &compare(&read, &seen)) else {
            continue;
        };
        all += 1;
        same += u32::from(plain(&found));
    }
    println!("{config}: {same} of {all} the same; {tally}\n{lesser:?}");
    let skipped = tally.skipped.values().sum::<u64>() + tally.cut.values().sum::<u64>();
    assert!(
        tally.agreed > 2 * skipped,
        "too little was compared: {tally}"
    );
    assert!(
        same > 0 && all > seeds,
        "{same} of {all} programs look the same"
    );
    // Where nothing is freed there is nothing to count.
    let counts = native.traits().reclaims != Reclaims::Nothing;
    assert!(tally.stats.objects > 100, "{tally}");
    assert!(!counts || tally.stats.live_checks > 100, "{tally}");
    lesser
}

#[test]
fn the_runtime_looks_the_same_from_outside() {
    let lesser = check("runtime:copying", |_| {}, 40);
    assert!(
        lesser.functions_numbered > 0 && lesser.exceptions_read > 0,
        "{lesser:?}"
    );
    assert_eq!(lesser.functions_unknown, 0);
}

#[test]
fn the_runtime_looks_the_same_through_a_narrow_boundary() {
    let lesser = check("runtime:drc", like_a_script, 40);
    assert!(
        lesser.functions_unknown > 0 && lesser.exceptions_read > 0,
        "{lesser:?}"
    );
    check("runtime:null", like_a_script, 10);
}

/// Returns how many of some programs show a finding if every answer is changed.
fn found(change: impl FnMut(&mut Answer) + Send + 'static) -> u64 {
    let served = served("runtime:copying", |_| {});
    let inside = Box::new(Inside { served, change });
    let liar = Foreign::greet("liar", inside).expect("it answers");
    let reference = engine::reference();
    let mut found = 0;
    for (_, case) in cases(4) {
        let (verdict, _) = Judge::new(case, reference.as_ref()).judge(&liar);
        found += u64::from(matches!(verdict, Verdict::Found(_)));
    }
    found
}

/// Applies a change to each answer in a batch.
fn each(mut change: impl FnMut(&mut Answer)) -> impl FnMut(&mut Answer) {
    move |answer| match answer {
        Answer::Batch(answers) => answers.iter_mut().for_each(&mut change),
        other => change(other),
    }
}

#[test]
fn lies_of_an_adapter_are_found() {
    assert_eq!(found(|_| {}), 0);
    let one_too_many = each(|answer| {
        if let Answer::Live(counting) = answer {
            counting.alive += 1;
        }
    });
    assert!(found(one_too_many) > 5);
    let another_value = each(|answer| {
        if let Answer::Bytes { bytes, .. } = answer {
            let mut tape = BASE64.decode(&bytes).expect("base64");
            if let Some(last) = tape.last_mut() {
                *last ^= 1;
            }
            *bytes = BASE64.encode(tape);
        }
    });
    assert!(found(another_value) > 5);
    let no_trap = each(|answer| {
        if let Answer::Ended(ended @ Ended::Trapped { .. }) = answer {
            *ended = Ended::Returned;
        }
    });
    assert!(found(no_trap) > 0);
}

/// Counts after one collection for several sessions are those after one for each.
#[test]
fn a_count_that_comes_later_is_the_same() {
    let now = foreign("runtime:drc", |_| {}).counting(Counted::AtEnd);
    let late = now.later().expect("it keeps sessions");
    let mut waiting = BTreeMap::new();
    let (mut counted, mut outstanding) = (0, 0);
    let target = gcrucible::targets::named("table_ops").expect("a target");
    for seed in 0..60 {
        let what = format!("table_ops --seed {seed}");
        let plain = target.plain(&Input::of_seed(seed));
        let case = plain.with_filled_tables().with_canaries().case;
        let Some(Later { ticket, most }) = late.run(&case, &[]).later else {
            continue;
        };
        let run = now.run(&case, &[]);
        let live = &run.steps.last().expect("a step").live;
        // A last step that cannot change anything is not counted at once.
        if live
            .as_ref()
            .is_ok_and(|live| live.handles.dropped.is_none())
        {
            continue;
        }
        waiting.insert(ticket, (what, live.clone()));
        if waiting.len() < most as usize {
            continue;
        }
        let counts = late.count().expect("counts");
        for (ticket, (what, live)) in std::mem::take(&mut waiting) {
            assert_eq!(counts[&ticket].live, live, "{what}");
            let handles = live.expect("a count").handles;
            counted += 1;
            outstanding += u64::from(handles.dropped != Some(handles.created));
        }
    }
    assert!(counted > 20 && outstanding > 10, "{counted} {outstanding}");
}
