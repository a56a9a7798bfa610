//! `gcrucible detect`: how fast each planted fault is found.
//!
//! ```text
//! for each fault, and for no fault, and for each seed:
//!     a process of its own (`probe`) runs the inputs 0, 1, 2, ... of the run of that seed
//!     until one shows a finding or the time is over
//! all processes of a fault --> a row: reached, triggered, detected, by what, and when
//! ```
//!
//! Which program shows a fault is a function of build, targets, fault and seed. Only the number of
//! programs that fit into the time depends on the machine.
//!
//! Reading order: `options`, `trial`, `probe`, `row`, `schedule`, `report`.

pub mod options;
pub mod probe;
pub mod report;
pub mod row;
pub mod schedule;
pub mod trial;

pub use options::Options;

use super::failure::{Ending, Failure};
use super::named::chosen;
use super::output;
use super::terminal::{complain, print};
use report::Report;

/// The name of the row without a fault.
pub const NO_FAULT: &str = "none";

/// Runs the subcommand. It found something if a fault was missed, or if there was a finding without
/// a fault.
///
/// # Errors
///
/// Wrong usage, a build without planted faults, a process that cannot be started, a file that
/// cannot be written, or a signal that ended the work.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let targets = chosen(&options.targets)?;
    let subjects = options.subjects()?;
    let files = [&options.json, &options.plot];
    files
        .into_iter()
        .flatten()
        .try_for_each(|path| output::try_file(path))?;
    let rows = schedule::run(options, &targets, &subjects)?;
    let trials: usize = rows.iter().map(|row| row.trials.len()).sum();
    let asked = subjects.len() * options.seeds as usize;
    let report = Report {
        interrupted: trials < asked,
        ..Report::new(options, &targets, rows)
    };
    // Standard output holds either the table or the object.
    match &options.json {
        Some(path) if output::is_standard(path) => complain(format_args!("{report}")),
        _ => print(format_args!("{report}")),
    }
    if let Some(path) = &options.json {
        output::write(path, report.to_json().as_bytes())?;
    }
    if let Some(path) = &options.plot {
        output::write(path, report.to_svg().as_bytes())?;
    }
    if report.interrupted {
        let message = format!("{trials} of {asked} trials were done");
        return Err(Failure::Interrupted(message));
    }
    Ok(report.ending())
}
