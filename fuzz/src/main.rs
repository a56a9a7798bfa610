//! The program `gcrucible`. Everything it does is in the library, under `cli`.
#![cfg_attr(fuzzing, no_main)]

/// A third of a worker's time is spent in the allocator. The system's becomes slower as its memory
/// is split up.
#[cfg(not(fuzzing))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    gcrucible::cli::main()
}

// `cargo fuzz build` instruments every binary of the package. Only libFuzzer defines the functions
// that instrumented code calls.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| {});
