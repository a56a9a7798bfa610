//! Serves the protocol for the shared library that is named as the only argument.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: serve LIBWASMTIME");
        return ExitCode::from(2);
    };
    match gcrucible_wasmtime_c::run(path.as_ref(), gcrucible_wasmtime_c::Options::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
