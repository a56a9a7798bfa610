//! Any module, one engine against the reference, every comparison of the oracles.
//! The test is `gcrucible::target::differential`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::target::differential::TARGET);
