//! Exceptions that carry references, one engine against the reference.
//! The test is `gcrucible::targets::exceptions`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::exceptions::TARGET);
