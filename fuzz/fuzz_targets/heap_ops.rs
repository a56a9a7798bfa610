//! Random operations straight on the heaps, every collector against a model.
//! The test is `gcrucible::targets::heap_ops`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::targets::heap_ops::TARGET);
