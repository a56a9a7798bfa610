//! The header of a case on disk: lines `;;! key = value` of a `.wast` file, where `key = value` is
//! TOML.
//!
//! Always: an unknown key is an error. Otherwise a typing error could turn a regression into a test
//! of something else. The switches of features in Wasmtime's scripts are ignored, because every
//! feature of WebAssembly 3.0 is always on here.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Value;
use toml::de::DeTable;

use crate::nearest::suggestion;
use crate::schedule::Schedule;

/// What the header of a case says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// One sentence: what breaks when this case fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guards: Option<String>,
    /// Where the case comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The name of the engine that the case was found on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The names of the planted faults that the case shows: a string for one, a list for several.
    #[serde(
        deserialize_with = "one_or_several",
        serialize_with = "as_one_or_several",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub planted: Vec<String>,
    /// When to collect. If it is absent, the runner chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Names of the collectors for which this case is meant. If there are none, it is meant for
    /// all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collectors: Vec<String>,
    /// Bytes of the collected heap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<u64>,
    /// The number of the one allocation that finds the heap full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<u64>,
    /// Whether the runner also runs the script as a case and compares everything that can be seen,
    /// and live counts, with the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<bool>,
    /// Whether the program uses every reference that it holds at a collection point afterwards.
    /// Then live counts are exact at such points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// What an engine that cannot count all objects answers when the program asks how many live, in
    /// order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<u32>,
}

/// Every key.
pub const KEYS: [&str; 11] = [
    "guards",
    "source",
    "engine",
    "planted",
    "schedule",
    "collectors",
    "heap",
    "full",
    "check",
    "held",
    "answers",
];

/// Keys of Wasmtime's scripts: the features that a script needs, each `true` or `false`.
const SWITCHES: [&str; 21] = [
    "bulk_memory",
    "custom_descriptors",
    "custom_page_sizes",
    "exceptions",
    "extended_const",
    "function_references",
    "gc",
    "gc_types",
    "hogs_memory",
    "legacy_exceptions",
    "memory64",
    "multi_memory",
    "nan_canonicalization",
    "reference_types",
    "relaxed_simd",
    "simd",
    "spec_test",
    "stack_switching",
    "tail_call",
    "threads",
    "wide_arithmetic",
];

/// A header that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// A line is not `key = value`, or the value does not fit the key.
    #[error("{message}")]
    Value {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A key has no meaning.
    #[error("`{key}` is no key of a header; {}", suggestion(key, &KEYS))]
    Key {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
}

impl BadHeader {
    /// Returns the line, counted from 1.
    pub fn line(&self) -> usize {
        match self {
            BadHeader::Value { line, .. } | BadHeader::Key { line, .. } => *line,
        }
    }
}

impl Header {
    /// Reads the `;;!` lines of a script, wherever they stand.
    ///
    /// # Errors
    ///
    /// The first line that is not `key = value`, has a key twice, a key that is not known, or a
    /// value that does not fit.
    pub fn parse(script: &str) -> Result<Header, BadHeader> {
        // Other lines become empty lines of the TOML text, so that line numbers stay the same.
        let text: String = script
            .lines()
            .map(|line| toml_of(line).unwrap_or("").to_owned() + "\n")
            .collect();
        let bad = |error: toml::de::Error| BadHeader::Value {
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        let table = DeTable::parse(&text).map_err(bad)?;
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            let is_switch = SWITCHES.contains(&name) && value.get_ref().is_bool();
            if !is_switch && !KEYS.contains(&name) {
                return Err(BadHeader::Key {
                    line: line_of(&text, key.span().start),
                    key: name.to_owned(),
                });
            }
        }
        toml::from_str(&text).map_err(bad)
    }
}

/// Returns the TOML in a line of a script, if the line belongs to the header.
fn toml_of(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix(";;!")?;
    // One space belongs to the mark. A string of several lines keeps its own spaces.
    Some(text.strip_prefix(' ').unwrap_or(text))
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum OneOrSeveral<'a> {
    One(Cow<'a, str>),
    Several(Cow<'a, [String]>),
}

fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrSeveral::deserialize(from)? {
        OneOrSeveral::One(name) => vec![name.into_owned()],
        OneOrSeveral::Several(names) => names.into_owned(),
    })
}

fn as_one_or_several<S: Serializer>(names: &[String], into: S) -> Result<S::Ok, S::Error> {
    let names = match names {
        [name] => OneOrSeveral::One(Cow::Borrowed(name)),
        several => OneOrSeveral::Several(Cow::Borrowed(several)),
    };
    names.serialize(into)
}

/// The number of the line in which an offset lies, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|&byte| byte == b'\n').count() + 1
}

impl fmt::Display for Header {
    /// The lines, each ended by a line feed, in the order of [`KEYS`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(Value::Table(table)) = Value::try_from(self) else {
            return Err(fmt::Error);
        };
        for key in KEYS {
            let text = table.get(key).map(|value| format!("{key} = {value}"));
            for line in text.iter().flat_map(|text| text.lines()) {
                writeln!(f, ";;! {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = ";;! guards = \"a sentence\"\n;;! planted = \"some-fault\"\n\
                    ;;! schedule = \"every:3\"\n\
                    ;;! collectors = [\"drc\", \"copying\"]\n;;! heap = 8\n;;! held = true\n";
        let header = Header::parse(text).expect("a header");
        assert_eq!(header.schedule, Some(Schedule::EveryNth(3)));
        assert_eq!(header.collectors, ["drc", "copying"]);
        assert_eq!((header.heap, header.held), (Some(8), Some(true)));
        assert_eq!(header.to_string(), text);
    }

    #[test]
    fn one_fault_is_a_string_and_several_are_a_list() {
        for (line, names) in [
            (";;! planted = \"a\"\n", vec!["a"]),
            (";;! planted = [\"a\", \"b\"]\n", vec!["a", "b"]),
        ] {
            let header = Header::parse(line).expect("a header");
            assert_eq!(header.planted, names);
            assert_eq!(header.to_string(), line);
        }
    }

    #[test]
    fn any_text_survives() {
        let header = Header {
            guards: Some("a \"b\" \\ 'c'\nd".to_owned()),
            ..Header::default()
        };
        assert_eq!(Header::parse(&header.to_string()), Ok(header));
    }

    #[test]
    fn bad_lines_are_named() {
        let wrong = [
            ";;! guards",
            ";;! schedule = \"sometimes\"",
            ";;! schedule = every",
            ";;! schedule = 3",
            ";;! collectors = \"drc\"",
            ";;! collectors = [\"drc\"",
            ";;! guards = \"open",
            ";;! guards = \"a\" b",
            ";;! planted = 3",
            ";;! heap = -1",
            ";;! heap = \"8\"",
            ";;! held = ",
            ";;! gc = 1",
        ];
        for line in wrong {
            let error = Header::parse(&format!("(module)\n{line}\n")).expect_err(line);
            assert_eq!(error.line(), 2, "{line}: {error}");
        }
        assert!(Header::parse(";;! heap = 1\n;;! heap = 2").is_err());
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        let error =
            Header::parse("(module)\n\n  ;;! shedule = \"every\"").expect_err("a typing error");
        let expected = "`shedule` is no key of a header; did you mean `schedule`?";
        assert_eq!((error.line(), error.to_string()), (3, expected.to_owned()));
        let error = Header::parse(";;! colour = \"red\"").expect_err("a stranger");
        assert!(error.to_string().contains("`guards`, `source`"), "{error}");
    }

    #[test]
    fn switches_of_features_are_read_over() {
        let header =
            Header::parse(";;! gc = true\n;;! simd = false\n;;! heap = 3").expect("a header");
        assert_eq!(header.to_string(), ";;! heap = 3\n");
    }
}
