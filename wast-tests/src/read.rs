//! The text of a script to its directives: all at once if the crate `wast` reads it, and otherwise
//! form by form, with the newest forms of the script grammar, which that crate does not know yet.

use std::ops::Range;

use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};

use crate::directive::{Action, Directive};
use crate::expect::Expect;
use crate::forms::{self, Part};
use crate::lower;

/// Offset of a directive in the text, and the directive.
type Found = (usize, Directive);

/// Where and why a text is no script.
type Wrong = (usize, String);

/// Reads the directives of a script.
///
/// # Errors
///
/// The text does not consist of forms. One form that cannot be read is [`Directive::Unread`].
pub fn directives(text: &str) -> Result<Vec<Found>, Wrong> {
    let whole = match parse(text) {
        Ok(directives) => return Ok(directives),
        Err(wrong) => wrong,
    };
    let parts = forms::parts(text, 0..text.len())
        .map_err(|at| (at, "this has no end, or ends what never began".to_owned()))?;
    let mut found = Vec::new();
    for part in parts {
        match part {
            // A word outside of parentheses: no script.
            Part::Atom(_) => return Err(whole),
            Part::List(form) => read(text, form, &mut found),
        }
    }
    Ok(found)
}

fn parse(text: &str) -> Result<Vec<Found>, Wrong> {
    let wrong = |error: wast::Error| (error.span().offset(), error.message());
    let mut lexer = Lexer::new(text);
    // The official suite tests names with bidirectional marks.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(wrong)?;
    let wast = parser::parse::<wast::Wast<'_>>(&buffer).map_err(wrong)?;
    let directives = wast.directives.into_iter();
    Ok(directives
        .map(|directive| (directive.span().offset(), lower::directive(directive)))
        .collect())
}

fn read(text: &str, form: Range<usize>, found: &mut Vec<Found>) {
    let parts = forms::parts(text, forms::inside(&form)).unwrap_or_default();
    let head = match parts.first() {
        Some(Part::Atom(range)) => &text[range.clone()],
        _ => "",
    };
    match head {
        "script" => {
            for part in &parts[1..] {
                if let Part::List(form) = part {
                    read(text, form.clone(), found);
                }
            }
        }
        "input" | "output" => {
            found.push((form.start, Directive::Unsupported(format!("({head} ...)"))));
        }
        _ => {
            let at = form.start;
            let newest = newest(text, head, &parts);
            match newest.map_or_else(|| parse(&text[form]), |newest| Ok(vec![(0, newest)])) {
                Ok(read) => {
                    found.extend(read.into_iter().map(|(offset, read)| (at + offset, read)))
                }
                Err((offset, why)) => found.push((at + offset, Directive::Unread(why))),
            }
        }
    }
}

/// A form that the crate `wast` does not know.
fn newest(text: &str, head: &str, parts: &[Part]) -> Option<Directive> {
    match (head, parts) {
        ("assert_return", [_, _, patterns @ ..]) => any_reference(text, parts, patterns),
        (_, [_, Part::List(module), rest @ ..]) => {
            let action = instance(text, module)?;
            let words = match rest {
                [] => None,
                [Part::Atom(words)] => Some(string(&text[words.clone()])?),
                _ => return None,
            };
            Some(match (head, words) {
                ("assert_trap", Some(words)) => Directive::Trap(action, words),
                ("assert_exhaustion", Some(words)) => Directive::Exhaustion(action, words),
                ("assert_unlinkable", Some(words)) => Directive::Unlinkable(action, words),
                ("assert_exception", None) => Directive::Exception(action),
                _ => return None,
            })
        }
        _ => None,
    }
}

/// `(module instance $instance? $module?)` in an assertion.
fn instance(text: &str, form: &Range<usize>) -> Option<Action> {
    let parts = forms::parts(text, forms::inside(form)).ok()?;
    let words: Option<Vec<&str>> = parts
        .into_iter()
        .map(|part| match part {
            Part::Atom(range) => Some(&text[range]),
            Part::List(_) => None,
        })
        .collect();
    let module = match words?.as_slice() {
        ["module", "instance"] | ["module", "instance", _] => None,
        ["module", "instance", _, module] => Some(module.strip_prefix('$')?.to_owned()),
        _ => return None,
    };
    Some(Action::Instantiate { module })
}

/// A string without escapes but those of quotation marks and backslashes.
fn string(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// `assert_return` with the pattern `(ref)`, which stands for any reference that is not null.
fn any_reference(text: &str, parts: &[Part], patterns: &[Part]) -> Option<Directive> {
    let is_any = |part: &Part| match part {
        Part::List(range) => text[forms::inside(range)].trim() == "ref",
        Part::Atom(_) => false,
    };
    if !patterns.iter().any(is_any) {
        return None;
    }
    // The same with a pattern that the crate knows.
    let mut known = String::from("(");
    for part in parts {
        match part {
            part if is_any(part) => known.push_str("(ref.any)"),
            Part::Atom(range) | Part::List(range) => known.push_str(&text[range.clone()]),
        }
        known.push(' ');
    }
    known.push(')');
    let (_, directive) = parse(&known).ok()?.pop()?;
    let Directive::Return(action, mut expected) = directive else {
        return None;
    };
    for (expected, part) in expected.iter_mut().zip(patterns) {
        if is_any(part) {
            *expected = Expect::Ref;
        }
    }
    Some(Directive::Return(action, expected))
}
