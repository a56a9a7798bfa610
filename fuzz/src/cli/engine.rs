//! `gcrucible engine`: engines in processes of their own.

use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::{Args, Subcommand};
use gcrucible_oracles::engine::runtime::{RuntimeConfig, Served};
use gcrucible_oracles::foreign::catalog::{self, Install, Known};
use gcrucible_oracles::foreign::catalog::{
    wasmtime as wasmtime_names, wasmtime_c as wasmtime_c_names,
};
use gcrucible_oracles::foreign::check;
use gcrucible_protocol::serve::serve as serve_lines;
use gcrucible_protocol::{Capabilities, Hello, HostObjects};
use gcrucible_wasmtime_c as wasmtime_c;

use super::engines;
use super::failure::{Ending, Failure};
use super::terminal::say;
use super::tool::run_tool;
use super::wasmtime;

/// Arguments of `engine`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands of `engine`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show every engine that is known by name: whether it is here, its version, what it lacks, and
    /// the flags its name can have
    List,
    /// Fetch an engine from its registry into the cache folder (GCRUCIBLE_CACHE, or
    /// ~/.cache/gcrucible)
    Install {
        /// The engine: `v8`, `bun`, `jsc`, `wasmtime-c:VERSION`, or one that is built:
        /// `wasmtime:VERSION`, `wasmtime:/path/to/checkout`
        name: String,
        /// The toolchain of rustup that builds it; the default is that of this program
        #[arg(long)]
        toolchain: Option<String>,
    },
    /// Say what an adapter gets wrong of the protocol
    Check {
        /// The engine; `adapter:COMMAND` for an adapter of your own
        name: String,
    },
    /// Serve the engine protocol on standard input and output
    Serve {
        /// Which adapter
        #[command(subcommand)]
        adapter: Adapter,
    },
}

/// Adapters that are part of this program.
#[derive(Clone, Debug, Subcommand)]
pub enum Adapter {
    /// Wasmtime, through its C interface
    WasmtimeC {
        /// The shared library, such as `libwasmtime.so`
        library: PathBuf,
        /// Cranelift optimises for speed
        #[arg(long)]
        speed: bool,
        /// Register allocation in one pass: the default without --speed, where the version has it
        #[arg(long)]
        single_pass: bool,
        /// Register allocation as by default, which takes longer
        #[arg(long, conflicts_with = "single_pass")]
        backtracking: bool,
    },
    /// The runtime, as an example of an adapter and for tests
    Runtime {
        /// The configuration, such as `drc:speed`
        #[arg(default_value = "copying")]
        configuration: String,
    },
}

/// Runs the subcommand.
///
/// # Errors
///
/// An unknown engine, an engine that cannot be installed or does not start, or a pipe that fails.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    match &options.command {
        Command::List => list(),
        Command::Install { name, toolchain } => install(name, toolchain.as_deref()),
        Command::Check { name } => checked(name),
        Command::Serve { adapter } => serve(adapter),
    }
}

fn serve(adapter: &Adapter) -> Result<Ending, Failure> {
    let engine = |why: &dyn std::fmt::Display| Failure::Engine(why.to_string());
    match adapter {
        Adapter::WasmtimeC {
            library,
            speed,
            single_pass,
            backtracking,
        } => {
            let options = wasmtime_c::Options {
                speed: *speed,
                single_pass: *single_pass || !(*speed || *backtracking),
            };
            wasmtime_c::run(library, options).map_err(|why| engine(&why))?;
        }
        Adapter::Runtime { configuration } => {
            let name = format!("runtime:{configuration}");
            let config =
                RuntimeConfig::named(&name).map_err(|why| Failure::Usage(why.to_string()))?;
            let mut served = Served::new(config);
            serve_lines(
                &mut served,
                std::io::stdin().lock(),
                std::io::stdout().lock(),
            )
            .map_err(|why| engine(&why))?;
        }
    }
    Ok(Ending::Clean)
}

// ---- list

fn list() -> Result<Ending, Failure> {
    let places = engines::places()?;
    say!("cache: {}\n", places.cache.display());
    for known in catalog::javascript() {
        say!("{}: {}", known.name, known.says);
        match catalog::program(&known, &places) {
            Some(program) => {
                say!("  program  {}", program.display());
                greeted(&known.name);
            }
            None => say!("  not here: {}", catalog::advice(&known)),
        }
        for (flag, what) in &known.flags {
            say!("  :{flag:<18} {}", what.says);
        }
    }
    say!("wasmtime: Wasmtime, by its Rust interface");
    let built = wasmtime_names::versions(&places);
    for version in &built {
        say!("  version  {version}");
        greeted(&format!("wasmtime:{version}"));
    }
    if built.is_empty() {
        say!("  none here: `gcrucible engine install wasmtime:VERSION` builds one");
    }
    say!("  :/path/to/checkout  a checkout of your own, in place of a version");
    for (flag, what) in wasmtime_names::FLAGS {
        say!("  :{flag:<18} {what}");
    }
    say!("wasmtime-c: Wasmtime, by its shared library with the C interface");
    let versions = wasmtime_c_names::versions(&places);
    for version in &versions {
        say!("  version  {version}");
        greeted(&format!("wasmtime-c:{version}"));
    }
    if versions.is_empty() {
        say!("  none here: `gcrucible engine install wasmtime-c:VERSION` fetches one");
    }
    say!("  :/path/to/lib.so    a library of your own, in place of a version");
    for (flag, what) in wasmtime_c_names::FLAGS {
        say!("  :{flag:<18} {what}");
    }
    say!(
        "adapter:COMMAND: any program that speaks the engine protocol (oracles/protocol/README.md)"
    );
    Ok(Ending::Clean)
}

/// Starts an engine and shows what it says of itself.
fn greeted(name: &str) {
    match engines::greet(name, engines::bounds()) {
        Ok(engine) => say!("{}", described(engine.hello())),
        Err(failure) => say!("  broken   {failure}"),
    }
}

fn described(hello: &Hello) -> String {
    let Capabilities {
        lacks,
        host_objects,
        ..
    } = &hello.capabilities;
    let lacks = if lacks.is_empty() {
        "nothing".to_owned()
    } else {
        lacks.join(", ")
    };
    let counts = match host_objects {
        HostObjects::Exact => "exactly",
        HostObjects::AtLeast => "as a bound",
        HostObjects::Unknown => "not",
    };
    let Hello {
        engine, version, ..
    } = hello;
    format!("  engine   {engine} {version}\n  lacks    {lacks}; host objects are counted {counts}")
}

// ---- install

fn install(name: &str, toolchain: Option<&str>) -> Result<Ending, Failure> {
    let places = engines::places()?;
    if let Some(rest) = name.strip_prefix("wasmtime:") {
        let build = wasmtime::install(rest, toolchain, &places)?;
        return installed(&build.name(), &build.program(&places));
    }
    if toolchain.is_some() {
        return Err(Failure::Usage(format!(
            "{name} is fetched, not built: it takes no --toolchain"
        )));
    }
    if let Some(version) = name.strip_prefix("wasmtime-c:") {
        let library = wasmtime_c_names::library(version, &places);
        install_wheel(version, &places.cache)?;
        return installed(name, &library);
    }
    let known = catalog::known(name).map_err(|why| Failure::Usage(why.to_string()))?;
    let Some(install) = &known.install else {
        let program = &known.program;
        let message = format!("no registry has {name}: put its program `{program}` on the path");
        return Err(Failure::Usage(message));
    };
    match install.tool.as_str() {
        "npm" => install_npm(&known, install, &places.cache)?,
        _ => run_tool(Process::new("apt-get").args(["install", "-y", &install.package]))?,
    }
    let program = catalog::program(&known, &places).unwrap_or_default();
    installed(name, &program)
}

fn install_npm(known: &Known, install: &Install, cache: &Path) -> Result<(), Failure> {
    let folder = cache.join(&known.name);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::output(folder.display(), error))?;
    let mut npm = Process::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
    npm.arg(&folder);
    if !install.scripts {
        npm.arg("--ignore-scripts");
    }
    run_tool(npm.arg(format!("{}@{}", install.package, install.version)))
}

fn install_wheel(version: &str, cache: &Path) -> Result<(), Failure> {
    let folder = cache.join("wasmtime-c").join(version);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::output(folder.display(), error))?;
    // `--target` unpacks the wheel, and nothing of it is run.
    let mut pip = Process::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]);
    pip.args(["--only-binary", ":all:", "--target"]);
    run_tool(pip.arg(folder).arg(format!("wasmtime=={version}")))
}

/// Greets what was installed.
fn installed(name: &str, file: &Path) -> Result<Ending, Failure> {
    let engine = engines::greet(name, engines::bounds())?;
    say!("{}\n{name}: {}", described(engine.hello()), file.display());
    Ok(Ending::Clean)
}

// ---- check

fn checked(name: &str) -> Result<Ending, Failure> {
    let mut adapter = engines::process(name, engines::bounds())?;
    say!("{}", adapter.command());
    let mut ending = Ending::Clean;
    for check in check::check(&mut adapter) {
        match check.kept {
            Ok(()) => say!("  kept    {}", check.promise),
            Err(why) => {
                say!("  BROKEN  {}: {why}", check.promise);
                ending = Ending::Found;
            }
        }
    }
    if ending == Ending::Clean {
        say!("next: gcrucible fuzz --engine '{name}' shows whether the engine is right");
    }
    Ok(ending)
}
