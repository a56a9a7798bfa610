//! An adapter of the engine protocol for Wasmtime through its Rust interface. One source for every
//! version from 36 on; each version is a program of its own.
//!
//! ```text
//! words of the command line -> Config -> Engine; requests -> Session (store, instances) -> answers
//! ```
//!
//! Reading order: `version`, `config`, `kept`, `store`, `way`, `values`, `host`, `session`,
//! `adapter`.

mod version;

mod config;

mod kept;

mod store;

mod way;

mod values;

mod host;

mod session;

mod adapter;

use std::io;
use std::process::ExitCode;

use gcrucible_protocol::serve::serve;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let adapter = config::Options::read(&words).and_then(adapter::Wasmtime::new);
    let mut adapter = match adapter {
        Ok(adapter) => adapter,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    // Not standard output's own buffer, which is written line by line.
    match serve(&mut adapter, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
