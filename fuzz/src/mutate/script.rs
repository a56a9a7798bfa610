//! A piece of a conformance script -> a neighbouring piece, changed in structure.
//!
//! Comes in: a tree of directives. Goes out: the tree with one list or word changed, which need not
//! be a script any more. The caller tries whether it is one. What always holds: the result depends
//! on the tree and the choices alone.
//!
//! A list that is put in another's place has the same first word, such as `func` or `ref.null`. A
//! word is replaced by one of its kind. So a large part of the results are valid.

use crate::generate::source::Source;
use crate::tree::{Item, list_at};

/// Words that can stand for each other.
const KINDS: [&[&str]; 5] = [
    &["i32", "i64", "f32", "f64", "v128"],
    &["i8", "i16", "i32", "i64"],
    &["any", "eq", "i31", "struct", "array", "none"],
    &["extern", "noextern", "func", "nofunc", "exn", "noexn"],
    &[
        "anyref",
        "eqref",
        "i31ref",
        "structref",
        "arrayref",
        "nullref",
        "funcref",
        "externref",
    ],
];

/// Numbers at which code switches its way.
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "2",
    "-1",
    "7",
    "8",
    "31",
    "32",
    "33",
    "64",
    "255",
    "0x3fffffff",
    "0x40000000",
    "0x7fffffff",
    "0x80000000",
    "0xffffffff",
];

/// Instructions of one family: what stands before the dot, and their names.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("i31.", &["i31.get_s", "i31.get_u"]),
    ("struct.", &["struct.get", "struct.get_s", "struct.get_u"]),
    ("array.", &["array.get", "array.get_s", "array.get_u"]),
    ("br_on", &["br_on_cast", "br_on_cast_fail"]),
    ("ref.", &["ref.test", "ref.cast"]),
    ("br", &["br_on_null", "br_on_non_null"]),
];

/// Numeric instructions of two operands, without their type.
const BINARY: [&str; 14] = [
    "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s",
    "shr_u", "rotl",
];

/// Numeric comparisons, without their type.
const COMPARISONS: [&str; 10] = [
    "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
];

/// A way to change a tree. It returns false if there is nothing to change.
type Change = fn(&mut Vec<Item>, &mut Source<'_>) -> bool;

const CHANGES: [Change; 8] = [
    change_word,
    change_word,
    change_number,
    delete,
    repeat,
    exchange,
    replace,
    toggle,
];

/// Changes the tree in one place. Returns false if nothing changed.
pub fn change(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    CHANGES[source.below(CHANGES.len())](tree, source)
}

/// The way to an item: positions in lists, from the outermost.
type Path = Vec<usize>;

/// The ways to all items for which `wanted` holds.
fn paths(tree: &[Item], wanted: &dyn Fn(&Item) -> bool) -> Vec<Path> {
    let mut found = Vec::new();
    let mut path = Vec::new();
    collect(tree, wanted, &mut path, &mut found);
    found
}

fn collect(items: &[Item], wanted: &dyn Fn(&Item) -> bool, path: &mut Path, found: &mut Vec<Path>) {
    for (at, item) in items.iter().enumerate() {
        path.push(at);
        if wanted(item) {
            found.push(path.clone());
        }
        if let Item::List(inner) = item {
            collect(inner, wanted, path, found);
        }
        path.pop();
    }
}

/// The list that an item stands in, and its position there. `None` for the way to no item.
fn place<'t>(tree: &'t mut Vec<Item>, path: &[usize]) -> Option<(&'t mut Vec<Item>, usize)> {
    let (&last, outer) = path.split_last()?;
    let list = list_at(tree, outer)?;
    (last < list.len()).then_some((list, last))
}

fn item<'t>(tree: &'t mut Vec<Item>, path: &[usize]) -> Option<&'t mut Item> {
    place(tree, path).map(|(list, at)| &mut list[at])
}

/// The first word of a list. Empty for a word, and for a list that begins with a list.
fn head(item: &Item) -> &str {
    match item {
        Item::List(items) => match items.first() {
            Some(Item::Word(word)) => word,
            _ => "",
        },
        Item::Word(_) => "",
    }
}

fn chosen(paths: &[Path], source: &mut Source<'_>) -> Option<Path> {
    paths.get(source.below(paths.len())).cloned()
}

/// A way to a list that is neither a directive nor a whole module.
fn inner_list(tree: &[Item], source: &mut Source<'_>) -> Option<Path> {
    let lists = paths(tree, &|item| matches!(item, Item::List(_)));
    let inner: Vec<Path> = lists.into_iter().filter(|path| path.len() > 1).collect();
    chosen(&inner, source)
}

/// The words that can stand for a word.
fn others(word: &str) -> Vec<String> {
    let kinds = KINDS.iter().filter(|kind| kind.contains(&word));
    let families = FAMILIES.iter().filter(|(_, names)| names.contains(&word));
    let listed = kinds.copied().chain(families.map(|row| row.1)).flatten();
    let mut others: Vec<String> = listed.map(|&other| other.to_owned()).collect();
    if let Some((ty, name)) = word.split_once('.')
        && matches!(ty, "i32" | "i64")
    {
        for names in [&BINARY[..], &COMPARISONS] {
            if names.contains(&name) {
                others.extend(names.iter().map(|name| format!("{ty}.{name}")));
            }
        }
    }
    others.retain(|other| other != word);
    others
}

fn change_word(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let words = paths(
        tree,
        &|item| matches!(item, Item::Word(word) if !others(word).is_empty()),
    );
    let path = chosen(&words, source).unwrap_or_default();
    let Some(Item::Word(word)) = item(tree, &path) else {
        return false;
    };
    let others = others(word);
    *word = others[source.below(others.len())].clone();
    true
}

fn is_number(item: &Item) -> bool {
    matches!(item, Item::Word(word) if {
        let digits = word.trim_start_matches(['+', '-']);
        digits.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn change_number(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let numbers = paths(tree, &is_number);
    let path = chosen(&numbers, source).unwrap_or_default();
    // Half of them are numbers of the same script: its indices, sizes and bounds.
    let number = match chosen(&numbers, source) {
        Some(other) if source.chance(50) => item(tree, &other).cloned(),
        _ => Some(Item::Word(NUMBERS[source.below(NUMBERS.len())].to_owned())),
    };
    match (item(tree, &path), number) {
        (Some(place), Some(number)) => {
            *place = number;
            true
        }
        _ => false,
    }
}

fn delete(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let path = inner_list(tree, source).unwrap_or_default();
    let place = place(tree, &path);
    place.is_some_and(|(list, at)| {
        list.remove(at);
        true
    })
}

/// Repeats a directive or a list in one.
fn repeat(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let lists = paths(tree, &|item| matches!(item, Item::List(_)));
    let path = chosen(&lists, source).unwrap_or_default();
    let place = place(tree, &path);
    place.is_some_and(|(list, at)| {
        list.insert(at, list[at].clone());
        true
    })
}

/// Exchanges a list with the next item.
fn exchange(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let path = inner_list(tree, source).unwrap_or_default();
    let place = place(tree, &path);
    place.is_some_and(|(list, at)| {
        let next = (at + 1).min(list.len() - 1);
        list.swap(at, next);
        at != next
    })
}

/// Puts a copy of a list in the place of another with the same first word, or before it.
fn replace(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let path = inner_list(tree, source).unwrap_or_default();
    let Some(first) = item(tree, &path).map(|item| head(item).to_owned()) else {
        return false;
    };
    let alike = paths(tree, &|item| !first.is_empty() && head(item) == first);
    let from = chosen(&alike, source).unwrap_or_default();
    let Some(copy) = item(tree, &from).cloned() else {
        return false;
    };
    let Some((list, at)) = place(tree, &path) else {
        return false;
    };
    if source.chance(30) {
        list.insert(at, copy);
        return true;
    }
    let changes = list[at] != copy;
    list[at] = copy;
    changes
}

/// Adds or takes away `mut`, `final` or `null`.
fn toggle(tree: &mut Vec<Item>, source: &mut Source<'_>) -> bool {
    let lists = paths(tree, &|item| {
        matches!(head(item), "mut" | "field" | "sub" | "ref" | "array")
    });
    let path = chosen(&lists, source).unwrap_or_default();
    let Some(place) = item(tree, &path) else {
        return false;
    };
    let first = head(place).to_owned();
    let Item::List(items) = &mut *place else {
        return false;
    };
    let flag = match first.as_str() {
        "sub" => "final",
        "ref" => "null",
        "mut" if items.len() == 2 => {
            *place = items.remove(1);
            return true;
        }
        _ => {
            let Some(last) = items.pop() else {
                return false;
            };
            items.push(Item::List(vec![Item::Word("mut".to_owned()), last]));
            return true;
        }
    };
    match items
        .iter()
        .position(|item| *item == Item::Word(flag.to_owned()))
    {
        Some(at) => drop(items.remove(at)),
        None => items.insert(1, Item::Word(flag.to_owned())),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::expand;
    use crate::tree::items;

    #[test]
    fn a_change_is_one_place_and_every_kind_of_change_happens() {
        let text = "(module (type $s (sub (struct (field (mut i32)) (field i8))))\n\
                    (func (export \"f\") (result i32) (i32.add (i32.const 5) (i32.const 6))))\n\
                    (assert_return (invoke \"f\") (i32.const 11))";
        let tree = items(text).expect("a tree");
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let mut changed = tree.clone();
            let bytes = expand(seed, 64);
            if change(&mut changed, &mut Source::new(&bytes)) {
                let shown: String = changed.iter().map(|item| format!("{item}\n")).collect();
                assert!(items(&shown).is_ok(), "{shown}");
                seen.insert(shown);
            }
        }
        let has = |part: &str| seen.iter().any(|text| text.contains(part));
        for part in [
            "i32.sub",
            "(sub final",
            "(field i32)",
            "(field (mut i8))",
            "(i32.const 0x80000000)",
            "(i32.add (i32.const 6) (i32.const 6))",
            "(i32.add (i32.const 6))",
            "(invoke \"f\") (invoke \"f\")",
            "(result i64)",
        ] {
            assert!(has(part), "{part}");
        }
    }
}
