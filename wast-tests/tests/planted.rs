//! Each regression fails before its fix: the fault it guards against is planted, and the script, or the comparison with the reference,
//! must find it. Built only with the cargo feature `planted`; without it there is nothing to plant.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use gcrucible_oracles::engine;
use gcrucible_wast_tests::matrix;
use gcrucible_wast_tests::script::Script;
use libtest_mimic::{Arguments, Failed, Trial};

/// A fault, the configuration in which it can show, and the regression that must find it.
type Row = (&'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "table-init-no-barrier",
        "runtime:drc",
        "barriers/table-init-releases-what-it-overwrites.wast",
    ),
    (
        "table-set-host-no-barrier",
        "runtime:drc",
        "harness/tables-of-references.wast",
    ),
    (
        "table-grow-host-keeps-count",
        "runtime:drc",
        "leaks/host-table-grow-by-zero-releases-its-reference.wast",
    ),
    (
        "table-grow-init-unrooted",
        "runtime:copying",
        "harness/in-the-start-function.wast",
    ),
    (
        "passive-segment-uncounted",
        "runtime:drc",
        "segments/dropped-segments-are-empty.wast",
    ),
    (
        "elem-drop-becomes-funcs",
        "runtime:drc",
        "segments/dropped-segments-are-empty.wast",
    ),
    (
        "elem-drop-ignored",
        "runtime:drc",
        "segments/dropped-segments-are-empty.wast",
    ),
    (
        "data-drop-ignored",
        "runtime:drc",
        "segments/dropped-segments-are-empty.wast",
    ),
    (
        "const-eval-operands-unrooted",
        "runtime:drc",
        "roots/const-eval-collects-between-elements.wast",
    ),
    (
        "const-eval-operands-unrooted",
        "runtime:copying",
        "roots/const-eval-collects-between-elements.wast",
    ),
    (
        "select-result-undeclared",
        "runtime:drc",
        "roots/results-on-the-operand-stack.wast",
    ),
    (
        "array-new-data-undeclared",
        "runtime:drc",
        "roots/results-on-the-operand-stack.wast",
    ),
    (
        "array-new-elem-undeclared",
        "runtime:drc",
        "roots/results-on-the-operand-stack.wast",
    ),
    (
        "null-or-i31-in-one-mask",
        "runtime:copying",
        "casts/an-object-at-a-round-address-is-no-null.wast",
    ),
    (
        "array-edges-miscounted",
        "runtime:drc",
        "arrays/long-arrays-of-references-are-traced.wast",
    ),
    (
        "table-fill-null-memset",
        "runtime:drc",
        "barriers/table-fill-with-null-releases.wast",
    ),
    (
        "expose-counts-again",
        "runtime:drc",
        "barriers/a-reference-written-over-itself.wast",
    ),
    (
        "release-is-shallow",
        "runtime:drc",
        "arrays/long-arrays-of-references-are-traced.wast",
    ),
    (
        "write-releases-first",
        "runtime:drc",
        "barriers/a-reference-written-over-itself.wast",
    ),
    (
        "inline-write-no-barrier",
        "runtime:drc",
        "arrays/long-arrays-of-references-are-traced.wast",
    ),
    (
        "inline-read-unlisted",
        "runtime:drc",
        "barriers/a-reference-written-over-itself.wast",
    ),
    (
        "inline-barrier-counts-i31",
        "runtime:drc",
        "barriers/i31-is-no-object.wast",
    ),
    (
        "array-copy-releases-i31",
        "runtime:drc",
        "barriers/i31-is-no-object.wast",
    ),
    (
        "slow-allocation-unlisted",
        "runtime:drc",
        "barriers/table-init-releases-what-it-overwrites.wast",
    ),
    (
        "globals-are-no-roots",
        "runtime:drc-cycles",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "segments-are-no-roots",
        "runtime:copying",
        "segments/dropped-segments-are-empty.wast",
    ),
    (
        "exceptions-not-traced",
        "runtime:drc",
        "exceptions/exceptions-are-kept-while-they-travel.wast",
    ),
    (
        "array-fill-from-start",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "array-copy-forward",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "array-init-elem-wide",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "array-size-wraps",
        "runtime:drc",
        "arrays/a-size-that-wraps-is-no-small-array.wast",
    ),
    (
        "free-remainder-lost",
        "runtime:drc",
        "leaks/free-memory-is-found-again.wast",
    ),
    (
        "stack-map-other",
        "runtime:drc",
        "roots/results-on-the-operand-stack.wast",
    ),
    (
        "stack-map-try-lost",
        "runtime:drc",
        "roots/results-on-the-operand-stack.wast",
    ),
    (
        "pending-exception-uncounted",
        "runtime:drc",
        "exceptions/exceptions-are-kept-while-they-travel.wast",
    ),
    (
        "array-data-bounds-in-elements",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "array-fill-len-from-index",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
    (
        "array-empty-unchecked",
        "runtime:drc",
        "arrays/bulk-operations-move-what-they-say.wast",
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = ROWS.iter().map(|row| {
        let (fault, engine, script) = row;
        let title = format!("{script} finds {fault} on {engine}");
        Trial::test(title, move || check(row))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn check((fault, engine, file): &Row) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("regressions")
        .join(file);
    let script = Script::parse(file, &fs::read_to_string(path)?)?;
    let reference = engine::reference();
    let sound = engine::named(engine).ok_or("no such engine")?;
    let faulty = engine::named(&format!("{engine}:+{fault}")).ok_or("no such fault")?;
    let wrong = matrix::run_regression(&script, sound.as_ref(), reference.as_ref());
    if !wrong.is_empty() {
        return Err(format!("finds something without the fault:\n{}", wrong.join("\n")).into());
    }
    let found = matrix::run_regression(&script, faulty.as_ref(), reference.as_ref());
    if found.is_empty() {
        Err("does not find the fault".into())
    } else {
        Ok(())
    }
}
