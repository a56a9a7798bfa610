//! Times the interpreter on two programs: `fib(25)`, and a list of 100,000 structures that is built
//! and summed. Prints the best of many runs, so that other work of the machine matters little.
//!
//! Run with `cargo run --release -p gcrucible-reference --example speed`.

use std::rc::Rc;
use std::time::{Duration, Instant};

use gcrucible_reference::execution::{Extern, Store, StoreLimits, Value};
use gcrucible_reference::syntax::Module;

/// ```wat
/// (module
///   (func $fib (export "run") (param i32) (result i32)
///     (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
///       (then (local.get 0))
///       (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
///                      (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
/// ```
const FIB: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x06\x01\x60\x01\x7f\x01\x7f\
    \x03\x02\x01\0\
    \x07\x07\x01\x03run\0\0\
    \x0a\x1e\x01\x1c\0\x20\0\x41\x02\x49\x04\x7f\x20\0\x05\
    \x20\0\x41\x01\x6b\x10\0\x20\0\x41\x02\x6b\x10\0\x6a\x0b\x0b";

/// ```wat
/// (module
///   (type $node (struct (field i32) (field (ref null $node))))
///   (func (export "run") (param i32) (result i32) (local $list (ref null $node)) (local $sum i32)
///     (loop $build
///       (local.set $list (struct.new $node (local.get 0) (local.get $list)))
///       (br_if $build (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
///     (loop $walk
///       (local.set $sum (i32.add (local.get $sum) (struct.get $node 0 (local.get $list))))
///       (br_if $walk
///         (i32.eqz (ref.is_null
///           (local.tee $list (struct.get $node 1 (local.get $list)))))))
///     (local.get $sum)))
/// ```
const LIST: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0d\x02\x5f\x02\x7f\0\x63\0\0\x60\x01\x7f\x01\x7f\
    \x03\x02\x01\x01\
    \x07\x07\x01\x03run\0\0\
    \x0a\x3a\x01\x38\x02\x01\x63\0\x01\x7f\
    \x03\x40\x20\0\x20\x01\xfb\0\0\x21\x01\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b\
    \x03\x40\x20\x02\x20\x01\xfb\x02\0\0\x6a\x21\x02\
    \x20\x01\xfb\x02\0\x01\x22\x01\xd1\x45\x0d\0\x0b\
    \x20\x02\x0b";

/// Runs of a program.
const RUNS: usize = 50;

/// How long one call of the export `run` takes, in a store of its own.
fn time(wasm: &[u8], argument: i32, expected: u32) -> Result<Duration, Box<dyn std::error::Error>> {
    let module = Rc::new(Module::decode(wasm)?.validate()?);
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let mut store = Store::new(StoreLimits::default());
        let instance = store.instantiate(&module, &[])?;
        let Some(Extern::Func(run)) = store.export(instance, "run") else {
            return Err("no such function".into());
        };
        let started = Instant::now();
        let results = store.invoke(run, &[argument.into()])?;
        best = best.min(started.elapsed());
        assert_eq!(results, [Value::I32(expected)]);
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sum = (1..=100_000u32).fold(0, u32::wrapping_add);
    let programs = [
        ("fib(25)", FIB, 25, 75_025),
        ("list of 100,000 nodes", LIST, 100_000, sum),
    ];
    // A word on the command line selects the programs whose name has it.
    let word = std::env::args().nth(1).unwrap_or_default();
    for (name, wasm, argument, expected) in programs {
        if name.contains(&word) {
            println!("{name:24}{:?}", time(wasm, argument, expected)?);
        }
    }
    Ok(())
}
