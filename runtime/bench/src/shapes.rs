//! Modules that are generated, for compiling and instantiating.

use std::fmt::Write;

/// A small function.
pub const SMALL: &str = r#"(module
  (func (export "run") (param i32) (result i64)
    (local $sum i64)
    (loop $again
      (local.set $sum
        (i64.add (local.get $sum) (i64.extend_i32_u (i32.mul (local.get 0) (local.get 0)))))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $sum)))"#;

/// Returns a module's text as bytes.
///
/// # Panics
/// The text is wrong.
pub fn binary(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("the words of a module");
    let mut module: wast::Wat<'_> = wast::parser::parse(&buffer).expect("a module");
    module.encode().expect("a module that can be encoded")
}

/// `count` lines around their number.
pub fn lines(count: u32, mut line: impl FnMut(&mut String, u32)) -> String {
    let mut text = String::new();
    for at in 0..count {
        line(&mut text, at);
        text.push('\n');
    }
    text
}

/// Writes to a string.
macro_rules! put {
    ($text:expr, $($part:tt)*) => { write!($text, $($part)*).expect("a string takes everything") };
}
pub(crate) use put;

const TYPES: &str =
    "(type $s (struct (field i32) (field i32)))\n(type $a (array (mut i32)))\n(type $f (func))";

fn module(body: &str) -> String {
    format!("(module\n{TYPES}\n{body})")
}

/// That many functions of about 270 bytes each: loops, memory, calls of each other, floating point.
pub fn functions(count: u32) -> String {
    let body = lines(count, |text, at| {
        let next = (at + 1) % count;
        put!(
            text,
            "(func $f{at} (param $n i32) (param $x f64) (result f64)
  (local $i i32) (local $sum i64) (local $t f64)
  (block $out
    (loop $loop
      (br_if $out (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i64.add (local.get $sum)
        (i64.load (i32.and (i32.mul (local.get $i) (i32.const {})) (i32.const 0xfff8)))))
      (if (i32.and (local.get $i) (i32.const 3))
        (then (local.set $t (f64.add (local.get $t) (f64.mul (local.get $x) (f64.const {at}.5)))))
        (else (i64.store offset=8 (i32.and (local.get $i) (i32.const 0xfff8))
          (i64.xor (local.get $sum) (i64.rotl (local.get $sum) (i64.const 7))))))
      (local.set $x
        (f64.sub (f64.sqrt (f64.abs (local.get $x))) (f64.div (local.get $t) (f64.const 3))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $loop)))
  (block $a (block $b (block $c
    (br_table $a $b $c (i32.rem_u (local.get $n) (i32.const 3))))
    (local.set $t (f64.neg (local.get $t)))
    (br $a))
    (local.set $t (f64.convert_i64_s (local.get $sum))))
  (if (i32.gt_s (local.get $n) (i32.const {}))
    (then (local.set $t (f64.add (local.get $t)
      (call $f{next} (i32.shr_u (local.get $n) (i32.const 1)) (local.get $t))))))
  (f64.add (local.get $t) (f64.reinterpret_i64 (i64.and (local.get $sum) (i64.const 0xffff)))))",
            at * 8 + 3,
            at % 17 + 1
        );
    });
    format!(
        "(module (memory 2)\n{body}(func (export \"run\") (param i32) (result i64)
  (i64.trunc_sat_f64_s (call $f0 (local.get 0) (f64.const 1)))))"
    )
}

/// That many globals with `init` as their first value.
pub fn globals(count: u32, ty: &str, init: &str) -> String {
    module(&lines(count, |text, _| {
        put!(text, "(global (mut {ty}) ({init}))");
    }))
}

const STRUCT: &str = "struct.new $s (i32.const 1) (i32.const 2)";

/// Globals that hold structures.
pub fn struct_globals(count: u32) -> String {
    globals(count, "(ref $s)", STRUCT)
}

/// Globals that hold arrays.
pub fn array_globals(count: u32) -> String {
    globals(
        count,
        "(ref $a)",
        "array.new $a (i32.const 7) (i32.const 10)",
    )
}

/// One function that makes that many structures, and sets as many globals to them.
pub fn struct_function(count: u32) -> String {
    let globals = lines(count, |text, at| {
        put!(text, "(global $g{at} (mut (ref null $s)) (ref.null $s))");
    });
    let sets = lines(count, |text, at| {
        put!(text, "(global.set $g{at} ({STRUCT}))");
    });
    module(&format!("{globals}(func (export \"fill\")\n{sets})"))
}

/// Returns a segment of that many structures.
pub fn struct_segment(count: u32, active: bool) -> String {
    let items = lines(count, |text, _| put!(text, "({STRUCT})"));
    let table = if active { "(table 0)" } else { "" };
    let offset = if active { "(i32.const 0)" } else { "" };
    module(&format!(
        "(table {count} (ref null $s))\n(elem {table} {offset} (ref null $s)\n{items})"
    ))
}

/// Returns the modules that are instantiated.
pub fn to_instantiate() -> Vec<(&'static str, String)> {
    let functions = lines(1000, |text, _| text.push_str("$n"));
    vec![
        ("empty", "(module)".to_owned()),
        (
            "one memory and data",
            "(module (memory 1) (data (i32.const 8) \"some bytes\"))".to_owned(),
        ),
        (
            "a GC type, nothing made",
            module("(func (export \"make\") (result (ref $s)) (struct.new_default $s))"),
        ),
        ("one struct global", struct_globals(1)),
        ("1000 i32 globals", globals(1000, "i32", "i32.const 5")),
        (
            "1000 i31 globals",
            globals(1000, "i31ref", "ref.i31 (i32.const 5)"),
        ),
        ("1000 struct globals", struct_globals(1000)),
        ("1000 array globals", array_globals(1000)),
        (
            "1000 array.new_fixed globals",
            globals(
                1000,
                "(ref $a)",
                "array.new_fixed $a 3 (i32.const 1) (i32.const 2) (i32.const 3)",
            ),
        ),
        ("1000 structs, active segment", struct_segment(1000, true)),
        ("1000 structs, passive segment", struct_segment(1000, false)),
        (
            "table of 1000, one struct",
            module(&format!("(table 1000 (ref $s) ({STRUCT}))")),
        ),
        (
            "1000 functions, active segment",
            module(&format!(
                "(func $n)\n(table 1000 funcref)\n(elem (i32.const 0) func {functions})"
            )),
        ),
    ]
}
