//! Random operations straight on the heaps, every collector against a model.
//! The test is `gcrucible::target::heap_ops`.
#![cfg_attr(fuzzing, no_main)]

gcrucible::fuzz_target_file!(gcrucible::target::heap_ops::TARGET);
