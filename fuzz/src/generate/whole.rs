//! Makes a whole program from bytes.

use super::expr;
use super::function::Body;
use super::generator::{Gen, Size};
use super::source::{Source, expand};
use super::swarm::{Feature, Focus, Swarm, Without, bend};
use super::types;
use crate::program::{GlobalId, Module, Program};

/// The number of bytes that a seed expands to. Programs use fewer, and the rest costs a
/// microsecond.
pub const SEED_BYTES: usize = 12_000;

/// The program of a seed.
pub fn from_seed(seed: u64, focus: Focus) -> Program {
    generate(&expand(seed, SEED_BYTES), focus, Without::default())
}

/// Returns the program that `bytes` choose. When the bytes are used up, the simplest alternatives
/// are chosen.
pub fn generate(bytes: &[u8], focus: Focus, without: Without) -> Program {
    let mut src = Source::new(bytes);
    let mut swarm = Swarm::draw(&mut src);
    let kept = src.chance(if focus == Focus::Any { 45 } else { 25 });
    let held = bend(&mut swarm, &mut src, focus, kept, without);
    let size = if src.chance(5) {
        Size::Large
    } else {
        Size::Small
    };
    let types = types::universe(&mut src, &swarm);
    let modules = match (swarm.has(Feature::Linking), size) {
        (true, Size::Large) => [2, 2, 2, 3][src.below(4)],
        (true, Size::Small) => 2,
        (false, _) => 1,
    };
    let drawer = expr::drawer(&swarm);
    let mut make = Gen {
        src,
        swarm,
        without,
        size,
        types,
        drawer,
        held,
        kept,
        kinds: Vec::new(),
        fails: false,
        strangers: 0,
        before_strangers: Vec::new(),
        dropped_datas: Vec::new(),
        dropped_elems: Vec::new(),
        done: Vec::new(),
        m: Module::default(),
        visible: Vec::new(),
        favourites: Vec::new(),
        next_id: 0,
        unwritten: Vec::new(),
        entries: Vec::new(),
        fixed_tables: Vec::new(),
        slots: Vec::new(),
        only_imports: false,
        fuel: GlobalId(0),
        users: Vec::new(),
        f: Body::default(),
    };
    let mut entries = Vec::new();
    for at in 0..modules {
        make.module(at, false);
        entries.push(std::mem::take(&mut make.entries));
    }
    if make.on(Feature::Linking) && !held && make.src.chance(25) {
        make.fails = true;
        make.module(modules, true);
        make.entries.clear();
        entries.push(Vec::new());
    }
    if !held && make.src.chance(20) {
        let at = make.done.len() as u32;
        make.stranger(at);
    }
    make.program(&entries)
}

#[cfg(test)]
mod tests {
    use wasmparser::{Validator, WasmFeatures};

    use super::{Focus, SEED_BYTES, Without, expand, from_seed};

    #[track_caller]
    fn check(focus: Focus, seeds: std::ops::Range<u64>) {
        let mut failures = 0;
        for seed in seeds {
            let program = from_seed(seed, focus);
            if let Err(why) = program.validate() {
                failures += 1;
                if failures <= 3 {
                    eprintln!("seed {seed}: {why}\n{program}");
                }
            }
        }
        assert_eq!(failures, 0, "invalid programs");
    }

    #[test]
    fn programs_are_valid() {
        check(Focus::Any, 0..500);
        let others = [
            Focus::ConstEval,
            Focus::Tables,
            Focus::Exceptions,
            Focus::Types,
            Focus::Roots,
        ];
        others.into_iter().for_each(|focus| check(focus, 0..80));
    }

    /// A program is a function of its bytes, and too few bytes are enough.
    #[test]
    fn any_bytes_make_a_program() {
        for len in [0, 1, 17, 100, 400, 1000] {
            let bytes = expand(len as u64, len);
            let program = super::generate(&bytes, Focus::Any, Without::default());
            assert!(program.validate().is_ok(), "{len} bytes");
            let again = super::generate(&bytes, Focus::Any, Without::default());
            assert_eq!(program.to_string(), again.to_string());
        }
    }

    /// An engine that lacks a proposal accepts every module.
    #[test]
    fn programs_do_without_what_an_engine_lacks() {
        let lacks = ["exceptions", "memory64", "table64", "multi_memory", "gc"];
        let without = Without::proposals(lacks);
        let features = WasmFeatures::WASM3
            .difference(WasmFeatures::EXCEPTIONS)
            .difference(WasmFeatures::MEMORY64)
            .difference(WasmFeatures::MULTI_MEMORY);
        let focuses = [Focus::Any, Focus::Exceptions, Focus::Tables, Focus::Types];
        for (seed, focus) in (0..300).zip(focuses.into_iter().cycle()) {
            let program = super::generate(&expand(seed, SEED_BYTES), focus, without);
            for module in program.encode().expect("it can be encoded") {
                let mut validator = Validator::new_with_features(features);
                if let Err(why) = validator.validate_all(&module) {
                    panic!("seed {seed}, {focus:?}: {why}\n{program}");
                }
            }
        }
    }
}
