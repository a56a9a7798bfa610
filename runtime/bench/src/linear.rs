//! How the time to compile grows with the size of a module. It must be linear for modules of every
//! shape. The runtime's test `linear` has each instruction that needs several blocks, in each
//! place.

use std::fmt::Write;

use serde::Serialize;

use crate::engine::{Collector, Setup};
use crate::measure::seconds_of;
use crate::shapes::{self, lines, put};
use crate::start::start;

/// A family of modules.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// The member of that size.
    make: fn(u32) -> String,
    /// The smallest size. Each further size is twice as large.
    first: u32,
}

/// What was measured for a shape.
#[derive(Debug, Serialize)]
pub struct Growth {
    /// Its name.
    pub name: &'static str,
    /// Whether Cranelift optimised.
    pub optimised: bool,
    /// Sizes, bytes of the modules, and seconds.
    pub points: Vec<(u32, usize, f64)>,
    /// The exponent of the time by bytes between the smallest and the largest: 1 is linear.
    pub exponent: f64,
}

/// How often the size is doubled.
const DOUBLINGS: u32 = 4;

/// The shapes that modules may have.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "struct globals",
        make: shapes::struct_globals,
        first: 500,
    },
    Shape {
        name: "array globals",
        make: shapes::array_globals,
        first: 500,
    },
    Shape {
        name: "structs in one function",
        make: shapes::struct_function,
        first: 250,
    },
    Shape {
        name: "structs in a segment",
        make: |count| shapes::struct_segment(count, true),
        first: 500,
    },
    Shape {
        name: "types in one group",
        make: types,
        first: 1000,
    },
    Shape {
        name: "types in a chain",
        make: chain,
        first: 1000,
    },
    Shape {
        name: "tiny functions",
        make: tiny_functions,
        first: 500,
    },
    Shape {
        name: "functions",
        make: shapes::functions,
        first: 30,
    },
    Shape {
        name: "nested blocks",
        make: nested,
        first: 250,
    },
    Shape {
        name: "nested loops with a local",
        make: nested_loops,
        first: 125,
    },
    Shape {
        name: "br_table",
        make: br_table,
        first: 2000,
    },
    Shape {
        name: "br_table to many blocks",
        make: br_table_blocks,
        first: 250,
    },
    Shape {
        name: "locals over calls",
        make: locals_over_calls,
        first: 16,
    },
    Shape {
        name: "reference locals over calls",
        make: reference_locals,
        first: 8,
    },
    Shape {
        name: "calls in a row",
        make: calls,
        first: 500,
    },
    Shape {
        name: "casts in a row",
        make: casts,
        first: 250,
    },
    Shape {
        name: "loads and stores in a row",
        make: accesses,
        first: 1000,
    },
    Shape {
        name: "ifs in a row",
        make: ifs,
        first: 500,
    },
];

fn types(count: u32) -> String {
    let types = lines(count, |text, at| {
        let next = (at + 1) % count;
        put!(
            text,
            "(type $t{at} (struct (field i32) (field (ref null $t{next}))))"
        );
    });
    format!("(module (rec\n{types}) (global (ref null $t0) (ref.null $t0)))")
}

fn chain(count: u32) -> String {
    // Subtypes may be at most 63 deep.
    let types = lines(count, |text, at| match at % 60 {
        0 => put!(text, "(type $t{at} (sub (struct (field i32))))"),
        _ => put!(
            text,
            "(type $t{at} (sub $t{} (struct (field i32))))",
            at - 1
        ),
    });
    format!("(module {types})")
}

fn tiny_functions(count: u32) -> String {
    let body = lines(count, |text, at| {
        put!(text, "(func (result i32) (i32.const {at}))")
    });
    format!("(module {body})")
}

fn nested(count: u32) -> String {
    let open = lines(count, |text, _| {
        put!(text, "(block (br_if 0 (local.get 0))")
    });
    let close = lines(count, |text, _| {
        put!(text, "(local.set 0 (i32.add (local.get 0) (i32.const 1))))")
    });
    format!("(module (func (param i32) {open} {close}))")
}

fn nested_loops(count: u32) -> String {
    let open = lines(count, |text, _| {
        put!(
            text,
            "(loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))"
        )
    });
    let close = lines(count, |text, _| put!(text, "(br_if 0 (local.get 0)))"));
    format!("(module (func (param i32) {open} {close}))")
}

fn br_table(count: u32) -> String {
    let targets = lines(count, |text, at| put!(text, "{}", at % 3));
    format!(
        "(module (func (param i32) (result i32)
  (block
    (block (block (br_table {targets} (local.get 0))) (return (i32.const 1)))
    (return (i32.const 2)))
  (i32.const 3)))"
    )
}

fn br_table_blocks(count: u32) -> String {
    let open = lines(count, |text, _| text.push_str("(block"));
    let targets = lines(count, |text, at| put!(text, "{at}"));
    let close = lines(count, |text, at| {
        put!(
            text,
            ") (local.set 1 (i32.add (local.get 1) (i32.const {at})))"
        )
    });
    format!(
        "(module (func (param i32 i32) (result i32)
  {open} (br_table {targets} (local.get 0)) {close} (local.get 1)))"
    )
}

/// `count` locals, which are set before `count` calls and read after them. The size of the module
/// is proportional to `count`, and the number of pairs of a value and a call to its square. The
/// size is counted in pairs, so `count` grows by the square root.
fn pairs(count: u32, ty: &str, make: &str, read: &str, function: &str) -> String {
    // The values are 64, the calls grow.
    let locals = lines(64, |text, _| put!(text, "(local {ty})"));
    let set = lines(64, |text, at| put!(text, "(local.set {at} ({make}))"));
    let calls = lines(count * 16, |text, at| {
        put!(text, "(call $f) (local.set {} ({make}))", at % 64)
    });
    let reads = lines(64, |text, at| put!(text, "({read} (local.get {at}))"));
    format!(
        "(module (type $s (struct (field i32))) {function}
  (func (export \"run\") {locals} {set} {calls} {reads}))"
    )
}

fn locals_over_calls(count: u32) -> String {
    pairs(
        count,
        "i32",
        "i32.const 7",
        "call $g",
        "(func $f) (func $g (param i32))",
    )
}

fn reference_locals(count: u32) -> String {
    pairs(
        count,
        "(ref null $s)",
        "struct.new_default $s",
        "call $g",
        "(func $f) (func $g (param (ref null $s)))",
    )
}

fn calls(count: u32) -> String {
    let body = lines(count, |text, _| {
        put!(text, "(local.set 0 (call $f (local.get 0)))");
    });
    format!("(module (func $f (param i32) (result i32) (local.get 0)) (func (param i32) {body}))")
}

fn casts(count: u32) -> String {
    let body = lines(count, |text, at| {
        put!(
            text,
            "(drop (struct.get $t{0} 0 (ref.cast (ref $t{0}) (local.get 0))))",
            at % 3
        );
    });
    format!(
        "(module
  (type $t0 (sub (struct (field i32))))
  (type $t1 (sub $t0 (struct (field i32))))
  (type $t2 (sub $t1 (struct (field i32))))
  (func (param anyref) {body}))"
    )
}

fn accesses(count: u32) -> String {
    let body = lines(count, |text, at| {
        put!(
            text,
            "(i32.store offset={} (local.get 0)
  (i32.add (i32.load offset={} (local.get 0)) (i32.const 1)))",
            at * 4,
            at * 4 + 8
        );
    });
    format!("(module (memory 1) (func (param i32) {body}))")
}

fn ifs(count: u32) -> String {
    let body = lines(count, |text, at| {
        put!(
            text,
            "(if (i32.eq (local.get 0) (i32.const {at})) (then
  (local.set 1 (i32.mul (local.get 1) (i32.const {}))) (local.set 2 (local.get 1))))",
            at | 1
        );
    });
    format!("(module (func (param i32 i32 i32) (result i32) {body} (local.get 2)))")
}

/// Compiles members of growing size.
pub fn measure(shape: &Shape, quick: bool) -> Result<Growth, String> {
    let setup = Setup::ours(Collector::Copying);
    let engine = start(&setup)?;
    let mut points = Vec::new();
    let doublings = if quick { 2 } else { DOUBLINGS };
    for doubling in 0..=doublings {
        let size = shape.first << doubling;
        let module = shapes::binary(&(shape.make)(size));
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            best = best.min(seconds_of(|| engine.compile(&module).map(drop))?);
        }
        points.push((size, module.len(), best));
    }
    let (first, last) = (points[0], points[points.len() - 1]);
    let exponent = (last.2 / first.2).ln() / (last.1 as f64 / first.1 as f64).ln();
    Ok(Growth {
        name: shape.name,
        optimised: true,
        points,
        exponent,
    })
}
