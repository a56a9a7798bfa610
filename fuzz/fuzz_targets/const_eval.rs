//! Constant expressions that allocate, one engine against the reference.
//! The test is `gcrucible::targets::const_eval`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::const_eval::TARGET);
