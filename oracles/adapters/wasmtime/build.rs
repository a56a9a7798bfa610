//! Tells the source which version of Wasmtime it is built against: `WASMTIME_VERSION`, and a `cfg`
//! for each version in which something begins that the source uses.

use std::path::Path;

/// The major versions in which something begins.
const BEGINNINGS: [u64; 3] = [37, 42, 45];

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let path = Path::new(&folder).join("Cargo.lock");
    println!("cargo:rerun-if-changed={}", path.display());
    let lock = std::fs::read_to_string(&path).expect("cargo wrote the lock file");
    let version = version(&lock).expect("the lock file names wasmtime");
    println!("cargo:rustc-env=WASMTIME_VERSION={version}");
    let major = version.split('.').next().and_then(|word| word.parse().ok());
    let major: u64 = major.expect("a version begins with a number");
    for beginning in BEGINNINGS {
        println!("cargo:rustc-check-cfg=cfg(since_{beginning})");
        if major >= beginning {
            println!("cargo:rustc-cfg=since_{beginning}");
        }
    }
}

/// The version of the package `wasmtime` in a lock file.
fn version(lock: &str) -> Option<&str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == "name = \"wasmtime\"")?;
    let line = lines.next()?.strip_prefix("version = \"")?;
    line.strip_suffix('"')
}
