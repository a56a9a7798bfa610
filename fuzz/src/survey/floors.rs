//! How often something must be generated and executed, at least.

use gcrucible_oracles::engine::reference::rule_names;

use super::Survey;

/// Shares of programs, in percent, and names that must occur in so many.
type Floors = &'static [(f64, &'static [&'static str])];

/// For what occurs in a program: instructions, harness imports, kinds of items.
const GENERATED: Floors = &[
    (
        70.0,
        &[
            "struct.new",
            "array.new",
            "array.new_fixed",
            "local.tee",
            "call",
            "block",
            "ref.func",
            "ref.i31",
        ],
    ),
    (
        45.0,
        &[
            "struct.get",
            "struct.set",
            "array.len",
            "loop",
            "br_if",
            "ref.cast",
            "ref.test",
        ],
    ),
    (
        35.0,
        &[
            "array.get",
            "array.set",
            "array.new_default",
            "table.set",
            "table.get",
            "br_on_cast",
            "br_on_cast_fail",
            "br_on_non_null",
        ],
    ),
    (
        25.0,
        &[
            "br_on_null",
            "try_table",
            "extern.convert_any",
            "any.convert_extern",
            "ref.is_null",
        ],
    ),
    (
        15.0,
        &[
            "table.grow",
            "array.copy",
            "array.fill",
            "throw",
            "ref.eq",
            "call_ref",
            "call_indirect",
            "table.fill",
            "table.copy",
        ],
    ),
    (
        12.0,
        &[
            "table.init",
            "i31.get_s",
            "i31.get_u",
            "select",
            "v128.const",
            "f32.const",
            "f64.const",
        ],
    ),
    (
        8.0,
        &[
            "array.new_elem",
            "array.init_elem",
            "throw_ref",
            "struct.get_s",
            "struct.get_u",
            "array.new_data",
        ],
    ),
    (
        4.0,
        &[
            "elem.drop",
            "array.init_data",
            "array.get_s",
            "array.get_u",
            "memory.init",
            "memory.copy",
            "memory.fill",
            "memory.grow",
            "data.drop",
        ],
    ),
    (4.0, &["return_call", "return_call_ref", "start"]),
    (1.0, &["return_call_indirect"]),
    (40.0, &["harness gc", "passive elem", "active elem"]),
    (
        10.0,
        &[
            "import func",
            "import global",
            "import table",
            "import tag",
            "table64",
            "held",
            "declarative elem",
        ],
    ),
    (6.0, &["several memories"]),
    (3.0, &["import memory"]),
    (
        6.0,
        &[
            "non-null table",
            "harness extern",
            "harness extern.id",
            "harness hold",
            "harness held",
            "harness release",
        ],
    ),
    (
        5.0,
        &[
            "harness table.get",
            "harness table.set",
            "harness table.grow",
            "harness table.fill",
            "harness table.copy",
        ],
    ),
    (
        5.0,
        &[
            "harness global.get",
            "harness global.set",
            "harness struct.new",
            "harness array.new",
            "harness call",
        ],
    ),
    (3.0, &["harness live", "subtype depth 4", "subtype depth 5"]),
    (1.5, &["subtype depth 6", "subtype depth 7"]),
    (1.0, &["harness live", "harness live.extern"]),
    (
        10.0,
        &["schedule every", "schedule at", "schedule pressure"],
    ),
];

/// For rules of execution that the reference applies. An instruction in a program is not always
/// executed.
const RULES: Floors = &[
    (
        12.0,
        &[
            "Step_pure/binop-val",
            "Step_pure/unop-val",
            "Step_pure/cvtop-val",
            "Step_pure/relop",
        ],
    ),
    (
        4.0,
        &[
            "Step_pure/vbinop-val",
            "Step_pure/vunop-val",
            "Step_pure/vrelop",
            "Step_pure/vshiftop",
            "Step_pure/vextract_lane-pack",
        ],
    ),
    (1.0, &["Step_pure/vternop-val"]),
    (0.1, &["Step_pure/vextternop"]),
    (
        1.0,
        &[
            "Step_pure/testop",
            "Step_read/vload-val",
            "Step_read/vload-pack-val",
            "Step_read/vload-splat-val",
            "Step_read/vload-zero-val",
        ],
    ),
    (
        1.0,
        &[
            "Step_read/vload_lane-val",
            "Step/vstore_lane-val",
            "Step/vstore-val",
            "Step_pure/vreplace_lane",
        ],
    ),
    (
        6.0,
        &[
            "Step_read/load-num-val",
            "Step_read/load-pack-val",
            "Step/store-num-val",
            "Step/store-pack-val",
        ],
    ),
    (
        5.5,
        &[
            "Step_read/array.copy-gt",
            "Step_read/array.copy-le",
            "Step_read/array.fill-succ",
            "Step/array.set-array",
        ],
    ),
    (
        1.5,
        &[
            "Step_read/array.init_data-num",
            "Step_read/array.new_data-num",
            "Step_read/array.init_elem-succ",
        ],
    ),
    (
        15.0,
        &[
            "Step_read/struct.get-struct",
            "Step/struct.set-struct",
            "Step_read/array.get-array",
            "Step_pure/i31.get-num",
        ],
    ),
    (
        12.0,
        &[
            "Step_read/ref.test-true",
            "Step_read/ref.test-false",
            "Step_read/br_on_cast-fail",
            "Step_read/br_on_cast-succeed",
        ],
    ),
    (
        8.0,
        &[
            "Step_read/br_on_cast_fail-fail",
            "Step_read/br_on_cast_fail-succeed",
            "Step_pure/ref.eq-true",
            "Step_pure/ref.eq-false",
        ],
    ),
    (
        5.0,
        &[
            "Step_pure/br_on_null-null",
            "Step_pure/br_on_null-addr",
            "Step_pure/br_on_non_null-null",
            "Step_pure/br_on_non_null-addr",
        ],
    ),
    (
        2.0,
        &[
            "Step_read/table.copy-gt",
            "Step_read/table.copy-le",
            "Step_read/table.fill-succ",
            "Step_read/table.init-succ",
        ],
    ),
    (
        1.0,
        &[
            "Step/table.grow-fail",
            "Step/table.grow-succeed",
            "Step/memory.grow-fail",
            "Step/memory.grow-succeed",
        ],
    ),
    (
        2.0,
        &[
            "Step_read/memory.copy-gt",
            "Step_read/memory.copy-le",
            "Step_read/memory.fill-succ",
            "Step_read/memory.init-succ",
        ],
    ),
    (
        3.0,
        &[
            "Step_read/throw_ref-handler-catch",
            "Step_read/throw_ref-handler-catch_ref",
            "Step_read/throw_ref-handler-next",
        ],
    ),
    (
        2.0,
        &[
            "Step_read/return_call",
            "Step_read/return_call_ref-frame-addr",
            "Step_pure/return_call_indirect",
        ],
    ),
    (
        0.5,
        &[
            "Step_read/array.copy-oob1",
            "Step_read/array.fill-oob",
            "Step_read/array.get-oob",
            "Step/array.set-oob",
        ],
    ),
    (
        0.2,
        &[
            "Step_read/array.init_data-oob1",
            "Step_read/array.init_data-oob2",
            "Step_read/table.init-oob",
            "Step_read/memory.init-oob",
        ],
    ),
    (
        0.5,
        &[
            "Step_read/memory.init-zero",
            "Step_read/table.init-zero",
            "Step_read/memory.fill-oob",
            "Step_read/ref.cast-fail",
        ],
    ),
];

/// For pieces of the generator that are executed to their end, and instantiations that fail.
const PIECES: Floors = &[
    (
        4.0,
        &[
            "places: places",
            "over: handlers",
            "over: host results",
            "indirect: indirect",
            "high: empty",
        ],
    ),
    (
        1.0,
        &[
            "sizes: sizes",
            "rows: rows",
            "memories: between",
            "over: exception cycles",
        ],
    ),
    (3.0, &["instantiate: rejected"]),
    (1.5, &["instantiate: trapped"]),
    (
        0.5,
        &[
            "traps: null",
            "traps: too large",
            "high: beyond",
            "indirect: wrong",
            "over: released handle",
        ],
    ),
];

/// Something that is rarer than it must be.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Below {
    /// What is counted: `generated`, `rule` or `piece`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// In how many programs it is.
    pub programs: u64,
    /// In how many it must be.
    pub least: u64,
}

/// Returns what is below its floor. A few programs cannot hold what is rare, so a share of them is
/// rounded down.
pub fn below(survey: &Survey) -> Vec<Below> {
    let generated = &survey.generated.in_programs;
    let rules: std::collections::BTreeMap<&str, u64> = rule_names()
        .zip(survey.executed.rules.iter().copied())
        .collect();
    let pieces = &survey.executed.pieces;
    let of = |kind, floors: Floors, count: &dyn Fn(&str) -> Option<u64>| {
        let mut below = Vec::new();
        for (percent, names) in floors {
            let least = (survey.generated.programs as f64 * percent / 100.0) as u64;
            below.extend(names.iter().filter_map(|name| {
                let programs = count(name).unwrap_or(0);
                (programs < least).then_some(Below {
                    kind,
                    name,
                    programs,
                    least,
                })
            }));
        }
        below
    };
    let mut below = of("generated", GENERATED, &|name| generated.get(name).copied());
    below.extend(of("rule", RULES, &|name| rules.get(name).copied()));
    below.extend(of("piece", PIECES, &|name| pieces.get(name).copied()));
    below
}

/// A name that nothing has would never be found, however often it is generated.
#[test]
fn names_of_rules_exist() {
    let known: Vec<&str> = rule_names().collect();
    let names = RULES.iter().flat_map(|(_, names)| *names);
    for name in names {
        assert!(known.contains(name), "{name}");
    }
}
