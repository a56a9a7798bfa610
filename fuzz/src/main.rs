//! The program `gcrucible`. Everything it does is in the library, under `cli`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    gcrucible::cli::main()
}

// `cargo fuzz build` instruments every binary of the package. Only libFuzzer defines the functions
// that instrumented code calls.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| {});
