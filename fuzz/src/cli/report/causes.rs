//! The part of the page about findings: each group that may have one cause.

use maud::{Markup, html};

use super::data::{Cause, Data, anchor};
use super::{highlight, picture};

/// Most lines of a program that are shown. A reduced program has ten to forty.
const LINES: usize = 300;

/// Returns the section.
#[must_use]
pub fn section(data: &Data) -> Markup {
    let findings: u64 = data.causes.iter().flat_map(|c| c.signatures.values()).sum();
    html! {
        @if data.causes.is_empty() {
            p class="missing" { "No finding is in this folder." }
            @for run in data.runs.iter().filter(|run| run.findings > 0) {
                p class="bad" {
                    (run.file) " counts " (run.findings) " findings, whose folders are elsewhere: "
                    "let " code { "--out" } " name a folder in this one."
                }
            }
        } @else {
            p {
                (findings) " findings in " (data.causes.len()) " groups. "
                "Findings that may have one cause are one group."
            }
            ol {
                @for cause in &data.causes {
                    li { a href=(format!("#{}", id(cause))) { (cause.shown.finding.title()) } }
                }
            }
            @for cause in &data.causes { (article(cause)) }
        }
    }
}

fn id(cause: &Cause) -> String {
    anchor("finding", &cause.shown.path)
}

fn article(cause: &Cause) -> Markup {
    let finding = &cause.shown.finding;
    html! {
        article aria-labelledby=(id(cause)) {
            h3 id=(id(cause)) { (finding.title()) }
            @if let Some(difference) = finding.difference() {
                (picture::difference(difference))
                p { "Both sides must be equal. " (difference.aspect.authority()) "." }
            }
            @if !finding.operations.is_empty() {
                p {
                    "What the smallest program does: "
                    @for (at, name) in finding.operations.iter().enumerate() {
                        @if at > 0 { ", " }
                        code { (name) }
                    }
                    "."
                }
            }
            h4 { "Verdict" }
            pre tabindex="0" { (cause.shown.verdict.trim_end()) }
            @if let Some(program) = &cause.shown.program {
                h4 { "Program" }
                pre tabindex="0" { code { (highlight::script(&start(program))) } }
            }
            @if let Some(replay) = cause.shown.replay() {
                h4 { "Run it again" }
                pre tabindex="0" { code { (replay) } }
            }
            details {
                summary { (cause.folders.len()) " folders, " (cause.signatures.len()) " signatures" }
                ul { @for folder in &cause.folders { li { code { (folder) } } } }
                ul {
                    @for (signature, count) in &cause.signatures {
                        li { code { (signature) } " (" (count) "x)" }
                    }
                }
            }
        }
    }
}

/// The first lines of a program.
fn start(program: &str) -> String {
    let lines = program.lines().count();
    let mut text: String = program
        .lines()
        .take(LINES)
        .map(|line| format!("{line}\n"))
        .collect();
    if lines > LINES {
        text += &format!(";; {} more lines\n", lines - LINES);
    }
    text
}
