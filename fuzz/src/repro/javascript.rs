//! A reproduction for JavaScript engines: one file.
//!
//! It holds the program as a comment, its requests with the answers of a healthy engine, the driver
//! that performs requests, and a loop that compares.

use gcrucible_oracles::case::CaseModule;
use gcrucible_oracles::foreign::catalog::DRIVER;

use super::file::{Head, part};
use super::recording::Exchange;

/// The name of the file.
pub const FILE: &str = "repro.mjs";

/// The heading in the driver before the part that reads requests from a pipe.
const LOOP: &str = "// ---- The loop";

/// The heading in the driver after its introduction.
const SHELL: &str = "// ---- The shell";

const ENDS: &str =
    "Exit status 0: the engine does what the specification says. Any other end: it does not.";

const COMPARISON: &str = include_str!("comparison.mjs");

/// Returns the file.
///
/// # Panics
///
/// The driver lacks a heading, which a test excludes.
#[must_use]
pub fn file(head: Head<'_>, modules: &[CaseModule], exchanges: &[Exchange]) -> String {
    let mut text = head.comment("//", ENDS, modules);
    text.push_str("\n// What the engine is asked to do, and what a healthy engine answers.\n");
    text.push_str("const CASE = [\n");
    for exchange in exchanges {
        let line = serde_json::to_string(exchange).unwrap_or_default();
        text.push_str(&format!("  {line},\n"));
    }
    let times = head.times();
    text.push_str(&format!("];\n\n// How often.\nconst TIMES = {times};\n\n"));
    text.push_str(part(DRIVER, SHELL, Some(LOOP)));
    text.push_str("\n\n");
    text.push_str(COMPARISON);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_has_the_headings_at_which_it_is_cut() {
        let head = Head {
            title: "a title",
            command: "node repro.mjs",
            is_rare: false,
        };
        let text = file(head, &[], &[]);
        assert!(text.starts_with("// a title\n"));
        assert!(text.contains("const TIMES = 1;\n\n// ---- The shell"));
        assert!(text.contains("async function answer(request)"));
        assert!(!text.contains(LOOP));
        assert!(text.contains("// ---- The comparison"));
    }
}
