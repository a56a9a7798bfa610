//! Changes to when collections happen, and to what the embedder does.

use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::Value;

use crate::generate::source::Source;
use crate::program::{Program, Step};

/// Moves, adds or removes a collection, or chooses another schedule.
pub(super) fn collect_elsewhere(program: &mut Program, src: &mut Source<'_>) -> bool {
    let new = match (&program.schedule, src.below(4)) {
        (_, 0) => Schedule::Every,
        (_, 1) => Schedule::EveryNth(u64::from(src.range(2, 9))),
        (Schedule::At(points), 2) if !points.is_empty() => {
            let mut points = points.clone();
            points.remove(src.below(points.len()));
            Schedule::At(points)
        }
        (Schedule::At(points), _) => {
            let mut points = points.clone();
            points.push(u64::from(src.range(0, 80)));
            points.sort_unstable();
            points.dedup();
            Schedule::At(points)
        }
        _ => Schedule::At(vec![u64::from(src.range(0, 80))]),
    };
    let changed = new != program.schedule;
    program.schedule = new;
    changed
}

/// Repeats, removes or swaps calls. Instantiations stay where they are.
pub(super) fn change_steps(program: &mut Program, src: &mut Source<'_>) -> bool {
    const STEPS_MAX: usize = 12;
    let calls: Vec<usize> = (0..program.steps.len())
        .filter(|&at| matches!(program.steps[at], Step::Invoke { .. }))
        .collect();
    let Some(at) = src.pick(&calls) else {
        return false;
    };
    match src.below(3) {
        0 if program.steps.len() < STEPS_MAX => {
            let copy = program.steps[at].clone();
            program.steps.push(copy);
        }
        1 if calls.len() > 1 => drop(program.steps.remove(at)),
        _ => {
            let Some(other) = src.pick(&calls) else {
                return false;
            };
            // A call never moves before the instantiation of its module.
            let (first, last) = (at.min(other), at.max(other));
            let between = &program.steps[first..last];
            if between.iter().any(|s| matches!(s, Step::Instantiate(_))) || first == last {
                return false;
            }
            program.steps.swap(first, last);
        }
    }
    true
}

/// Changes a number among the arguments.
pub(super) fn change_argument(program: &mut Program, src: &mut Source<'_>) -> bool {
    let mut numbers: Vec<&mut Value> = Vec::new();
    for step in &mut program.steps {
        if let Step::Invoke { args, .. } = step {
            numbers.extend(
                args.iter_mut()
                    .filter(|v| matches!(v, Value::I32(_) | Value::I64(_))),
            );
        }
    }
    let at = src.below(numbers.len());
    let Some(value) = numbers.get_mut(at) else {
        return false;
    };
    let new = crate::generate::interesting(src);
    **value = match value {
        Value::I64(_) => Value::I64(i64::from(new)),
        _ => Value::I32(new),
    };
    true
}
