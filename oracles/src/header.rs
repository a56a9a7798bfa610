//! Header lines of a case on disk: `;;! key = value` at the top of a `.wast` file.
//!
//! A value is a string in double quotes, a list of such strings, or a bare word (number, `true`,
//! `false`). Keys with a meaning have a field; every other key is kept in order, so that reading
//! and writing a header loses nothing.

use std::fmt;

use crate::schedule::Schedule;

/// A value of a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// `"text"`; `\"`, `\\` and `\n` are the only escapes.
    Text(String),
    /// `["a", "b"]`.
    List(Vec<String>),
    /// A bare word.
    Word(String),
}

/// What the header of a case says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `guards`: one sentence, what breaks when this case fails.
    pub guards: Option<String>,
    /// `source`: where the case comes from.
    pub source: Option<String>,
    /// `schedule`: when to collect; absent means that the runner chooses.
    pub schedule: Option<Schedule>,
    /// `collectors`: names of the collectors this case is meant for; empty means all.
    pub collectors: Vec<String>,
    /// Every other key, in order.
    pub other: Vec<(String, HeaderValue)>,
}

/// A header line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadHeader {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Header {
    /// Reads the `;;!` lines of a script. They may stand anywhere before the first directive; other
    /// lines are not looked at.
    ///
    /// # Errors
    ///
    /// The first line that starts with `;;!` but is not `key = value`, has a key twice, or has a
    /// value of the wrong kind.
    pub fn parse(script: &str) -> Result<Header, BadHeader> {
        let mut header = Header::default();
        let mut seen: Vec<String> = Vec::new();
        for (index, line) in script.lines().enumerate() {
            let Some(text) = line.trim_start().strip_prefix(";;!") else {
                continue;
            };
            let bad = |what: String| BadHeader {
                line: index + 1,
                what,
            };
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| bad("expected `;;! key = value`".to_owned()))?;
            let key = key.trim().to_owned();
            if seen.contains(&key) {
                return Err(bad(format!("`{key}` is given twice")));
            }
            let value = parse_value(value.trim()).map_err(bad)?;
            header.set(&key, value).map_err(bad)?;
            seen.push(key);
        }
        Ok(header)
    }

    fn set(&mut self, key: &str, value: HeaderValue) -> Result<(), String> {
        match (key, value) {
            ("guards", HeaderValue::Text(text)) => self.guards = Some(text),
            ("source", HeaderValue::Text(text)) => self.source = Some(text),
            ("schedule", HeaderValue::Text(text)) => {
                self.schedule = Some(text.parse().map_err(|error| format!("{error}"))?);
            }
            ("collectors", HeaderValue::List(list)) => self.collectors = list,
            ("guards" | "source" | "schedule", _) => {
                return Err(format!("`{key}` takes a string in double quotes"));
            }
            ("collectors", _) => return Err("`collectors` takes a list of strings".to_owned()),
            (_, value) => self.other.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// The value of a key without a field of its own.
    pub fn other(&self, key: &str) -> Option<&HeaderValue> {
        let found = self.other.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }
}

impl fmt::Display for Header {
    /// The lines, each ended by a line feed, in a fixed order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(guards) = &self.guards {
            writeln!(f, ";;! guards = {}", quoted(guards))?;
        }
        if let Some(source) = &self.source {
            writeln!(f, ";;! source = {}", quoted(source))?;
        }
        if let Some(schedule) = &self.schedule {
            writeln!(f, ";;! schedule = \"{schedule}\"")?;
        }
        if !self.collectors.is_empty() {
            let list = HeaderValue::List(self.collectors.clone());
            writeln!(f, ";;! collectors = {list}")?;
        }
        for (key, value) in &self.other {
            writeln!(f, ";;! {key} = {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderValue::Text(text) => f.write_str(&quoted(text)),
            HeaderValue::Word(word) => f.write_str(word),
            HeaderValue::List(items) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn parse_value(text: &str) -> Result<HeaderValue, String> {
    if let Some(inner) = text.strip_prefix('[') {
        return parse_list(inner);
    }
    if text.starts_with('"') {
        let (value, rest) = parse_string(text)?;
        return if rest.is_empty() {
            Ok(HeaderValue::Text(value))
        } else {
            Err(format!("unexpected `{rest}` after the string"))
        };
    }
    let word = |c: char| c.is_ascii_alphanumeric() || "+-._:".contains(c);
    if text.is_empty() || !text.chars().all(word) {
        return Err(format!("`{text}` is no value"));
    }
    Ok(HeaderValue::Word(text.to_owned()))
}

fn parse_list(text: &str) -> Result<HeaderValue, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.starts_with(']') {
        let (item, after) = parse_string(rest)?;
        items.push(item);
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with(']') => {}
            None => return Err("expected `,` or `]`".to_owned()),
        }
    }
    if rest == "]" {
        Ok(HeaderValue::List(items))
    } else {
        Err("unexpected text after `]`".to_owned())
    }
}

/// The string literal at the start of `text`, and what follows it.
fn parse_string(text: &str) -> Result<(String, &str), String> {
    let inner = text
        .strip_prefix('"')
        .ok_or_else(|| "expected a string in double quotes".to_owned())?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &inner[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("unknown escape in a string".to_owned()),
            },
            c => value.push(c),
        }
    }
    Err("the string does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = ";;! guards = \"a \\\"b\\\" \\\\ c\"\n;;! source = \"issue 7\"\n;;! schedule = \"every:3\"\n\
                    ;;! collectors = [\"drc\", \"copying\"]\n;;! live = 8\n;;! steps = [\"a\"]\n";
        let header = Header::parse(text).expect("a header");
        assert_eq!(header.schedule, Some(Schedule::EveryNth(3)));
        assert_eq!(header.collectors, ["drc", "copying"]);
        assert_eq!(
            header.other("live"),
            Some(&HeaderValue::Word("8".to_owned()))
        );
        assert_eq!(header.to_string(), text);
    }

    #[test]
    fn bad_lines_are_named() {
        let wrong = [
            ";;! guards",
            ";;! schedule = \"sometimes\"",
            ";;! schedule = every",
            ";;! collectors = \"drc\"",
            ";;! collectors = [\"drc\"",
            ";;! guards = \"open",
            ";;! guards = \"a\" b",
            ";;! x = ",
        ];
        for line in wrong {
            let error = Header::parse(&format!("(module)\n{line}\n")).expect_err(line);
            assert_eq!(error.line, 2, "{line}");
        }
        assert!(Header::parse(";;! a = 1\n;;! a = 2").is_err());
    }
}
