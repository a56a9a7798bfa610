//! Scripts as HTML, with classes for what a token is.

use maud::{Markup, html};
use wast::lexer::{Lexer, TokenKind};

/// Returns a script with each token in an element of its class. What cannot be read stays as it is.
#[must_use]
pub fn script(text: &str) -> Markup {
    let pieces = pieces(text);
    html! {
        @for (class, piece) in pieces {
            @if class.is_empty() { (piece) } @else { span class=(class) { (piece) } }
        }
    }
}

/// Returns the text in pieces, each with its class or with none.
fn pieces(text: &str) -> Vec<(&'static str, &str)> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let mut pieces: Vec<(&'static str, &str)> = Vec::new();
    let mut at = 0;
    let mut is_first = false;
    while at < text.len() {
        let from = at;
        let Ok(Some(token)) = lexer.parse(&mut at) else {
            // Lists of operations on heaps are no scripts.
            pieces.push(("", &text[from..]));
            break;
        };
        let class = match token.kind {
            TokenKind::LineComment | TokenKind::BlockComment => "comment",
            TokenKind::String => "string",
            TokenKind::Id => "name",
            TokenKind::Integer(_) | TokenKind::Float(_) => "number",
            // The word after a parenthesis says what the form is.
            TokenKind::Keyword if is_first => "form",
            _ => "",
        };
        is_first = matches!(token.kind, TokenKind::LParen);
        pieces.push((class, &text[from..at]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_becomes_markup() {
        let text = ";; <b>\n(module (func $f (export \"<\") (i32.const -7)))\n";
        let all: String = pieces(text).iter().map(|(_, piece)| *piece).collect();
        assert_eq!(all, text);
        let html = script(text).into_string();
        assert!(
            html.contains("<span class=\"form\">module</span>"),
            "{html}"
        );
        assert!(html.contains("<span class=\"number\">-7</span>"), "{html}");
        assert!(
            html.contains("<span class=\"comment\">;; &lt;b&gt;"),
            "{html}"
        );
        assert!(
            html.contains("<span class=\"string\">&quot;&lt;&quot;</span>"),
            "{html}"
        );
        let broken = "(module \"open";
        let all: String = pieces(broken).iter().map(|(_, piece)| *piece).collect();
        assert_eq!(all, broken);
    }
}
