//! Tables of references, one engine against the reference.
//! The test is `gcrucible::targets::table_ops`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::table_ops::TARGET);
