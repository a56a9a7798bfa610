//! Runs that are disturbed: once in each way. `cargo run --release --example chaos` does it at
//! random for as long as one likes.

mod disturb;

use std::path::Path;
use std::time::Duration;

use disturb::{Disturbance, disturbed};

#[test]
fn a_disturbed_run_loses_nothing_and_invents_nothing() {
    for disturbance in Disturbance::ALL {
        let program = Path::new(env!("CARGO_BIN_EXE_gcrucible"));
        disturbed(program, disturbance, Duration::from_millis(1500));
    }
}
