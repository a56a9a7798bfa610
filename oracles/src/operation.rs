//! How much an operation of a reduced program says about what is wrong. An allocation stands in
//! nearly every program. `table.init` stands in a small one only if it is needed.

/// Names of operations, by how much they say. A name stands for all that begin with it.
const WEIGHTS: [(u8, &[&str]); 4] = [
    (
        4,
        &[
            "table.init",
            "table.fill",
            "table.copy",
            "table.grow",
            "array.copy",
            "array.fill",
            "array.init_",
            "array.new_elem",
            "array.new_data",
            "elem.drop",
            "data.drop",
            "memory.",
            "return_call",
            "br_on_",
            "throw",
            "try_table",
            "select",
            "host table.",
            "host global.",
            "host struct.",
            "host array.",
            "host call",
            "host hold",
            "host held",
            "host release",
        ],
    ),
    (
        3,
        &[
            "table.",
            "global.set",
            "array.set",
            "struct.set",
            "call_",
            "ref.cast",
            "ref.test",
            "i31.get",
        ],
    ),
    (
        2,
        &[
            "any.convert",
            "extern.convert",
            "array.get",
            "array.len",
            "struct.get",
            "ref.eq",
            "ref.i31",
            "ref.func",
            "segment",
            "constant ",
        ],
    ),
    (1, &["struct.new", "array.new"]),
];

/// How much an operation says, at most 4. 0 for one that only moves values or computes numbers.
pub fn weight(operation: &str) -> u8 {
    let says = |names: &[&str]| names.iter().any(|name| operation.starts_with(name));
    let mut rows = WEIGHTS.iter();
    rows.find(|(_, names)| says(names)).map_or(0, |row| row.0)
}

/// The operation that says most, the first of several that say as much.
pub fn telling<'a>(operations: impl IntoIterator<Item = &'a String>) -> Option<&'a str> {
    let operations = operations.into_iter().map(String::as_str);
    let heavier = |a: &'a str, b: &'a str| if weight(b) > weight(a) { b } else { a };
    operations.reduce(heavier).filter(|name| weight(name) > 0)
}

#[test]
fn rare_operations_say_more() {
    let names = ["array.new", "drop", "table.init", "table.set", "elem.drop"];
    let weights = names.map(weight);
    assert_eq!(weights, [1, 0, 4, 3, 4]);
    let names = names.map(str::to_owned);
    assert_eq!(telling(&names), Some("table.init"));
    assert_eq!(telling(&names[..2]), Some("array.new"));
    assert_eq!(telling(&names[1..2]), None);
}
