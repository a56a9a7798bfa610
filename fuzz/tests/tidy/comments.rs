//! Comments of Rust sources. A real lexer tells them from code, so a `//` in a string is no
//! comment.

use proc_macro2::{Span, TokenStream, TokenTree};

/// Returns the lines of `source` with blanks in place of everything that is no comment. Doc
/// comments are comments. A source that is not Rust is an error.
pub fn comments(source: &str) -> Result<Vec<String>, String> {
    let tokens: TokenStream = source.parse().map_err(|e| format!("no Rust: {e}"))?;
    let mut bytes = source.as_bytes().to_vec();
    blank(tokens, source, &mut bytes);
    let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Overwrites what the tokens cover with spaces, line breaks excepted.
fn blank(tokens: TokenStream, source: &str, bytes: &mut [u8]) {
    for token in tokens {
        // A doc comment is also the tokens of an attribute. Each of them covers the comment.
        if is_comment(&source[token.span().byte_range()]) {
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                cover(group.span_open(), bytes);
                cover(group.span_close(), bytes);
                blank(group.stream(), source, bytes);
            }
            other => cover(other.span(), bytes),
        }
    }
}

fn is_comment(text: &str) -> bool {
    text.starts_with("//") || text.starts_with("/*")
}

fn cover(span: Span, bytes: &mut [u8]) {
    for byte in &mut bytes[span.byte_range()] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Returns the text of a comment line without its slashes.
pub fn prose(comment: &str) -> &str {
    let text = comment.trim_start();
    let text = text.trim_start_matches('/').trim_start_matches('!');
    text.strip_prefix(' ').unwrap_or(text)
}

/// Tells code in doc comments from prose. It gets the lines of a file in order.
#[derive(Default)]
pub struct Fence {
    open: Option<bool>,
}

impl Fence {
    /// Returns true if this line of a comment (or of Markdown) is prose or a picture, false if it
    /// is code or opens or closes code.
    pub fn is_prose(&mut self, line: &str) -> bool {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            self.open = match self.open {
                None => Some(info.trim() == "text"),
                Some(_) => None,
            };
            return false;
        }
        self.open.unwrap_or(true)
    }
}

#[test]
fn code_and_strings_are_blank() {
    let source =
        "/// Doc.\nfn f() { let a = \"// no\"; } // why\n/* block */ const C: char = '\"';\n";
    let lines = comments(source).unwrap();
    assert_eq!(lines[0], "/// Doc.");
    assert_eq!(lines[1].trim(), "// why");
    assert_eq!(
        lines[1].find("//"),
        source.lines().nth(1).unwrap().rfind("//")
    );
    assert_eq!(lines[2].trim(), "/* block */");
}

#[test]
fn fences_hide_code_and_show_pictures() {
    let mut fence = Fence::default();
    let lines = ["a", "```", "code", "```", "```text", "picture", "```", "b"];
    let prose: Vec<&str> = lines
        .into_iter()
        .filter(|line| fence.is_prose(line))
        .collect();
    assert_eq!(prose, ["a", "picture", "b"]);
}
