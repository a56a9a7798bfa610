//! The work to compile a module grows linearly with its size, in time and in memory.
//!
//! Each instruction that the compiler turns into more than one block is repeated in each place
//! where it can stand. Modules of one shape and two sizes are compiled, and the larger one may cost
//! little more than its share. Time is that of this thread's processor, memory the most bytes that
//! were allocated at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gcrucible_runtime::embed::*;

/// Counts the bytes that the current thread has allocated.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends frees memory when its counters are gone.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TYPES: &str = "
    (type $a (sub (struct (field (mut i32)) (field (mut (ref null $a))))))
    (type $b (sub $a (struct (field (mut i32)) (field (mut (ref null $a))) (field funcref))))
    (type $v (array (mut i32)))
    (type $r (array (mut anyref)))
    (type $k (array (mut (ref null $a))))
    (type $c (sub $a (struct (field (mut i32)) (field (mut (ref null $a))) (field anyref))))
    (type $f (func (param i32) (result i32)))
    (func $id (type $f) (local.get 0))
    (table $t 10 (ref null $a))
    (table $x 10 funcref)
    (memory 1)
    (tag $e (param i32))
    (elem declare func $id)";

/// Instructions that need several blocks, as expressions from `i32` to `i32`. `#` is the operand.
/// Locals: 0 and 1 are `i32`, 2 is `anyref`, 3 is `(ref null $a)`, 4 is `(ref null $v)`, 5 is
/// `(ref null $r)`.
const INSTRUCTIONS: &[(&str, &str)] = &[
    ("ref.test", "(i32.add # (ref.test (ref $b) (local.get 2)))"),
    ("ref.test null", "(i32.add # (ref.test (ref null $a) (local.get 2)))"),
    ("ref.test eq", "(i32.add # (ref.test (ref eq) (local.get 2)))"),
    ("ref.test i31", "(i32.add # (ref.test (ref null i31) (local.get 2)))"),
    ("ref.cast", "(i32.add # (struct.get $b 0 (ref.cast (ref $b) (local.get 2))))"),
    (
        "br_on_cast",
        "(i32.add # (block (result i32) (drop (block (result (ref $b))
            (br 1 (block (result i32) (drop (br_on_cast 1 anyref (ref $b) (local.get 2))) (i32.const 1)))))
            (i32.const 2)))",
    ),
    ("br_on_null", "(i32.add # (block (result i32) (block (br 1 (struct.get $a 0 (br_on_null 0 (local.get 3))))) (i32.const 1)))"),
    ("struct.new", "(struct.get $a 0 (struct.new $a # (local.get 3)))"),
    ("struct.new of a function", "(struct.get $b 0 (struct.new $b # (local.get 3) (ref.func $id)))"),
    ("struct.set", "(block (result i32) (struct.set $a 1 (local.get 3) (local.get 3)) #)"),
    ("array.new", "(array.len (array.new $v (i32.const 1) #))"),
    ("array.new_default", "(array.len (array.new_default $r #))"),
    ("array.new_fixed", "(array.len (array.new_fixed $v 2 # (local.get 0)))"),
    ("array.get", "(array.get $v (local.get 4) #)"),
    ("array.set", "(block (result i32) (array.set $r (local.get 5) # (local.get 2)) (local.get 0))"),
    ("array.fill", "(block (result i32) (array.fill $v (local.get 4) (i32.const 0) # (i32.const 1)) (local.get 0))"),
    ("array.copy", "(block (result i32) (array.copy $r $r (local.get 5) (i32.const 0) (local.get 5) # (i32.const 1)) (local.get 0))"),
    ("table.get", "(i32.add (ref.is_null (table.get $t #)) (local.get 1))"),
    ("table.set", "(block (result i32) (table.set $t # (local.get 3)) (local.get 0))"),
    ("call", "(call $id #)"),
    ("call_indirect", "(call_indirect $x (type $f) # (local.get 1))"),
    ("call_ref", "(call_ref $f # (ref.func $id))"),
    ("i32.div_s", "(i32.div_s # (local.get 1))"),
    ("i32.trunc_f64_s", "(i32.trunc_f64_s (f64.convert_i32_s #))"),
    ("i32.load", "(i32.load #)"),
    ("memory.grow", "(memory.grow #)"),
    ("if", "(if (result i32) # (then (local.get 0)) (else (local.get 1)))"),
    ("br_if", "(block (result i32) (br_if 0 (local.get 0) #))"),
    ("br_table", "(block (result i32) (br_table 0 0 (local.get 1) #))"),
    ("loop", "(loop (result i32) (br_if 0 (local.tee 0 #)) (local.get 0))"),
    ("select", "(select (local.get 0) (local.get 1) #)"),
    ("try_table", "(block (result i32) (try_table (result i32) (catch $e 0) (call $id #)))"),
    ("throw", "(block (result i32) (try_table (catch $e 0) (throw $e #)) (local.get 0))"),
];

/// Where something is repeated: a name, and what is made of it, some number of times.
type Place = (&'static str, fn(&str, usize) -> String);

/// What is made of an instruction, some number of times: a function's body of type `i32`.
const PLACES: &[Place] = &[
    ("in a row", |op, times| {
        let one = format!("(local.set 0 {})", op.replace('#', "(local.get 0)"));
        format!("{} (local.get 0)", one.repeat(times))
    }),
    ("summed up", |op, times| {
        let op = op.replace('#', "(local.get 0)");
        let one = format!("(local.set 1 (i32.add (local.get 1) {op}))");
        format!("{} (local.get 1)", one.repeat(times))
    }),
    ("nested", |op, times| {
        let (before, after) = op.split_once('#').expect("an operand");
        format!(
            "{}(local.get 0){}",
            before.repeat(times),
            after.repeat(times)
        )
    }),
    ("in nested ifs", |op, times| {
        let op = op.replace('#', "(local.get 1)");
        let open = format!("(if (local.get 0) (then (local.set 0 {op})");
        format!("{}{} (local.get 0)", open.repeat(times), "))".repeat(times))
    }),
    ("as operands", |op, times| {
        let op = op.replace('#', "(local.get 0)");
        let ten = format!("{}{}", op.repeat(11), "i32.add ".repeat(10));
        format!(
            "{} (local.get 0)",
            format!("{ten} local.set 1 ").repeat(times / 10)
        )
    }),
    ("in a loop", |op, times| {
        let one = format!("(local.set 0 {})", op.replace('#', "(local.get 0)"));
        format!(
            "(loop {} (br_if 0 (local.get 0))) (local.get 0)",
            one.repeat(times)
        )
    }),
];

/// Constant expressions that allocate, as expressions from `(ref null $a)` to `(ref $a)`.
const CONSTANTS: &[(&str, &str)] = &[
    ("struct.new", "(struct.new $a (i32.const 1) #)"),
    (
        "struct.new of a function",
        "(struct.new $b (i32.const 1) # (ref.func $id))",
    ),
    (
        "array.new_fixed",
        "(struct.new $c (i32.const 1) (ref.null $a) (array.new_fixed $k 2 # (ref.null $a)))",
    ),
    (
        "array.new",
        "(struct.new $c (i32.const 1) (ref.null $a) (array.new $k # (i32.const 3)))",
    ),
    (
        "array.new_default",
        "(struct.new $c (i32.const 1) # (array.new_default $v (i32.const 3)))",
    ),
    (
        "ref.i31",
        "(struct.new $c (i32.const 1) # (ref.i31 (i32.add (i32.const 1) (i32.const 2))))",
    ),
    (
        "extern.convert_any",
        "(struct.new $c (i32.const 1) # (any.convert_extern (extern.convert_any (struct.new_default $a))))",
    ),
];

/// What is made of a constant expression, some number of times: fields of a module.
const CONSTANT_PLACES: &[Place] = &[
    ("nested", |op, times| {
        let (before, after) = op.split_once('#').expect("an operand");
        let (before, after) = (before.repeat(times), after.repeat(times));
        format!("(global (ref null $a) {before}(ref.null $a){after})")
    }),
    ("of globals", |op, times| {
        let op = op.replace('#', "(ref.null $a)");
        format!("(global (ref $a) {op})").repeat(times)
    }),
    ("of tables", |op, times| {
        let op = op.replace('#', "(ref.null $a)");
        format!("(table 1 (ref null $a) {op})").repeat(times)
    }),
    ("of items", |op, times| {
        let op = op.replace('#', "(ref.null $a)");
        format!(
            "(elem (ref null $a) {})",
            format!("(item {op})").repeat(times)
        )
    }),
    ("of elements", |op, times| {
        let op = op.replace('#', "(ref.null $a)");
        let elements = op.repeat(times);
        format!("(global (ref $k) (array.new_fixed $k {times} {elements}))")
    }),
];

/// How often an instruction is repeated in the smaller module. It is large enough for all that the
/// compiler does only in large functions.
const TIMES: usize = 400;
/// How many times larger the other one is.
const LARGER: usize = 4;
/// How many times more it may cost. The work that does not depend on the size makes the ratio
/// smaller, caches make it larger. Work that grows with the square would be 16 times as much.
const COSTLIER: f64 = 8.0;

/// What a compilation cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    nanoseconds: f64,
    bytes: f64,
}

/// Nanoseconds that this thread has run.
fn thread_time() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a `timespec` that can be written.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    assert_eq!(status, 0, "a clock");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What the first compilation of an engine costs. Later ones reuse memory.
fn cost(config: &Config, module: &[u8]) -> Cost {
    let engine = Engine::new(config).expect("engine");
    PEAK.set(LIVE.get());
    let (live, before) = (LIVE.get(), thread_time());
    let made = Module::new(&engine, module).expect("compiles");
    let nanoseconds = (thread_time() - before) as f64;
    drop(made);
    let bytes = (PEAK.get() - live) as f64;
    Cost { nanoseconds, bytes }
}

/// Returns the module of a text.
fn binary(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("text");
    let mut module = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("module");
    module.encode().expect("encodes")
}

/// Configurations in which much code is made, and in which it is made in different ways.
fn configs() -> Vec<Config> {
    let mut configs = Vec::new();
    for (collector, opt_level, reg_alloc, trap_mode) in [
        (
            CollectorKind::Drc,
            OptLevel::Speed,
            RegAlloc::Backtracking,
            TrapMode::Signals,
        ),
        (
            CollectorKind::Copying,
            OptLevel::None,
            RegAlloc::SinglePass,
            TrapMode::Explicit,
        ),
        (
            CollectorKind::Copying,
            OptLevel::Speed,
            RegAlloc::SinglePass,
            TrapMode::Signals,
        ),
        (
            CollectorKind::Drc,
            OptLevel::Speed,
            RegAlloc::Backtracking,
            TrapMode::Explicit,
        ),
    ] {
        let config = Config {
            opt_level,
            reg_alloc,
            trap_mode,
            verify_ir: false,
            collection_points: false,
            ..Config::fuzzing(collector)
        };
        configs.push(config);
    }
    configs
}

/// Demands that a module that is [`LARGER`] times as large costs about as many times more. If it
/// does not, the compiler may do something in large functions only. Then still larger modules show
/// whether the cost goes on growing like this.
fn is_linear(config: &Config, what: &str, text: impl Fn(usize) -> String) {
    let mut ratios = Vec::new();
    for times in [TIMES, TIMES * LARGER] {
        let small = binary(&text(times));
        let large = binary(&text(times * LARGER));
        // Another process may have emptied the caches. That does not happen each time.
        for _ in 0..2 {
            let (small, large) = (cost(config, &small), cost(config, &large));
            let time = large.nanoseconds / small.nanoseconds;
            let memory = large.bytes / small.bytes;
            if time <= COSTLIER && memory <= COSTLIER {
                return;
            }
            ratios.push((time, memory));
        }
    }
    panic!("{what}: {ratios:.1?} times the time and memory");
}

/// Compiles each instruction in one place, in one configuration after the other.
fn each_instruction((place, body): Place, first: usize) {
    let configs = configs();
    for (at, (name, op)) in INSTRUCTIONS.iter().enumerate() {
        let config = &configs[(first + at) % configs.len()];
        is_linear(config, &format!("{name} {place}"), |times| {
            let body = body(op, times);
            format!(
                "(module {TYPES} (func (param i32 i32 anyref (ref null $a) (ref null $v)
                 (ref null $r)) (result i32) {body}))"
            )
        });
    }
}

#[test]
fn instructions_in_a_row() {
    each_instruction(PLACES[0], 0);
    each_instruction(PLACES[1], 2);
}

#[test]
fn instructions_in_each_other() {
    each_instruction(PLACES[2], 0);
    each_instruction(PLACES[3], 1);
}

#[test]
fn instructions_as_operands_and_in_loops() {
    each_instruction(PLACES[4], 0);
    each_instruction(PLACES[5], 3);
}

#[test]
fn constant_expressions() {
    let configs = configs();
    for (place, fields) in CONSTANT_PLACES {
        for (at, (name, op)) in CONSTANTS.iter().enumerate() {
            let config = &configs[at % configs.len()];
            is_linear(config, &format!("{name} {place}"), |times| {
                format!("(module {TYPES} {})", fields(op, times))
            });
        }
    }
}
