//! Runs a subject on the engines that the user named. Each of them is compared with the reference.
//!
//! Always: every engine gets the same program. One that spends its time compiling runs it under two
//! schedules. When one shows a finding, all others and the runtime run the case too, so that the
//! verdict says who stands alone. The case is also run again, to see how often the finding shows.
//! This is done for the first few findings in the same words. A known fault of an engine is counted
//! by its name.

use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::finding::{Finding, Rate, Stands};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Verdict;

use super::rig::{Asked, Rig};
use super::run::{Ran, Trial};
use super::subject::Subject;

/// How often the case of a finding is run again on an engine in a process of its own, unless it
/// takes a whole time limit.
const AGAIN: u32 = 4;

/// How many findings in the same words are examined.
const EXAMINED_MAX: u32 = 3;

/// Runs a subject on every named engine, until one shows a finding.
pub fn each(subject: &Subject, rig: &mut Rig) -> Ran {
    if subject.operations.is_some() {
        return Ran {
            skipped: Some("operations on our own heaps".to_owned()),
            ..Ran::default()
        };
    }
    let asked = rig.asked.clone();
    let number = subject.draw(usize::MAX) as u64;
    let own = rig.pool.drawn(number);
    let mut times_examined = std::mem::take(&mut rig.examined);
    let known_faults = std::mem::take(&mut rig.known_faults);
    let (defers, mut late) = (rig.defers, std::mem::take(&mut rig.late));
    let (mut trial, named) = Trial::new(subject, rig);
    let drawn: Vec<_> = named.iter().map(|engine| engine.drawn(number)).collect();
    let named = named.iter().zip(&drawn);
    let named = named.map(|(engine, drawn)| drawn.as_ref().unwrap_or(engine).as_ref());
    let all = || std::iter::once(own.as_ref()).chain(named.clone());
    for (at, engine) in all().enumerate() {
        // The runtime only shows who stands alone. What it agrees on says nothing about the named
        // engines.
        let is_own = at == 0;
        let is_asked = match &asked {
            Asked::Everything | Asked::Named => !is_own,
            Asked::Only(name) => *name == engine.name(),
        };
        if !is_asked {
            continue;
        }
        let first = trial.spaced(engine.fitting(&subject.case.schedule));
        let later = engine.later().filter(|_| defers);
        let (found, schedule) = if is_own {
            (trial.asked(engine, first.clone()).finding().cloned(), first)
        } else {
            compared(&mut trial, engine, later.as_deref(), first)
        };
        if let Some(later) = later {
            late.insert(engine.name(), later);
        }
        if let Some(why) = engine.unavailable() {
            trial.unavailable(why);
            break;
        }
        let known = found.as_ref().and_then(|finding| {
            let description = engine.describe();
            let mut rows = known_faults.iter();
            rows.find(|row| row.is(finding, &description))
        });
        if let Some(fault) = known {
            trial.known(engine, fault);
            continue;
        }
        if let Some(mut finding) = found {
            let words = format!("{}: {}", finding.engine_word(), finding.signature());
            let times = times_examined.entry(words).or_default();
            if asked == Asked::Everything && *times < EXAMINED_MAX {
                *times += 1;
                let others = all().filter(|other| other.name() != engine.name());
                finding = examined(&mut trial, finding, engine, &schedule, others);
            }
            trial.found(finding, engine, schedule);
            break;
        }
    }
    let ran = trial.end();
    rig.examined = times_examined;
    rig.known_faults = known_faults;
    rig.late = late;
    ran
}

/// Compares a named engine, under a second schedule if it has one. `later` is the engine that
/// counts later. Returns the last schedule.
fn compared(
    trial: &mut Trial<'_>,
    engine: &dyn Engine,
    later: Option<&dyn Engine>,
    first: Schedule,
) -> (Option<Finding>, Schedule) {
    let found = trial.compared(later.unwrap_or(engine), first.clone());
    let second = other_schedule(engine, &first).filter(|_| trial.has_steps());
    match second {
        Some(second) if found.is_none() && engine.unavailable().is_none() => {
            let second = trial.spaced(second);
            (trial.compared(engine, second.clone()), second)
        }
        _ => (found, first),
    }
}

/// Returns a second schedule for an engine in a process of its own whose counts cost little. Nearly
/// all of its time goes into compiling a program, which it does only once.
fn other_schedule(engine: &dyn Engine, first: &Schedule) -> Option<Schedule> {
    let is_cheap = engine.traits().outside.is_some() && engine.later().is_none();
    let other = match first {
        Schedule::Every | Schedule::EveryNth(_) => Schedule::OnPressure,
        Schedule::At(_) | Schedule::OnPressure => Schedule::Every,
    };
    (is_cheap && engine.allows(&other)).then_some(other)
}

/// Runs the case of a finding again, to see where the finding begins, how often it shows, and what
/// the other engines do.
fn examined<'e>(
    trial: &mut Trial<'_>,
    first: Finding,
    engine: &dyn Engine,
    schedule: &Schedule,
    others: impl Iterator<Item = &'e dyn Engine>,
) -> Finding {
    let first_is_slow = first.is_slow();
    let mut finding = first;
    if !first_is_slow
        && let Some(closer) = engine.closer()
        && let Verdict::Found(closest) = trial.asked(closer.as_ref(), schedule.clone())
        && closest.signature() == finding.signature()
    {
        finding = *closest;
    }
    let signature = finding.signature();
    if engine.traits().outside.is_some() {
        let again = if first_is_slow { 0 } else { AGAIN };
        let mut rate = Rate { shown: 1, of: 1 };
        for _ in 0..again {
            let verdict = trial.asked(engine, schedule.clone());
            rate.of += 1;
            rate.shown += u32::from(shows(&verdict, &signature));
        }
        finding.rate = (again > 0).then_some(rate);
    }
    let mut stands = Stands::default();
    for other in others {
        let verdict = trial.asked(other, other.fitting(schedule));
        let side = match &verdict {
            verdict if shows(verdict, &signature) => &mut stands.with,
            Verdict::Found(_) => &mut stands.apart,
            Verdict::Agree(..) => &mut stands.against,
            Verdict::Skipped(_) => &mut stands.silent,
        };
        side.push(other.name());
    }
    finding.stands = Some(stands);
    finding
}

fn shows(verdict: &Verdict, signature: &str) -> bool {
    verdict
        .finding()
        .is_some_and(|finding| finding.signature() == signature)
}
