//! Text in parentheses -> a small text of which something still holds. For scripts and modules that
//! are no programs of our generator.
//!
//! The text is taken for a tree of lists, strings and words, of any language that is written so.
//! Ranges of a list's items are removed, large ones first, from the whole text down to the
//! innermost list. So directives go first, then fields of modules, then instructions. A function
//! whose instructions do not get fewer is tried with `unreachable` in their place.
//!
//! Always: the result is a function of the text and of what `holds` says. Comments are lost, except
//! the lines of a header (`;;!`).

use std::fmt;

use crate::tree::{Item, Unbalanced, items, list_at};

/// Makes a text smaller as long as `holds` says that what matters is still there.
///
/// # Errors
///
/// The text is no tree.
pub fn reduce(text: &str, holds: &mut dyn FnMut(&str) -> bool) -> Result<String, Unbalanced> {
    let header: String = text
        .lines()
        .filter(|line| line.starts_with(";;!"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut tree = Tree {
        root: items(text)?,
        header,
        holds,
    };
    let whole = tree.to_string();
    if (tree.holds)(&whole) {
        while tree.shrink(&mut Vec::new()) {}
    }
    Ok(tree.to_string())
}

struct Tree<'a> {
    root: Vec<Item>,
    header: String,
    holds: &'a mut dyn FnMut(&str) -> bool,
}

impl Tree<'_> {
    /// The list at a path of positions.
    fn list(&mut self, path: &[usize]) -> &mut Vec<Item> {
        // Paths are made from the tree, and lists stay lists.
        list_at(&mut self.root, path).expect("a path leads to a list")
    }

    /// Makes the list at a path smaller, and the lists in it. Returns true if anything got smaller.
    fn shrink(&mut self, path: &mut Vec<usize>) -> bool {
        // The first word of a list says what it is.
        let first = usize::from(!path.is_empty());
        let mut changed = self.remove_ranges(path, first);
        if path.len() > 1 {
            changed |= self.without_code(path);
        }
        let mut at = self.list(path).len();
        while at > first {
            at -= 1;
            if let Some(Item::List(_)) = self.list(path).get(at) {
                path.push(at);
                changed |= self.shrink(path);
                path.pop();
            }
        }
        changed
    }

    fn remove_ranges(&mut self, path: &[usize], first: usize) -> bool {
        let mut changed = false;
        let mut size = self.list(path).len().saturating_sub(first);
        while size > 0 {
            let mut at = first;
            while at < self.list(path).len() {
                let end = (at + size).min(self.list(path).len());
                if self.attempt(path, |list| drop(list.drain(at..end))) {
                    changed = true;
                } else {
                    at = end;
                }
            }
            size /= 2;
        }
        changed
    }

    /// Replaces the instructions of a function.
    fn without_code(&mut self, path: &[usize]) -> bool {
        const HEADS: [&str; 6] = ["export", "import", "type", "param", "result", "local"];
        let is_word = |item: &Item, words: &[&str]| match item {
            Item::Word(word) => words.contains(&word.as_str()),
            Item::List(_) => false,
        };
        let list = self.list(path);
        if !list.first().is_some_and(|item| is_word(item, &["func"])) {
            return false;
        }
        let belongs = |item: &Item| match item {
            Item::Word(word) => word.starts_with('$'),
            Item::List(inner) => inner.first().is_some_and(|head| is_word(head, &HEADS)),
        };
        let code = 1 + list[1..].iter().take_while(|item| belongs(item)).count();
        let is_least = |code: &[Item]| match code {
            [] => true,
            [one] => is_word(one, &["unreachable"]),
            _ => false,
        };
        if is_least(&list[code..]) {
            return false;
        }
        self.attempt(path, |list| {
            list.truncate(code);
            list.push(Item::Word("unreachable".to_owned()));
        })
    }

    /// Applies an edit to the list at a path if what matters is still there.
    fn attempt(&mut self, path: &[usize], edit: impl FnOnce(&mut Vec<Item>)) -> bool {
        let before = self.list(path).clone();
        edit(self.list(path));
        let text = self.to_string();
        let holds = (self.holds)(&text);
        if !holds {
            *self.list(path) = before;
        }
        holds
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.header)?;
        self.root.iter().try_for_each(|item| writeln!(f, "{item}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let text = ";;! schedule = \"every\"\n;; a comment (\n(module $m (; (; nested ;) ;)\n\
                    (func $f (param i32) (drop (i32.const 1)) nop (call $g))\n\
                    (func $g (export \"a ) \\\" b\") nop))\n(invoke \"a\")\n";
        let holds = |part: &'static str| move |text: &str| text.contains(part);
        let least = |part| reduce(text, &mut holds(part)).expect("a tree");
        let header = ";;! schedule = \"every\"\n";
        assert_eq!(least("call"), format!("{header}(module (func (call)))\n"));
        let name = "(export \"a ) \\\" b\")";
        assert_eq!(least(name), format!("{header}(module (func {name}))\n"));
        assert_eq!(least("schedule"), header);
        // Nothing is removed if nothing holds.
        let mut none = |_: &str| false;
        assert!(reduce(text, &mut none).expect("a tree").contains("$g"));
    }

    #[test]
    fn code_that_must_be_there_becomes_unreachable() {
        let text = "(module (func $f (result i32) (i32.const 1)))";
        let mut holds = |text: &str| {
            let filled = !text.contains("(result i32))") && !text.contains("(i32.const)");
            text.contains("(result i32)") && filled
        };
        let least = reduce(text, &mut holds).expect("a tree");
        assert_eq!(least, "(module (func (result i32) unreachable))\n");
    }
}
