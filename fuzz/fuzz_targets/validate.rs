//! Bytes that may or may not be a module: the reference, the engines and `wasmparser` accept the
//! same. The test is `gcrucible::targets::validate`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::validate::TARGET);
