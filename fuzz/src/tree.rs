//! Text in parentheses as a tree: scripts, modules, or any language that is written so.

use std::fmt::{self, Write};

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A word or a string.
    Word(String),
    /// What stands between two parentheses.
    List(Vec<Item>),
}

/// A text that is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parenthesis, string or comment that begins or ends at byte {0} has no other end")]
pub struct Unbalanced(pub usize);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Word(word) => f.write_str(word),
            Item::List(items) => {
                f.write_char('(')?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        f.write_char(' ')?;
                    }
                    item.fmt(f)?;
                }
                f.write_char(')')
            }
        }
    }
}

/// Returns the list at a path of positions, from the outermost list. `None` if the path leads to no
/// list.
pub fn list_at<'t>(root: &'t mut Vec<Item>, path: &[usize]) -> Option<&'t mut Vec<Item>> {
    let mut list = root;
    for &at in path {
        match list.get_mut(at) {
            Some(Item::List(inner)) => list = inner,
            _ => return None,
        }
    }
    Some(list)
}

/// Reads the items of a text. Comments are left out.
///
/// # Errors
///
/// The text is no tree.
pub fn items(text: &str) -> Result<Vec<Item>, Unbalanced> {
    let mut open = vec![(0, Vec::new())];
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = token(rest).ok_or(Unbalanced(at))?;
        let token = &rest[..length];
        let deepest = open.last_mut().ok_or(Unbalanced(at))?;
        match token {
            "(" => open.push((at, Vec::new())),
            ")" => {
                let (_, done) = open.pop().ok_or(Unbalanced(at))?;
                let outer = open.last_mut().ok_or(Unbalanced(at))?;
                outer.1.push(Item::List(done));
            }
            comment if comment.starts_with(";;") || comment.starts_with("(;") => {}
            space if space.trim().is_empty() => {}
            word => deepest.1.push(Item::Word(word.to_owned())),
        }
        at += length;
    }
    match (open.pop(), open.last()) {
        (Some((_, items)), None) => Ok(items),
        (Some((at, _)), Some(_)) => Err(Unbalanced(at)),
        (None, _) => Err(Unbalanced(at)),
    }
}

/// The length of the token that a text begins with. None if it has no end.
fn token(rest: &str) -> Option<usize> {
    let ends = |c: char| c.is_whitespace() || "();\"".contains(c);
    let mut chars = rest.chars();
    match (chars.next()?, chars.next()) {
        ('(', Some(';')) => block_comment(rest),
        ('(' | ')', _) => Some(1),
        (';', Some(';')) => Some(rest.find('\n').unwrap_or(rest.len())),
        ('"', _) => string(rest),
        ('$', Some('"')) => string(&rest[1..]).map(|length| length + 1),
        (c, _) if c.is_whitespace() => Some(
            rest.find(|c: char| !c.is_whitespace())
                .unwrap_or(rest.len()),
        ),
        (first, _) => {
            let begins = first.len_utf8();
            Some(
                rest[begins..]
                    .find(ends)
                    .map_or(rest.len(), |at| at + begins),
            )
        }
    }
}

fn string(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let end = rest[1..].find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map(|at| at + 2)
}

fn block_comment(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        let opens = rest[at..].find("(;").map(|found| at + found);
        let closes = at + rest[at..].find(";)")?;
        match opens.filter(|&opens| opens < closes) {
            Some(opens) => (depth, at) = (depth + 1, opens + 2),
            None => (depth, at) = (depth - 1, closes + 2),
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_tree_is_refused_with_its_offset() {
        for (text, at) in [("(a", 0), ("a)", 1), ("(a \"b)", 3), ("a (; b", 2)] {
            assert_eq!(items(text), Err(Unbalanced(at)), "{text}");
        }
    }
}
