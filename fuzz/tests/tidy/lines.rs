//! How long a file and how wide a line of prose may be.

use crate::comments::{Fence, comments, prose};
use crate::tree::{Tree, Violation};

/// Most lines of a file.
const LINES: usize = 800;
/// Most columns of a line of prose.
const COLUMNS: usize = 100;
/// Files that others wrote or a program writes.
const NOT_OURS: &[&str] = &[
    "Cargo.lock",
    "fuzz/tests/page/package-lock.json",
    "oracles/adapters/wasmtime/Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// Returns the files that are too long.
pub fn length(tree: &Tree) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (file, text) in tree.iter().filter(|(file, _)| !NOT_OURS.contains(file)) {
        let lines = text.lines().count();
        if lines > LINES {
            broken.push(Violation::new(
                file,
                lines,
                format!("more than {LINES} lines"),
            ));
        }
    }
    broken
}

/// Returns the lines of prose that are too wide: comments, Markdown, headers of scripts. An address
/// in the line is not counted, because it cannot be wrapped.
pub fn width(tree: &Tree) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (file, text) in tree.iter().filter(|(file, _)| !NOT_OURS.contains(file)) {
        for number in wide(file, text) {
            let columns = text
                .lines()
                .nth(number)
                .map_or(0, |line| line.chars().count());
            let what = format!("prose of {columns} columns, more than {COLUMNS}");
            broken.push(Violation::new(file, number + 1, what));
        }
    }
    broken
}

/// Returns the numbers, from 0, of the lines that are too wide.
fn wide(file: &str, text: &str) -> Vec<usize> {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut fence = Fence::default();
    let too_wide = |line: &str| columns(line) > COLUMNS;
    let comment = match extension {
        "rs" => {
            let Ok(comments) = comments(text) else {
                return vec![0];
            };
            let lines = comments.iter().zip(text.lines()).enumerate();
            let wide = lines.filter(|(_, (comment, line))| {
                !comment.trim().is_empty() && fence.is_prose(prose(comment)) && too_wide(line)
            });
            return wide.map(|(number, _)| number).collect();
        }
        "md" => {
            let lines = text.lines().enumerate();
            let wide = lines.filter(|(_, line)| fence.is_prose(line) && too_wide(line));
            return wide.map(|(number, _)| number).collect();
        }
        "wast" | "wat" => ";;",
        "toml" | "yml" | "" => "#",
        _ => return Vec::new(),
    };
    let lines = text.lines().enumerate();
    let wide = lines.filter(|(_, line)| line.trim_start().starts_with(comment) && too_wide(line));
    wide.map(|(number, _)| number).collect()
}

/// Returns the columns of a line without its addresses. The columns of a row of a table do not
/// count, because it cannot be wrapped either.
fn columns(line: &str) -> usize {
    if prose(line).trim_start().starts_with('|') {
        return 0;
    }
    let addresses = line.split_whitespace().filter(|word| word.contains("://"));
    let exempt: usize = addresses.map(|word| word.chars().count()).sum();
    line.chars().count() - exempt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::shown;

    #[test]
    fn a_long_file_is_found() {
        let long = "//! Doc.\n".repeat(LINES + 1);
        let short = "//! Doc.\n".repeat(LINES);
        let tree = Tree::of(&[("a.rs", &long), ("b.rs", &short), ("Cargo.lock", &long)]);
        assert_eq!(shown(&length(&tree)), ["a.rs:801: more than 800 lines"]);
    }

    #[test]
    fn wide_prose_is_found_wherever_it_stands() {
        let word = "word ".repeat(20) + "end";
        let rust = format!("/// {word}\nfn f() {{ g(\"{word}\"); }}\nfn h() {{}} // {word}\n");
        let script = format!(";;! why = \"{word}\"\n(module) (assert_trap \"{word}\")\n");
        let tree = Tree::of(&[
            ("a.rs", &rust),
            ("b.md", &word),
            ("c.wast", &script),
            ("d.toml", &format!("# {word}\nname = \"{word}\"\n")),
        ]);
        let broken = shown(&width(&tree));
        assert_eq!(broken[0], "a.rs:1: prose of 107 columns, more than 100");
        let places: Vec<&str> = broken.iter().filter_map(|b| b.split(": ").next()).collect();
        assert_eq!(
            places,
            ["a.rs:1", "a.rs:3", "b.md:1", "c.wast:1", "d.toml:1"]
        );
    }

    #[test]
    fn code_and_addresses_may_be_wide() {
        let wide = "x".repeat(120);
        let rust = format!("/// ```\n/// {wide}\n/// ```\n// https://{wide}\n");
        assert_eq!(width(&Tree::of(&[("a.rs", &rust)])), []);
    }
}
