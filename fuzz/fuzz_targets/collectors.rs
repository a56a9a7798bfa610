//! One program, every engine configuration, several schedules: all alike.
//! The test is `gcrucible::target::collectors`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::target::collectors::TARGET);
