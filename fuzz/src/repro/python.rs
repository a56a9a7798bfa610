//! A reproduction for Wasmtime's library with the C interface: one file in Python, which needs
//! nothing but the library.
//!
//! It has the same parts as the one in JavaScript.

use gcrucible_oracles::case::CaseModule;
use gcrucible_oracles::foreign::catalog::wasmtime_c::{DRIVER, INTERFACE};
use gcrucible_wasmtime_c::words;

use super::file::{Head, part};
use super::recording::Exchange;

/// The name of the file.
pub const FILE: &str = "repro.py";

/// The heading in the interface after its introduction.
const LIBRARY: &str = "# ---- The library";

/// The heading in the driver after its introduction.
const SESSION: &str = "# ---- The session";

/// The heading in the driver before the part that reads requests from a pipe.
const LOOP: &str = "# ---- The loop";

/// The exit status if this file itself fails, as Python has it.
pub const FAILED: i32 = 1;

const ENDS: &str = "Exit status 0: the engine does what the specification says. 1: this file \
                    failed. Any other end: the engine does not.";

const COMPARISON: &str = include_str!("comparison.py");

const IMPORTS: &str = "import base64\nimport collections\nimport ctypes\nimport glob\n\
                       import importlib.util\nimport json\nimport os\nimport re\nimport sys\n";

/// Returns the file. `flags` are those of the engine.
///
/// # Panics
///
/// The driver lacks a heading, which a test excludes.
#[must_use]
pub fn file(
    head: Head<'_>,
    flags: &[String],
    modules: &[CaseModule],
    exchanges: &[Exchange],
) -> String {
    let mut text = head.comment("#", ENDS, modules);
    text.push_str(&format!("\n{IMPORTS}"));
    text.push_str("\n# What the engine is asked to do, and what a healthy engine answers.\n");
    text.push_str("CASE = [json.loads(line) for line in r'''\n");
    for exchange in exchanges {
        let line = serde_json::to_string(exchange).unwrap_or_default();
        text.push_str(&quoted(&line));
        text.push('\n');
    }
    text.push_str("'''.split('\\n') if line]\n\n");
    let times = head.times();
    text.push_str(&format!("# How often.\nTIMES = {times}\n\n"));
    let flags = serde_json::to_string(flags).unwrap_or_default();
    text.push_str(&format!(
        "# How the engine is configured.\nFLAGS = {flags}\n\n"
    ));
    let words = quoted(words::FILE.trim_end());
    text.push_str(&format!(
        "# What the library says.\nWORDS = json.loads(r'''{words}''')\n\n"
    ));
    text.push_str(part(INTERFACE, LIBRARY, None));
    text.push_str("\n\n\n");
    text.push_str(part(DRIVER, SESSION, Some(LOOP)));
    text.push_str("\n\n\n");
    text.push_str(COMPARISON);
    text
}

/// Returns JSON that can stand between three apostrophes. In JSON these occur in strings only.
fn quoted(json: &str) -> String {
    json.replace('\'', "\\u0027")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_has_the_headings_at_which_it_is_cut() {
        let head = Head {
            title: "it's a title",
            command: "python3 repro.py",
            is_rare: true,
        };
        let text = file(head, &["speed".to_owned()], &[], &[]);
        assert!(text.starts_with("# it's a title\n#\n#   python3 repro.py\n"));
        assert!(text.contains("TIMES = 200\n"));
        assert!(text.contains("FLAGS = [\"speed\"]\n"));
        assert!(text.contains("\nclass Library:") && text.contains("\nclass Adapter:"));
        assert!(!text.contains(LOOP) && !text.contains("from c_interface"));
        assert!(text.ends_with("\ncompare()\n"));
    }

    #[test]
    fn an_apostrophe_does_not_end_the_text() {
        assert_eq!(quoted(r#"["'''"]"#), r#"["\u0027\u0027\u0027"]"#);
    }
}
