//! A report in the form that the trackers of engines ask for, in Markdown.

use std::fmt::Write;

use gcrucible_oracles::case::CaseModule;
use gcrucible_oracles::finding::{Finding, Symptom};

/// The name of the file.
pub const FILE: &str = "report.md";

/// What the report says of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Engine<'a> {
    /// The engine's own name, such as `v8`.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The command by which it was run, with its flags.
    pub command: &'a str,
}

/// How the reproduction beside the report behaves.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The command that runs it.
    pub command: String,
    /// How many tries showed the fault.
    pub shown: u32,
    /// All tries.
    pub of: u32,
}

/// Returns the report. `tried` is the reproduction, if there is one.
#[must_use]
pub fn text(
    finding: &Finding,
    engine: Engine<'_>,
    modules: &[CaseModule],
    script: &str,
    tried: Option<&Tried>,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, finding, engine, modules, script, tried);
    text
}

fn write(
    text: &mut String,
    finding: &Finding,
    engine: Engine<'_>,
    modules: &[CaseModule],
    script: &str,
    tried: Option<&Tried>,
) -> std::fmt::Result {
    let Engine {
        name,
        version,
        command,
    } = engine;
    writeln!(text, "# {}\n", heading(finding, name))?;
    writeln!(text, "- Engine: {name} {version}")?;
    writeln!(text, "- Command: `{command}`")?;
    writeln!(
        text,
        "- System: {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )?;
    if let Some(stands) = &finding.stands {
        writeln!(text, "- Stands: {stands}")?;
    }
    if let Some(rate) = &finding.rate {
        writeln!(text, "- Shows: in {rate} of the generated program")?;
    }
    write_steps(text, script, tried)?;
    write_modules(text, modules)?;
    write_outcome(text, finding)
}

fn write_steps(text: &mut String, script: &str, tried: Option<&Tried>) -> std::fmt::Result {
    writeln!(text, "\n## How to see it\n")?;
    if let Some(Tried { command, shown, of }) = tried {
        writeln!(text, "    {command}\n")?;
        writeln!(
            text,
            "It showed the fault in {shown} of {of} tries. It needs nothing of ours.\n"
        )?;
    }
    writeln!(
        text,
        "`{script}` has the same program as a script, whose imports from `harness` are operations \
         of the embedder."
    )
}

fn write_modules(text: &mut String, modules: &[CaseModule]) -> std::fmt::Result {
    writeln!(text, "\n## Program\n")?;
    for module in modules {
        match wasmprinter::print_bytes(&module.wasm) {
            Ok(printed) => writeln!(text, "```wat\n{}\n```", printed.trim_end())?,
            Err(error) => writeln!(text, "A module that cannot be printed: {error}")?,
        }
    }
    Ok(())
}

fn write_outcome(text: &mut String, finding: &Finding) -> std::fmt::Result {
    let (expected, actual, authority) = match &finding.symptom {
        Symptom::Differs(difference) => (
            difference.expected.text.as_str(),
            difference.actual.text.as_str(),
            difference.aspect.authority(),
        ),
        Symptom::Broke(words) => ("no failure of the engine", words.text.as_str(), ""),
        Symptom::Died(how) => ("no failure of the engine", how.as_str(), ""),
        Symptom::Hung { .. } => ("an end", "no end", ""),
        Symptom::Panicked(message) => ("no failure", message.text.as_str(), ""),
    };
    let path = finding.difference().map_or("", |differs| &differs.path);
    if !path.is_empty() {
        writeln!(text, "\nThe difference is at {path}.")?;
    }
    writeln!(text, "\n## Expected\n\n{expected}")?;
    if !authority.is_empty() {
        writeln!(text, "\nAuthority: {authority}.")?;
    }
    writeln!(text, "\n## Actual\n\n{actual}")
}

/// The title in words of the engine's maintainers.
fn heading(finding: &Finding, engine: &str) -> String {
    use gcrucible_oracles::finding::Aspect;
    let what = match (&finding.symptom, finding.aspect()) {
        (Symptom::Differs(_), Some(Aspect::Load)) => "a module is not judged as specified",
        (Symptom::Differs(_), Some(Aspect::Handles)) => {
            "a host object is kept alive, or dropped, against what is reachable"
        }
        (Symptom::Differs(_), Some(Aspect::Census | Aspect::Sample)) => {
            "the number of live objects is wrong"
        }
        (Symptom::Differs(_), Some(Aspect::Outcome)) => "a call ends otherwise than specified",
        (Symptom::Differs(_), _) => "a value is not as specified",
        (Symptom::Hung { .. }, _) => "an endless run",
        _ => "a crash",
    };
    format!("{engine}: {what}")
}
