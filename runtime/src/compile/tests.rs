//! Properties of the emitted form that are checked without running it: references are in stack
//! maps, bounds checks stay, sizes grow no faster than the module.

use std::fmt::Write as _;

use super::*;
use crate::config::{CollectorKind, Config, OptLevel, TrapMode};
use crate::planted::PlantedFault;
use crate::types::registry::TypeRegistry;

fn wasm(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("tokens");
    let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer)
        .unwrap_or_else(|error| panic!("{error} in {text}"));
    wat.encode().expect("encodes")
}

fn with<R>(config: &Config, text: &str, look: impl FnOnce(&Compiler, &Module) -> R) -> R {
    let registry = TypeRegistry::new().expect("address space");
    let compiler = Compiler::new(config).expect("a target");
    let module = Module::validate(&registry, &wasm(text)).expect("valid");
    look(&compiler, &module)
}

fn compiled(config: &Config, text: &str) -> ModuleCode {
    with(config, text, |compiler, module| {
        compile_module(compiler, module).unwrap_or_else(|e| panic!("{e} in {text}"))
    })
}

/// The form of the first defined function.
fn form(config: &Config, text: &str) -> String {
    with(config, text, |compiler, module| {
        listing(compiler, module, DefinedFuncIdx(0)).expect("translates")
    })
}

/// Types and functions that the bodies below use.
const PRELUDE: &str = r#"
    (type $s (struct (field (mut i32)) (field (mut anyref))))
    (type $a (array (mut anyref)))
    (type $b (array (mut i8)))
    (import "" "gc" (func $gc))
    (import "" "use" (func $use (param anyref)))
    (import "" "make" (func $make (result anyref)))
    (import "" "many" (func $many (result i32 i32 i32 i32 i32 i32 i32 i32 anyref)))
    (import "" "exn" (func $exn (param exnref)))
    (tag $e (param anyref))
    (table $t 10 anyref)
    (global $g (mut anyref) (ref.null any))
    (elem $items anyref (item (ref.i31 (i32.const 1))))
    (data $bytes "abc")
"#;

/// Makes a reference in every way there is, and holds it while something may collect: it must be in
/// the frame's map then.
const WAYS: &[(&str, &str)] = &[
    ("struct.new", "(struct.new $s (i32.const 1) (ref.null any))"),
    ("struct.new_default", "(struct.new_default $s)"),
    ("struct.get", "(struct.get $s 1 (struct.new_default $s))"),
    ("array.new", "(array.new $b (i32.const 1) (local.get 1))"),
    ("array.new_default", "(array.new_default $a (local.get 1))"),
    ("array.new_fixed", "(array.new_fixed $b 1 (i32.const 1))"),
    (
        "array.new_data",
        "(array.new_data $b $bytes (i32.const 0) (i32.const 1))",
    ),
    (
        "array.new_elem",
        "(array.new_elem $a $items (i32.const 0) (i32.const 1))",
    ),
    (
        "array.get",
        "(array.get $a (array.new_default $a (i32.const 1)) (i32.const 0))",
    ),
    ("table.get", "(table.get $t (i32.const 1))"),
    ("global.get", "(global.get $g)"),
    ("call", "(call $make)"),
    (
        "return area",
        "(call $many) (local.set 2) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (local.get 2)",
    ),
    (
        "select",
        "(select (result anyref) (table.get $t (i32.const 1)) (global.get $g) (local.get 1))",
    ),
    ("parameter", "(local.get 0)"),
    ("local", "(local.set 2 (call $make)) (local.get 2)"),
    (
        "local.tee",
        "(local.tee 2 (call $make)) (drop) (local.get 2)",
    ),
    (
        "block",
        "(block (result anyref) (br_if 0 (call $make) (local.get 1)))",
    ),
    (
        "loop",
        "(call $make) (loop (param anyref) (result anyref) (br_if 0 (local.get 1)))",
    ),
    (
        "if",
        "(if (result anyref) (local.get 1) (then (call $make)) (else (global.get $g)))",
    ),
    ("ref.cast", "(ref.cast (ref $s) (call $make))"),
    (
        "br_on_cast",
        "(block (result anyref) (br_on_cast 0 anyref (ref $s) (call $make)))",
    ),
    (
        "br_on_cast_fail",
        "(block (result anyref) (br_on_cast_fail 0 anyref (ref $s) (call $make)))",
    ),
    (
        "br_on_non_null",
        "(block (result anyref) (br_on_non_null 0 (call $make)) (return))",
    ),
    (
        "br_on_null",
        "(block (br_on_null 0 (call $make)) (call $gc) (call $use) (return)) (ref.null any)",
    ),
    (
        "catch",
        "(block (result anyref) (try_table (catch $e 0) (call $gc)) (return))",
    ),
    (
        "convert",
        "(any.convert_extern (extern.convert_any (call $make)))",
    ),
];

fn holding(way: &str) -> String {
    format!(
        "(module {PRELUDE} (func (param anyref i32) (local anyref) {way} (call $gc) (call $use)))"
    )
}

/// The most references in one map of a function.
fn references(config: &Config, text: &str) -> u32 {
    let code = compiled(config, text);
    let maps = code.funcs[0].maps.iter();
    maps.map(|map| map.count).max().unwrap_or(0)
}

#[test]
fn references_are_in_maps_however_they_are_made() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        for collection_points in [false, true] {
            let config = Config {
                opt_level,
                collection_points,
                ..Config::fuzzing(CollectorKind::Copying)
            };
            for (name, way) in WAYS {
                let count = references(&config, &holding(way));
                assert!(count >= 1, "{name} under {opt_level:?}");
            }
        }
    }
    // An exception is held as well.
    let text = format!(
        "(module {PRELUDE} (func (local exnref) (block (result exnref)
            (try_table (catch_all_ref 0) (call $gc)) (return)) (call $gc) (call $exn)))"
    );
    let config = Config::fuzzing(CollectorKind::Drc);
    assert_eq!(references(&config, &text), 1);
}

#[test]
#[cfg(feature = "planted")]
fn planted_faults_leave_references_out_of_maps() {
    for (fault, way) in [
        (PlantedFault::SelectResultUndeclared, "select"),
        (PlantedFault::ArrayNewDataUndeclared, "array.new_data"),
        (PlantedFault::ArrayNewElemUndeclared, "array.new_elem"),
    ] {
        let (_, body) = WAYS.iter().find(|(name, _)| *name == way).expect("a way");
        let mut config = Config::fuzzing(CollectorKind::Copying);
        let right = references(&config, &holding(body));
        config.planted = config.planted.with(fault);
        assert!(
            references(&config, &holding(body)) < right,
            "{}",
            fault.name()
        );
    }
}

/// Returns the number of stores in a function with a collector that has no barriers, and how many
/// more there are with a collector that counts.
fn stores(body: &str) -> (usize, usize) {
    let stores = |collector| {
        let config = Config {
            collection_points: false,
            trap_mode: TrapMode::Signals,
            ..Config::fuzzing(collector)
        };
        let text =
            format!("(module {PRELUDE} (func (param (ref $s) (ref $s) (ref $a) i32 i32) {body}))");
        let form = form(&config, &text);
        let lines = form.lines().map(str::trim_start);
        lines.filter(|line| line.starts_with("store")).count()
    };
    let bare = stores(CollectorKind::Null);
    (bare, stores(CollectorKind::Drc) - bare)
}

#[test]
fn counts_that_cancel_out_are_not_made() {
    let get = |object: u32| format!("(struct.get $s 1 (local.get {object}))");
    let set = |object: u32, value: &str| format!("(struct.set $s 1 (local.get {object}) {value})");
    let moved = format!("{} {}", set(0, &get(0)), set(0, &get(0)));
    assert_eq!(stores(&moved), (2, 0));
    let there_and_back = "(local $kept anyref) (local.set $kept (global.get $g))
        (global.set $g (ref.null any)) (global.set $g (local.get $kept))";
    assert_eq!(stores(there_and_back), (2, 0));
    // What the second object held can be the first one's new value: two of the four counts are
    // left, one up, one down (or a list's).
    let swap = format!(
        "(local $kept anyref) (local.set $kept {}) {} {}",
        get(0),
        set(0, &get(1)),
        set(1, "(local.get $kept)")
    );
    let one_write = stores(&set(0, &get(1)));
    assert_eq!(stores(&swap), (2, one_write.1));
    for between in [
        "(call $gc)",
        "(drop (i32.div_u (local.get 3) (local.get 4)))",
        "(if (local.get 3) (then))",
        "(drop (array.get $a (local.get 2) (local.get 3)))",
        "(drop (table.get $t (local.get 3)))",
    ] {
        let apart = format!(
            "(local $kept anyref) (local.set $kept {}) {} {between} {}",
            get(0),
            set(0, "(ref.null any)"),
            set(0, "(local.get $kept)")
        );
        assert!(stores(&apart).1 >= 2, "{between}");
    }
}

#[test]
fn checks_are_made_once_in_straight_line_code() {
    let traps = |body: &str| {
        let config = Config {
            collection_points: false,
            trap_mode: TrapMode::Signals,
            ..Config::fuzzing(CollectorKind::Drc)
        };
        let text = format!("(module {PRELUDE} (func (param (ref $a) i32) {body}))");
        let form = form(&config, &text);
        form.lines().filter(|line| line.contains("trapnz")).count()
    };
    let get = "(drop (array.get $a (local.get 0) (local.get 1)))";
    assert_eq!(traps(get), 1);
    assert_eq!(traps(&get.repeat(3)), 1);
    assert_eq!(traps(&format!("{get} (call $gc) {get}")), 2);
    let other = "(drop (array.get $a (local.get 0) (i32.add (local.get 1) (i32.const 1))))";
    assert_eq!(traps(&format!("{get} {other} {get}")), 2);
    let entry = "(drop (table.get $t (local.get 1)))";
    assert_eq!(traps(&format!("{entry} {entry}")), 1);
    assert_eq!(
        traps(&format!(
            "{entry} (table.set $t (local.get 1) (ref.null any)) {entry}"
        )),
        1
    );
}

#[test]
fn operands_of_initialisers_are_in_maps() {
    let text = "(module (type $s (struct (field anyref) (field anyref))) (type $e (struct))
        (global (ref $s) (struct.new $s (struct.new $e) (struct.new $e))))";
    let config = Config::fuzzing(CollectorKind::Copying);
    let most = |config: &Config| {
        let code = compiled(config, text);
        assert_eq!(code.inits.len(), 1);
        code.inits[0].maps.iter().map(|map| map.count).max()
    };
    assert_eq!(most(&config), Some(2));
    #[cfg(feature = "planted")]
    {
        let mut config = config;
        config.planted = config.planted.with(PlantedFault::ConstEvalOperandsUnrooted);
        assert_eq!(most(&config), None);
    }
    let _ = PlantedFault::ConstEvalOperandsUnrooted;
}

#[test]
fn bounds_of_tables_that_hold_only_null_are_checked() {
    let text = "(module (table $t 10 (ref null none)) (func (drop (table.get $t (i32.const 99)))))";
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let config = Config {
            opt_level,
            collection_points: false,
            ..Config::fuzzing(CollectorKind::Copying)
        };
        let code = compiled(&config, text);
        let bounds = emitted::Cause::Trap(crate::error::Trap::TableOutOfBounds);
        let traps = &code.funcs[0].traps;
        assert!(
            traps.iter().any(|trap| trap.cause == bounds),
            "{opt_level:?}"
        );
    }
}

#[test]
fn without_signals_nothing_faults() {
    let text = "(module (memory 1) (type $s (struct (field (mut i32)))) (type $f (func (param i32) (result i32)))
        (func (param $r (ref null $s)) (param $f (ref null $f)) (param i32) (result i32)
            (struct.set $s 0 (local.get $r) (i32.load (local.get 2)))
            (i32.store (local.get 2) (i32.const 1))
            (i32.trunc_f64_u (f64.const 1))
            (call_ref $f (struct.get $s 0 (local.get $r)) (local.get $f)) (i32.add)))";
    let mut config = Config {
        collection_points: false,
        ..Config::fuzzing(CollectorKind::Copying)
    };
    assert!(!compiled(&config, text).funcs[0].traps.is_empty());
    config.trap_mode = TrapMode::Explicit;
    let form = form(&config, text);
    assert!(
        !form.contains("trapz") && !form.contains("trapnz"),
        "{form}"
    );
    let loads = form
        .lines()
        .filter(|l| l.contains("load") || l.contains("store"));
    for line in loads {
        assert!(line.contains("notrap"), "{line}");
    }
}

/// The number of kinds of memory does not depend on how many globals, fields and tables there are.
#[test]
fn alias_regions_are_few() {
    let mut globals = String::new();
    let mut code = String::new();
    for at in 0..200 {
        writeln!(
            globals,
            "(global $g{at} (mut i32) (i32.const 0)) (table $t{at} 1 anyref)"
        )
        .expect("text");
        writeln!(
            code,
            "(global.set $g{at} (i32.add (global.get $g{at}) (i32.const 1)))
             (table.set $t{at} (i32.const 0) (global.get $g))"
        )
        .expect("text");
    }
    let text = format!("(module {PRELUDE} {globals} (func {code}))");
    let form = form(&Config::fuzzing(CollectorKind::Drc), &text);
    let regions = form
        .lines()
        .filter(|line| line.trim_start().starts_with("region"))
        .count();
    assert!((2..=11).contains(&regions), "{regions} regions");
}

/// Twice the module gives at most twice the form.
#[test]
fn forms_grow_in_proportion() {
    let text = |count: usize| {
        let body = "(global.set $g (struct.new $s (i32.const 1) (global.get $g)))
            (block (try_table (catch $e 0) (call $gc)) (br 0 )) ";
        let body = body.replace("(catch $e 0)", "(catch_all 0)").repeat(count);
        format!("(module {PRELUDE} (func {body}))")
    };
    for collector in CollectorKind::ALL {
        for base in [
            Config::fuzzing(collector),
            Config {
                collector,
                ..Config::optimised()
            },
        ] {
            let lines = |count| form(&base, &text(count)).lines().count();
            let (small, large) = (lines(100), lines(200));
            assert!(large <= 2 * small, "{collector:?}: {small} then {large}");
        }
    }
}

#[test]
fn initialisers_are_cut_into_pieces() {
    let globals = "(global (ref $s) (struct.new_default $s))".repeat(1000);
    let text = format!("(module (type $s (struct)) {globals})");
    let code = compiled(&Config::fuzzing(CollectorKind::Drc), &text);
    assert_eq!(code.inits.len(), 1000usize.div_ceil(64));
    // Constants need no code at all.
    let globals = "(global i31ref (ref.i31 (i32.const 5)))".repeat(1000);
    let text = format!("(module {globals} (global i32 (i32.add (i32.const 1) (i32.const 2))))");
    let code = compiled(&Config::fuzzing(CollectorKind::Drc), &text);
    assert!(code.inits.is_empty());
    let image = &code.first_values.globals;
    assert_eq!(image.len(), 1001 * 16);
    assert_eq!(image[..4], [11, 0, 0, 0]);
    assert_eq!(image[16_000..16_004], [3, 0, 0, 0]);
}

/// Entries of one jump table that name one label are told apart when a local differs between its
/// predecessors.
#[test]
fn labels_are_repeated_in_a_br_table() {
    let text = "(module (func (param i32) (result i32) (local i32 i32)
        (loop
            (block
                (block
                    (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                    (br_table 0 1 0 1 2 2 0 (local.get 0)))
                (local.set 2 (local.get 1))
                (br_if 1 (local.get 2)))
            (br_if 0 (local.get 1)))
        (i32.add (local.get 1) (local.get 2))))";
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let config = Config {
            opt_level,
            ..Config::fuzzing(CollectorKind::Null)
        };
        assert_eq!(compiled(&config, text).funcs.len(), 1);
    }
}

/// What would need stack maps of quadratic size is refused in functions and avoided in
/// initialisers.
#[test]
fn stack_maps_stay_small() {
    let structs = "(struct.new $s)".repeat(4000);
    let types = "(type $s (struct)) (type $a (array (ref $s)))";
    let array = format!("(array.new_fixed $a 4000 {structs})");
    let config = Config::fuzzing(CollectorKind::Copying);
    let text = format!("(module {types} (func (drop {array})))");
    with(&config, &text, |compiler, module| {
        let refused = compile_module(compiler, module);
        assert!(matches!(refused, Err(Rejected::Limit(_))));
    });
    let text = format!("(module {types} (global (ref $a) {array}))");
    let code = compiled(&config, &text);
    assert!(code.inits[0].maps.iter().all(|map| map.count <= 1));
}

#[test]
fn large_and_deep_functions_compile() {
    let nested = |depth: usize, open: &str, close: &str| {
        let (open, close) = (open.repeat(depth), close.repeat(depth));
        format!("(module (func (param i32) {open} {close}))")
    };
    // Cranelift's own time grows faster than the depth of loops.
    let locals = "anyref ".repeat(49_000);
    let targets = "0 1 ".repeat(20_000);
    let texts = [
        nested(3000, "block ", "end "),
        nested(3000, "local.get 0 if ", "else end "),
        nested(3000, "unreachable try_table ", "end "),
        nested(300, "loop ", "local.get 0 br_if 0 end "),
        format!("(module (func $f) (func (local {locals}) (call $f) (drop (local.get 48999))))"),
        format!("(module (func (param i32) (block (block (br_table {targets} (local.get 0))))))"),
    ];
    for text in &texts {
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let config = Config {
                opt_level,
                fuel: true,
                ..Config::fuzzing(CollectorKind::Copying)
            };
            let head: String = text.chars().take(60).collect();
            assert!(!compiled(&config, text).funcs.is_empty(), "{head}");
        }
    }
}
