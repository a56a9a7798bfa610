//! What every file in `fuzz_targets` contains: a target under libFuzzer, or as an ordinary program.
//!
//! Under libFuzzer (`cfg(fuzzing)`) the input is the bytes of an [`Input`]. `cargo fuzz fmt` prints
//! them as the program they make, and libFuzzer mutates and crosses them as programs. A finding is
//! a panic. What guides it is in `features`.
//!
//! Without libFuzzer the same file is a program that runs files or seeds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use super::features::hand_over;
use super::rig::Rig;
use super::run::Ran;
use super::target::Target;
use crate::input::Input;
use crate::mutate::inputs::{crossed, neighbour};

thread_local! {
    /// Engines are made once. So a run also tests that they carry nothing over from one input to
    /// the next.
    static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) };
}

fn with_rig(target: &Target, bytes: &[u8]) -> Ran {
    RIG.with_borrow_mut(|rig| {
        if rig.is_none() {
            *rig = Rig::standard(&[]).ok();
        }
        match rig {
            Some(rig) => {
                let ran = target.run(bytes, rig);
                hand_over(rig, &ran, target.edges);
                ran
            }
            None => Ran::panicked(&"no engine could be made"),
        }
    })
}

/// Runs one input under libFuzzer.
///
/// # Panics
/// The engines disagree, or one broke. The message is the whole report.
pub fn fuzz(target: &Target, bytes: &[u8]) {
    if let Some(finding) = with_rig(target, bytes).finding {
        panic!("{}\n{}", finding.signature(), finding.text);
    }
}

/// Mutates `data[..size]` in place, for libFuzzer. Returns the new size, which is at most
/// `max_size`. libFuzzer's minimiser asks for less than `size`, and gets a smaller program.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let input = Input::parse(&data[..size.min(data.len())]);
    let max = max_size.min(data.len());
    put(data, &neighbour(&input, u64::from(seed), max))
}

/// Puts an input between two others into `out`, for libFuzzer. Returns its size.
pub fn cross(one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let (one, other) = (Input::parse(one), Input::parse(other));
    let new = crossed(&one, &other, u64::from(seed), out.len());
    put(out, &new)
}

fn put(out: &mut [u8], input: &Input) -> usize {
    let bytes = input.to_bytes();
    let len = bytes.len().min(out.len());
    out[..len].copy_from_slice(&bytes[..len]);
    len
}

/// Runs the files given as arguments. If the only argument is a number, runs that many seeds.
/// Without arguments, runs 1000 seeds.
pub fn main(target: &Target) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    let seeds = match args.as_slice() {
        [] => 1000,
        [one] => one.parse().unwrap_or(0),
        _ => 0,
    };
    for seed in 0..seeds {
        inputs.push((format!("seed {seed}"), target.input_of_seed(seed)));
    }
    for file in args.iter().filter(|_| seeds == 0) {
        match std::fs::read(file) {
            Ok(bytes) => inputs.push((file.clone(), bytes)),
            Err(why) => {
                eprintln!("{file}: {why}");
                return ExitCode::from(2);
            }
        }
    }
    let mut compared = 0;
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (name, bytes) in &inputs {
        let ran = with_rig(target, bytes);
        compared += u64::from(ran.skipped.is_none());
        if let Some(finding) = ran.finding {
            let signature = finding.signature();
            let times = found.entry(signature.clone()).or_default();
            *times += 1;
            if *times == 1 {
                eprintln!("{name}: {signature}\n{}", finding.text);
            }
        }
    }
    for (signature, times) in &found {
        eprintln!("{times:6} times  {signature}");
    }
    println!(
        "{}: {} inputs, {compared} compared, {} different findings",
        target.name,
        inputs.len(),
        found.len()
    );
    ExitCode::from(u8::from(!found.is_empty()))
}

/// The whole of a file in `fuzz_targets`.
#[macro_export]
macro_rules! fuzz_target_file {
    ($target:expr) => {
        /// Returns the program that the bytes of an input make, as text.
        #[cfg(fuzzing)]
        struct Bytes(Vec<u8>);

        #[cfg(fuzzing)]
        impl<'a> libfuzzer_sys::arbitrary::Arbitrary<'a> for Bytes {
            fn arbitrary(
                u: &mut libfuzzer_sys::arbitrary::Unstructured<'a>,
            ) -> libfuzzer_sys::arbitrary::Result<Bytes> {
                Ok(Bytes(u.bytes(u.len())?.to_vec()))
            }
        }

        #[cfg(fuzzing)]
        impl std::fmt::Debug for Bytes {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$target.print(&self.0))
            }
        }

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: Bytes| $crate::targets::libfuzzer::fuzz(
            &$target, &bytes.0
        ));

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            // A quarter are libFuzzer's own mutations, which know its dictionary.
            if seed % 4 == 0 && size <= max_size {
                return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
            }
            $crate::targets::libfuzzer::mutate(data, size, max_size, seed)
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            $crate::targets::libfuzzer::cross(one, other, out, seed)
        });

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::targets::libfuzzer::main(&$target)
        }
    };
}
