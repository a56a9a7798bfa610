//! The forms of a script as ranges of its text, without any grammar beyond parentheses, strings and
//! comments. A script that the parser of the crate `wast` refuses is read form by form, so that a
//! form that it does not know does not affect the others.

use std::ops::Range;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A word or a string.
    Atom(Range<usize>),
    /// Something in parentheses, which are part of it.
    List(Range<usize>),
}

/// Returns the parts of a text, up to its end or to a parenthesis that closes what encloses it.
///
/// # Errors
///
/// The offset of a parenthesis, a string or a comment without an end.
pub fn parts(text: &str, range: Range<usize>) -> Result<Vec<Part>, usize> {
    let bytes = &text.as_bytes()[..range.end];
    let mut parts = Vec::new();
    let mut at = range.start;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'(' if bytes[at..].starts_with(b"(;") => comment(bytes, at)?,
            b'(' => {
                let end = list(bytes, at)?;
                parts.push(Part::List(at..end));
                end
            }
            b';' if bytes[at..].starts_with(b";;") => line(bytes, at),
            b')' => return Err(at),
            byte if byte.is_ascii_whitespace() => at + 1,
            _ => {
                let end = atom(bytes, at)?;
                parts.push(Part::Atom(at..end));
                end
            }
        };
        at = end;
    }
    Ok(parts)
}

/// Returns what is inside the parentheses of a list.
pub fn inside(list: &Range<usize>) -> Range<usize> {
    list.start + 1..list.end - 1
}

fn list(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut depth = 0;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'(' if bytes[at..].starts_with(b"(;") => comment(bytes, at)?,
            b';' if bytes[at..].starts_with(b";;") => line(bytes, at),
            b'"' => string(bytes, at)?,
            b'(' => {
                depth += 1;
                at + 1
            }
            b')' => {
                depth -= 1;
                at + 1
            }
            _ => at + 1,
        };
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(start)
}

fn atom(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string(bytes, at)?,
            b'(' | b')' | b';' => break,
            byte if byte.is_ascii_whitespace() => break,
            _ => at += 1,
        }
    }
    // A single `;` is neither a comment nor a word of a script.
    Ok(at.max(start + 1))
}

fn string(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(start)
}

fn line(bytes: &[u8], start: usize) -> usize {
    let end = bytes[start..].iter().position(|&byte| byte == b'\n');
    end.map_or(bytes.len(), |length| start + length + 1)
}

fn comment(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"(;") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b";)") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_whatever_is_in_strings_and_comments() {
        let text = "(a \")\\\"\" (; (; ) ;) ;) ;; )\n (b)) word \"x(\" (c)";
        let found: Vec<&str> = parts(text, 0..text.len())
            .expect("parts")
            .into_iter()
            .map(|part| match part {
                Part::Atom(range) | Part::List(range) => &text[range],
            })
            .collect();
        assert_eq!(found[1..], ["word", "\"x(\"", "(c)"]);
        assert!(found[0].starts_with("(a") && found[0].ends_with("(b))"));
        for (text, at) in [
            ("(a", 0),
            ("a)", 1),
            (" \"a", 1),
            ("(; (;;)", 0),
            ("(\"a)", 1),
        ] {
            assert_eq!(parts(text, 0..text.len()), Err(at), "{text}");
        }
    }
}
