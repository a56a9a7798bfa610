//! The instructions that the reference executes in one step of a case, around the one at which
//! another engine may have done something else.
//!
//! Always: memory is bounded. The step is run twice: first to find the instruction, then to keep
//! the lines around it. Not here: which step it is (`compare`).

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use gcrucible_reference::execution::trace::{Component, Tracer};

use super::ReferenceSession;
use crate::case::Case;
use crate::engine::{Session, Setup, Watch};

/// A part of the store that a comparison looks at directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The globals.
    Globals,
    /// The tables.
    Tables,
    /// The memories.
    Memories,
}

/// A part of what the reference did in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The step, counted from 0.
    pub step: usize,
    /// Number of the first instruction shown, counted from 0 within the step.
    pub first: u64,
    /// Number of instructions executed in the step.
    pub total: u64,
    /// One line for each instruction shown.
    pub lines: Vec<String>,
}

/// Runs `case` to step `at` and traces that step. Returns at most `lines` instructions around the
/// last one that may have changed `part`. Without a part these are the last instructions of the
/// step. `answers` are as in [`Setup::answers`](crate::engine::Setup).
#[must_use]
pub fn trace(case: &Case, answers: &[u32], at: usize, part: Option<Part>, lines: usize) -> Trace {
    let (total, last) = locate(case, answers, at, part.map(Part::component));
    let most = lines as u64;
    // The instruction is in the middle, unless the step begins or ends nearby.
    let latest = total.saturating_sub(most);
    let first = last.map_or(latest, |last| last.saturating_sub(most / 2).min(latest));
    Trace {
        step: at,
        first,
        total,
        lines: record(case, answers, at, first, lines),
    }
}

impl Part {
    fn component(self) -> Component {
        match self {
            Part::Globals => Component::Globals,
            Part::Tables => Component::Tables,
            Part::Memories => Component::Mems,
        }
    }
}

/// Returns how many instructions the step executes, and the number of the last one that may change
/// `component`.
fn locate(
    case: &Case,
    answers: &[u32],
    at: usize,
    component: Option<Component>,
) -> (u64, Option<u64>) {
    let found = Rc::new(RefCell::new((0, None)));
    let seen = Rc::clone(&found);
    let tracer: Tracer = Box::new(move |step| {
        let (total, last) = &mut *seen.borrow_mut();
        if component.is_some() && step.touches() == component {
            *last = Some(*total);
        }
        *total += 1;
    });
    run_to(case, answers, at, tracer);
    *found.borrow()
}

/// Returns the lines of at most `most` instructions of the step, from number `first` on.
fn record(case: &Case, answers: &[u32], at: usize, first: u64, most: usize) -> Vec<String> {
    let found = Rc::new(RefCell::new((0, Vec::new())));
    let seen = Rc::clone(&found);
    let tracer: Tracer = Box::new(move |step| {
        let (total, lines) = &mut *seen.borrow_mut();
        if *total >= first && lines.len() < most {
            lines.push(step.to_string());
        }
        *total += 1;
    });
    run_to(case, answers, at, tracer);
    found.take().1
}

/// Runs a case to the end of step `at`, with `tracer` during that step.
fn run_to(case: &Case, answers: &[u32], at: usize, tracer: Tracer) {
    let setup = Setup {
        answers: answers.to_vec(),
        ..Setup::of(case)
    };
    let mut session = ReferenceSession::new(&setup);
    for module in &case.modules {
        session.load(&module.wasm);
    }
    let Some(traced) = case.steps.get(at) else {
        return;
    };
    for step in &case.steps[..at] {
        session.step(step, Watch::Outcome);
    }
    session.store.set_tracer(Some(tracer));
    session.step(traced, Watch::Outcome);
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, first, total) = (self.step, self.first, self.total);
        if self.lines.is_empty() {
            return write!(f, "reference   no instruction of a function in step {step}");
        }
        let last = first + self.lines.len() as u64 - 1;
        writeln!(
            f,
            "reference   instructions {first} to {last} of {total} in step {step}: depth, \
             instance:function+position, instruction, operands, ! what it may change in the store"
        )?;
        f.write_str(&self.lines.join("\n"))
    }
}
