//! `gcrucible explain`: what a signature means, which comparison it comes from, and who says that
//! both sides must be equal.

use clap::Args;
use gcrucible_oracles::finding::Aspect;
use gcrucible_oracles::nondeterminism::Skip;

use super::failure::{Ending, Failure};
use super::terminal::say;
use crate::targets;

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A signature as findings and summaries show it, such as `types: runtime: census: 2 / 3`. It
    /// may be several words. Without it, every comparison is listed
    pub signature: Vec<String>,
}

/// What is known of a kind of finding that is no comparison.
const OTHERS: [(&str, &str, &str); 4] = [
    (
        "crash",
        "the engine broke: it panicked, its heap did not pass its checks, or an assertion failed",
        "the engine's own rules. What follows are its first words, without numbers",
    ),
    (
        "process died",
        "the process that ran the program ended by a signal or with a status, twice",
        "no program may end the engine's process",
    ),
    (
        "hang",
        "the program did not end in time, twice",
        "every program that is generated ends: calls and turns of loops are counted",
    ),
    (
        "panic",
        "the harness itself panicked: a fault of this project",
        "what follows are the first words of the message",
    ),
];

/// Runs the subcommand.
///
/// # Errors
///
/// Words that are in no signature.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let words = options.signature.join(" ");
    if words.trim().is_empty() {
        for aspect in Aspect::ALL {
            say!("{:<13} {}", aspect.name(), aspect.compares());
        }
        for (name, what, _) in OTHERS {
            say!("{name:<13} {what}");
        }
        return Ok(Ending::Clean);
    }
    let parts: Vec<&str> = words.split(": ").map(str::trim).collect();
    let target = parts.first().and_then(|name| targets::named(name));
    if let Some(target) = target {
        say!("target      {}: {}", target.name, target.hunts);
        if let Some(engine) = parts.get(1).filter(|_| parts.len() > 2) {
            say!("engine      {engine}");
        }
    }
    for (at, part) in parts.iter().enumerate() {
        let rest = parts[at + 1..].join(": ");
        if let Some(aspect) = Aspect::ALL.into_iter().find(|a| a.name() == *part) {
            say!("comparison  {}: {}", aspect.name(), aspect.compares());
            if let Some((expected, actual)) = rest.split_once(" / ") {
                say!("expected    {expected} (the reference)");
                say!("actual      {actual} (the engine)");
            }
            say!("authority   {}", aspect.authority());
            return Ok(Ending::Clean);
        }
        if let Some((_, what, authority)) = OTHERS.into_iter().find(|(name, ..)| name == part) {
            say!("found       {what}");
            if !rest.is_empty() {
                say!("words       {rest}");
            }
            say!("authority   {authority}");
            return Ok(Ending::Clean);
        }
    }
    if Skip::all().any(|skip| skip.to_string() == words) {
        say!(
            "skipped     {words}: nothing was compared, for a reason that the specification allows"
        );
        return Ok(Ending::Clean);
    }
    Err(Failure::Usage(format!(
        "{words:?} is no signature; `gcrucible explain` lists what can be found"
    )))
}
