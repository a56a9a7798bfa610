//! A case as a script that checks itself: each step asserts what the reference saw.
//!
//! A result that the specification leaves open (a NaN, a number of live objects with frames on the
//! stack) is not asserted. A script ends with a step that runs out of a resource, because nothing
//! after it is compared. The step itself asserts nothing, but an engine may break in it. Assertions
//! cannot describe contents of objects, globals and tables, or live counts. The line `check = true`
//! in the header makes the runner compare all of these with the reference.

use std::fmt::Write as _;

use gcrucible_oracles::case::{Case, CaseModule, InstanceIndex, Step};
use gcrucible_oracles::engine::{Run, StepRun};
use gcrucible_oracles::observe::{Node, Observation};
use gcrucible_oracles::outcome::{Outcome, Resource, Why};
use gcrucible_oracles::value::{HeapTop, Ref, Target, Value};

use super::print::{argument, escaped};

/// Returns the directives of a case. `run` is what the reference saw of it.
#[must_use]
pub fn directives(case: &Case, run: &Run) -> String {
    let mut text = String::new();
    let mut instances: Vec<usize> = Vec::new();
    if case.steps.is_empty() {
        for (index, module) in case.modules.iter().enumerate() {
            line(&mut text, &loaded(module, index, run.loads.get(index)));
        }
    }
    for (number, step) in case.steps.iter().enumerate() {
        let Some(taken) = run.steps.get(number) else {
            line(
                &mut text,
                &format!(";; the reference does not get to: {step}"),
            );
            continue;
        };
        let seen = &taken.observation;
        // Nothing after exhaustion was compared, unless every engine runs out at the same moment.
        let end = match &seen.outcome {
            Outcome::Exhausted(resource) if !is_exact(taken, *resource) => Some(*resource),
            _ => None,
        };
        if let Some(resource) = end {
            line(
                &mut text,
                &format!(";; the reference runs out of {resource} here"),
            );
            // A script has far more fuel than a fuzz run.
            if resource == Resource::Fuel {
                line(&mut text, &format!(";; {step}"));
                break;
            }
        }
        match step {
            Step::Instantiate { module } => {
                let index = module.0 as usize;
                instances.push(index);
                if let Some(module) = case.modules.get(index) {
                    line(&mut text, &instantiated(module, index, taken));
                }
            }
            Step::Register { .. } | Step::Invoke { .. } | Step::Get { .. } => {
                asserted(&mut text, &action(case, &instances, step), taken, run);
            }
        }
        if end.is_some() {
            break;
        }
    }
    text
}

/// Returns a module as text, if it can be printed.
pub type Printer = fn(&[u8]) -> Option<String>;

/// Prints a module as it is.
#[must_use]
pub fn as_it_is(wasm: &[u8]) -> Option<String> {
    wasmprinter::print_bytes(wasm).ok()
}

/// Returns the directives of a case that assert nothing, with modules as `print` prints them.
#[must_use]
pub fn plain(case: &Case, print: Printer) -> String {
    let mut text = String::new();
    let mut instances: Vec<usize> = Vec::new();
    if case.steps.is_empty() {
        for (index, module) in case.modules.iter().enumerate() {
            line(&mut text, &defined(module, index, print));
        }
    }
    for step in &case.steps {
        if let Step::Instantiate { module } = step {
            let index = module.0 as usize;
            instances.push(index);
            if let Some(module) = case.modules.get(index) {
                line(&mut text, &made(module, index, print));
            }
        } else {
            line(&mut text, &action(case, &instances, step));
        }
    }
    text
}

/// A step on an instance that is there. Empty for a step that makes one.
fn action(case: &Case, instances: &[usize], step: &Step) -> String {
    let of = |instance: &InstanceIndex| name_of(case, instances, instance.0);
    match step {
        Step::Instantiate { .. } => String::new(),
        Step::Register { instance, name } => {
            format!("(register \"{}\" {})", quotable(name), of(instance))
        }
        Step::Invoke {
            instance,
            export,
            args,
        } => {
            let args: String = args
                .iter()
                .map(|arg| format!(" {}", argument(arg)))
                .collect();
            format!("(invoke {} \"{}\"{args})", of(instance), quotable(export))
        }
        Step::Get { instance, global } => {
            format!("(get {} \"{}\")", of(instance), quotable(global))
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// The name of a module in the script.
fn name(module: &CaseModule, index: usize) -> String {
    match module.name.as_str() {
        "" => format!("$m{index}"),
        name => format!("${name}"),
    }
}

fn name_of(case: &Case, instances: &[usize], instance: u32) -> String {
    let index = instances.get(instance as usize).copied().unwrap_or(0);
    case.modules
        .get(index)
        .map_or_else(String::new, |module| name(module, index))
}

/// A module that is only defined.
fn defined(module: &CaseModule, index: usize, print: Printer) -> String {
    let head = format!("(module definition {}", name(module, index));
    printed(module, &head, print)
}

/// A module of which an instance is made.
fn made(module: &CaseModule, index: usize, print: Printer) -> String {
    printed(module, &format!("(module {}", name(module, index)), print)
}

/// Returns a module as text, or as bytes if it cannot be printed. `head` stands in place of the
/// name that it has itself.
fn printed(module: &CaseModule, head: &str, print: Printer) -> String {
    let text = print(&module.wasm);
    match text
        .as_deref()
        .and_then(|text| text.strip_prefix("(module"))
    {
        Some(rest) => format!("{head}{}", after_name(rest).trim_end()),
        None => {
            let bytes: String = module.wasm.iter().map(|b| format!("\\{b:02x}")).collect();
            format!("{head} binary \"{bytes}\")")
        }
    }
}

/// What follows the name with which the text begins, if it begins with one.
fn after_name(text: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || c == ')';
    match (text.strip_prefix(" $\""), text.strip_prefix(" $")) {
        (Some(quoted), _) => quoted.split_once('"').map_or("", |(_, rest)| rest),
        (None, Some(plain)) => &plain[plain.find(ends).unwrap_or(plain.len())..],
        (None, None) => text,
    }
}

fn loaded(module: &CaseModule, index: usize, outcome: Option<&Outcome>) -> String {
    let assertion = match outcome {
        Some(Outcome::Rejected(rejection)) if rejection.why == Why::Invalid => "assert_invalid",
        Some(Outcome::Rejected(rejection)) if rejection.why == Why::Malformed => "assert_malformed",
        _ => {
            return defined(module, index, as_it_is);
        }
    };
    format!(
        "({assertion} {} \"\")",
        printed(module, "(module", as_it_is)
    )
}

fn instantiated(module: &CaseModule, index: usize, taken: &StepRun) -> String {
    let plain = made(module, index, as_it_is);
    match &taken.observation.outcome {
        Outcome::Trapped(trap) => format!("(assert_trap {plain} \"{trap}\")"),
        Outcome::Threw(_) => format!("(assert_exception {plain})"),
        Outcome::Exhausted(resource) if is_exact(taken, *resource) => {
            format!("(assert_trap {plain} \"{}\")", words(*resource))
        }
        Outcome::Rejected(rejection) => match rejection.why {
            Why::Unlinkable => format!("(assert_unlinkable {plain} \"\")"),
            Why::Invalid => format!("(assert_invalid {plain} \"\")"),
            Why::Malformed => format!("(assert_malformed {plain} \"\")"),
            Why::Limit | Why::Misuse => plain,
        },
        _ => plain,
    }
}

/// An action with what it must end with.
fn asserted(text: &mut String, action: &str, taken: &StepRun, run: &Run) {
    let seen = &taken.observation;
    let exact = |sample: &gcrucible_oracles::leak::Sample| {
        (sample.bounds).is_some_and(|b| b.least == b.most_retained)
    };
    let is_action = !action.starts_with("(register");
    let assertion = match &seen.outcome {
        Outcome::Returned(values) if is_action && run.samples.iter().all(exact) => {
            let patterns: Option<Vec<String>> =
                values.iter().map(|value| pattern(*value, seen)).collect();
            match patterns {
                Some(patterns) => {
                    let patterns: String = patterns.iter().map(|p| format!(" {p}")).collect();
                    format!("(assert_return {action}{patterns})")
                }
                None => action.to_owned(),
            }
        }
        Outcome::Trapped(trap) => format!("(assert_trap {action} \"{trap}\")"),
        Outcome::Threw(_) => format!("(assert_exception {action})"),
        Outcome::Exhausted(resource) if is_exact(taken, *resource) => {
            format!("(assert_exhaustion {action} \"{}\")", words(*resource))
        }
        Outcome::Returned(_) | Outcome::Exhausted(_) => action.to_owned(),
        other => format!(";; {action} ends otherwise: {other}").replace('\n', " "),
    };
    line(text, &assertion);
}

/// Whether the resource runs out at the same moment on every engine of ours: at the allocation that
/// the header lets fail, or at the call that is one too many.
fn is_exact(taken: &StepRun, resource: Resource) -> bool {
    taken.full || resource == Resource::CallDepth
}

fn words(resource: Resource) -> String {
    match resource {
        Resource::CallDepth | Resource::CallStack => "call stack exhausted".to_owned(),
        other => format!("{other} exhausted"),
    }
}

/// Returns the pattern of a result, or `None` if the specification leaves the result open.
fn pattern(value: Value, seen: &Observation) -> Option<String> {
    match value {
        Value::F32(bits) if f32::from_bits(bits).is_nan() => None,
        Value::F64(bits) if f64::from_bits(bits).is_nan() => None,
        // A lane can be a NaN.
        Value::V128(_) => None,
        Value::Ref(reference) => Some(reference_pattern(reference, seen)),
        number => Some(argument(&number)),
    }
}

fn reference_pattern(reference: Ref, seen: &Observation) -> String {
    let node = match reference.to {
        Target::Node(node) => seen.graph.get(node),
        _ => None,
    };
    match (reference.to, reference.top, node) {
        (Target::Null, ..) => "(ref.null)".to_owned(),
        (Target::Host(number), HeapTop::Extern, _) => format!("(ref.extern {number})"),
        (Target::Host(number), ..) => format!("(ref.host {number})"),
        (_, HeapTop::Extern, _) => "(ref.extern)".to_owned(),
        (_, HeapTop::Func, _) => "(ref.func)".to_owned(),
        (Target::I31(_), ..) => "(ref.i31)".to_owned(),
        (_, HeapTop::Any, Some(Node::Struct { .. })) => "(ref.struct)".to_owned(),
        (_, HeapTop::Any, Some(Node::Array { .. })) => "(ref.array)".to_owned(),
        _ => "(ref)".to_owned(),
    }
}

/// A name as a string of the text format.
fn quotable(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ';
    if name.chars().all(plain) {
        return name.to_owned();
    }
    escaped(name.as_bytes())
}
