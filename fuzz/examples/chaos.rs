//! Disturbs short runs of `gcrucible fuzz` at random moments, in every way that the test `chaos`
//! knows, for as many seconds as its argument says (600 without one).

#[path = "../tests/chaos/disturb.rs"]
mod disturb;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use disturb::{Disturbance, disturbed};

fn main() {
    let seconds = std::env::args().nth(1).map_or(Ok(600), |text| text.parse());
    let Ok(seconds) = seconds else {
        eprintln!("expected a number of seconds");
        std::process::exit(2);
    };
    // Examples are built beside the program.
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().and_then(|folder| folder.parent());
    let program = folder.expect("a folder").join("gcrucible");
    let random = RandomState::new();
    let started = Instant::now();
    let mut runs = 0_u64;
    while started.elapsed() < Duration::from_secs(seconds) {
        let drawn = random.hash_one(runs);
        let number = (drawn % Disturbance::ALL.len() as u64) as usize;
        let delay = Duration::from_millis(drawn >> 32 & 0xfff);
        println!("{:?} after {delay:?}", Disturbance::ALL[number]);
        disturbed(&program, Disturbance::ALL[number], delay);
        runs += 1;
    }
    println!("{runs} runs, and everything held");
}
