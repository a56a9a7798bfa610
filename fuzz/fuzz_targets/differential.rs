//! Any module, one engine against the reference, every comparison of the oracles.
//! The test is `gcrucible::targets::differential`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::differential::TARGET);
