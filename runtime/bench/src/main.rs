//! The runtime beside Wasmtime, in one process: `cargo bench -p gcrucible-bench`, see `README.md`.
//!
//! Reading order: `measure`, `programs`, `shapes`, `engine`, `ours`, `peer`, `start`, `rows`,
//! `linear`, `collections`, `plot`, `report`.
//!
//! | file | what it holds |
//! |---|---|
//! | `measure` | samples of time, quartiles |
//! | `programs` | what is run |
//! | `shapes` | modules made for compiling and instantiating |
//! | `engine` | one trait for both engines, and configurations |
//! | `ours`, `peer`, `start` | the engines behind the trait |
//! | `rows` | what is compared |
//! | `linear` | time to compile, by the size of the module |
//! | `collections`, `plot` | time of a collection, by live objects and by garbage |
//! | `report` | goals, table, JSON |

mod collections;
mod engine;
mod linear;
mod measure;
mod ours;
mod peer;
mod plot;
mod programs;
mod report;
mod rows;
mod shapes;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::report::Report;

/// Runs the runtime and Wasmtime side by side and prints the ratios of their times (below 1: the
/// runtime is faster).
#[derive(Debug, Parser)]
#[command(name = "cargo bench -p gcrucible-bench --", version)]
struct Args {
    /// Measure only rows whose "group/name" contains this; may be given more than once
    filter: Vec<String>,

    /// Take fewer samples of smaller inputs, and leave out what takes the peer seconds
    #[arg(long)]
    quick: bool,

    /// Take this many samples of each configuration in each row
    #[arg(long)]
    rounds: Option<usize>,

    /// Write the figures into this file, as JSON
    #[arg(long, default_value = "target/bench/figures.json")]
    json: PathBuf,

    /// Write the plot of collections into this file, as SVG
    #[arg(long, default_value = "target/bench/collections.svg")]
    plot: PathBuf,

    /// Ignored; `cargo bench` passes it
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn selects(&self, group: &str, name: &str) -> bool {
        let full = format!("{group}/{name}");
        self.filter.is_empty() || self.filter.iter().any(|part| full.contains(part.as_str()))
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Paths are relative to the root of the workspace, but `cargo bench` starts programs in the
    // folder of their package.
    if std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).is_err() {
        eprintln!("the workspace is not where it was built");
        return ExitCode::from(2);
    }
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures and reports. Returns true if every goal that was measured is met.
fn run(args: &Args) -> Result<bool, String> {
    let rounds = args.rounds.unwrap_or(if args.quick { 5 } else { 11 });
    let mut report = Report::default();
    for row in rows::all(args.quick) {
        if args.selects(row.group, &row.name) {
            let figures = row.measure(rounds)?;
            report::print_row(&figures);
            report.rows.push(figures);
        }
    }
    for shape in linear::SHAPES {
        if args.selects("linear", shape.name) {
            let growth = linear::measure(shape, args.quick)?;
            report::print_growth(&growth);
            report.growth.push(growth);
        }
    }
    if args.selects("collections", "live and garbage") {
        report.collections = collections::measure(args.quick)?;
        report::print_collections(&report.collections);
        write(&args.plot, plot::svg(&report.collections))?;
    }
    report.conclude();
    report::print_goals(&report);
    let json = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
    write(&args.json, json)?;
    Ok(report.goals.iter().all(|goal| goal.met))
}

fn write(path: &std::path::Path, text: String) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
