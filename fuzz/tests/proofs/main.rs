//! Each finding proves itself, whatever the fault: all planted faults, in short runs.
//! `cargo run --release --features planted --example proofs` makes them as long as one likes.

mod prove;

use std::path::Path;

/// Programs for each fault.
const PROGRAMS: u64 = 250;

#[test]
fn every_reduced_script_proves_its_finding() {
    let program = Path::new(env!("CARGO_BIN_EXE_gcrucible"));
    let proofs = prove::prove_all(program, PROGRAMS, |proof| {
        println!("{}: {} groups", proof.fault, proof.groups);
    });
    prove::expect_proven(&proofs);
}
