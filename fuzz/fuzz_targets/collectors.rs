//! One program, every engine configuration, several schedules: all alike.
//! The test is `gcrucible::targets::collectors`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::collectors::TARGET);
