//! Constant expressions that allocate, one engine against the reference.
//! The test is `gcrucible::target::const_eval`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::target::const_eval::TARGET);
