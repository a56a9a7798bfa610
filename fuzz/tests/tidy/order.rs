//! Reading order: a folder of modules states it, and imports follow it.
//!
//! The doc of a `lib.rs`, `main.rs` or `mod.rs` has a sentence "Reading order: `a`, `b`, `c`." with
//! each child module once. Words in parentheses are explanations. A file below `b` may import from
//! `b` and `a`, never from `c`. What a path means is decided by the file that declares the item, so
//! a re-export in between changes nothing. The parent itself may import from every child, and every
//! child from the parent. If the sentence gives the parent a place too, as "this file", the parent
//! is bound like a child. `pub use` in the parent is free: it imports for others.

use crate::modules::{Crate, Module, ModulePath, Reference, crates};
use crate::tree::{Tree, Violation};

/// With more children than this, an order has to be stated.
const FREE: usize = 2;
/// How a stated order names the parent itself.
const THIS_FILE: &str = "this file";

/// Returns the modules that state no order although they should, and those whose order does not
/// list exactly their children.
pub fn stated(tree: &Tree) -> Vec<Violation> {
    let mut broken = Vec::new();
    for krate in crates(tree) {
        for module in krate.modules.values() {
            broken.extend(wrong_statements(module));
        }
    }
    broken
}

fn wrong_statements(module: &Module) -> Vec<Violation> {
    let say = |what: String| Violation::new(&module.file, 1, what);
    let Some(order) = order(&module.doc) else {
        let missing = module.children.len() > FREE;
        let what = format!("{} modules without a reading order", module.children.len());
        return missing.then(|| say(what)).into_iter().collect();
    };
    let mut broken = Vec::new();
    for child in &module.children {
        match order.iter().filter(|name| *name == child).count() {
            0 => broken.push(say(format!("the reading order lacks `{child}`"))),
            1 => {}
            _ => broken.push(say(format!("the reading order has `{child}` twice"))),
        }
    }
    for name in &order {
        if name != THIS_FILE && !module.children.contains(name) {
            broken.push(say(format!(
                "the reading order has `{name}`, which is no module here"
            )));
        }
    }
    broken
}

/// Returns the imports that go against a stated order.
pub fn followed(tree: &Tree) -> Vec<Violation> {
    let mut broken = Vec::new();
    for krate in crates(tree) {
        for (path, module) in &krate.modules {
            let wrong = module
                .paths
                .iter()
                .filter_map(|r| against(&krate, path, module, r));
            broken.extend(wrong);
        }
    }
    broken.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    broken.dedup();
    broken
}

/// Returns the violation, if `reference` in the module at `from` leads to a module that is to be
/// read later.
fn against(
    krate: &Crate,
    from: &ModulePath,
    module: &Module,
    reference: &Reference,
) -> Option<Violation> {
    let target = krate.resolve(from, &reference.path)?;
    let to = target.module();
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let parent = krate.modules.get(&from[..shared])?;
    let order = order(&parent.doc)?;
    if from.len() == shared && reference.exported {
        return None;
    }
    let name = |path: &ModulePath| path.get(shared).cloned().unwrap_or(THIS_FILE.to_owned());
    let (user, used) = (name(from), name(to));
    let place = |name: &str| order.iter().position(|other| other == name);
    // A module without a place in the order is bound by nothing. Another rule reports children
    // without a place.
    let (user_at, used_at) = (place(&user)?, place(&used)?);
    (user_at < used_at).then(|| {
        let path = reference.path.join("::");
        let parent = &parent.file;
        let what = format!("`{user}` uses `{used}`, which {parent} lists later ({path})");
        Violation::new(&module.file, reference.line, what)
    })
}

/// Returns the names in the sentence "Reading order: ..." of a doc, in order.
fn order(doc: &str) -> Option<Vec<String>> {
    let (_, text) = doc.split_once("Reading order:")?;
    let mut names = Vec::new();
    let mut depth = 0;
    let mut words = String::new();
    let mut pieces = text.split('`');
    while let Some(outside) = pieces.next() {
        for c in outside.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '.' if depth == 0 => {
                    push_this_file(&words, &mut names);
                    return Some(names);
                }
                _ if depth == 0 => words.push(if c == '\n' { ' ' } else { c }),
                _ => {}
            }
        }
        if depth == 0 {
            push_this_file(&words, &mut names);
            words.clear();
            names.extend(pieces.next().map(str::to_owned));
        } else {
            pieces.next();
        }
    }
    Some(names)
}

fn push_this_file(words: &str, names: &mut Vec<String>) {
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.join(" ").contains(THIS_FILE) {
        names.push(THIS_FILE.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::shown;

    const ROOT: &str =
        "//! Reading order: `a` (not `c`), this file,\n//! `b`, `c`.\nmod a; mod b; mod c;\n";

    #[test]
    fn an_order_is_read_without_its_explanations() {
        let doc = " Reading order: `a` (what `x` is, so. far), this\n file, `b`. See `y`.";
        assert_eq!(order(doc).unwrap(), ["a", "this file", "b"]);
        assert_eq!(order("No order."), None);
    }

    #[test]
    fn a_missing_or_wrong_order_is_found() {
        let none = Tree::of(&[(
            "p/src/lib.rs",
            "mod a; mod b; mod c; #[cfg(test)] mod tests;",
        )]);
        let expected = ["p/src/lib.rs:1: 3 modules without a reading order"];
        assert_eq!(shown(&stated(&none)), expected);
        let wrong = "//! Reading order: `a`, `a`, `x`.\nmod a; mod b;";
        let expected = [
            "p/src/lib.rs:1: the reading order has `a` twice",
            "p/src/lib.rs:1: the reading order lacks `b`",
            "p/src/lib.rs:1: the reading order has `x`, which is no module here",
        ];
        assert_eq!(
            shown(&stated(&Tree::of(&[("p/src/lib.rs", wrong)]))),
            expected
        );
        assert_eq!(stated(&Tree::of(&[("p/src/lib.rs", ROOT)])), []);
    }

    #[test]
    fn imports_from_later_modules_are_found() {
        let tree = Tree::of(&[
            ("p/src/lib.rs", ROOT),
            (
                "p/src/a.rs",
                "pub struct A;\nuse crate::b::B;\nuse super::c::{self};\n",
            ),
            (
                "p/src/b/mod.rs",
                "pub struct B;\nfn f() { m!(crate::c::C) }\nmod d;\n",
            ),
            (
                "p/src/b/d.rs",
                "use super::B;\nuse crate::a::A;\nfn g(_: super::super::c::C) {}\n",
            ),
            ("p/src/c.rs", "pub struct C;\nuse crate::{a::A, b::B};\n"),
        ]);
        let lists = |user, used| format!("`{user}` uses `{used}`, which p/src/lib.rs lists later");
        let expected = [
            format!("p/src/a.rs:2: {} (crate::b::B)", lists("a", "b")),
            format!("p/src/a.rs:3: {} (super::c)", lists("a", "c")),
            format!("p/src/b/d.rs:3: {} (super::super::c::C)", lists("b", "c")),
            format!("p/src/b/mod.rs:2: {} (crate::c::C)", lists("b", "c")),
        ];
        assert_eq!(shown(&followed(&tree)), expected);
    }

    #[test]
    fn a_re_export_hides_no_import_and_is_none_itself() {
        let root = format!("{ROOT}pub use c::C;\nfn f(_: b::B) {{}}\npub struct Own;\n");
        let tree = Tree::of(&[
            ("p/src/lib.rs", &root),
            ("p/src/a.rs", "use crate::C;\nuse crate::Own;\n"),
            ("p/src/b.rs", "pub struct B;\nuse crate::Own;\n"),
            ("p/src/c.rs", "pub struct C;\n"),
        ]);
        let expected = [
            "p/src/a.rs:1: `a` uses `c`, which p/src/lib.rs lists later (crate::C)",
            "p/src/a.rs:2: `a` uses `this file`, which p/src/lib.rs lists later (crate::Own)",
            "p/src/lib.rs:5: `this file` uses `b`, which p/src/lib.rs lists later (b::B)",
        ];
        assert_eq!(shown(&followed(&tree)), expected);
    }
}
