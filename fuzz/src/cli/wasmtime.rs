//! `gcrucible engine install wasmtime:...`: builds the adapter for a version of Wasmtime, or for a
//! checkout of it.

use std::path::Path;
use std::process::Command as Process;

use gcrucible_oracles::foreign::catalog::Places;
use gcrucible_oracles::foreign::catalog::wasmtime::{Build, From, package};

use super::failure::Failure;
use super::tool::run_tool;

/// The folder of the adapter's sources, in the checkout that this program was built from.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../oracles/adapters/wasmtime");

/// Builds the adapter. Returns the name by which it is started. `toolchain` is one of rustup's; the
/// default is the one that built this program.
///
/// # Errors
///
/// The name is none, the sources or the checkout are not there, or `cargo` fails.
pub fn install(rest: &str, toolchain: Option<&str>, places: &Places) -> Result<Build, Failure> {
    let (build, _) = Build::read(rest).map_err(|why| Failure::Usage(why.to_string()))?;
    let build = build.ok_or_else(|| {
        let form = "wasmtime:VERSION or wasmtime:/path/to/checkout";
        Failure::Usage(format!("which version? The name has the form {form}"))
    })?;
    let folder = build.folder(places);
    write(&build, Path::new(SOURCES), &folder)?;
    let mut cargo = Process::new("cargo");
    cargo.args(["build", "--release", "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(folder.join("target"));
    if build.zeal {
        cargo.env("RUSTFLAGS", "--cfg gc_zeal");
    }
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    run_tool(&mut cargo)?;
    Ok(build)
}

/// Writes the package.
fn write(build: &Build, sources: &Path, folder: &Path) -> Result<(), Failure> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| Failure::input(path.display(), error))
    };
    let ours = sources.join("Cargo.toml");
    let manifest = read(&ours)?;
    let theirs = match &build.wasmtime {
        From::Version(_) => None,
        From::Checkout(checkout) => Some(read(&checkout.join("Cargo.toml"))?),
    };
    let made = package(&manifest, sources, &build.wasmtime, theirs.as_deref());
    let made = made.map_err(|why| Failure::Content {
        path: ours.display().to_string(),
        message: why.to_string(),
    })?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::output(path.display(), error))
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::output(folder.display(), error))?;
    put("Cargo.toml", &made)?;
    // What our lock file pins stays pinned where the version allows it. Cargo resolves the rest.
    if !folder.join("Cargo.lock").is_file() {
        put("Cargo.lock", &read(&sources.join("Cargo.lock"))?)?;
    }
    Ok(())
}
