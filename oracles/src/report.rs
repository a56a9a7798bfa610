//! A verdict for people: which comparison failed, where, both values, and why they must be equal.
//!
//! Only this file turns a verdict into text. It does not contain the program, which stands beside
//! it.

use std::fmt::Write;

use crate::case::Case;
use crate::finding::{Finding, Symptom};
use crate::verdict::Verdict;

/// What a report adds to a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The case that was judged.
    pub case: &'a Case,
    /// The engine's configuration in one line.
    pub configuration: &'a str,
}

/// Returns the report, lines ended by line feeds.
pub fn report(verdict: &Verdict, context: &Context<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut text, verdict, context);
    text
}

fn write_report(text: &mut String, verdict: &Verdict, context: &Context<'_>) -> std::fmt::Result {
    match verdict {
        Verdict::Agree(stats, None) => writeln!(text, "agree: {stats}")?,
        Verdict::Agree(stats, Some(skip)) => writeln!(text, "agree until {skip}: {stats}")?,
        Verdict::Skipped(skip) => writeln!(text, "skipped: {skip}")?,
        Verdict::Found(finding) => write_finding(text, finding, context.case)?,
    }
    writeln!(text, "engine      {}", context.configuration)?;
    writeln!(text, "schedule    {}", context.case.schedule)?;
    if !context.case.origin.is_empty() {
        writeln!(text, "origin      {}", context.case.origin)?;
    }
    Ok(())
}

fn write_finding(text: &mut String, finding: &Finding, case: &Case) -> std::fmt::Result {
    writeln!(text, "{}", finding.title())?;
    write_step(text, finding.step, case)?;
    match &finding.symptom {
        Symptom::Differs(difference) => {
            if !difference.path.is_empty() {
                writeln!(text, "at          {}", difference.path)?;
            }
            writeln!(text, "expected    {}", difference.expected.text)?;
            writeln!(text, "actual      {}", difference.actual.text)?;
            writeln!(text, "authority   {}", difference.aspect.authority())?;
        }
        Symptom::Broke(words) => writeln!(text, "it said     {}", words.text)?,
        Symptom::Died(_) | Symptom::Hung { .. } | Symptom::Panicked(_) => {}
    }
    if let Some(stands) = &finding.stands {
        writeln!(text, "stands      {stands}")?;
    }
    if let Some(rate) = &finding.rate {
        writeln!(text, "shows       in {rate}")?;
    }
    writeln!(text, "signature   {}", finding.signature())
}

fn write_step(text: &mut String, step: Option<usize>, case: &Case) -> std::fmt::Result {
    match step.and_then(|index| case.steps.get(index).map(|step| (index, step))) {
        Some((index, step)) => writeln!(text, "step        {index}: {step}"),
        None => Ok(()),
    }
}
