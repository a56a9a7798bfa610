//! One program, one collection at each collection point in turn.
//! The test is `gcrucible::targets::sweep`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::sweep::TARGET);
