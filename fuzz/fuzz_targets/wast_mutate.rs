//! Pieces of conformance scripts, changed in structure, one engine against the reference.
//! The test is `gcrucible::targets::wast_mutate`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::wast_mutate::TARGET);
