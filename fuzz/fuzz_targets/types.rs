//! Types in several modules at different indices, one engine against the reference.
//! The test is `gcrucible::targets::types`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::types::TARGET);
