//! Each limit on a module, from both sides. A module with as much as the limit permits is valid. A
//! module with one more is over the limit, and neither invalid nor malformed. A module that is over
//! a limit and does not match the grammar is malformed.

use super::Module;
use crate::error::Rejected;
use crate::limits;
use crate::types::registry::TypeRegistry;

/// An unsigned number in LEB128.
fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A vector of `count` times the same item.
fn vec(count: u64, item: &[u8]) -> Vec<u8> {
    [leb(count), item.repeat(count as usize)].concat()
}

/// A section, or anything else with its size in front.
fn sized(kind: &[u8], contents: &[u8]) -> Vec<u8> {
    [kind, &leb(contents.len() as u64), contents].concat()
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// `(type (func))`
fn no_types() -> Vec<u8> {
    sized(&[1], &vec(1, &[0x60, 0, 0]))
}

/// A module whose types are these.
fn types(count: u64, all: &[u8]) -> Vec<u8> {
    module(&[sized(&[1], &[leb(count), all.to_vec()].concat())])
}

/// One function of type 0 with this body.
fn body(ty: Vec<u8>, body: &[u8]) -> Vec<u8> {
    let code = [leb(1), sized(&[], body)].concat();
    module(&[ty, sized(&[3], &[1, 0]), sized(&[10], &code)])
}

fn chain(depth: u64) -> Vec<u8> {
    let mut all = vec![0x50, 0, 0x5f, 0];
    for index in 0..depth {
        all.extend([&[0x50, 1], &*leb(index), &[0x5f, 0]].concat());
    }
    types(depth + 1, &all)
}

fn imports(count: u64, kind: &[u8]) -> Vec<u8> {
    let item = [&[0, 0], kind].concat();
    module(&[no_types(), sized(&[2], &vec(count, &item))])
}

fn exports(count: u64) -> Vec<u8> {
    let mut all = leb(count);
    for index in 0..count {
        all.extend(sized(&[], format!("{index:x}").as_bytes()));
        all.extend([3, 0]);
    }
    let global = sized(&[6], &vec(1, &[0x7f, 0, 0x41, 0, 0x0b]));
    module(&[global, sized(&[7], &all)])
}

/// Functions with bodies. One function is imported.
fn functions(count: u64) -> Vec<u8> {
    let import = sized(&[2], &vec(1, &[0, 0, 0, 0]));
    let code = sized(&[10], &vec(count - 1, &[2, 0, 0x0b]));
    module(&[no_types(), import, sized(&[3], &vec(count - 1, &[0])), code])
}

fn items(count: u64) -> Vec<u8> {
    // Passive, of functions: (elem func 0 0 0 ...).
    let segment = [vec![1, 1, 0], vec(count, &[0])].concat();
    let code = sized(&[10], &vec(1, &[2, 0, 0x0b]));
    let sections = [
        no_types(),
        sized(&[3], &[1, 0]),
        sized(&[9], &segment),
        code,
    ];
    module(&sections)
}

fn data_segments(count: u64) -> Vec<u8> {
    module(&[
        sized(&[12], &leb(count)),
        sized(&[11], &vec(count, &[1, 0])),
    ])
}

fn name(count: u64) -> Vec<u8> {
    let import = [vec![1], vec(count, b"a"), vec![0, 0, 0]].concat();
    module(&[no_types(), sized(&[2], &import)])
}

fn locals(count: u64) -> Vec<u8> {
    // Two of them are parameters.
    let ty = sized(&[1], &vec(1, &[0x60, 2, 0x7f, 0x7f, 0]));
    body(ty, &[vec![1], leb(count - 2), vec![0x7f, 0x0b]].concat())
}

fn function_bytes(count: u64) -> Vec<u8> {
    // No locals, as many nops as fit, and the end.
    let code = [vec![0], vec![0x01; count as usize - 2], vec![0x0b]].concat();
    body(no_types(), &code)
}

fn catches(count: u64) -> Vec<u8> {
    let code = [vec![0, 0x1f, 0x40], vec(count, &[2, 0]), vec![0x0b, 0x0b]].concat();
    body(no_types(), &code)
}

/// Imports of functions, each with 999 types in its own. One more or one less comes from tables.
fn extern_types(count: u64) -> Vec<u8> {
    let params = [vec![0x60], vec(997, &[0x7f]), vec![0]].concat();
    let ty = sized(&[1], &[vec![1], params].concat());
    let (large, small) = (count / 999, count % 999);
    let large_ones = [0, 0, 0, 0].repeat(large as usize);
    let small_ones = [0, 0, 3, 0x7f, 0].repeat(small as usize);
    let all = [leb(large + small), large_ones, small_ones].concat();
    module(&[ty, sized(&[2], &all)])
}

/// A limit: what it is about, its number, and a module with as much as the argument says.
type Row = (&'static str, u64, fn(u64) -> Vec<u8>);

const ROWS: &[Row] = &[
    ("types", limits::TYPES_MAX, |n| {
        types(n, &[0x5f, 0].repeat(n as usize))
    }),
    ("types", limits::TYPES_MAX, |n| {
        types(1, &[vec![0x4e], vec(n, &[0x5f, 0])].concat())
    }),
    ("supertypes", limits::SUBTYPE_DEPTH_MAX as u64, chain),
    ("parameters of a function type", limits::PARAMS_MAX, |n| {
        types(1, &[vec![0x60], vec(n, &[0x7f]), vec![0]].concat())
    }),
    ("results of a function type", limits::RESULTS_MAX, |n| {
        types(1, &[vec![0x60, 0], vec(n, &[0x7f])].concat())
    }),
    ("fields of a structure type", limits::FIELDS_MAX, |n| {
        types(1, &[vec![0x5f], vec(n, &[0x78, 1])].concat())
    }),
    ("functions", limits::FUNCTIONS_MAX, functions),
    ("globals", limits::GLOBALS_MAX, |n| {
        module(&[sized(&[6], &vec(n, &[0x7f, 0, 0x41, 0, 0x0b]))])
    }),
    ("tags", limits::TAGS_MAX, |n| {
        module(&[no_types(), sized(&[13], &vec(n, &[0, 0]))])
    }),
    ("tables", limits::TABLES_MAX, |n| {
        imports(n, &[1, 0x70, 0, 0])
    }),
    ("tables", limits::TABLES_MAX, |n| {
        module(&[sized(&[4], &vec(n, &[0x70, 0, 0]))])
    }),
    ("memories", limits::MEMORIES_MAX, |n| imports(n, &[2, 0, 0])),
    ("memories", limits::MEMORIES_MAX, |n| {
        module(&[sized(&[5], &vec(n, &[0, 0]))])
    }),
    ("element segments", limits::ELEMENT_SEGMENTS_MAX, |n| {
        module(&[sized(&[9], &vec(n, &[1, 0, 0]))])
    }),
    (
        "items of an element segment",
        limits::ELEMENT_ITEMS_MAX,
        items,
    ),
    ("data segments", limits::DATA_SEGMENTS_MAX, data_segments),
    ("bytes of a name", limits::NAME_BYTES_MAX, name),
    (
        "bytes of a function",
        limits::FUNCTION_BYTES_MAX,
        function_bytes,
    ),
    ("locals of a function", limits::LOCALS_MAX, locals),
    (
        "catch clauses of an instruction",
        limits::CATCHES_MAX,
        catches,
    ),
    (
        "types in the types of imports and exports",
        limits::EXTERN_TYPE_SIZE_MAX,
        extern_types,
    ),
];

fn refusal(bytes: &[u8]) -> Option<Rejected> {
    let registry = TypeRegistry::new().expect("a registry");
    Module::validate(&registry, bytes).err()
}

#[test]
fn every_limit_on_a_module_is_kept_from_both_sides() {
    for (what, most, make) in ROWS {
        let below = refusal(&make(*most));
        assert_eq!(below, None, "{most} {what}");
        let text = format!("{} {what}, and {most} are the most", most + 1);
        let beyond = refusal(&make(most + 1));
        assert_eq!(beyond, Some(Rejected::Limit(text)), "{what}");
    }
}

/// Imports and exports have types, and the limit on types is reached first.
#[test]
fn too_many_imports_and_exports_are_over_a_limit() {
    let tables = |count| imports(count, &[3, 0x7f, 0]);
    for make in [tables, exports] {
        assert_eq!(refusal(&make(limits::EXTERN_TYPE_SIZE_MAX)), None);
        for count in [limits::IMPORTS_MAX, limits::IMPORTS_MAX + 1] {
            let why = refusal(&make(count));
            assert!(matches!(why, Some(Rejected::Limit(_))), "{why:?}");
        }
    }
}

#[test]
fn a_vector_that_is_too_short_is_malformed() {
    for section in [1, 2, 3, 4, 5, 6, 7, 9, 11, 13] {
        let contents = [leb(limits::TABLE_ELEMENTS_MAX), vec![0; 3]].concat();
        let why = refusal(&module(&[sized(&[section], &contents)]));
        assert!(
            matches!(why, Some(Rejected::Malformed { .. })),
            "section {section}: {why:?}"
        );
    }
}

#[test]
fn what_no_module_can_declare_is_invalid() {
    // A type with the largest index, as the type of a field and in a body.
    let index = leb(u64::from(u32::MAX));
    let field = types(1, &[vec![0x5f, 1, 0x63], index.clone(), vec![0]].concat());
    let null = [vec![0, 0xd0], index, vec![0x1a, 0x0b]].concat();
    let select = [vec![0, 0x00, 0x1c], vec(11, &[0x7f]), vec![0x1a, 0x0b]].concat();
    let supertypes = [vec![0x50, 0, 0x5f, 0, 0x50], vec(6, &[0]), vec![0x5f, 0]].concat();
    for bytes in [
        field,
        body(no_types(), &null),
        body(no_types(), &select),
        types(2, &supertypes),
    ] {
        let why = refusal(&bytes);
        assert!(matches!(why, Some(Rejected::Invalid { .. })), "{why:?}");
    }
}
