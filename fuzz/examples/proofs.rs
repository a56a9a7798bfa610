//! Plants every fault for as many programs as its argument says (2000 without one), and checks that
//! each reduced script passes on healthy engines and fails on the one at fault.

#[path = "../tests/proofs/prove.rs"]
mod prove;

fn main() {
    let programs = std::env::args()
        .nth(1)
        .map_or(Ok(2000), |text| text.parse());
    let Ok(programs) = programs else {
        eprintln!("expected a number of programs");
        std::process::exit(2);
    };
    // Examples are built beside the program.
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().and_then(|folder| folder.parent());
    let program = folder.expect("a folder").join("gcrucible");
    let proofs = prove::prove_all(&program, programs, |proof| {
        let (fault, groups, scripts) = (proof.fault, proof.groups, proof.scripts);
        println!("{fault:<40} {groups:>3} groups {scripts:>4} scripts");
        proof.wrong.iter().for_each(|wrong| println!("{wrong}"));
    });
    prove::expect_proven(&proofs);
}
