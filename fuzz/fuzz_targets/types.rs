//! Types in several modules at different indices, one engine against the reference.
//! The test is `gcrucible::target::types`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::target::types::TARGET);
